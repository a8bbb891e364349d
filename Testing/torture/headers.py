"""Header edits: each makes a file say what cannot be, or what its data contradict.

Where an edit's name begins with "doubt", a sane file may say the same: a warning is as good as a refusal.
"""

from __future__ import annotations

import gzip
import json
import re
import struct
from collections.abc import Callable

import numpy as np

Edit = Callable[[bytes], bytes]


def edits_of(name: str) -> dict[str, Edit]:
    """Edits for a file of this name, by what they do."""
    if name.endswith((".nrrd", ".nhdr")):
        return _NRRD | (_SEGMENTS if name.endswith("scribbles.seg.nrrd") else {})
    if name.endswith((".mha", ".mhd")):
        return _META
    if name.endswith(".nii"):
        return _NIFTI
    if name.endswith(".nii.gz"):
        return {text: _inside_gzip(edit) for text, edit in _NIFTI.items()}
    if name.endswith(".dcm"):
        return _DICOM
    if name.endswith(".safetensors"):
        return _SAFETENSORS
    return {}


def _line(pattern: str, replacement: str) -> Edit:
    """Replace the first match in the text of a header, which must be there."""

    def edit(content: bytes) -> bytes:
        changed, count = re.subn(pattern.encode(), replacement.encode(), content, count=1, flags=re.MULTILINE)
        if not count:
            raise ValueError(f"nothing matches {pattern}")
        return changed

    return edit


_NRRD = {
    "one slice more": _line(r"^sizes: (.*) 6$", r"sizes: \1 7"),
    "one slice less": _line(r"^sizes: (.*) 6$", r"sizes: \1 5"),
    "two sizes": _line(r"^sizes: (.*) 6$", r"sizes: \1"),
    "no slice": _line(r"^sizes: (.*) 6$", r"sizes: \1 0"),
    "negative size": _line(r"^sizes: (.*) 6$", r"sizes: \1 -6"),
    "huge size": _line(r"^sizes: (.*) 6$", r"sizes: \1 99999999"),
    "wider type": _line(r"^type: .*$", "type: double"),
    "unknown type": _line(r"^type: .*$", "type: voxel"),
    "block type": _line(r"^type: .*$", "type: block"),
    "no type": _line(r"^type: .*\n", ""),
    "two dimensions": _line(r"^dimension: 3", "dimension: 2"),
    "four dimensions": _line(r"^dimension: 3", "dimension: 4"),
    "raw": _line(r"^encoding: .*$", "encoding: raw"),
    "text": _line(r"^encoding: .*$", "encoding: text"),
    "bzip2": _line(r"^encoding: .*$", "encoding: bzip2"),
    "unknown encoding": _line(r"^encoding: .*$", "encoding: zip"),
    "no version": _line(r"\ANRRD000\d", "NRRD00XX"),
    "no size of a voxel": _line(r"^space directions: .*$", "space directions: (0,0,0) (0,0,0) (0,0,0)"),
    "size nan": _line(r"^space directions: .*$", "space directions: (nan,0,0) (0,1,0) (0,0,5)"),
    "flat": _line(r"^space directions: .*$", "space directions: (0.5,0,0) (0,1,0) (0,0,0)"),
    "two axes": _line(r"^space directions: .*$", "space directions: (0.5,0,0) (0,1,0)"),
    "infinite": _line(r"^space directions: .*$", "space directions: (0.5,0,0) (0,1,0) (0,0,inf)"),
    "origin nan": _line(r"^space origin: .*$", "space origin: (nan,0,0)"),
    "doubt: size not stated": _line(r"^space directions: .*\n", ""),
}
_SEGMENTS = {
    "layer that is not there": _line(r"^Segment1_Layer:=0", "Segment1_Layer:=3"),
    "negative layer": _line(r"^Segment1_Layer:=0", "Segment1_Layer:=-1"),
    "layer of letters": _line(r"^Segment0_Layer:=0", "Segment0_Layer:=one"),
    "label of letters": _line(r"^Segment0_LabelValue:=1", "Segment0_LabelValue:=fg"),
    "label that is not there": _line(r"^Segment0_LabelValue:=1", "Segment0_LabelValue:=7"),
    "one label for two": _line(r"^Segment1_LabelValue:=2", "Segment1_LabelValue:=1"),
    "other name": _line(r"^Segment0_Name:=Hemorrhage scribble", "Segment0_Name:=Hemorr"),
}
_META = {
    "one slice more": _line(r"^DimSize = (.*) 6$", r"DimSize = \1 7"),
    "one slice less": _line(r"^DimSize = (.*) 6$", r"DimSize = \1 5"),
    "two sizes": _line(r"^DimSize = (.*) 6$", r"DimSize = \1"),
    "no slice": _line(r"^DimSize = (.*) 6$", r"DimSize = \1 0"),
    "negative size": _line(r"^DimSize = (.*) 6$", r"DimSize = \1 -6"),
    "huge size": _line(r"^DimSize = (.*) 6$", r"DimSize = \1 99999999"),
    "wider type": _line(r"^ElementType = .*$", "ElementType = MET_DOUBLE"),
    "unknown type": _line(r"^ElementType = .*$", "ElementType = MET_VOXEL"),
    "two dimensions": _line(r"^NDims = 3", "NDims = 2"),
    "dimensions nan": _line(r"^NDims = 3", "NDims = x"),
    "not compressed": _line(r"^CompressedData = True", "CompressedData = False"),
    "spacing nan": _line(r"^ElementSpacing = .*$", "ElementSpacing = 0.5 1 nan"),
    "spacing zero": _line(r"^ElementSpacing = .*$", "ElementSpacing = 0.5 1 0"),
    "spacing negative": _line(r"^ElementSpacing = .*$", "ElementSpacing = 0.5 1 -5"),
    "spacing infinite": _line(r"^ElementSpacing = .*$", "ElementSpacing = 0.5 1 inf"),
    "axes zero": _line(r"^TransformMatrix = .*$", "TransformMatrix = 0 0 0 0 0 0 0 0 0"),
    "axes nan": _line(r"^TransformMatrix = .*$", "TransformMatrix = nan 0 0 0 1 0 0 0 1"),
    "data elsewhere": _line(r"^ElementDataFile = .*$", "ElementDataFile = nowhere.raw"),
    "doubt: size not stated": _line(r"^ElementSpacing = .*\n", ""),
}


