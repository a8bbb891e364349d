"""Which labels are blood, by what they are called."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .case import bleed_type

# Words of labels beside blood; anatomy only where the name does not say blood as well ("brain hemorrhage").
_BESIDE_BLOOD = {"background", "ignore", "edema", "oedema", "phe", "perihematomal", "perihaematomal"}
_ANATOMY = {"brain", "skull", "csf", "ventricle", "ventricles", "infarct", "infarction"}
_BLOOD = re.compile("blood|bleed|clot|contusion|ha?emorrhag|ha?ematom|^(ich|iph|ivh|sah|sdh|edh)s?$")


def labels_beside_blood(names: Mapping[int, Sequence[str]]) -> frozenset[int]:
    """The label values whose names mean something other than blood, such as edema."""
    blood = {value for value, named in names.items() if any(map(_is_blood, named))}
    # Beside a label that says blood, a name that does not means something else: "calcification".
    return frozenset(
        value for value in names.keys() - blood if blood or any(map(_is_not_blood, names[value]))
    )


def _words(name: str) -> set[str]:
    return set(re.findall("[a-z]+", name.lower()))


def _is_blood(name: str) -> bool:
    words = _words(name)
    return bool(any(map(_BLOOD.search, words)) or bleed_type(name)) and not words & _BESIDE_BLOOD


def _is_not_blood(name: str) -> bool:
    return bool(_words(name) & (_BESIDE_BLOOD | _ANATOMY)) and not _is_blood(name)
