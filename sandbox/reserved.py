"""Which variables a repository may not set: what we and the agent live by, and how programs are loaded. Pure."""

from __future__ import annotations

import re

_PATTERNS = (
    # Ours, and those of whom our program, git and the agent talk to.
    r"SANDBOX_.*|TASK|REPO_URL|REPO_BRANCH|TELEGRAM_.*|HAPI_CLI_TOKEN|KUBE.*|SOPS_.*|GIT_.*|SSH_.*",
    r"(HTTPS?|ALL|NO|FTP)_PROXY|SSL_CERT_.*|CURL_CA_BUNDLE|REQUESTS_CA_BUNDLE|NODE_EXTRA_CA_CERTS",
    # The agent's. DISABLE_… are its switches, but for two of Rails.
    r"ANTHROPIC_.*|CLAUDE.*|API_TIMEOUT_MS|IS_SANDBOX",
    r"DISABLE_(?!SPRING$|DATABASE_ENVIRONMENT_CHECK$).*",
    # How programs are found and loaded.
    r"LD_.*|DYLD_.*|GCONV_PATH|PATH|HOME|SHELL|USER|LOGNAME|IFS|ENV|BASH_.*|TMPDIR|PWD|OLDPWD",
    r"PYTHON.*|PERL5.*|RUBY(OPT|LIB)|NODE_(OPTIONS|PATH)",
    r"JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|EDITOR|VISUAL|PAGER|PROMPT_COMMAND",
)
_RESERVED = re.compile("|".join(_PATTERNS), re.IGNORECASE | re.DOTALL)
_OF_THE_FORGE = re.compile("GITHUB_.*", re.IGNORECASE | re.DOTALL)
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_]*")


def may_be_set(name: str, *, beside_ours: bool = False) -> bool:
    """Say whether a repository may set a variable for what runs for it.

    `beside_ours` means that our own program gets it as well, whose key for the forge has its name by GITHUB_.
    """
    if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
        return False
    return not (beside_ours and _OF_THE_FORGE.fullmatch(name))
