"""Coded words: those of the scene contract, of DICOM, and, where there is none, our own."""

from __future__ import annotations

from typing import Any

from ..imaging.segment_kinds import HEMATOMA

_OWN_SCHEME = "99ICHHPINET"


def hematoma_codes() -> tuple[Any, Any, Any]:
    """Category, type and region of the hematoma, as its segment in the scene has them."""
    parts = HEMATOMA.terminology.split("~")
    return _coded(parts[1]), _coded(parts[2]), _coded(parts[5])


def _coded(serialized: str) -> Any:
    from highdicom.sr.coding import CodedConcept

    scheme, value, meaning = serialized.split("^")
    return CodedConcept(value, scheme, meaning)


def own(value: str, meaning: str) -> Any:
    """A code of ours."""
    from highdicom.sr.coding import CodedConcept

    return CodedConcept(value, _OWN_SCHEME, meaning)


def own_scheme() -> Any:
    """Whose these codes are."""
    from highdicom.coding_schemes import CodingSchemeIdentificationItem

    return CodingSchemeIdentificationItem(
        designator=_OWN_SCHEME, name="ICHHPINet", responsible_organization="ICHHPINet"
    )
