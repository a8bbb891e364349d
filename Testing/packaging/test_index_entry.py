"""What the Extensions Index checks when an extension is submitted, without its network calls."""

import json
import re

import jsonschema
import pytest

# The properties of the Index's schema v1.0.2; anything else is refused.
SCHEMA = {
    "type": "object",
    "required": ["$schema", "category", "scm_url"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"type": "string"},
        "category": {"type": "string"},
        "scm_url": {"type": "string"},
        "scm_revision": {"type": "string"},
        "scm_type": {"enum": ["git", "local"]},
        "build_dependencies": {"type": "array", "items": {"type": "string"}},
        "dicom_support_rule": {"type": "string"},
        "build_subdirectory": {"type": "string"},
        "enabled": {"type": "boolean"},
        "tier": {"type": "integer", "minimum": 1, "maximum": 5},
    },
}


@pytest.fixture(scope="module")
def entry(repository):
    return json.loads((repository / "packaging" / "ICHHPINet.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def cmake(repository):
    return (repository / "CMakeLists.txt").read_text(encoding="utf-8")


def _setting(cmake: str, name: str) -> str:
    # The Index reads these settings with a pattern of its own: one quoted string in one set().
    return re.search(rf'set\(EXTENSION_{name} "([^"]+)"\)', cmake)[1]


def test_entry_fits_the_schema_and_has_unix_line_ends(entry, repository):
    jsonschema.validate(entry, SCHEMA)
    assert entry["$schema"].endswith("schema-v1.0.2.json#")
    assert b"\r" not in (repository / "packaging" / "ICHHPINet.json").read_bytes()


def test_names_follow_the_rules_of_the_index(entry, cmake):
    name = re.search(r"project\((\w+)\)", cmake)[1]
    assert name == "ICHHPINet" and not name.lower().startswith("slicer")
    assert entry["scm_url"].startswith("https://")
    assert entry["scm_url"].rsplit("/", 1)[-1] == f"Slicer{name}"


def test_entry_and_cmake_agree(entry, cmake):
    assert entry["category"] == _setting(cmake, "CATEGORY")
    assert entry["scm_url"] == _setting(cmake, "HOMEPAGE")
    assert entry["build_dependencies"] == _setting(cmake, "DEPENDS").split()
    assert f"set(EXTENSION_TIER {entry['tier']})" in cmake


@pytest.mark.parametrize("name", ["ICONURL", "SCREENSHOTURLS"])
def test_pictures_named_for_the_index_are_in_the_repository(name, cmake, repository):
    for url in _setting(cmake, name).split():
        path = repository / url.split("/main/", 1)[1]
        assert path.read_bytes().startswith(b"\x89PNG")


def test_license_lies_in_the_root(repository):
    assert "Apache License" in (repository / "LICENSE.txt").read_text(encoding="utf-8")
