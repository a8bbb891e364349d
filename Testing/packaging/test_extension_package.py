"""What a Slicer build would package, found by running the extension's CMake files against a stand-in."""

import shutil
import subprocess
from pathlib import Path

import pytest

from Testing.test_arrows import LABORATORY


def _files(folder: Path, patterns: tuple[str, ...]) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for pattern in patterns
        for path in folder.rglob(pattern)
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def package(repository, tmp_path_factory):
    """(folder of the installed modules, paths of the tests that Slicer would run)"""
    cmake = pytest.importorskip("cmake")
    if not (shutil.which("cc") and shutil.which("make")):
        pytest.skip("configuring an extension needs a C compiler and make")
    executable = Path(cmake.CMAKE_BIN_DIR) / "cmake"
    build, prefix = tmp_path_factory.mktemp("build"), tmp_path_factory.mktemp("install")
    stub = Path(__file__).parent / "slicer_stub"
    for command in (
        ["-S", repository, "-B", build, f"-DSlicer_DIR={stub}", f"-DCMAKE_INSTALL_PREFIX={prefix}"],
        ["--install", build],
    ):
        done = subprocess.run([executable, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    tests = (build / "registered_tests.txt").read_text(encoding="utf-8").split()
    return prefix / "lib/Slicer/qt-scripted-modules", [Path(test) for test in tests]


def test_the_product_and_nothing_else_is_packaged_beside_the_modules(package, repository):
    folder, _ = package
    library = {
        name
        for name in _files(repository / "ICHHPINetLib", ("*",))
        if not name.startswith(tuple(f"{folder}/" for folder in LABORATORY))
    }
    packaged = {name for name in _files(folder / "ICHHPINetLib", ("*",)) if not name.startswith("Resources/")}
    assert "__init__.py" in library
    assert packaged == library


def test_every_module_and_resource_file_is_packaged(package, repository):
    folder, _ = package
    source = repository / "ICHHPINet"
    expected = {
        name
        for name in _files(source, ("*.py", "*.ui", "*.png", "requirements.txt"))
        if not name.startswith("Testing/")
    }
    packaged = {
        name
        for name in _files(folder, ("*.py", "*.ui", "*.png", "requirements.txt"))
        if not name.startswith("ICHHPINetLib/")
    }
    assert packaged == expected


def test_weights_lie_where_the_library_looks_for_them(package, repository):
    folder, _ = package
    source = repository / "Resources"
    expected = {name for name in _files(source, ("*",)) if not name.startswith("Screenshots/")}
    assert _files(folder / "ICHHPINetLib" / "Resources", ("*",)) == expected


def test_slicer_runs_the_tests_of_both_modules_and_every_script_of_the_test_folder(package, repository):
    _, tests = package
    names = {path.name for path in tests}
    assert {"ICHHPINet.py", "SegmentEditorICHHPINet.py"} <= names
    scripts = {path.name for path in (repository / "ICHHPINet" / "Testing" / "Python").glob("*Test.py")}
    assert scripts <= names
