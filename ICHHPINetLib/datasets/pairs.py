"""CTs and masks side by side: ``<id>_ct.nii.gz``, ``<id>_mask.nii.gz`` and perhaps ``cases.csv``."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputFileError
from .case import Case, Layout
from .files import images, number, read_table

_OTHER_COLUMNS = {"id", "slices", "bleed_slices", "bleed_voxels"}


def _ends_with(suffix: str):
    return lambda stem: stem[: -len(suffix)] if stem.endswith(suffix) else None


def _cases(folder: Path) -> list[Case]:
    cts, masks = images(folder, _ends_with("_ct")), images(folder, _ends_with("_mask"))
    rows = {row["id"]: row for row in _rows(folder / "cases.csv")}
    _check_ids(folder / "cases.csv", cts, rows)
    cases = []
    for name, ct in cts.items():
        mask, row = masks.get(name), rows.get(name)
        # Without a table, what has no mask has no bleed.
        bleeding = row is not None and number(row.get("bleed_slices")) > 0
        notes = () if mask or not bleeding else ("It has no mask, though cases.csv counts bleeding slices.",)
        cases.append(
            Case(
                name,
                ct,
                (mask,) if mask else (),
                folder.resolve().name,
                bleed_types=None if row is None else _types(row),
                bleed_free=mask is None and not bleeding,
                notes=notes,
            )
        )
    return cases


def _rows(table: Path) -> list[dict[str, str]]:
    return read_table(table, ["id"]) if table.exists() else []


def _check_ids(table: Path, cts: dict[str, Path], rows: dict[str, dict[str, str]]) -> None:
    """A case that its row does not reach would count as bleed-free; spreadsheets turn 050 into 50."""
    for name in cts.keys() - rows.keys():
        other = next((one for one in rows.keys() - cts.keys() if one.lstrip("0") == name.lstrip("0")), None)
        if other is not None:
            raise InputFileError(
                f"{table} calls case {name} '{other}'. Write its ids as the files have them; a spreadsheet "
                "drops leading zeros unless the column is text."
            )


def _types(row: dict[str, str]) -> tuple[str, ...] | None:
    """The columns beside the known ones, whose number says how many slices have this type of bleed."""
    columns = [column for column in row if column and column not in _OTHER_COLUMNS]
    return tuple(column for column in columns if number(row[column]) > 0) if columns else None


LAYOUT = Layout(
    name="CTs and masks side by side",
    expects="<id>_ct.nii.gz and <id>_mask.nii.gz; a case without a mask has no bleed",
    fits=lambda folder: bool(images(folder, _ends_with("_ct"))),
    cases=_cases,
)
