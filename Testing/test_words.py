"""Sentences that a clinician sees in Slicer: they can be translated, and Slicer's tools find them."""

import ast
import functools
import importlib
import re
import sys
from pathlib import Path
from string import Formatter
from types import ModuleType

import pytest

from ICHHPINetLib import errors, words
from ICHHPINetLib.errors import InputFileError, InvalidVolumeError
from ICHHPINetLib.imaging.ct import as_ct
from ICHHPINetLib.imaging.integrity import check_regular

ROOT = Path(__file__).resolve().parents[1]
# What works in Slicer; phantom, networks and the command line speak to people who can program.
ROOMS = ("dicom_export", "imaging", "interaction", "measurement", "scene", "weights")
FOLDERS = [ROOT / "ICHHPINet", *(ROOT / "ICHHPINetLib" / room for room in ROOMS)]
FILES = [path for folder in FOLDERS for path in sorted(folder.rglob("*.py")) if "Test" not in path.name]
ERRORS = {name for name in vars(errors) if name.endswith(("Error", "Cancelled"))}


@functools.cache
def _nodes(path):
    """All nodes of a file, each with the nodes around it, the innermost last; without docstrings."""
    source = path.read_text(encoding="utf-8")

    def walk(node, around):
        yield node, around
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)):
                yield from walk(child, (*around, node))

    return source, list(walk(ast.parse(source), ()))


def _is_translated(call):
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "_"


def _text(node):
    """What is literal in a string or f-string; empty for other nodes."""
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def test_every_message_is_a_literal_that_can_be_translated():
    wrong = []
    for path in FILES:
        for node, around in _nodes(path)[1]:
            if len(re.findall(r"[^\W\d_]{2,}", _text(node))) < 2 or any(map(_is_translated, around)):
                continue
            calls = [one.func for one in around if isinstance(one, ast.Call)]
            if any(ast.unparse(one).startswith(("_log", "logging.")) for one in calls):
                continue
            in_error = any(isinstance(one, ast.Name) and one.id in ERRORS for one in calls)
            is_sentence = re.search(r"\w\w[.?!]$", _text(node)) and _text(node).count(" ") > 2
            if in_error or is_sentence:
                wrong.append((path.name, node.lineno, _text(node)))
    assert not wrong


def test_slicers_tools_find_every_message_whole():
    for path in FILES:
        source, nodes = _nodes(path)
        for node, around in nodes:
            if _is_translated(node):
                # They cut at the first quote before a bracket that closes.
                code = ast.get_source_segment(source, node)
                quote = code[2:].lstrip()[0]
                assert quote in "\"'" and re.search(rf"{quote}\s*\)", code).end() == len(code), code
                if isinstance(around[-1], ast.Attribute) and around[-1].attr == "format":
                    fields = {name for _, name, _, _ in Formatter().parse(node.args[0].value)} - {None}
                    assert {one.arg for one in around[-2].keywords} == fields, code
            elif "tr as _" in source:
                # A variable of that name would hide the function, and only where the message is due.
                is_variable = isinstance(node, ast.Name) and node.id == "_"
                assert not (is_variable and isinstance(node.ctx, ast.Store)), (path.name, node.lineno)


@pytest.fixture
def spanish():
    folder = "'{path}' is a folder, not a file. Name an image file: NRRD, NIfTI or MHA."
    said = {
        folder: "'{path}' es una carpeta",
        "'{path}' cannot be found or opened ({reason}). Check its name.": "'{ruta}' falta ({reason}).",
        "The CT is a {kind}; pass a NumPy array of shape (Z, Y, X).": "La TC es {kind",
    }
    asked = []

    def translate(context, text):
        asked.append(context)
        return said.get(text, text)

    words.speak(translate)
    yield asked
    words.speak(None)


def test_messages_come_in_the_language_of_the_application(spanish, tmp_path):
    with pytest.raises(InputFileError, match=f"^'{re.escape(str(tmp_path))}' es una carpeta$"):
        check_regular(tmp_path)
    assert spanish == ["imaging.integrity"]


def test_a_translation_that_lost_a_field_is_not_used(spanish, tmp_path):
    with pytest.raises(InputFileError, match="cannot be found or opened"):
        check_regular(tmp_path / "none")
    with pytest.raises(InvalidVolumeError, match="pass a NumPy array"):
        as_ct("none", (1.0, 1.0, 1.0))


def test_inside_slicer_its_own_translations_are_used(monkeypatch, tmp_path):
    from ICHHPINetLib.scene import _mrml

    i18n = ModuleType("slicer.i18n")
    i18n.translate = lambda context, text: f"{context}: {text}"
    monkeypatch.setitem(sys.modules, "slicer.i18n", i18n)
    importlib.reload(_mrml)
    try:
        with pytest.raises(InputFileError, match=r"^imaging\.integrity: "):
            check_regular(tmp_path)
    finally:
        words.speak(None)
