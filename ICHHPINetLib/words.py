"""The library's sentences in the language of the application that runs it; English without one."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from string import Formatter

_log = logging.getLogger(__name__)

# Translates a text of a context, as Qt does.
_translate: Callable[[str, str], str] | None = None


def speak(translate: Callable[[str, str], str] | None) -> None:
    """Let ``translate(context, text)`` translate all sentences from now on; None for English."""
    global _translate  # noqa: PLW0603 - a program speaks one language
    _translate = translate


def tr(text: str) -> str:
    """Translate ``text``, the literal sentence of a message, with a named field for each part that varies.

    >>> from ICHHPINetLib.words import tr as _
    >>> _("'{path}' is a folder. Name a file in it.").format(path=path)

    Slicer's ``update_translations.py`` finds sentences by the name ``_`` and files them under the folder
    and the name of the script. A translation that lost a field counts as none.
    """
    if _translate is None:
        return text
    script = Path(sys._getframe(1).f_code.co_filename)
    translated = _translate(f"{script.parent.name}.{script.stem}", text)
    try:
        if _fields(translated) == _fields(text):
            return translated
    except ValueError:
        pass
    _log.warning("Other fields in the translation '%s' than in '%s'", translated, text)
    return text


def _fields(text: str) -> set[tuple[str | None, ...]]:
    """Fields of ``text`` with their formats; ValueError where a brace is left open."""
    parts = Formatter().parse(text)
    return {(name, form, conversion) for _text, name, form, conversion in parts if name is not None}
