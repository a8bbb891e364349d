"""What every kind of attack is given, and how it says that something was lost."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np


class LostError(Exception):
    """A promise was broken; the text says which."""


@dataclass(frozen=True)
class Attempt:
    """One attack of a kind.

    ``rng`` depends on the seed, the kind and the number alone, so that any attempt can be repeated alone.
    ``folder`` is empty and its own; ``shared`` holds what ``prepare`` of the kind has left for all.
    """

    number: int
    rng: np.random.Generator
    folder: Path
    shared: Path

    @classmethod
    def of(cls, seed: int, kind: str, number: int, folder: Path, shared: Path) -> Attempt:
        return cls(number, np.random.default_rng([seed, zlib.crc32(kind.encode()), number]), folder, shared)

    def choose(self, options):
        """One of ``options``, at random."""
        options = list(options)
        return options[int(self.rng.integers(len(options)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)


def promise(kept: bool, text: str) -> None:
    """LostError with ``text`` where a promise was not kept."""
    if not kept:
        raise LostError(text)
