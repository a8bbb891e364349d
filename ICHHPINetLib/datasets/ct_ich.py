"""CT-ICH 1.3.1 as PhysioNet hands it out (Hssayeni et al., Data 2020, 5(1), 14).

``hemorrhage_diagnosis_raw_ct.csv`` has a row a slice with the bleed types as 0 and 1;
``Patient_demographics.csv`` a row a patient, its header in two rows with a line break
inside of a column's name.
"""

from __future__ import annotations

from pathlib import Path

from .case import BLEED_TYPES, Case, Layout
from .files import images, number, pair, read_table

_DIAGNOSES = "hemorrhage_diagnosis_raw_ct.csv"
_DEMOGRAPHICS = "patient_demographics.csv"
_ADULT_YEARS = 18


def _cases(folder: Path) -> list[Case]:
    scans, drawn = folder / "ct_scans", folder / "masks"
    cts = images(scans)
    masks = pair(cts, images(drawn), (scans, drawn))
    types = _types(folder / _DIAGNOSES)
    remarks = _remarks(folder)
    cases = []
    for name, ct in cts.items():
        patient = int(name) if name.isdigit() else None
        mask, found = masks[name], types.get(patient)
        bleed_free = mask is None and found == ()
        missing = () if mask or bleed_free else (f"It has no mask in {drawn.name}.",)
        cases.append(
            Case(
                name,
                ct,
                (mask,) if mask else (),
                "CT-ICH",
                bleed_types=found,
                bleed_free=bleed_free,
                notes=(*missing, *remarks.get(patient, ())),
            )
        )
    return cases


def _types(table: Path) -> dict[int, tuple[str, ...]]:
    """Bleed types of each patient: those of any slice."""
    if not table.exists():
        return {}
    columns = {kind: kind.capitalize() for kind in BLEED_TYPES}
    found: dict[int, set[str]] = {}
    for row in read_table(table, ["PatientNumber", *columns.values()]):
        kinds = {kind for kind, column in columns.items() if number(row[column]) > 0}
        found.setdefault(int(number(row["PatientNumber"])), set()).update(kinds)
    return {patient: tuple(kind for kind in BLEED_TYPES if kind in kinds) for patient, kinds in found.items()}


def _remarks(folder: Path) -> dict[int, tuple[str, ...]]:
    """Of each patient the data set's own note, and the age of a child: its skull and brain look different."""
    # Releases differ in the case of the first letter.
    table = next((path for path in sorted(folder.iterdir()) if path.name.lower() == _DEMOGRAPHICS), None)
    remarks: dict[int, tuple[str, ...]] = {}
    for row in read_table(table, ["Patient Number"]) if table else []:
        cells = {" ".join(column.split()): (cell or "").strip() for column, cell in row.items() if column}
        patient = int(number(cells["Patient Number"]))
        age = number(next((cell for column, cell in cells.items() if column.startswith("Age")), None))
        said = [f"A child of {age:g} years."] if 0 < age < _ADULT_YEARS else []
        said += [cell for column, cell in cells.items() if column.startswith("Note") and cell]
        if patient:
            remarks[patient] = tuple(said)
    return remarks


LAYOUT = Layout(
    name="CT-ICH of PhysioNet",
    expects=f"ct_scans/NNN.nii and masks/NNN.nii, with {_DIAGNOSES}",
    fits=lambda folder: bool(images(folder / "ct_scans")) and (folder / "masks").is_dir(),
    cases=_cases,
)
