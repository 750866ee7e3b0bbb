"""Open a page in the person's browser, where there is one."""

from __future__ import annotations

import sys
import threading
import webbrowser
from collections.abc import Mapping


def has_browser(environment: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Say whether a browser of the person's own can open: there is a display, and nobody came in over SSH.

    BROWSER=none says that there is none.
    """
    if environment.get("BROWSER") == "none" or environment.get("SSH_CONNECTION"):
        return False
    if platform in ("darwin", "win32"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def open_page(url: str) -> None:
    """Open a page and don't wait: some browsers come back only when they are closed."""
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
