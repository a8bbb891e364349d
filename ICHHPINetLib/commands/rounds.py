"""Rounds run one after the other, and what is written and printed about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__
from ..imaging.scribble_files import read_scribbles
from ..interaction.result import RoundResult
from ..interaction.scribbles import Scribbles
from ..measurement import Measurement, measure
from ..measurement.finding import Finding
from ..reporting.contact_sheet import RoundPanel
from ..reporting.report_page import ListedRound
from ..reporting.tables import Table
from .console import DISCLAIMER, RoundProgress, console, print_tables, progress_bar, say

if TYPE_CHECKING:
    import argparse

    from ..imaging.ct import CT
    from ..interaction.session import InteractiveSession


_CHECKED_FIRST = 3
# For each round, what draws its scribbles onto the mask so far; None for the guess that needs none.
Draw = Callable[[np.ndarray], Scribbles] | None


@dataclass(frozen=True)
class FinishedRound:
    """A round, the scribbles that were new in it, and all scribbles behind it; arrays (Z, Y, X).

    ``dice`` against the truth, where there is one.
    """

    result: RoundResult
    measurement: Measurement
    new_scribbles: Scribbles
    all_scribbles: Scribbles
    dice: float | None = None

    @property
    def is_guess(self) -> bool:
        """Whether no scribble is behind it."""
        return self.all_scribbles.is_empty

    def as_panel(self) -> RoundPanel:
        """The round as the contact sheet draws it."""
        return RoundPanel(
            self.result.mask, self.new_scribbles, self.measurement.volume_ml, self.dice, self.result.doubt
        )

    def as_listed(self) -> ListedRound:
        """The round as the report's page lists it."""
        numbers, result, drawn = self.measurement, self.result, self.new_scribbles.slices()
        return ListedRound(
            result.round, numbers.volume_ml, numbers.abc2_ml, len(drawn), result.seconds, result.device
        )


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Options that every command with a network has."""
    parser.add_argument(
        "--device",
        default="auto",
        metavar="NAME",
        help="where to compute: auto (a GPU if there is one), cpu, cuda, cuda:1, mps (default: auto)",
    )
    parser.add_argument(
        "--weights",
        default="default",
        metavar="NAME|FILE",
        help="network to use: 'default', which is shipped, or a .safetensors file (default: default)",
    )


def open_session(arguments: argparse.Namespace, ct: CT) -> tuple[Any, InteractiveSession]:
    """(network, session) for ``ct``."""
    from ..weights.loading import load_network

    with console().status("loading the network"):
        network = load_network(arguments.weights, device=arguments.device)
        # Imports torch, whose absence the line above explains.
        from ..interaction.session import InteractiveSession

        return network, InteractiveSession(network, ct)


def read_rounds(paths: Sequence[Path], ct: CT, guess: bool, has_start: bool = False) -> list[Draw]:
    """For ``run_rounds``, the scribbles of files, one a round, after a first guess if that is wanted.

    Where neither a guess nor a mask to start from comes before, the first file must mark blood. Raises
    InputFileError or InvalidScribblesError, as ``read_scribbles``.
    """
    rounds = [
        read_scribbles(path, ct, require_foreground=number == 0 and not guess and not has_start)
        for number, path in enumerate(paths)
    ]
    return [*([None] if guess else []), *(lambda mask, one=one: one for one in rounds)]


def run_rounds(
    session: InteractiveSession,
    ct: CT,
    scribbles: Iterable[Draw],
    dice: Callable[[np.ndarray], float] | None = None,
    quiet: bool = False,
) -> list[FinishedRound]:
    """Run a round for each of ``scribbles``, which gets the mask so far and gives the round's scribbles.

    None instead, as the first, asks for the guess that needs no scribbles. Where ``quiet``, no progress is
    shown.
    """
    scribbles = list(scribbles)
    finished = []
    with nullcontext(lambda fraction, text: None) if quiet else progress_bar("starting") as show:
        progress = RoundProgress(show, len(scribbles))
        for draw in scribbles:
            progress.start()
            if draw is None:
                new, result = Scribbles.empty(session.shape), session.guess(on_progress=progress)
            else:
                new = draw(session.mask)
                result = session.refine(new, on_progress=progress)
            score = None if dice is None else dice(result.mask)
            numbers = measure(result.mask, ct.spacing, ct.hu)
            finished.append(FinishedRound(result, numbers, new, session.scribbles, score))
    return finished


def finding_of(network: Any, rounds: Sequence[FinishedRound]) -> Finding:
    """What the last round found."""
    last = rounds[-1]
    interval = None if last.result.doubt is None else last.result.doubt.interval_ml
    return Finding(
        last.result.mask, last.measurement, len(rounds), interval, last.is_guess, network.name, network.sha256
    )


def warnings_of(ct: CT, session: InteractiveSession, finished: Sequence[FinishedRound]) -> list[str]:
    """What is odd about the CT, and what is to be said of the last round; each sentence once."""
    return list(dict.fromkeys([*ct.warnings, *session.warnings, *finished[-1].result.notes]))


def print_rounds(title: str, rounds: Sequence[FinishedRound], start_ml: float = 0.0) -> None:
    """Print the table of rounds and the headline; ``start_ml`` is the volume before the first of them."""
    has_truth = any(one.dice is not None for one in rounds)
    columns = ("Round", "Volume (mL)", "Change (mL)", "ABC/2 (mL)", "Drawn on", "Time (s)")
    rows = []
    before = start_ml
    for one in rounds:
        volume = one.measurement.volume_ml
        row = (
            str(one.result.round),
            f"{volume:.1f}",
            f"{volume - before:+.1f}",
            f"{one.measurement.abc2_ml:.1f}",
            _places(one.new_scribbles.slices()),
            f"{one.result.seconds:.1f}",
        )
        rows.append((*row, f"{one.dice:.3f}") if has_truth else row)
        before = volume
    print_tables([Table(title, (*columns, "Dice") if has_truth else columns, tuple(rows))])
    last = rounds[-1]
    what = "First guess, not checked yet" if last.is_guess else "Hematoma"
    volume = f"{last.measurement.volume_ml:.1f} mL{_interval(last)}, all marked blood, ventricles included"
    if last.is_guess and not last.measurement.volume_ml:
        # "0.0 mL" would read as an all-clear.
        volume = "nothing marked, which does not mean that there is no bleed"
    say(f"{what}: {volume}. {DISCLAIMER}")
    if last.result.doubt is not None and last.result.doubt.slices:
        say(f"Check first: {_listed(last.result.doubt.slices)}.")
    say(f"Computed with '{last.result.model}' on {last.result.device}.")


def _interval(one: FinishedRound) -> str:
    if one.result.doubt is None:
        return ""
    low, high = one.result.doubt.interval_ml
    return f" (likely {low:.1f} to {high:.1f})"


def _listed(slices: Sequence[int]) -> str:
    shown = [str(index) for index in slices[:_CHECKED_FIRST]]
    if len(shown) == 1:
        return f"slice {shown[0]}"
    return f"slices {', '.join(shown[:-1])} and {shown[-1]}"


def _places(slices: Sequence[int]) -> str:
    if not slices:
        return "first guess"
    return f"slice {slices[0]}" if len(slices) == 1 else f"{len(slices)} slices"


def report(
    name: str, network: Any, rounds: Sequence[FinishedRound], warnings: Sequence[str]
) -> dict[str, Any]:
    """Everything about the rounds as JSON-ready values."""
    return {
        "ct": name,
        "notice": DISCLAIMER,
        "software": f"ichhpinet {__version__}",
        "network": {
            "name": network.name,
            "sha256": network.sha256,
            "training": network.about.get("training"),
        },
        "volume_is": "all marked intracranial blood, ventricles included",
        "slice_numbers": "from 0, feet to head",
        "warnings": list(warnings),
        "volume_ml": rounds[-1].measurement.volume_ml,
        "rounds": [_round_report(one) for one in rounds],
    }


def _round_report(one: FinishedRound) -> dict[str, Any]:
    content = {
        "round": one.result.round,
        **one.measurement.as_dict(),
        "scribbled_slices": one.new_scribbles.slices(),
        "changed_slices": [int(index) for index in one.result.changed_slices],
        "seconds": round(one.result.seconds, 3),
        "device": one.result.device,
        "notes": list(one.result.notes),
    }
    if one.result.doubt is not None:
        content["likely_volume_ml"] = [round(end, 3) for end in one.result.doubt.interval_ml]
        content["slices_to_check"] = one.result.doubt.slices
    return content if one.dice is None else {**content, "dice": one.dice}


def write_scene(path: Path, ct: CT, rounds: Sequence[FinishedRound], start: np.ndarray | None = None) -> None:
    """Save the CT as it lies in its file, scribbles, result and every round as a Slicer scene.

    ``start`` is the mask that the first round went on from.
    """
    from ..scene import SceneAdapter, add_ct_image, headless_scene, save_mrb

    with headless_scene() as scene:
        adapter = SceneAdapter(scene, add_ct_image(scene, ct.geometry.image, ct.name))
        log = adapter.load_rounds()
        if start is not None:
            log = log.with_mask(start)
        for one in rounds:
            adapter.write_scribbles(one.all_scribbles)
            log = log.with_round(one.result, one.all_scribbles)
            log = log.measured(one.measurement.volume_ml, one.measurement.abc2_ml)
            adapter.write_rounds(log)
        save_mrb(scene, path)
