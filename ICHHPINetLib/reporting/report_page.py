"""One page about one hematoma, to print or to file: CT, outline, doubt, numbers, and what made them."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np

from .. import __version__
from ..imaging.ct import CT
from ..interaction.doubt import Doubt
from ..measurement.finding import Finding
from .drawing import (
    DISCLAIMER,
    DOUBT,
    MASK,
    MASK_EDGE,
    fill,
    head_box,
    new_figure,
    orientation_letters,
    outline,
    plain_text,
    show_ct,
)
from .key_image import slice_with_most

# A4, in inches; dark on white, as it is printed.
_WIDTH, _HEIGHT, _MARGIN = 8.27, 11.69, 0.55
_PAPER, _INK, _FAINT, _RULE = "#ffffff", "#16191c", "#5a626a", "#c4c9ce"
_SLICES, _ROUNDS = 3, 8
_LINE, _SIZE, _LETTERS = 0.155, 8.5, 110
_MOST_WARNINGS = 12
_TALLEST, _APART_MM = 2.75, 3.0


class ListedRound(NamedTuple):
    """A round as the page lists it; ``scribbled_slices`` is how many, 0 of a first guess."""

    number: int
    volume_ml: float
    abc2_ml: float
    scribbled_slices: int
    seconds: float
    device: str


@dataclass(frozen=True)
class Report:
    """What the page tells.

    Attributes
    ----------
    ct: on whose voxels the mask of ``finding`` lies.
    rounds: all, oldest first.
    doubt: about the last round; None where it is not known, as after a reload.
    acquired: when the CT was taken, for people; empty where nobody knows.
    warnings: all that is to be known of CT and result.
    """

    ct: CT
    finding: Finding
    rounds: Sequence[ListedRound]
    doubt: Doubt | None = None
    acquired: str = ""
    warnings: Sequence[str] = ()


def report_pdf(report: Report) -> bytes:
    """The page as PDF, with text that can be searched. Raises MissingPackageError without matplotlib."""
    figure = report_page(report)
    from matplotlib import rc_context

    buffer = io.BytesIO()
    about = {"Title": f"{report.ct.name}: intracranial hemorrhage", "Subject": DISCLAIMER}
    about["Creator"] = f"ichhpinet {__version__}"
    with rc_context({"pdf.fonttype": 42}):
        figure.savefig(buffer, format="pdf", dpi=200, facecolor=_PAPER, metadata=about)
    return buffer.getvalue()


@plain_text()
def report_page(report: Report):
    """The page as a figure of matplotlib. Raises MissingPackageError without it."""
    figure = new_figure((_WIDTH, _HEIGHT))
    page = _Page(figure)
    _head(page, report)
    _numbers(page, report)
    notes, rounds = _warnings(report), report.rounds[-_ROUNDS:]
    # Pictures get what the texts below them leave.
    below = 1.75 + _LINE * (len(rounds) + len(notes))
    _pictures(page, report, page.left_inches - below)
    _rounds(page, report, rounds)
    if notes:
        page.heading("To be known")
        page.lines(notes)
    _foot(page, report)
    return figure


class _Page:
    """Writes from top to bottom; places in inches."""

    def __init__(self, figure) -> None:
        self.figure, self._y = figure, _HEIGHT - _MARGIN

    @property
    def left_inches(self) -> float:
        """Height down to the lower margin."""
        return self._y - _MARGIN

    def text(self, x: float, text: str, size: float = _SIZE, **style) -> None:
        """A text whose upper end is at the present height, ``x`` from the left margin."""
        style = {"color": _INK, "va": "top", **style}
        at = x / _WIDTH if style.get("ha") == "right" else (_MARGIN + x) / _WIDTH
        self.figure.text(at, self._y / _HEIGHT, text, fontsize=size, **style)

    def down(self, inches: float) -> None:
        self._y -= inches

    def to(self, inches: float) -> None:
        self._y = inches

    def rule(self) -> None:
        from matplotlib.lines import Line2D

        ends = [_MARGIN / _WIDTH, 1 - _MARGIN / _WIDTH]
        self.figure.add_artist(Line2D(ends, [self._y / _HEIGHT] * 2, color=_RULE, linewidth=0.8))
        self.down(0.1)

    def heading(self, text: str) -> None:
        self.down(0.1)
        self.text(0, text, 9.5, weight="bold")
        self.down(0.21)

    def lines(self, lines: Sequence[str], color: str = _INK, size: float = _SIZE) -> None:
        for line in lines:
            self.text(0, line, size, color=color)
            self.down(_LINE)

    def axes(self, x: float, width: float, height: float):
        """A picture from the present height down."""
        place = ((_MARGIN + x) / _WIDTH, (self._y - height) / _HEIGHT, width / _WIDTH, height / _HEIGHT)
        return self.figure.add_axes(place)


def _head(page: _Page, report: Report) -> None:
    page.text(0, "Intracranial hemorrhage on CT", 14, weight="bold")
    page.text(_WIDTH - _MARGIN, DISCLAIMER, 9.5, weight="bold", ha="right")
    page.down(0.3)
    deep, step = report.ct.shape[0], report.ct.spacing[0]
    slices = report.ct.geometry.slices if report.ct.geometry is not None else ""
    known = [
        _cut(report.ct.name, 50),
        f"taken {report.acquired}" if report.acquired else "time of the CT not known",
        slices or f"{deep} slices, {step:.3g} mm apart",
    ]
    page.text(0, "  ·  ".join(known), 9, color=_FAINT)
    page.down(0.24)
    page.rule()


def _numbers(page: _Page, report: Report) -> None:
    finding, numbers = report.finding, report.finding.numbers
    what = "All marked blood, ventricles included"
    page.text(0, "First guess, not checked by anybody" if finding.is_guess else what, 9.5, color=_FAINT)
    page.down(0.19)
    page.text(0, f"{numbers.volume_ml:.1f} mL" if numbers.volume_ml else "Nothing marked", 25, weight="bold")
    rows = []
    if numbers.volume_ml:
        rows.append(("ABC/2", f"{numbers.abc2_ml:.1f} mL"))
        rows.append(("A x B x C", f"{numbers.a_mm:.0f} x {numbers.b_mm:.0f} x {numbers.c_mm:.0f} mm"))
        rows.append(("Foci", f"{numbers.foci}, in {numbers.slices} slices"))
    if numbers.hu_mean is not None:
        rows.append(("Density", f"{numbers.hu_mean:.0f} ± {numbers.hu_sd:.0f} HU"))
    top = page.left_inches + _MARGIN + 0.19
    for number, (name, value) in enumerate(rows):
        page.to(top - 0.19 * number)
        page.text(4.1, name, 9.5, color=_FAINT)
        page.text(5.0, value, 9.5)
    page.to(top - 0.62)
    likely = "The likely range is not known."
    if finding.interval_ml is not None:
        likely = "likely {:.1f} to {:.1f} mL; the true volume may lie outside".format(*finding.interval_ml)
    if not numbers.volume_ml:
        likely = "This does not mean that there is no bleed."
    page.text(0, likely, 9.5)
    page.down(0.24)
    page.rule()


def _pictures(page: _Page, report: Report, room: float) -> None:
    """The slices that tell most, as they are and below with outline and doubt."""
    ct, mask, doubt = report.ct, np.asarray(report.finding.mask) != 0, report.doubt
    box = head_box(ct.hu, ct.spacing)
    high, wide = ((part.stop - part.start) * step for part, step in zip(box, ct.spacing[1:], strict=True))
    width = (_WIDTH - 2 * _MARGIN - 0.1 * (_SLICES - 1)) / _SLICES
    height = min(_TALLEST, width * high / wide, (room - 0.45) / 2)
    chosen = shown_slices(mask, doubt, ct.spacing[0])
    # Narrower than their part of the page, where there is little height.
    width = min(width, height * wide / high)
    for column, index in enumerate(chosen):
        x = column * (width + 0.1)
        page.text(x, f"slice {index}", 8, color=_FAINT)
    page.down(0.16)
    for marked in (False, True):
        for column, index in enumerate(chosen):
            ax = page.axes(column * (width + 0.1), width, height)
            show_ct(ax, ct.hu[index][box], ct.spacing)
            if marked:
                fill(ax, mask[index][box], MASK, 0.3)
                if doubt is not None:
                    outline(ax, doubt.outline(index)[box], DOUBT, 0.7)
                outline(ax, mask[index][box], MASK_EDGE, 1.0)
            elif not column:
                orientation_letters(ax)
        page.down(height + 0.05)
    words = [
        "Orange: hematoma.",
        "Gray line: in doubt." if doubt is not None else "What is in doubt is not known.",
    ]
    if doubt is not None and doubt.slices:
        words.append(f"To be checked first: slice {', '.join(map(str, doubt.slices[:3]))}.")
    page.text(0, " ".join(words), 8, color=_FAINT)
    page.text(_WIDTH - _MARGIN, "Brain window; slices from 0, feet to head.", 8, color=_FAINT, ha="right")
    page.down(0.17)


def shown_slices(mask: np.ndarray, doubt: Doubt | None, step_mm: float) -> list[int]:
    """Up to three slices, head to feet: with most blood, most in doubt, and from the rest of the bleed.

    Of slices ``step_mm`` apart, those that would show the same thing are left out.
    """
    most, marked = slice_with_most(mask), np.flatnonzero(mask.any(axis=(1, 2)))
    spread = marked if marked.size else np.arange(len(mask))
    wanted = [most, *(doubt.slices[:1] if doubt is not None else ())]
    wanted += [int(spread[round(share * (len(spread) - 1))]) for share in (0.2, 0.8)]
    # Of a small bleed, what lies around it.
    wanted += sorted(range(len(mask)), key=lambda index: abs(index - most))
    chosen: list[int] = []
    for index in wanted:
        if len(chosen) < _SLICES and all(abs(index - one) * step_mm >= _APART_MM for one in chosen):
            chosen.append(index)
    return sorted(chosen, reverse=True)


def _rounds(page: _Page, report: Report, rounds: Sequence[ListedRound]) -> None:
    left_out = len(report.rounds) - len(rounds)
    page.heading(f"Rounds (the last {len(rounds)} of {len(report.rounds)})" if left_out else "Rounds")
    columns = (0.0, 0.7, 1.9, 3.1, 4.9, 5.9)
    names = ("Round", "Volume (mL)", "ABC/2 (mL)", "Scribbled", "Time (s)", "Device")
    rows = [names, *map(_cells, rounds)]
    for row in rows:
        for x, cell in zip(columns, row, strict=True):
            page.text(x, cell, color=_FAINT if row is names else _INK)
        page.down(_LINE)


def _cells(one: ListedRound) -> tuple[str, ...]:
    drawn = f"{one.scribbled_slices} slice{'' if one.scribbled_slices == 1 else 's'}"
    return (
        str(one.number),
        f"{one.volume_ml:.1f}" if one.volume_ml else "nothing marked",
        f"{one.abc2_ml:.1f}" if one.volume_ml else "",
        drawn if one.scribbled_slices else "first guess" if one.number == 1 else "nothing new",
        f"{one.seconds:.1f}",
        one.device,
    )


def _warnings(report: Report) -> list[str]:
    """Lines; where they are too many for the page, the last says so."""
    said = list(dict.fromkeys(report.warnings))
    lines = [line for text in said for line in textwrap.wrap(text, _LETTERS, subsequent_indent="   ")]
    if len(lines) > _MOST_WARNINGS:
        more = "... and more, which the panel, the command line and the numbers (.json) have in full."
        return [*lines[: _MOST_WARNINGS - 1], more]
    return lines


def _foot(page: _Page, report: Report) -> None:
    finding = report.finding
    made = datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    page.to(_MARGIN + 4 * 0.135 + 0.1)
    page.rule()
    weights = f"'{_cut(finding.weights, 26)}'" + (
        f" (SHA256 {finding.sha256[:16]})" if finding.sha256 else ""
    )
    devices = ", ".join(dict.fromkeys(one.device for one in report.rounds if one.device)) or "not known"
    volumes = "Volume: of all marked voxels. ABC/2: the bedside estimate, for comparison."
    for text in (
        f"Made {made} by ichhpinet {__version__}, network {weights}, device {devices}.",
        f"{volumes} Likely: a rough range from what is in doubt.",
        f"{DISCLAIMER}. Check every slice of the CT; nobody has signed this page.",
    ):
        page.text(0, text, 7.5, color=_FAINT)
        page.down(0.135)


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 3]}..."
