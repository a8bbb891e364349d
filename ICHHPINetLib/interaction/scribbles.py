"""The scribbles of a user: two boolean volumes on the grid of the CT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import InvalidScribblesError
from ..words import tr as _


@dataclass(frozen=True)
class Scribbles:
    """Foreground and background scribbles.

    Parameters
    ----------
    foreground, background:
        Arrays (Z, Y, X), anything that converts to bool. One of the two may be None.

    Raises
    ------
    InvalidScribblesError
        If both are None, one is not three-dimensional, their shapes differ, or a
        voxel carries both labels.
    """

    foreground: np.ndarray
    background: np.ndarray

    def __post_init__(self) -> None:
        given = [array for array in (self.foreground, self.background) if array is not None]
        if not given:
            raise InvalidScribblesError(
                _("Scribbles need a foreground or a background array; both are None.")
            )
        shape = np.shape(given[0])
        for name in ("foreground", "background"):
            array = getattr(self, name)
            array = np.zeros(shape, bool) if array is None else np.asarray(array).astype(bool, copy=False)
            if array.ndim != 3 or array.shape != shape:
                raise InvalidScribblesError(
                    _(
                        "Scribbles are two arrays (Z, Y, X) of one shape, but {name} is {shape} and "
                        "the other {other}. Paint both on the grid of the CT."
                    ).format(name=name, shape=array.shape, other=shape)
                )
            object.__setattr__(self, name, array)
        both = int(np.count_nonzero(self.foreground & self.background))
        if both:
            raise InvalidScribblesError(
                _(
                    "{both} voxels are marked as hemorrhage and as background at once. Erase one of "
                    "the two scribbles where they cross."
                ).format(both=both)
            )

    @classmethod
    def empty(cls, shape: tuple[int, int, int]) -> Scribbles:
        """No scribbles at all on a grid of ``shape`` (Z, Y, X)."""
        return cls(np.zeros(shape, bool), np.zeros(shape, bool))

    @classmethod
    def of(cls, labels: np.ndarray) -> Scribbles:
        """Of an array (Z, Y, X) with 1 on foreground and 2 on background."""
        return cls(labels == 1, labels == 2)

    def labels(self) -> np.ndarray:
        """uint8 (Z, Y, X): 1 on foreground, 2 on background; a new array."""
        labels = self.foreground.astype(np.uint8)
        labels[self.background] = 2
        return labels

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.foreground.shape

    @property
    def is_empty(self) -> bool:
        return not (self.foreground.any() or self.background.any())

    def slices(self) -> list[int]:
        """Indices of the axial slices that carry a scribble, ascending."""
        return np.flatnonzero((self.foreground | self.background).any(axis=(1, 2))).tolist()

    def merged(self, later: Scribbles) -> Scribbles:
        """These scribbles with ``later`` ones on top: where they cross, the later scribble wins.

        Raises
        ------
        InvalidScribblesError
            If the two grids differ.
        """
        if later.shape != self.shape:
            raise InvalidScribblesError(
                _("Scribbles on a grid of {later} cannot join scribbles on {earlier}.").format(
                    later=later.shape, earlier=self.shape
                )
            )
        both = (self.foreground | later.foreground), (self.background | later.background)
        return settle(*both, since=self)._locked()

    def frozen(self) -> Scribbles:
        """These scribbles in read-only arrays that nobody else holds."""
        if not (self.foreground.flags.writeable or self.background.flags.writeable):
            return self
        return Scribbles(self.foreground.copy(), self.background.copy())._locked()

    def _locked(self) -> Scribbles:
        """These scribbles, in arrays that nobody writes into any more."""
        for name in ("foreground", "background"):
            object.__setattr__(self, name, read_only(getattr(self, name)))
        return self

    def clamp(self, probability: np.ndarray) -> np.ndarray:
        """Probabilities or a mask (Z, Y, X) with 1 on foreground and 0 on background scribbles, in place."""
        return clamp(probability, self.foreground, self.background)


def clamp(values, foreground, background):
    """Decides, for everybody, what scribbles do to a result: ``values`` with 1 and 0 on them, in place.

    Bool arrays of one shape, of numpy or of torch. Where both labels share a voxel of a coarse grid, neither
    is forced.
    """
    values[foreground & ~background] = 1
    values[background & ~foreground] = 0
    return values


def settle(foreground: np.ndarray, background: np.ndarray, since: Scribbles | None = None) -> Scribbles:
    """Decides, for everybody, who wins where scribbles cross: the later one; of two new ones, foreground.

    Parameters
    ----------
    foreground, background: bool (Z, Y, X), which may cross.
    since: the scribbles as they were decided before; what carries the other label there came later.
    """
    crossing = foreground & background
    if not crossing.any():
        return Scribbles(foreground, background)
    background_is_later = np.zeros_like(crossing) if since is None else crossing & since.foreground
    return Scribbles(foreground & ~background_is_later, background & (background_is_later | ~crossing))


def read_only(array: np.ndarray) -> np.ndarray:
    """A view of ``array`` that cannot be written into; nor can ``array`` from now on."""
    # Whoever has a view could make it writable again as long as the owner of the memory is.
    for one in (array, array.base):
        if isinstance(one, np.ndarray):
            one.setflags(write=False)
    return array.view()