def _field(offset: int, kind: str, value: float | bytes) -> Edit:
    def edit(content: bytes) -> bytes:
        packed = struct.pack(f"<{kind}", value)
        return content[:offset] + packed + content[offset + len(packed) :]

    return edit


def _mirrored_sform(content: bytes) -> bytes:
    """What the sform calls left, the qform calls right."""
    row = struct.unpack_from("<4f", content, 280)
    return content[:280] + struct.pack("<4f", -row[0], *row[1:3], row[3] - 19 * row[0]) + content[296:]


_NAN, _INF = float("nan"), float("inf")
_NIFTI = {
    "size of header": _field(0, "i", 349),
    "no dimension": _field(40, "h", 0),
    "two dimensions": _field(40, "h", 2),
    "nine dimensions": _field(40, "h", 9),
    "no column": _field(42, "h", 0),
    "negative columns": _field(42, "h", -20),
    "one slice more": _field(46, "h", 7),
    "one slice less": _field(46, "h", 5),
    "huge": _field(46, "h", 32767),
    "wider type": _field(70, "h", 64),
    "unknown type": _field(70, "h", 999),
    "color": _field(70, "h", 128),
    "data in the header": _field(108, "f", 336.0),
    "data behind the end": _field(108, "f", 1e6),
    "data nowhere": _field(108, "f", _NAN),
    "data one row later": _field(108, "f", 392.0),
    "slope nan": _field(112, "f", _NAN),
    "slope infinite": _field(112, "f", _INF),
    "intercept infinite": lambda content: _field(116, "f", _INF)(_field(112, "f", 1.0)(content)),
    "no magic": _field(344, "4s", b"nx1\0"),
    "zeros for a header": lambda content: bytes(348) + content[348:],
    "spacing zero": _field(88, "f", 0.0),
    "spacing nan": _field(88, "f", _NAN),
    "spacing infinite": _field(88, "f", _INF),
    "doubt: spacing of another affine": _field(88, "f", 2.5),
    "doubt: mirrored sform": _mirrored_sform,
}


def _inside_gzip(edit: Edit) -> Edit:
    return lambda content: gzip.compress(edit(gzip.decompress(content)), mtime=0)


def _tag(group: int, element: int, value: bytes) -> Edit:
    """Another value of the same length for an element of little-endian, implicit DICOM."""

    def edit(content: bytes) -> bytes:
        at = content.index(struct.pack("<HH", group, element)) + 4
        length = int.from_bytes(content[at : at + 4], "little")
        return content[: at + 4] + value[:length].ljust(length) + content[at + 4 + length :]

    return edit


