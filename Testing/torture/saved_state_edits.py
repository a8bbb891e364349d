"""Damaged fields of checkpoints and packs, in files that are otherwise whole."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from .headers import Edit


def edits_of(name: str) -> dict[str, Edit]:
    """Edits for a file of this name, by what they do."""
    if name.endswith(".pt"):
        return _CHECKPOINT
    return _PACK if name.endswith(".npz") else {}


def _state(change: Callable[[dict], None]) -> Edit:
    def edit(content: bytes) -> bytes:
        import torch

        state = torch.load(io.BytesIO(content), weights_only=True)
        change(state)
        out = io.BytesIO()
        torch.save(state, out)
        return out.getvalue()

    return edit


def _set(key: str, value) -> Edit:
    return _state(lambda state: state.update({key: value}))


def _in_config(key: str, value) -> Edit:
    return _state(lambda state: state["config"].update({key: value}))


def _spoil(part: str, value: float) -> Edit:
    """One tensor of ``part`` full of ``value``."""

    def change(state: dict) -> None:
        tensors = [tensor for tensor in state[part].values() if tensor.is_floating_point()]
        tensors[len(tensors) // 2].fill_(value)

    return _state(change)


def _without(key: str) -> Edit:
    return _state(lambda state: state.pop(key))


_CHECKPOINT = {
    **{f"step {value!r}": _set("step", value) for value in (None, float("nan"), -5, "1", 1.5, True, [1], {})},
    **{f"no {key}": _without(key) for key in ("step", "network", "average", "optimizer", "config", "train")},
    **{f"{key} null": _set(key, None) for key in ("network", "average", "optimizer", "config")},
    **{f"{key} empty": _set(key, {}) for key in ("network", "average", "optimizer", "config")},
    **{f"{key} of letters": _set(key, "letters") for key in ("network", "average", "optimizer", "config")},
    **{f"{key} a list": _set(key, [1, 2]) for key in ("network", "average", "optimizer", "config")},
    "seen a number": _set("seen", 3),
    "network nan": _spoil("network", float("nan")),
    "average nan": _spoil("average", float("nan")),
    "average infinite": _spoil("average", float("inf")),
    "absurd widths": _in_config("volume_widths", [10**9] * 4),
    "negative widths": _in_config("volume_widths", [-1] * 4),
    "keys null": _in_config("key_channels", None),
    "unknown setting": _in_config("depth", 3),
    "other seed": _set("seed", 99),
    "a list": lambda content: _saved([1, 2, 3]),
    "a tensor": lambda content: _saved(None),
}


def _saved(content) -> bytes:
    import torch

    out = io.BytesIO()
    torch.save(torch.zeros(3) if content is None else content, out)
    return out.getvalue()


def _arrays(change: Callable[[dict], None]) -> Edit:
    def edit(content: bytes) -> bytes:
        with np.load(io.BytesIO(content)) as stored:
            arrays = dict(stored)
        change(arrays)
        out = io.BytesIO()
        np.savez_compressed(out, **arrays)
        return out.getvalue()

    return edit


def _array(name: str, change: Callable[[np.ndarray], object]) -> Edit:
    return _arrays(lambda arrays: arrays.update({name: np.asarray(change(arrays[name]))}))


_PACK = {
    **{
        f"{name} {text}": _array(f"case/a/{name}", change)
        for name in ("codes", "fraction", "inside")
        for text, change in {
            "short": lambda array: array[: len(array) // 2],
            "of floats": lambda array: array.astype(float) / 3,
            "empty": lambda array: array[:0],
            "a number": lambda array: array.flat[0],
            "of letters": lambda array: np.array("letters"),
        }.items()
    },
    **{
        f"slice_mm {value}": _array("case/a/slice_mm", lambda _, value=value: value)
        for value in (float("nan"), 0.0, -5.0, float("inf"), [5.0, 5.0], "five")
    },
    **{
        f"size {value}": _array("shape/0/size", lambda _, value=value: value)
        for value in ([0, 0, 0], [-1, 5, 5], [10**6, 10**6, 10**6], [4, 4], [1.5, 2.5, 3.5])
    },
    **{
        f"place {value}": _array("shape/0/place", lambda _, value=value: value)
        for value in (
            [5.0],
            [float("nan"), 0.5, 0.5, 0.5],
            [5.0, 0.5, float("nan"), 0.5],
            "here",
            [-1.0, 2, 2, 2],
        )
    },
    "no inside": _arrays(lambda arrays: arrays.pop("case/a/inside")),
    "no slice_mm": _arrays(lambda arrays: arrays.pop("case/a/slice_mm")),
    "no size": _arrays(lambda arrays: arrays.pop("shape/0/size")),
    "no codes": _arrays(lambda arrays: arrays.pop("case/a/codes")),
    "nothing": _arrays(lambda arrays: arrays.clear()),
    "odd name": _arrays(lambda arrays: arrays.update({"odd": np.zeros(3)})),
}
