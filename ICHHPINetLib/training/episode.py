"""One training episode: a volume, and rounds on the network's own errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch.nn.utils import parametrize

from ..ablations import SLICE_PRO, VOLUME_PRO
from ..ablations.network import variant_of
from ..imaging.windowing import windowed
from ..imaging.working_grid import PIXEL_MM
from ..interaction.propagation import Memory, propagate_outwards, volume_result, waves
from ..interaction.scribbles import Scribbles
from ..networks.blocks import NO_BLOOD
from ..networks.hpinet import HPINet, VolumeFeatures
from ..simulation.training_user import training_scribbles
from ..weights.devices import fast_math
from .losses import HPINetLoss, Pair
from .recipe import Recipe
from .sampling import Sample

_TARGETS = 8
# Darker blood is told from brain or fluid by the scribbles alone.
_BLOOD_BY_LOOK_HU = 38.0
# How many rounds an episode has: most user sessions are short, but the eighth round must hold too.
_ROUNDS = (1, 2, 3, 4, 5, 6, 8)
_ROUND_SHARES = (0.15, 0.25, 0.25, 0.15, 0.1, 0.05, 0.05)


def draw_rounds(rng: np.random.Generator, longest: int = 8) -> int:
    """Number of rounds of an episode, 1 to ``longest``."""
    return min(longest, int(rng.choice(_ROUNDS, p=_ROUND_SHARES)))


def episode(
    network: HPINet,
    loss: HPINetLoss,
    sample: Sample,
    recipe: Recipe,
    rng: np.random.Generator,
    device: torch.device,
) -> Iterator[tuple[torch.Tensor, dict[str, float]]]:
    """Yields the loss of each round and its parts; the caller steps the optimizer in between.

    Each round runs the network as a user would: robot scribbles on its own last mask, its own
    previous mask, and memory of its own masks of neighboring slices. Gradients flow within a
    round, never back through an earlier one. Some episodes begin with a guess without any scribble.
    """
    image = torch.from_numpy(windowed(sample.hu)).transpose(0, 1).to(device)
    target = torch.from_numpy(sample.fraction).unsqueeze(1).to(device)
    truth = sample.fraction > 0.5
    scribbles = Scribbles.empty(truth.shape)
    result = torch.zeros_like(target)
    spacing = (sample.slice_mm, PIXEL_MM, PIXEL_MM)
    has_volume = variant_of(network) != SLICE_PRO
    if has_volume and _looks_like_blood(sample) and rng.random() < recipe.unprompted:
        total, parts, guess = guess_loss(network, loss, image, target)
        yield total, {**parts, **_scored(guess, target, 0)}
        if rng.random() < 0.5:
            result = guess
    alone = has_volume and rng.random() < recipe.volume_alone
    for number in range(draw_rounds(rng, recipe.longest)):
        prediction = (result > 0.5).squeeze(1).cpu().numpy()
        new = training_scribbles(truth, prediction, number == 0, spacing, rng, recipe.varied_scribbles)
        scribbles = scribbles.merged(new)
        if scribbles.is_empty:
            return
        channels = (
            torch.from_numpy(np.stack([scribbles.foreground, scribbles.background], 1)).float().to(device)
        )
        previous = (result > 0.5).float()
        if alone:
            total, parts, result = volume_loss(network, loss, image, channels, previous, target)
        else:
            total, parts, result = round_loss(
                network, loss, image, channels, previous, target, rng, recipe.volume_hidden
            )
        yield total, {**parts, **_scored(result, target, number + 1)}


def _looks_like_blood(sample: Sample) -> bool:
    """Whether the bleed, if there is one, can be known without scribbles."""
    blood = sample.hu[sample.fraction > 0.5]
    return not blood.size or float(np.median(blood)) >= _BLOOD_BY_LOOK_HU


def _scored(result: torch.Tensor, target: torch.Tensor, number: int) -> dict[str, float]:
    mask = result > 0.5
    dice = (2 * (mask * target).sum() + 1) / (mask.sum() + target.sum() + 1)
    return {"Dice": float(dice), "round": number}


def guess_loss(
    network: HPINet, loss: HPINetLoss, image: torch.Tensor, target: torch.Tensor
) -> tuple[torch.Tensor, dict[str, float], torch.Tensor]:
    """As ``volume_loss``, without scribbles or mask: VIM must know blood by its look.

    Far from a scribble a convolution sees none; a network that always has one nearby learns that
    there is no blood where there is no scribble.
    """
    nothing = torch.zeros_like(image)
    return volume_loss(network, loss, image, nothing, nothing[:, :1], target)


def volume_loss(
    network: HPINet,
    loss: HPINetLoss,
    image: torch.Tensor,
    scribbles: torch.Tensor,
    previous: torch.Tensor,
    target: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, float], torch.Tensor]:
    """As ``round_loss``, of a round that ends with VIM: cheap, and what all else starts from."""
    with fast_math(image.device):
        volume = network.segment_volume(image, scribbles, previous)
    total, parts = loss.total(_volume_pair(volume, target), None, [])
    return total, parts, volume_result(VolumeFeatures(volume.logits.detach(), ()), scribbles)


def round_loss(
    network: HPINet,
    loss: HPINetLoss,
    image: torch.Tensor,
    scribbles: torch.Tensor,
    previous: torch.Tensor,
    target: torch.Tensor,
    rng: np.random.Generator,
    volume_hidden: float = 0.0,
) -> tuple[torch.Tensor, dict[str, float], torch.Tensor]:
    """Loss of one round, its parts, and the probabilities (Z, 1, Y, X) it ended with.

    ``volume_hidden`` is the share of the propagated slices that the volume branch is hidden from.
    """
    if variant_of(network) == VOLUME_PRO:
        return volume_loss(network, loss, image, scribbles, previous, target)
    with fast_math(image.device):
        slices = network.encode_slices(image)
        volume = network.segment_volume(image, scribbles, previous)
        scribbled = torch.nonzero(scribbles.amax((1, 2, 3)) > 0).flatten().tolist()
        slice_logits = network.segment_slices(
            image[scribbled], scribbles[scribbled], previous[scribbled], volume.logits[scribbled]
        )
        frozen = VolumeFeatures(volume.logits.detach(), tuple(x.detach() for x in volume.converted))
        with torch.no_grad(), parametrize.cached():
            detached = type(slices)(*(x.detach() for x in slices))
            result = propagate_outwards(network, image, detached, scribbles, previous, frozen)
        # Before version 2.10, PyTorch keeps the casts of parameters made here, which have no gradient.
        torch.clear_autocast_cache()
        pairs = _choose(waves(len(image), scribbled), result, target, rng)
        if pairs:
            targets, neighbors = zip(*pairs, strict=True)
            members = sorted({*scribbled, *neighbors})
            values = network.remember(image[members], result[members], slices.at(members))
            memory = Memory(slices.key, scribbled, dict(zip(members, values, strict=True)))
            keys, values = memory.gather(list(neighbors))
            targets = list(targets)
            shown = torch.from_numpy(rng.random(len(targets)) >= volume_hidden).to(image.device)
            logits = network.propagate(slices.at(targets), keys, values, _hidden(volume.at(targets), ~shown))
            propagated = (logits, target[targets])
        else:
            propagated = (slice_logits, target[scribbled])
        has_volume = variant_of(network) != SLICE_PRO
        feature_logits = network.fcm.logits(volume.converted) if has_volume else ()
    total, parts = loss.total(
        _volume_pair(volume, target) if has_volume else None,
        ((slice_logits, target[scribbled]), propagated),
        [(x, F.adaptive_avg_pool2d(target, x.shape[2:])) for x in feature_logits],
    )
    return total, parts, result


def _hidden(volume: VolumeFeatures, hide: torch.Tensor) -> VolumeFeatures:
    """The same, but slices where ``hide`` (N,) is true know nothing of the volume."""
    hide = hide[:, None, None, None]
    return VolumeFeatures(
        volume.logits.masked_fill(hide, NO_BLOOD), tuple(x.masked_fill(hide, 0.0) for x in volume.converted)
    )


def _volume_pair(volume: VolumeFeatures, target: torch.Tensor) -> Pair:
    """VIM's logits and the truth at their size, (1, 1, Z, Y', X')."""
    coarse = F.adaptive_avg_pool2d(target, volume.logits.shape[2:])
    return volume.logits.transpose(0, 1).unsqueeze(0), coarse.transpose(0, 1).unsqueeze(0)


def _choose(
    plan: list[list[tuple[int, int]]], result: torch.Tensor, target: torch.Tensor, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Pairs (slice, neighbor) to learn propagation from: those with blood, true or predicted, come first."""
    pairs = [pair for wave in plan for pair in wave]
    blood = ((result > 0.5) | (target > 0.1)).flatten(1).any(1).tolist()
    weight = np.array([4.0 if blood[k] or blood[r] else 1.0 for k, r in pairs])
    if len(pairs) <= _TARGETS:
        return pairs
    chosen = rng.choice(len(pairs), _TARGETS, replace=False, p=weight / weight.sum())
    return [pairs[i] for i in sorted(chosen)]
