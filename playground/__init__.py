"""Telegram on loopback: a strict Bot API server with people in it, for the demo and for tests."""
