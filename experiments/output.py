"""What every experiment writes: JSON, CSV, a Markdown table and a plot."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ICHHPINetLib.commands.console import print_tables, say
from ICHHPINetLib.errors import OutputError
from ICHHPINetLib.imaging.output_files import write_bytes, write_json
from ICHHPINetLib.reporting.drawing import plain_text, require_matplotlib
from ICHHPINetLib.reporting.tables import Table, markdown

from .experiment import Cell, Findings, Spread

BLUE, ORANGE, GRAY = "#2a6f97", "#bc411c", "#8d99a6"


def prepare(folder: Path) -> None:
    """Find out before the work whether it can be written and drawn.

    Raises
    ------
    OutputError, MissingPackageError
    """
    require_matplotlib()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"The folder {folder} cannot be made ({error.strerror}). Name another one with --output."
        ) from error


def write(folder: Path, name: str, title: str, found: Findings) -> None:
    """Write ``<name>.json``, ``.csv``, ``.md`` and ``.png`` into ``folder``, and print the table."""
    main = Table(title, tuple(found.columns), tuple(tuple(map(text_of, row)) for row in found.rows))
    shown = [main, *found.tables]
    rows = [dict(zip(found.columns, map(_plain, row), strict=True)) for row in found.rows]
    content = {"experiment": name, "title": title, "notes": list(found.notes), "rows": rows}
    text = "\n\n".join([f"# {title}", markdown(shown), *found.notes, f"![{title}]({name}.png)"]) + "\n"
    write_json(folder / f"{name}.json", {**content, **found.content})
    write_bytes(folder / f"{name}.csv", _csv(found).encode())
    write_bytes(folder / f"{name}.md", text.encode())
    write_bytes(folder / f"{name}.png", picture_of(found))
    print_tables(shown)
    for note in found.notes:
        say(note)
    say(f"Written to {folder}: {name}.json, .csv, .md, .png")


def text_of(cell: Cell) -> str:
    """A cell for people: three decimals, four where a figure is tiny."""
    if cell is None:
        return "-"
    if isinstance(cell, Spread):
        return text_of(cell.mean) if cell.sd is None else f"{text_of(cell.mean)} ± {text_of(cell.sd)}"
    if isinstance(cell, float):
        return f"{cell:.4f}" if abs(cell) < 0.01 else f"{cell:.1f}" if abs(cell) >= 10 else f"{cell:.3f}"
    return str(cell)


@plain_text()
def picture_of(found: Findings) -> bytes:
    """The plot as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot there is no global state and no need for a screen.
    figure = Figure(figsize=found.size, layout="constrained")
    FigureCanvasAgg(figure)
    found.draw(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def bars(
    groups: Sequence[str], ours: Sequence[Spread | None], theirs: Sequence[Spread | None], title: str
) -> Callable[[Any], None]:
    """Draws Dice of each group, ours beside the paper's where it has any."""
    published = any(theirs)

    def draw(figure) -> None:
        ax = figure.add_subplot()
        series = [(ours, "ours", BLUE, -0.2 if published else 0.0)]
        series += [(theirs, "paper (other protocol)", GRAY, 0.2)] if published else []
        for values, label, color, shift in series:
            known = [(index + shift, *value) for index, value in enumerate(values) if value]
            if known:
                ax.bar(*list(zip(*known, strict=True))[:2], 0.38, color=color, label=label)
            # A bar of no length would claim an SD of zero where one fold has none.
            spread = [one for one in known if one[2] is not None]
            if spread:
                ax.errorbar(*zip(*spread, strict=True), fmt="none", ecolor="black", capsize=3)
        rotated = max(map(len, groups)) * len(groups) > 70
        ax.set_xticks(
            range(len(groups)), groups, rotation=30 if rotated else 0, ha="right" if rotated else "center"
        )
        ax.set_ylim(0, 1)
        ax.set_ylabel("Dice")
        ax.set_title(f"{title}, and as published" if published else title)
        if published:
            ax.legend(loc="lower right")
        ax.spines[["top", "right"]].set_visible(False)

    return draw


def curves(series: dict[str, Sequence[float]], title: str) -> Callable[[Any], None]:
    """Draws a curve of Dice over rounds for each of ``series``; those named "paper" are dashed."""

    def draw(figure) -> None:
        ax = figure.add_subplot()
        for name, values in series.items():
            style = {"color": GRAY, "linestyle": "--"} if name.startswith("paper") else {}
            ax.plot(range(1, 1 + len(values)), values, marker="o", label=name, **style)
        ax.set(xlabel="round", ylabel="Dice", title=title)
        ax.legend()
        ax.spines[["top", "right"]].set_visible(False)

    return draw


def _plain(cell: Cell) -> Any:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell._asdict() if isinstance(cell, Spread) else cell


def _csv(found: Findings) -> str:
    """Full precision; a column with spreads becomes two."""
    columns = []
    for name, cells in zip(found.columns, zip(*found.rows, strict=True), strict=True):
        pairs = [cell if isinstance(cell, Spread) else (cell, None) for cell in cells]
        columns.append((name, *(value for value, _ in pairs)))
        if any(isinstance(cell, Spread) for cell in cells):
            columns.append((f"{name} SD", *(sd for _, sd in pairs)))
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows(zip(*columns, strict=True))
    return buffer.getvalue()
