"""How alike VIM's and the slices' features are over training (paper, "Analysis of hybrid propagation").

The paper gives a cosine similarity between maps of VIM and SIM and leaves open how their channels
were matched. Channels of two modules have no common order, so that a cosine between them depends on
the accident of their bases; linear CKA (Kornblith et al., ICML 2019) does not.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ICHHPINetLib.commands.console import say
from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.ct import CT
from ICHHPINetLib.phantom import generate

from . import paper
from .experiment import Findings
from .output import BLUE, GRAY, ORANGE
from .results import spread
from .sample import Sample, compact_network, sample
from .trained import Setting, new_trainer

if TYPE_CHECKING:
    import torch

    from ICHHPINetLib.networks.hpinet import HPINet

_SHARES = (0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
_PIXELS = 4096
_MOST_CASES = 5
_PHANTOMS = ("deep", "lobar", "multifocal")
SCALES = ("1/2", "1/4", "1/8")
PAIRS = ("VIM (FCM) and SIM", "VIM (FCM) and query encoder")
MEASURES = ("Cosine", "Cosine, shuffled", "CKA", "CKA, shuffled")
_NOTES = (
    (
        "Cosine: mean over pixels of the head of the cosine between the channels of FCM's map and of the "
        "slice module's map of the same scale, channel by channel in the order they happen to have; the "
        "compact network has equally many. CKA: linear centered kernel alignment over the same pixels, which "
        "does not depend on the order or any rotation of the channels. Shuffled: the same with the pixels of "
        "one side in random order, which is what two maps reach without any agreement in place."
    ),
    (
        "Comparable with the paper (0.58 early, 0.82 at the end) is at most whether the cosine rises over "
        "training, and how far it stands above its shuffled value: its height depends on bases that the "
        "paper does not describe. Whether both branches hold the same information is what CKA tells."
    ),
)


def find(arguments: argparse.Namespace) -> Findings | None:
    """Figures at each snapshot of a training, or at given weights; None before the first one."""
    if not arguments.weights and arguments.cases is None and arguments.pack is None:
        raise InputFileError("Name weights files with --weights, or --cases to train a network on.")
    names = [Path(path).stem for path in arguments.weights or ()]
    if len(set(names)) < len(names):
        raise InputFileError("Two weights files have the same name. Rename one: the table has a row a name.")
    samples, where = _samples(arguments)
    measured = {}
    for label, path in _snapshots(arguments):
        network = compact_network(path, arguments.device)
        measured[label] = [measure(network, one) for one in samples]
        say(f"{label}: measured")
    return findings(measured, where) if measured else None


def _samples(arguments: argparse.Namespace) -> tuple[list[Sample], str]:
    if arguments.cases is None:
        phantoms = [generate(kind) for kind in _PHANTOMS]
        samples = [sample(CT.of_array(one.volume, one.spacing), one.mask) for one in phantoms]
        return samples, "generated phantoms"
    from ICHHPINetLib.evaluation.cases import find_cases, select_fold

    chosen = select_fold(find_cases(arguments.cases, 3), arguments.fold)[:_MOST_CASES]
    loaded = [case.load() for case in chosen]
    where = f"cases of fold {arguments.fold} of {arguments.cases.resolve().name}"
    return [sample(one.ct, one.truth) for one in loaded], where


def _snapshots(arguments: argparse.Namespace) -> Iterator[tuple[str, Path | str]]:
    """Label and weights file of each moment to look at."""
    if arguments.weights:
        yield from ((Path(path).stem, path) for path in arguments.weights)
        return
    from ICHHPINetLib.training.cli import open_pack, require_packages
    from ICHHPINetLib.training.export import export

    require_packages()
    pack = open_pack(arguments.output, arguments.pack, arguments.cases, arguments.shapes)
    folder = arguments.output / "runs" / f"similarity_fold{arguments.fold}"
    trainer = new_trainer(arguments, pack, Setting("similarity", "similarity"), arguments.fold, folder)
    for step in dict.fromkeys(round(share * arguments.steps) for share in _SHARES):
        path = folder / f"{trainer.settings.checkpoint.stem}_at{step}.safetensors"
        if not path.exists():
            if trainer.step < step:
                trainer.run(say, until=step)
            if trainer.step < step:
                say("The training is not finished yet: give the same command again to go on.")
                return
            # The weights of the step itself: early on, their average is still the untrained network.
            export(copy.deepcopy(trainer.network), path, steps=str(trainer.step))
        yield f"step {step}", path


def measure(network: HPINet, one: Sample) -> dict[tuple[str, str], dict[str, float]]:
    """Figures of ``MEASURES`` by pair and scale, for one CT in its first round."""
    import torch

    device = network.device
    image, scribbles = one.image.to(device), one.scribbles.to(device)
    previous = torch.zeros_like(scribbles[:, :1])
    index = [one.scribbled]
    with torch.inference_mode():
        slices = network.encode_slices(image)
        volume = network.segment_volume(image, scribbles, previous)
        with _recorded(network.sim.stem, network.sim.down2, network.sim.down3) as sim:
            network.segment_slices(image[index], scribbles[index], previous[index], volume.logits[index])
    figures = {}
    for level, scale in enumerate(SCALES):
        converted = volume.converted[level]
        head = torch.from_numpy(one.head).float().unsqueeze(1)
        inside = torch.nn.functional.adaptive_avg_pool2d(head, converted.shape[2:]).squeeze(1) > 0.5
        pairs = {
            PAIRS[0]: (converted[index], sim[level], inside[index]),
            PAIRS[1]: (converted, slices[level], inside),
        }
        for pair, (volume_map, slice_map, mask) in pairs.items():
            figures[pair, scale] = compare(_pixels(volume_map, mask), _pixels(slice_map, mask))
    return figures


@contextmanager
def _recorded(*modules: torch.nn.Module) -> Iterator[list[torch.Tensor]]:
    """Collects the outputs of modules while the block runs."""
    outputs: list[torch.Tensor] = []
    hooks = [one.register_forward_hook(lambda *given: outputs.append(given[-1])) for one in modules]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def _pixels(maps: torch.Tensor, mask: torch.Tensor) -> np.ndarray:
    """Features (n, C) of the pixels in ``mask`` (S, y, x), at most 4096, the same for every map of a size."""
    values = maps.float().cpu().permute(0, 2, 3, 1)[mask].numpy().astype(np.float64)
    if len(values) > _PIXELS:
        values = values[np.random.default_rng(0).choice(len(values), _PIXELS, replace=False)]
    return values


def compare(first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Figures of ``MEASURES`` for features (n, C) of the same pixels."""
    mixed = second[np.random.default_rng(1).permutation(len(second))]
    values = (cosine(first, second), cosine(first, mixed), cka(first, second), cka(first, mixed))
    return dict(zip(MEASURES, values, strict=True))


