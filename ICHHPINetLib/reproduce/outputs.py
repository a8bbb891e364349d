"""What every experiment writes: JSON, CSV, a Markdown table and a plot."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from ..commands.console import say
from ..errors import OutputError
from ..evaluation.figures import plain_text, require_matplotlib
from ..evaluation.report import Table, markdown, print_tables
from ..imaging.output_files import write_bytes, write_json

BLUE, ORANGE, GRAY = "#2a6f97", "#bc411c", "#8d99a6"


class Spread(NamedTuple):
    """A mean with the SD behind it; None where there is one value alone."""

    mean: float
    sd: float | None


Cell = str | float | int | Spread | None


@dataclass(frozen=True)
class Findings:
    """An experiment's result.

    ``rows`` have a cell for each of ``columns``, the first one a label; ``notes`` are plain
    sentences, what is comparable among them; ``content`` goes into the JSON beside the rows;
    ``tables`` follow the main one in the Markdown; ``draw`` fills an empty matplotlib figure.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str]
    draw: Callable[[Any], None]
    content: dict[str, Any] = field(default_factory=dict)
    tables: Sequence[Table] = ()
    size: tuple[float, float] = (8.0, 4.5)


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


def write(folder: Path, findings: Findings) -> None:
    """Write ``<name>.json``, ``.csv``, ``.md`` and ``.png`` into ``folder``, and print the table."""
    main = table(findings)
    shown = [main, *findings.tables]
    rows = [dict(zip(findings.columns, map(_plain, row), strict=True)) for row in findings.rows]
    content = {"experiment": findings.name, "title": findings.title, "notes": list(findings.notes)}
    write_json(folder / f"{findings.name}.json", {**content, "rows": rows, **findings.content})
    write_bytes(folder / f"{findings.name}.csv", _csv(findings).encode())
    picture = f"![{findings.title}]({findings.name}.png)"
    text = "\n\n".join([f"# {findings.title}", markdown(shown), *findings.notes, picture]) + "\n"
    write_bytes(folder / f"{findings.name}.md", text.encode())
    write_bytes(folder / f"{findings.name}.png", picture_of(findings.draw, findings.size))
    print_tables(shown)
    for note in findings.notes:
        say(note)
    say(f"Written to {folder}: {findings.name}.json, .csv, .md, .png")


def table(findings: Findings) -> Table:
    """The main table as text."""
    rows = tuple(tuple(map(text_of, row)) for row in findings.rows)
    return Table(findings.title, findings.columns, rows)


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
def picture_of(draw: Callable[[Any], None], size: tuple[float, float]) -> bytes:
    """PNG of what ``draw`` makes of an empty figure of ``size`` inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Without pyplot there is no global state and no need for a screen.
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def bars(
    groups: Sequence[str], ours: Sequence[Spread | None], theirs: Sequence[Spread | None], title: str
) -> Callable[[Any], None]:
    """Draws Dice of each group, ours beside the paper's where it has any."""
    published = any(value is not None for value in theirs)

    def draw(figure) -> None:
        ax = figure.add_subplot()
        series = [(ours, "ours", BLUE, -0.2 if published else 0.0)]
        if published:
            series.append((theirs, "paper (other protocol)", GRAY, 0.2))
        for values, label, color, shift in series:
            known = [(index, value) for index, value in enumerate(values) if value is not None]
            if not known:
                continue
            places = [index + shift for index, _ in known]
            ax.bar(places, [value.mean for _, value in known], 0.38, color=color, label=label)
            # A bar of no length would claim an SD of zero where one fold has none.
            spread = [(index + shift, value) for index, value in known if value.sd is not None]
            if spread:
                ax.errorbar(
                    [place for place, _ in spread],
                    [value.mean for _, value in spread],
                    [value.sd for _, value in spread],
                    fmt="none",
                    ecolor="black",
                    capsize=3,
                )
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


def curves(series: dict[str, Sequence[float]], title: str, label: str = "Dice") -> Callable[[Any], None]:
    """Draws a curve over rounds for each of ``series``; those named "paper" are dashed."""

    def draw(figure) -> None:
        ax = figure.add_subplot()
        for name, values in series.items():
            published = name.startswith("paper")
            style = {"color": GRAY, "linestyle": "--"} if published else {}
            ax.plot(range(1, 1 + len(values)), values, marker="o", label=name, **style)
        ax.set_xlabel("round")
        ax.set_ylabel(label)
        ax.set_title(title)
        ax.legend()
        ax.spines[["top", "right"]].set_visible(False)

    return draw


def _plain(cell: Cell) -> Any:
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell._asdict() if isinstance(cell, Spread) else cell


def _csv(findings: Findings) -> str:
    """Full precision; a column with spreads becomes two."""
    spread = [any(isinstance(row[i], Spread) for row in findings.rows) for i in range(len(findings.columns))]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    header = [
        [name, f"{name} SD"] if wide else [name] for name, wide in zip(findings.columns, spread, strict=True)
    ]
    writer.writerow([name for names in header for name in names])
    for row in findings.rows:
        line = []
        for cell, wide in zip(row, spread, strict=True):
            pair = tuple(cell) if isinstance(cell, Spread) else (cell, None)
            line += pair if wide else pair[:1]
        writer.writerow(["" if value is None else value for value in line])
    return buffer.getvalue()
