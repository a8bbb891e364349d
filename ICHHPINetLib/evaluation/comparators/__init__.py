"""The methods of the paper's Table 1, and the strongest peer of today, under the same scribbles.

Nothing here is imported before a method is asked for: the packages of ``pip install '.[compare]'``
take seconds to load.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import MissingPackageError, WeightsError
from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession

if TYPE_CHECKING:
    import torch

_SAM = "sam_vit_b_01ec64.pth"
_CHECKPOINT = "checkpoint_final.pth"


@dataclass(frozen=True)
class Comparator:
    """What is known of a method before its code is loaded.

    Attributes
    ----------
    title: its name in the paper.
    prompts: what it makes of the scribbles, for tables.
    authors: file or folder of its authors that segments as it is; None where there is none for hemorrhage.
    start: files that fine-tuning may begin with, one of them; empty where the method is not fine-tuned here.
    """

    title: str
    prompts: str
    authors: str | None
    start: tuple[str, ...]


COMPARATORS = {
    "samed": Comparator("SAMed", "none", None, (_SAM,)),
    "sam_med2d": Comparator(
        "SAM-Med2D", "points and mask, slice by slice", "sam-med2d_b.pth", ("sam-med2d_b.pth", _SAM)
    ),
    "sam2_unet": Comparator("SAM2-UNet", "none", None, ("sam2_hiera_large.pt",)),
    "samihs": Comparator("SAMIHS", "points, slice by slice", None, (_SAM,)),
    "medsam": Comparator("MedSAM", "a box, slice by slice", "medsam_vit_b.pth", ("medsam_vit_b.pth", _SAM)),
    "medsam2": Comparator(
        "MedSAM2",
        "boxes and points on scribbled slices, memory elsewhere",
        "MedSAM2_pretrain.pth",
        ("MedSAM2_pretrain.pth", "sam2_hiera_small.pt"),
    ),
    "nninteractive": Comparator("nnInteractive", "the scribbles", "nnInteractive_v1.0", ()),
}


def split(method: str) -> tuple[str, str]:
    """Name and weights, "" without any, of "NAME" or "NAME:WEIGHTS"."""
    name, _, weights = method.partition(":")
    return name, weights


def is_comparator(method: str) -> bool:
    """Whether "NAME" or "NAME:WEIGHTS" names one of ``COMPARATORS``."""
    return split(method)[0] in COMPARATORS


def expected(name: str) -> str:
    """The weights that a method can be evaluated with, in words."""
    known = COMPARATORS[name]
    if not known.start:
        return f"the folder {known.authors} of its authors, downloaded by yourself (CC BY-NC-SA 4.0)"
    trained = f"a file that `ichhpinet train-comparator {name}` wrote"
    return f"{known.authors} of its authors, or {trained}" if known.authors else trained


def digest(method: str) -> str:
    """SHA256 of the weights that a method is to be evaluated with.

    Raises
    ------
    WeightsError
        If they are not named or not there; says which are expected.
    """
    name, weights = split(method)
    known = COMPARATORS[name]
    if not weights:
        raise WeightsError(
            f"{known.title} needs weights: name them as {name}:PATH. It takes {expected(name)}."
        )
    path = Path(weights)
    try:
        if not known.start:
            parts = sorted(path.glob(f"fold_*/{_CHECKPOINT}"))
            path = parts[0] if parts else path / "fold_0" / _CHECKPOINT
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise WeightsError(
            f"'{path}' cannot be read ({error.strerror}). {known.title} takes {expected(name)}."
        ) from error


def load(method: str, device: str = "auto") -> tuple[Callable[[CT], ScribbledSession], dict[str, Any]]:
    """Sessions of a method, "NAME:WEIGHTS", and what a result says of it.

    Raises
    ------
    WeightsError
        If the weights are not named, missing or of something else; says which are expected.
    MissingPackageError, DeviceError
    """
    from ...weights.devices import resolve_device

    name, weights = split(method)
    sha256 = digest(method)
    place = resolve_device(device)
    module = code(name)
    if COMPARATORS[name].start:
        from .files import read_method

        network = read_method(name, Path(weights)).to(place)
        session, parameters = network.session, sum(one.numel() for one in network.parameters())
    else:
        session, parameters = _nninteractive(module, Path(weights), place)
    about = {"method": name, "sha256": sha256, "device": str(place), "parameters": parameters}
    return session, about


def code(name: str) -> Any:
    """The module of a method. Raises MissingPackageError where a package of it is not installed."""
    try:
        return importlib.import_module(f".{name}", __package__)
    except ModuleNotFoundError as error:
        raise MissingPackageError(
            f"{COMPARATORS[name].title} needs the package {error.name}. In the checkout, run: "
            "pip install '.[compare]'"
        ) from error


def _nninteractive(module: Any, folder: Path, device: torch.device) -> tuple[Any, int]:
    try:
        model = module.Model(folder, device)
    except Exception as error:  # of as many kinds as there are ways to be another folder
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise WeightsError(
            f"'{folder}' holds no model of nnInteractive ({reason}). It takes {expected('nninteractive')}."
        ) from error
    return model.session, model.parameters
