"""The quality sheet: a page for a browser with a picture of every case, what needs a look first."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import quote

from .. import __version__
from ..commands.console import DISCLAIMER
from .record import FAILED, PICTURE, REPORT, Row

NAME = "quality.html"
# A browser shows so many without trouble; the table has all.
_MOST = 1000
_HEAD = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Quality sheet</title>
<style>
body { background: #14171a; color: #f2f2f0; font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } a { color: #7fb8e0; }
.cases { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); }
.case { background: #1f2428; border-radius: 6px; overflow: hidden; padding: 0.7rem; }
.case img { display: block; max-width: 100%; height: auto; background: #14171a; }
.case h3 { font-size: 1rem; margin: 0 0 0.3rem; overflow-wrap: anywhere; }
.case p { margin: 0.3rem 0 0; } .faint { color: #9aa3ab; } .odd { color: #ffd11a; } .bad { color: #ff9d6b; }
</style>
"""


def by_doubt(rows: Sequence[Row]) -> list[Row]:
    """Failed ones first, then those with a warning; of each kind the widest likely interval first."""

    def key(row: Row) -> tuple:
        return row["status"] != FAILED, not row.get("warnings"), -(row.get("doubt_ml") or 0.0), row["id"]

    return sorted(rows, key=key)


def quality_sheet(rows: Sequence[Row]) -> bytes:
    """The page, in UTF-8; pictures and reports lie in ``cases/`` beside it."""
    ordered = by_doubt(rows)
    shown = ordered[:_MOST]
    groups = (
        ("Failed", [row for row in shown if row["status"] == FAILED]),
        ("With warnings", [row for row in shown if row["status"] != FAILED and row.get("warnings")]),
        (
            "The others, the widest likely interval first",
            [row for row in shown if row["status"] != FAILED and not row.get("warnings")],
        ),
    )
    failed = sum(row["status"] == FAILED for row in rows)
    left = f" The first {_MOST:,} are shown; results.csv has all." if len(rows) > _MOST else ""
    parts = [
        _HEAD,
        f"<h1>{len(rows):,} CTs, {failed:,} of them failed</h1>\n",
        f'<p class="faint">{escape(DISCLAIMER)} ichhpinet {escape(__version__)}.{left}</p>\n',
    ]
    for title, some in groups:
        if some:
            parts.append(f'<h2>{title}: {len(some):,}</h2>\n<div class="cases">\n')
            parts += map(_card, some)
            parts.append("</div>\n")
    return "".join([*parts, "</html>\n"]).encode(errors="replace")


def _card(row: Row) -> str:
    name = escape(row["id"])
    if row["status"] == FAILED:
        return (
            f'<div class="case"><h3>{name}</h3><p class="bad">{escape(row["error"])}</p>'
            f'<p class="faint">{escape(row["ct"])}</p></div>\n'
        )
    folder = f"cases/{quote(row['id'])}"
    likely = ""
    if row.get("likely_low_ml") is not None:
        likely = f" (likely {row['likely_low_ml']:.1f} to {row['likely_high_ml']:.1f})"
    lines = [f"<p>{row['volume_ml']:.1f} mL{likely}, foci: {row['foci']}, {escape(row['source'])}</p>"]
    if row.get("slices_to_check"):
        lines.append(f'<p class="faint">Check slices {escape(_first(row["slices_to_check"]))}</p>')
    if row.get("warnings"):
        lines.append(f'<p class="odd">{escape(row["warnings"])}</p>')
    return (
        f'<div class="case"><h3><a href="{folder}/{REPORT}">{name}</a></h3>'
        f'<img src="{folder}/{PICTURE}" loading="lazy" alt="two slices of {name}">{"".join(lines)}</div>\n'
    )


def _first(numbers: str, count: int = 6) -> str:
    listed = numbers.split()
    return ", ".join(listed[:count]) + (" and more" if len(listed) > count else "")
