"""The library as an installed package: complete, with its resources inside."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel_names(repository, tmp_path_factory):
    # Built from a copy, so that building leaves the checkout as it was.
    source, output = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("ICHHPINetLib", "Resources"):
        shutil.copytree(repository / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE.txt"):
        shutil.copy(repository / name, source)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        output,
        source,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = output.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_wheel_holds_every_library_file(wheel_names, repository):
    library = repository / "ICHHPINetLib"
    expected = {path.relative_to(repository).as_posix() for path in library.rglob("*.*")}
    assert {name for name in expected if not name.endswith(".pyc")} <= wheel_names


def test_wheel_holds_every_resource_inside_the_library(wheel_names, repository):
    resources = repository / "Resources"
    expected = {
        Path("ICHHPINetLib", path.relative_to(repository)).as_posix()
        for path in resources.rglob("*")
        if path.is_file() and "Screenshots" not in path.parts
    }
    assert expected <= wheel_names


def test_wheel_installs_the_command(wheel_names):
    assert any(name.endswith("entry_points.txt") for name in wheel_names)
