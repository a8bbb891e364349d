"""The picture of a case on the quality sheet: two slices with the mask and what is in doubt."""

from __future__ import annotations

import numpy as np

from ..imaging.ct import CT
from ..interaction.doubt import Doubt
from ..reporting.drawing import (
    DOUBT,
    INK,
    head_box,
    new_figure,
    outline,
    plain_text,
    png,
    show_ct,
    show_mask,
)
from ..reporting.key_image import slice_with_most

_SIDE = 2.0


@plain_text()
def thumbnail(ct: CT, mask: np.ndarray, doubt: Doubt | None) -> bytes:
    """PNG of the slice with most blood and of the most doubtful other one; ``mask`` is (Z, Y, X)."""
    shown = [slice_with_most(mask)]
    if doubt is not None:
        shown += [index for index in np.argsort(-doubt.areas, kind="stable").tolist() if index not in shown][
            :1
        ]
    box = head_box(ct.hu, ct.spacing)
    figure = new_figure((_SIDE * len(shown), _SIDE * 1.15))
    for number, index in enumerate(shown):
        ax = figure.add_axes((number / len(shown), 0, 1 / len(shown), 0.92))
        show_ct(ax, ct.hu[index][box], ct.spacing)
        show_mask(ax, mask[index][box], None)
        if doubt is not None:
            outline(ax, doubt.outline(index)[box], DOUBT, 0.7)
        ax.set_title(f"slice {index}", color=INK, fontsize=7, pad=2)
    return png(figure)
