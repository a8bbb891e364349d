"""One pass of Algorithm 1 on the working grid: VIM, SIM, FCM, then MPFFM outwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F

from ..networks.hpinet import HPINet, Look, VolumeFeatures
from ..networks.mpffm import SliceFeatures
from ..networks.vim import VIM, OnStage
from .scribbles import clamp as enforced

# A slice in which VIM gives every pixel a lower probability than this is not worth propagating to, unless
# its neighbor has blood.
_DOUBT = 0.05
# More slices at once would need more memory than they save time.
_BATCH = 8


def waves(depth: int, sources: list[int]) -> list[list[tuple[int, int]]]:
    """Order of propagation: pairs (slice, neighbor just done), one list a step outwards.

    Every slice of the ``depth`` slices is reached, whatever lies between; slices of one wave
    do not depend on each other. Between two sources the waves meet half-way.
    """
    done = set(sources)
    front = sorted(done)
    result = []
    while len(done) < depth:
        wave = {}
        for source in front:
            for target in (source - 1, source + 1):
                if 0 <= target < depth and target not in done and target not in wave:
                    wave[target] = source
        done.update(wave)
        front = sorted(wave)
        result.append([(target, wave[target]) for target in front])
    return result


@dataclass
class Memory:
    """Keys and values of the scribbled slices, shared by all, and of every slice done.

    keys (Z, d, y, x) of the whole volume; shared: indices of the scribbled slices;
    values: slice index -> (C, y, x).
    """

    keys: torch.Tensor
    shared: list[int]
    values: dict[int, torch.Tensor]

    def gather(self, neighbors: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Memory (N, T, ...) for N slices: all scribbled slices and each one's own neighbor.

        A neighbor that is scribbled itself counts twice.
        """
        keys, values = [], []
        for neighbor in neighbors:
            members = [*self.shared, neighbor]
            keys.append(self.keys[members])
            values.append(torch.stack([self.values[i] for i in members]))
        return torch.stack(keys), torch.stack(values)


OnSlice = Callable[[str, int, torch.Tensor], None]
OnVolume = Callable[[torch.Tensor], None]


def segment_scribbled(
    network: HPINet,
    image: torch.Tensor,
    scribbles: torch.Tensor,
    previous: torch.Tensor,
    volume: VolumeFeatures,
    scribbled: list[int],
) -> torch.Tensor:
    """SIM's probabilities (R, 1, Y, X) of the scribbled slices, clamped to the scribbles."""
    parts = []
    for start in range(0, len(scribbled), _BATCH):
        index = scribbled[start : start + _BATCH]
        logits = network.segment_slices(image[index], scribbles[index], previous[index], volume.logits[index])
        parts.append(clamp(logits.float().sigmoid(), scribbles[index]))
    return torch.cat(parts)


def clamp(probability: torch.Tensor, scribbles: torch.Tensor) -> torch.Tensor:
    """Probabilities (N, 1, Y, X) as scribbles (N, 2, Y, X) of 0 and 1 force them, in place."""
    marked = scribbles > 0
    return enforced(probability, marked[:, :1], marked[:, 1:])


