"""Benchmarks: how fast the bot and the sandbox are and what they need, measured on the real processes."""
