"""Greetings for people, in plain text."""

__all__ = ["greet"]


def greet(name: str) -> str:
    """Return a greeting for `name`; somebody without a name is greeted as the world."""
    return f"Hello, {_known(name)}!"


def _known(name: str) -> str:
    return " ".join(name.split()) or "world"