def run_round(
    network: HPINet,
    image: torch.Tensor,
    slices: SliceFeatures,
    scribbles: torch.Tensor,
    previous: torch.Tensor,
    on_slice: OnSlice | None = None,
    on_stage: OnStage = lambda share: None,
    look: Look | None = None,
    first: Sequence[int] = (),
    on_volume: OnVolume = lambda probability: None,
) -> torch.Tensor:
    """Probabilities (Z, 1, Y, X) after one round of Algorithm 1.

    Parameters
    ----------
    image (Z, 2, Y, X), scribbles (Z, 2, Y, X) of all rounds so far, previous mask (Z, 1, Y, X).
    slices: ``network.encode_slices(image)``, computed once per volume.
    on_slice: called with ("slice" | "propagate", index, probability (1, Y, X)) as slices
        finish, scribbled ones first; an exception from it ends the round. on_stage: as VIM calls it.
    look: ``network.look(image)``, computed once per volume; without it VIM reads the whole head again.
    first: scribbled slices that a user waits for. With a ``look``, SIM answers them at once, from what VIM
        saw then, and again after VIM.
    on_volume: called once with VIM's probabilities, (Z, 1, Y, X).

    Without any scribble there is nothing to propagate from, and VIM's answer is the result.
    """
    if look is not None and not (scribbles.any() or previous.any()):
        result = volume_result(VolumeFeatures(look.logits[0].transpose(0, 1), ()), scribbles, on_slice)
        on_volume(result)
        return result
    if look is not None and on_slice and first:
        seen = VolumeFeatures(look.logits[0].transpose(0, 1), ())
        at_once = segment_scribbled(network, image, scribbles, previous, seen, list(first))
        for index, probability in zip(first, at_once, strict=True):
            on_slice("slice", index, probability)
    volume = network.segment_volume(image, scribbles, previous, look, on_stage)
    if not scribbles.any():
        result = volume_result(volume, scribbles, on_slice)
        on_volume(result)
        return result
    return propagate_outwards(network, image, slices, scribbles, previous, volume, on_slice, on_volume)


def volume_result(
    volume: VolumeFeatures, scribbles: torch.Tensor, on_slice: OnSlice | None = None
) -> torch.Tensor:
    """Probabilities (Z, 1, Y, X) of a round that ends with VIM."""
    logits = F.interpolate(
        volume.logits.float(), size=scribbles.shape[2:], mode="bilinear", align_corners=False
    )
    result = clamp(logits.sigmoid(), scribbles)
    for index, probability in enumerate(result):
        if on_slice:
            on_slice("propagate", index, probability)
    return result


def propagate_outwards(
    network: HPINet,
    image: torch.Tensor,
    slices: SliceFeatures,
    scribbles: torch.Tensor,
    previous: torch.Tensor,
    volume: VolumeFeatures,
    on_slice: OnSlice | None = None,
    on_volume: OnVolume = lambda probability: None,
) -> torch.Tensor:
    """The part of ``run_round`` that follows VIM and FCM.

    Where the compact VIM sees no blood and none comes from the neighbor, VIM's answer stands: a focus
    beyond such a gap is one that VIM sees.
    """
    scribbled = torch.nonzero(scribbles.amax((1, 2, 3)) > 0).flatten().tolist()
    result = volume_result(volume, scribbles)
    on_volume(result.clone())
    sees_all = isinstance(network.vim, VIM)
    doubtful = [not sees_all or bool((plane > _DOUBT).any()) for plane in result]
    result[scribbled] = segment_scribbled(network, image, scribbles, previous, volume, scribbled)
    for index in scribbled:
        if on_slice:
            on_slice("slice", index, result[index])
    has_blood = {index: bool((result[index] > 0.5).any()) for index in scribbled}
    memory = Memory(slices.key, scribbled, {})
    for wave in waves(len(result), scribbled):
        pairs = [(target, source) for target, source in wave if doubtful[target] or has_blood[source]]
        for start in range(0, len(pairs), _BATCH):
            targets, sources = (list(x) for x in zip(*pairs[start : start + _BATCH], strict=True))
            _store(network, image, slices, memory, result, [*scribbled, *sources])
            keys, values = memory.gather(sources)
            logits = network.propagate(slices.at(targets), keys, values, volume.at(targets))
            result[targets] = clamp(logits.float().sigmoid(), scribbles[targets])
        for target, _ in wave:
            has_blood[target] = bool((result[target] > 0.5).any())
            if on_slice:
                on_slice("propagate", target, result[target])
    return result


def _store(
    network: HPINet,
    image: torch.Tensor,
    slices: SliceFeatures,
    memory: Memory,
    result: torch.Tensor,
    indices: list[int],
) -> None:
    """Adds the values of slices with their finished masks to the memory."""
    missing = sorted(set(indices) - set(memory.values))
    for start in range(0, len(missing), _BATCH):
        index = missing[start : start + _BATCH]
        values = network.remember(image[index], result[index].to(image.dtype), slices.at(index))
        memory.values.update(zip(index, values, strict=True))
