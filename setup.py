"""Everything static is in pyproject.toml; only the list of packages is computed.

Resources/ lies beside the library in a checkout, where a Slicer extension wants it, and
inside the library in a wheel (see ICHHPINetLib/resources.py).
"""

from pathlib import Path

from setuptools import find_packages, setup

LIBRARY = "ICHHPINetLib"

resource_folders = {
    ".".join((LIBRARY, *folder.parts)): str(folder)
    for folder in (Path("Resources"), *Path("Resources").rglob("*"))
    if folder.is_dir() and "Screenshots" not in folder.parts and any(p.is_file() for p in folder.iterdir())
}

setup(
    packages=[*find_packages(include=[LIBRARY, f"{LIBRARY}.*"]), *resource_folders],
    package_dir=resource_folders,
    package_data={"": ["*.json"]} | {name: ["*"] for name in resource_folders},
    include_package_data=False,
)