def cosine(first: np.ndarray, second: np.ndarray) -> float:
    """Mean over rows of the cosine between two arrays (n, C)."""
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / np.maximum(norms, 1e-12)).mean())


def cka(first: np.ndarray, second: np.ndarray) -> float:
    """Linear centered kernel alignment of arrays (n, C) and (n, D), 0 to 1."""
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    shared = np.linalg.norm(first.T @ second) ** 2
    own = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    return float(shared / max(own, 1e-12))


def findings(measured: dict[str, list[dict]], where: str) -> Findings:
    """The table from figures by snapshot, one entry a CT."""
    rows = []
    for label, cases in measured.items():
        for pair in PAIRS:
            for scale in SCALES:
                cells = [spread([one[pair, scale][name] for one in cases]) for name in MEASURES]
                rows.append([label, pair, scale, *cells])
    count = len(next(iter(measured.values())))
    return Findings(
        columns=("Weights", "Features", "Scale", *MEASURES),
        rows=rows,
        notes=[f"On {count} {where}, first round; ± is the SD over them.", *_NOTES],
        content={"paper": paper.SIMILARITY},
        draw=lambda figure: _draw(figure, measured),
        size=(10.0, 4.5),
    )


def _draw(figure: Any, measured: dict[str, list[dict]]) -> None:
    axes = figure.subplots(1, len(PAIRS), sharey=True)
    for ax, pair in zip(axes, PAIRS, strict=True):
        for name, color in zip(MEASURES, (BLUE, BLUE, ORANGE, ORANGE), strict=True):
            values = [
                np.mean([one[pair, s][name] for one in cases for s in SCALES]) for cases in measured.values()
            ]
            dashed = "shuffled" in name
            ax.plot(values, ":" if dashed else "-", marker="x" if dashed else "o", color=color, label=name)
        for name, (mean, _) in paper.SIMILARITY.items():
            ax.axhline(mean, color=GRAY, linewidth=0.8, linestyle="--")
            ax.text(0, mean, f"paper: {name}", color=GRAY, fontsize=8, va="bottom")
        ax.set_xticks(range(len(measured)), measured, rotation=30, ha="right")
        ax.set_title(pair)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("mean over scales")
    axes[0].legend(fontsize=8)
