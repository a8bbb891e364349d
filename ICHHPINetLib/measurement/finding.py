"""A hematoma after its last round: what reports and DICOM objects tell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .measure import Measurement


@dataclass(frozen=True)
class Finding:
    """A mask after its last round.

    Attributes
    ----------
    mask: (Z, Y, X) on the voxels of the CT, bleed wherever it is not 0.
    numbers: its measurement.
    rounds: how many there were.
    interval_ml: between which volumes the true one is expected; None where nobody knows.
    is_guess: whether no scribble is behind it.
    weights, sha256: name of the network's weights, and the checksum of their file.
    """

    mask: np.ndarray
    numbers: Measurement
    rounds: int
    interval_ml: tuple[float, float] | None
    is_guess: bool
    weights: str
    sha256: str

    @property
    def headline(self) -> str:
        """Kind, volume and likely volume for people; never a zero that would read as an all-clear."""
        what = "First guess, not checked" if self.is_guess else "Hematoma"
        if not self.numbers.volume_ml:
            return f"{what}: nothing marked, which does not mean no bleed"
        likely = "" if self.interval_ml is None else " (likely {:.1f} to {:.1f})".format(*self.interval_ml)
        return f"{what}: {self.numbers.volume_ml:.1f} mL{likely}"
