"""The bot's environment, read once."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TypeVar

from bot.address import BadRepo, forge_url
from bot.nearest import nearest
from runs.image_name import OWNER, USUAL_OWNER, image_of, usual_image
from runs.s3_place import EXAMPLE, S3Place, read_place


class BackendName(Enum):
    """Where Runs run: SANDBOX_BACKEND."""

    KUBERNETES = "kubernetes"
    LOCAL = "local"


class AgentName(Enum):
    """Which agent works: SANDBOX_AGENT."""

    CLAUDE = "claude"
    SCRIPTED = "scripted"


class LogFormat(Enum):
    """How the bot's own log is written: SANDBOX_LOG_FORMAT."""

    TEXT = "text"
    JSON = "json"


class SettingsError(Exception):
    """The environment can't be used; `mistakes` has one line for each variable, with an example."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class Cluster:
    """Which cluster Runs run on, where and with which image; `kubeconfig` None means the one that the bot is in.

    `context` None means the current one of the kubeconfig.
    `owner` is whose images are the usual ones; None means the project's.
    """

    namespace: str = "claude-sandbox"
    image: str = usual_image()
    kubeconfig: Path | None = None
    context: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Listen:
    """Where a server listens; an IPv6 address stands here without brackets."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. `home_chat_id` is TELEGRAM_CHAT_ID, `forge_url` the web address of GITHUB_API_URL.

    `metrics` is where /metrics is served, None for nowhere.
    """

    telegram_token: str = field(repr=False)
    home_chat_id: int
    telegram_api_url: str
    backend: BackendName
    agent: AgentName
    config_path: Path | None
    state_folder: Path
    log_store: Path | S3Place
    poll_seconds: float
    forge_url: str
    cluster: Cluster = Cluster()
    log_format: LogFormat = LogFormat.TEXT
    metrics: Listen | None = None


def read(environment: Mapping[str, str], *, talks: bool = True) -> Settings:
    """Read the variables of the bot; empty counts as absent. Raises SettingsError with all mistakes at once.

    `talks` False is for the command line, which has no chat: then the token and the chat are left out.
    """
    reader = _Reader(environment)
    state = reader.state_folder()
    settings = Settings(
        telegram_token=reader.token() if talks else "",
        home_chat_id=reader.chat_id() if talks else 0,
        telegram_api_url=reader.url("TELEGRAM_API_URL", "https://api.telegram.org"),
        backend=reader.choice("SANDBOX_BACKEND", BackendName.KUBERNETES),
        agent=reader.choice("SANDBOX_AGENT", AgentName.CLAUDE),
        config_path=reader.config_path(),
        state_folder=state,
        log_store=reader.log_store(state),
        poll_seconds=reader.poll_seconds(),
        forge_url=reader.forge(),
        cluster=reader.cluster(),
        log_format=reader.choice("SANDBOX_LOG_FORMAT", LogFormat.TEXT),
        metrics=reader.metrics(),
    )
    mistakes = (*reader.mistakes, *_misspelt(environment))
    if mistakes:
        raise SettingsError(mistakes)
    return settings


_NAMES = (
    "TELEGRAM_BOT_TOKEN",
    "TELEGRAM_CHAT_ID",
    "TELEGRAM_API_URL",
    "SANDBOX_BACKEND",
    "SANDBOX_CONFIG",
    "SANDBOX_NAMESPACE",
    "SANDBOX_STATE",
    "SANDBOX_LOG_STORE",
    "SANDBOX_POLL_SECONDS",
    "SANDBOX_AGENT",
    "SANDBOX_LOG_FORMAT",
    "SANDBOX_METRICS",
    "CLAUDE_IMAGE",
    OWNER,
)
_NO_SERVER = "isn't the address of a server, with nothing secret in it"
_ALIKE = 0.7
_LONGEST_SHOWN = 40
_MOST_SECONDS = 3600
_MOST_PORT = 65535
_LISTEN = re.compile(r"(?:(?:(?P<v4>[0-9.]+)|\[(?P<v6>[0-9a-fA-F:.]+)\]):)?(?P<port>[0-9]{1,5})")
_TOKEN = re.compile("[0-9]+:[A-Za-z0-9_-]+")
_CHAT_ID = re.compile("-?[1-9][0-9]{0,15}")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?")
_NAMESPACE = re.compile("[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_IMAGE = re.compile("[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}")
_OWNER = re.compile("[A-Za-z0-9](?:[A-Za-z0-9._-]{0,38}[A-Za-z0-9])?")
_Choice = TypeVar("_Choice", bound=Enum)


class _Reader:
    """Reads one variable after the other; what it returns after noting a mistake is never used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.mistakes: list[str] = []

    def token(self) -> str:
        token = self._text("TELEGRAM_BOT_TOKEN")
        if not _TOKEN.fullmatch(token):
            what = "isn't a bot's token" if token else "isn't set"
            self._note("TELEGRAM_BOT_TOKEN", what, "123456789:AAF…, from @BotFather")
        return token

    def chat_id(self) -> int:
        text = self._text("TELEGRAM_CHAT_ID")
        if _CHAT_ID.fullmatch(text):
            return int(text)
        what = f"isn't a chat's id: {_shown(text)}" if text else "isn't set"
        self._note("TELEGRAM_CHAT_ID", what, "-1001234567890, the id of your group")
        return 0

    def url(self, name: str, usual: str) -> str:
        url = self._text(name) or usual
        if _URL.fullmatch(url):
            return url.rstrip("/")
        # Not shown: an address may hold a password or a token.
        self._note(name, _NO_SERVER, usual)
        return usual

    def forge(self) -> str:
        usual = "https://api.github.com"
        try:
            return forge_url(self.url("GITHUB_API_URL", usual))
        except BadRepo:
            self._note("GITHUB_API_URL", _NO_SERVER, usual)
            return usual

    def choice(self, name: str, usual: _Choice) -> _Choice:
        text = self._text(name)
        values = [str(member.value) for member in type(usual)]
        if not text:
            return usual
        if text in values:
            return type(usual)(text)
        what = f"isn't {' or '.join(values)}: {_shown(text)}"
        self._note(name, what, nearest(text, values) or str(usual.value))
        return usual

    def config_path(self) -> Path | None:
        text = self._text("SANDBOX_CONFIG")
        return Path(text) if text else None

    def state_folder(self) -> Path:
        text, home = self._text("SANDBOX_STATE"), self._text("HOME")
        usual = self._text("XDG_STATE_HOME") or (home and f"{home}/.local/state")
        if not (text or usual):
            what = "isn't set, and neither is HOME, where it would be"
            self._note("SANDBOX_STATE", what, "/var/lib/claude-sandbox")
        return Path(text or f"{usual}/claude-sandbox")

    def log_store(self, state: Path) -> Path | S3Place:
        text = self._text("SANDBOX_LOG_STORE")
        if not (text.startswith("s3:") or "://" in text):
            return Path(text) if text else state / "logs"
        place = read_place(text)
        if place is None:
            # Not shown: it may hold a key.
            self._note("SANDBOX_LOG_STORE", "isn't a folder, and not a bucket of S3", EXAMPLE)
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
            if self._text(name):
                self.url(name, "https://minio.example:9000")
        keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        for name, other in (keys, keys[::-1]):
            if self._text(other) and not self._text(name):
                self._note(name, f"isn't set, and {other} is", "…")
        return place or state / "logs"

    def poll_seconds(self) -> float:
        text = self._text("SANDBOX_POLL_SECONDS")
        if not text:
            return 30.0
        seconds = float(text) if re.fullmatch(r"[0-9]{1,6}(?:\.[0-9]{1,3})?", text) else 0.0
        if not 1 <= seconds <= _MOST_SECONDS:
            what = f"isn't a number from 1 to {_MOST_SECONDS}: {_shown(text)}"
            self._note("SANDBOX_POLL_SECONDS", what, "30")
        return seconds

    def metrics(self) -> Listen | None:
        text = self._text("SANDBOX_METRICS")
        if not text:
            return None
        match = _LISTEN.fullmatch(text)
        address = "127.0.0.1" if match is None else match["v4"] or match["v6"] or "127.0.0.1"
        if match is None or not _is_address(address) or not 0 < int(match["port"]) <= _MOST_PORT:
            what = f"isn't a port, or address:port: {_shown(text)}"
            self._note("SANDBOX_METRICS", what, "127.0.0.1:9464")
            return None
        return Listen(address, int(match["port"]))

    def cluster(self) -> Cluster:
        usual = Cluster()
        namespace = self._text("SANDBOX_NAMESPACE") or usual.namespace
        if not _NAMESPACE.fullmatch(namespace):
            what = f"isn't a namespace's name: {_shown(namespace)}"
            self._note("SANDBOX_NAMESPACE", what, usual.namespace)
        owner = self._text(OWNER) or None
        if owner is not None and not _OWNER.fullmatch(owner):
            self._note(OWNER, f"isn't an owner's name: {_shown(owner)}", USUAL_OWNER)
        image = image_of(self._text("CLAUDE_IMAGE"), owner)
        if not _IMAGE.fullmatch(image):
            self._note("CLAUDE_IMAGE", f"isn't an image's name: {_shown(image)}", usual.image)
        path, home = self._text("KUBECONFIG"), self._text("HOME")
        if not path and home and not self._text("KUBERNETES_SERVICE_HOST"):
            path = f"{home}/.kube/config"
        return Cluster(namespace, image, Path(path) if path else None, owner=owner)

    def _text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def _note(self, name: str, what: str, example: str) -> None:
        self.mistakes.append(f"{name} {what}. Example: {name}={example}")


def _shown(text: str) -> str:
    return repr(text[:_LONGEST_SHOWN])


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _misspelt(environment: Mapping[str, str]) -> list[str]:
    """Name variables that are almost one of ours that isn't set.

    Others pass: the sandbox has names of its own, and Kubernetes adds some for Services called sandbox-… too.
    """
    mistakes = []
    missing = [name for name in _NAMES if not environment.get(name)]
    for name in sorted(set(environment) - set(_NAMES)):
        prefix = name.partition("_")[0] + "_"
        rests = [known.removeprefix(prefix) for known in missing if known.startswith(prefix)]
        alike = nearest(name.removeprefix(prefix), rests, _ALIKE)
        if alike is not None and environment[name]:
            mistakes.append(f"{name} isn't known. Did you mean {prefix}{alike}?")
    return mistakes
