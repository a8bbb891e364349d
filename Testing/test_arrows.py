"""Which folders import which: the product never imports the laboratory, and all arrows point one way."""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIBRARY = "ICHHPINetLib"
LABORATORY = ("cohort", "simulation", "ablations", "datasets", "training", "evaluation", "experiments")

# What a folder, or a file of the library's own folder, may import beside itself and the files of BASE.
BASE = {"__init__", "errors", "resources", "words"}
PRODUCT = {
    # Files of scribbles become the interaction's Scribbles.
    "imaging": {"interaction"},
    "measurement": {"imaging"},
    "phantom": set(),
    "networks": set(),
    "weights": {"networks", "imaging"},
    "interaction": {"networks", "weights", "imaging", "measurement"},
    "reporting": {"interaction", "imaging", "measurement"},
    "scene": {"interaction", "imaging", "measurement"},
    "dicom_export": {"imaging", "measurement"},
    "commands": {"interaction", "weights", "imaging", "measurement", "reporting", "scene", "dicom_export"},
    "cli": {"commands"},
    "__main__": {"commands", "cli"},
}
ARROWS = {
    **PRODUCT,
    "ICHHPINet": set(PRODUCT) - {"commands", "cli", "__main__", "networks"},
    # The product for thousands of CTs; needs Dask, and never runs in Slicer.
    "cohort": set(PRODUCT),
    "simulation": set(PRODUCT),
    "datasets": set(PRODUCT),
    "ablations": set(PRODUCT),
    "training": {*PRODUCT, "simulation", "datasets", "ablations"},
    "evaluation": {*PRODUCT, "cohort", "simulation", "datasets", "ablations"},
    "experiments": {*PRODUCT, *LABORATORY},
}
FILES = [path for top in (LIBRARY, "ICHHPINet", "experiments") for path in sorted((ROOT / top).rglob("*.py"))]


@functools.cache
def _imports(path):
    """Dotted names, as tuples, of all that a file imports, at its top or anywhere below."""
    package, found = path.relative_to(ROOT).parts[:-1], []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            base += tuple(node.module.split(".")) if node.module else ()
            found += [(*base, alias.name) for alias in node.names]
    return found


def _room(name):
    """The folder, or the file of the library's own folder, that a dotted name lies in; None outside."""
    if name[0] != LIBRARY:
        return name[0] if name[0] in ARROWS else None
    return name[1] if len(name) > 1 and name[1] in {*ARROWS, *BASE} else "__init__"


def _room_of(path):
    return _room(path.relative_to(ROOT).with_suffix("").parts)


def test_every_room_imports_only_what_it_may():
    wrong = {
        (str(path.relative_to(ROOT)), room)
        for path in FILES
        for room in map(_room, _imports(path))
        if room and room not in BASE | {_room_of(path)} | ARROWS.get(_room_of(path), set())
    }
    assert not wrong


def test_only_the_scene_knows_slicer_and_nothing_in_the_library_qt():
    for path in FILES:
        packages = {name[0] for name in _imports(path)}
        if _room_of(path) != "ICHHPINet":
            assert not packages & {"qt", "ctk"}, path
            # Grow-cut, of the evaluation's baselines, is Slicer's own filter.
            assert _room_of(path) in ("scene", "evaluation") or not packages & {"slicer", "vtk"}, path
