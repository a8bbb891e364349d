"""How pictures of CTs are drawn: colors, window, head, masks and outlines; shared by all of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from ..errors import MissingPackageError

# Brain window and the colors of the scene's segments, so that sheet and Slicer look alike.
_WINDOW_HU = (0.0, 80.0)
MASK, MASK_EDGE = "#bc411c", "#ff9d6b"
FOREGROUND, BACKGROUND, DOUBT = "#ffd11a", "#40a0ff", "#d9d9d9"
PAGE, INK, FAINT, TRUTH = "#14171a", "#f2f2f0", "#9aa3ab", "#7fe0c0"
_AIR_HU = -300.0
_MARGIN_MM = 6.0
DISCLAIMER = "Research use only, not a medical device"


@contextmanager
def plain_text() -> Iterator[None]:
    """Texts drawn in the block are what they are: a CT may be called "$20_Kopf^". Needs matplotlib."""
    require_matplotlib()
    from matplotlib import rc_context

    with rc_context({"text.parse_math": False, "text.usetex": False}):
        yield


def require_matplotlib() -> None:
    """MissingPackageError where nothing can be drawn."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError as error:
        raise MissingPackageError("Pictures need matplotlib. Run: pip install matplotlib") from error


def new_figure(size: tuple[float, float]):
    """An empty page of ``size`` inches, width and height."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot there is no global state and no need for a screen.
    figure = Figure(figsize=size, facecolor=PAGE)
    FigureCanvasAgg(figure)
    return figure


def png(figure) -> bytes:
    """The page as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, facecolor=PAGE)
    return buffer.getvalue()


def head_box(volume: np.ndarray, spacing: tuple[float, float, float]) -> tuple[slice, slice]:
    """In-plane part of the volume that holds the head."""
    seen = (volume > _AIR_HU).sum(axis=0) > 1
    box = []
    for axis, step in ((0, spacing[1]), (1, spacing[2])):
        used = np.flatnonzero(seen.any(axis=1 - axis))
        margin = round(_MARGIN_MM / step)
        low, high = (used[0], used[-1]) if used.size else (0, seen.shape[axis] - 1)
        box.append(slice(max(0, int(low) - margin), min(seen.shape[axis], int(high) + margin + 1)))
    return box[0], box[1]


def show_ct(ax, plane: np.ndarray, spacing: tuple[float, float, float]) -> None:
    """HU (Y, X) of a slice in the brain window."""
    ax.imshow(
        plane,
        cmap="gray",
        vmin=_WINDOW_HU[0],
        vmax=_WINDOW_HU[1],
        aspect=spacing[1] / spacing[2],
        interpolation="bilinear",
    )
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set_visible(False)


def show_mask(ax, mask: np.ndarray, truth: np.ndarray | None) -> None:
    """A mask (Y, X), and the outline of what it is compared with."""
    fill(ax, mask, MASK, 0.45)
    if truth is not None:
        outline(ax, truth, TRUTH, 0.9)
    outline(ax, mask, MASK_EDGE, 1.1)


def fill(ax, mask: np.ndarray, color: str, opacity: float) -> None:
    """Color a mask (Y, X)."""
    from matplotlib.colors import to_rgb

    if mask.any():
        layer = np.zeros((*mask.shape, 4), np.float32)
        layer[..., :3] = to_rgb(color)
        layer[..., 3] = np.where(mask, opacity, 0.0)
        ax.imshow(layer, aspect=ax.get_aspect(), interpolation="nearest")


def outline(ax, mask: np.ndarray, color: str, width: float) -> None:
    """Draw the border of a mask (Y, X)."""
    if mask.any():
        ax.contour(mask, levels=[0.5], colors=[color], linewidths=width)


def orientation_letters(ax) -> None:
    """Where right, left and front are."""
    for x, y, letter in ((0.03, 0.5, "R"), (0.97, 0.5, "L"), (0.5, 0.97, "A")):
        ax.text(x, y, letter, transform=ax.transAxes, color=FAINT, fontsize=8, ha="center", va="center")
