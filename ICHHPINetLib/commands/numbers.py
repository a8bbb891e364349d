"""Whole numbers on the command line, refused in words where they make no sense."""

from __future__ import annotations

import argparse


def zero_or_more(text: str) -> int:
    """0 or more."""
    return _at_least(0, text)


def one_or_more(text: str) -> int:
    """1 or more."""
    return _at_least(1, text)


def _at_least(least: int, text: str) -> int:
    if not text.isdecimal() or int(text) < least:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} on")
    return int(text)
