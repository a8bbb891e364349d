"""A case: where its CT and masks lie, and what its data set says about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

BLEED_TYPES = ("intraventricular", "intraparenchymal", "subarachnoid", "epidural", "subdural")

_ABBREVIATIONS = {
    "ivh": "intraventricular",
    "iph": "intraparenchymal",
    "sah": "subarachnoid",
    "edh": "epidural",
    "extradural": "epidural",
    "sdh": "subdural",
}


@dataclass(frozen=True)
class Case:
    """One CT of a data set.

    Attributes
    ----------
    name: unique in the data set; no slash in it.
    ct: file of the CT.
    masks: files of its masks: none, one, or one a rater.
    dataset: name of the data set.
    bleed_types: what the tables of the data set name, of ``BLEED_TYPES`` in the public ones; None where
        they are silent.
    classes: bleed type of a label value, where the masks tell types apart.
    not_blood: label values that mark something other than blood, such as edema.
    bleed_free: known to have no bleed, so that it needs no mask.
    notes: what a user should know about the case, each a sentence without its name.
    """

    name: str
    ct: Path
    masks: tuple[Path, ...]
    dataset: str
    bleed_types: tuple[str, ...] | None = None
    classes: Mapping[int, str] = field(default_factory=dict)
    not_blood: frozenset[int] = frozenset()
    bleed_free: bool = False
    notes: tuple[str, ...] = ()

    @property
    def mask(self) -> Path | None:
        """The only mask, or the first rater's."""
        return self.masks[0] if self.masks else None

    @property
    def labeled(self) -> bool:
        """Whether it is known which voxels bleed."""
        return bool(self.masks) or self.bleed_free


@dataclass(frozen=True)
class Layout:
    """How the folder of a data set is arranged.

    Attributes
    ----------
    name: for people.
    expects: what lies where, relative to the folder.
    fits: whether a folder has this layout.
    cases: the cases of a folder that fits, sorted; raises InputFileError where its content contradicts it.
    """

    name: str
    expects: str
    fits: Callable[[Path], bool]
    cases: Callable[[Path], list[Case]]


def bleed_type(name: str) -> str | None:
    """Which of ``BLEED_TYPES`` the name of a class or column means; None where it means none of them."""
    for word in re.findall("[a-z]+", name.lower()):
        word = _ABBREVIATIONS.get(word, word)
        if word in BLEED_TYPES:
            return word
    return None