_DICOM = {
    "no rows": _tag(0x28, 0x10, struct.pack("<H", 0)),
    "more rows": _tag(0x28, 0x10, struct.pack("<H", 60)),
    "fewer columns": _tag(0x28, 0x11, struct.pack("<H", 10)),
    "color": _tag(0x28, 0x02, struct.pack("<H", 3)),
    "wider voxels": _tag(0x28, 0x100, struct.pack("<H", 32)),
    "position of letters": _tag(0x20, 0x32, b"left"),
    "no position": _tag(0x20, 0x32, b""),
    "place of the first slice": _tag(0x20, 0x32, b"12\\-7.5\\40"),
    "far away": _tag(0x20, 0x32, b"12\\-7.5\\99"),
    "position nan": _tag(0x20, 0x32, b"nan\\1\\1"),
    "flat axes": _tag(0x20, 0x37, b"0\\0\\0\\0\\0\\0"),
    "axes of letters": _tag(0x20, 0x37, b"axial"),
    "no pixel size": _tag(0x28, 0x30, b""),
    "pixel size zero": _tag(0x28, 0x30, b"0\\0"),
    "pixel size negative": _tag(0x28, 0x30, b"-1\\1"),
}


def _json(change: Callable[[dict, list[str]], None]) -> Edit:
    """Change the JSON header of a safetensors file; ``change`` gets it and the names of its tensors."""

    def edit(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        change(header, sorted((name for name in header if name != "__metadata__"), key=len))
        text = json.dumps(header).encode()
        return len(text).to_bytes(8, "little") + text + content[8 + length :]

    return edit


def _entry(key: str, value) -> Edit:
    return _json(lambda header, names: header[names[0]].update({key: value}))


def _config(key: str, value) -> Edit:
    def change(header: dict, _: list[str]) -> None:
        config = json.loads(header["__metadata__"]["config"])
        config[key] = value
        header["__metadata__"]["config"] = json.dumps(config)

    return _json(change)


def _shifted(by: int) -> Edit:
    def change(header: dict, names: list[str]) -> None:
        begin, end = header[names[0]]["data_offsets"]
        header[names[0]]["data_offsets"] = [begin + by, end + by]

    return _json(change)


def _overlapping(header: dict, names: list[str]) -> None:
    by_size: dict[int, str] = {}
    for name in names:
        begin, end = header[name]["data_offsets"]
        if end - begin in by_size:
            header[name]["data_offsets"] = header[by_size[end - begin]]["data_offsets"]
            return
        by_size[end - begin] = name


def _values(value: float) -> Edit:
    """Every number of the last tensor becomes ``value``."""

    def edit(content: bytes) -> bytes:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])
        entries = [
            entry for name, entry in header.items() if name != "__metadata__" and entry["dtype"] == "F16"
        ]
        begin, end = max(entries, key=lambda entry: entry["data_offsets"][1])["data_offsets"]
        data = np.full((end - begin) // 2, value, "<f2").tobytes()
        start = 8 + length + begin
        return content[:start] + data + content[start + len(data) :]

    return edit


_SAFETENSORS = {
    "nan": _values(_NAN),
    "infinite": _values(_INF),
    "overlapping": _json(_overlapping),
    "misaligned": _shifted(1),
    "neighbor's numbers": _shifted(-2),
    "negative shape": _entry("shape", [-8]),
    "shape of letters": _entry("shape", "8"),
    "fractional shape": _entry("shape", [8.0]),
    "unknown type": _entry("dtype", "F8"),
    "no type": _entry("dtype", None),
    "reversed offsets": _entry("data_offsets", [16, 0]),
    "no offsets": _entry("data_offsets", []),
    "a tensor less": _json(lambda header, names: header.pop(names[0])),
    "a tensor more": _json(lambda header, names: header.update({"more": header[names[0]]})),
    "no configuration": _json(lambda header, names: header["__metadata__"].pop("config")),
    "no texts": _json(lambda header, names: header.pop("__metadata__")),
    "absurd widths": _config("volume_widths", [10**9] * 4),
    "negative widths": _config("volume_widths", [-8] * 4),
    "widths of letters": _config("volume_widths", "8888"),
    "absurd keys": _config("key_channels", 10**12),
    "keys null": _config("key_channels", None),
    "unknown variant": _config("variant", "best"),
    "unknown setting": _config("depth", 3),
    "header length": lambda content: (2**62).to_bytes(8, "little") + content[8:],
    "more at the end": lambda content: content + b"more",
}
