"""Finds files that are shipped beside the code, wherever the code lies."""

from __future__ import annotations

from pathlib import Path

_LIBRARY = Path(__file__).resolve().parent

# A checkout keeps resources beside the library; a wheel and a built extension inside it.
_ROOTS = (_LIBRARY / "Resources", _LIBRARY.parent / "Resources")


def resource_path(relative: str) -> Path:
    """Path of ``Resources/<relative>``; FileNotFoundError where no layout has it."""
    for root in _ROOTS:
        candidate = root / relative
        if candidate.exists():
            return candidate
    searched = ", ".join(str(root) for root in _ROOTS)
    raise FileNotFoundError(f"{relative} was not found in {searched}")
