"""Checks of a network's configuration, which may come from anybody's file."""

from __future__ import annotations

# Far wider than any network of this method; what a damaged file asks for would not fit into memory.
_WIDEST = 4096


def check_widths(name: str, widths: tuple[int, ...], count: int) -> None:
    """ValueError unless ``widths`` are ``count`` whole numbers of feature maps."""
    whole = isinstance(widths, tuple) and all(
        type(width) is int and 1 <= width <= _WIDEST for width in widths
    )
    if not whole or len(widths) != count:
        raise ValueError(f"The {name} {widths!r} are not {count} whole numbers from 1 to {_WIDEST}.")


def check_kind(name: str, value: object, kind: type) -> None:
    """ValueError unless ``value`` is exactly of a type."""
    if type(value) is not kind:
        raise ValueError(f"The {name} {value!r} is no {kind.__name__}.")
