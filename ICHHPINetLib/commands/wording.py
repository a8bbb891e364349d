"""What a user is told of an error."""

from __future__ import annotations

from ..errors import ICHHPINetError


def in_words(error: BaseException) -> str | None:
    """What to tell the user of an error; None of one that is a mistake in this program."""
    if isinstance(error, ICHHPINetError):
        return str(error)
    if isinstance(error, MemoryError):
        return "The memory does not suffice. Close other programs, or use a CT of fewer slices."
    if isinstance(error, OSError):
        name = f"'{_short(str(error.filename))}'" if error.filename else "A file or folder"
        reason = error.strerror or str(error)
        return f"{name} cannot be used ({reason}). Check its name, its permissions and the disk."
    if isinstance(error, RuntimeError):
        lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        # ITK says it last, PyTorch first.
        reason = _short(lines[-1 if "ITK" in lines[0] else 0].strip())
        return f"This was not foreseen: {reason} (`python -X dev -m ICHHPINetLib ...` shows where.)"
    return None


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:200]} ... {text[-60:]}"
