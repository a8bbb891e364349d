"""Reader of the four checkpoint files that the paper's authors publish.

The modules of ``networks.paper`` have the structure of the authors' networks, so that every
tensor is taken over as it is, under another name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch

from ..errors import WeightsError
from ..networks.hpinet import HPINet
from ..networks.paper.config import PaperConfig
from ..words import tr as _
from .tensors import check_finite

FILES = {
    "vim": "seg3d_model.pth",
    "sim": "seg2d_model.pth",
    "mpffm": "prop_model.pth",
    "fcm": "f3d_converter.pth",
}

# As these weights were trained: gray values 0..255, and each pixel reading its 20 best memory entries.
CONFIG = PaperConfig(name="paper-authors", memory_top=20, gray_range=(0.0, 255.0))

# Our name -> theirs, tried in this order; the first pattern that fits a key renames it.
_NAMES = {
    "vim": (
        (r"encoders\.(\d)\.(conv\d)\.norm\.", r"encoders.\1.basic_module.\2.batchnorm."),
        (r"decoders\.(\d)\.(conv\d)\.norm\.", r"decoders.\1.basic_module.\2.batchnorm."),
        (r"(encoders|decoders)\.(\d)\.", r"\1.\2.basic_module."),
        (r"ups\.(\d)\.", r"decoders.\1.upsampling.upsample."),
        (r"head\.", "final_conv."),
    ),
    "sim": (
        (r"aspp\.branches\.(\d)\.conv\.", r"classifier.classifier.0.convs.\1.0."),
        (r"aspp\.branches\.(\d)\.norm\.", r"classifier.classifier.0.convs.\1.1."),
        (r"aspp\.project\.conv\.", "classifier.classifier.0.project.0."),
        (r"aspp\.project\.norm\.", "classifier.classifier.0.project.1."),
        (r"hidden\.conv\.", "classifier.classifier.1."),
        (r"hidden\.norm\.", "classifier.classifier.2."),
        (r"head\.", "classifier.classifier.4."),
    ),
    "mpffm": (
        (r"query_encoder\.resnet\.layer1\.", "key_encoder.res2."),
        (r"query_encoder\.resnet\.", "key_encoder."),
        (r"query_encoder\.key\.", "key_proj.key_proj."),
        (r"query_encoder\.value\.", "key_comp."),
        (r"memory_encoder\.resnet\.", "value_encoder."),
        (r"memory_encoder\.merge\.", "value_encoder.fuser.block1."),
        (r"memory_encoder\.attention\.squeeze\.", "value_encoder.fuser.attention.ChannelGate.mlp.1."),
        (r"memory_encoder\.attention\.excite\.", "value_encoder.fuser.attention.ChannelGate.mlp.3."),
        (r"memory_encoder\.attention\.spatial\.", "value_encoder.fuser.attention.SpatialGate.spatial.conv."),
        (r"memory_encoder\.refine\.", "value_encoder.fuser.block2."),
        (r"decoder\.up2\.skip\.", "decoder.up_16_8.skip_conv."),
        (r"decoder\.up2\.block\.", "decoder.up_16_8.out_conv."),
        (r"decoder\.up1\.skip\.", "decoder.up_8_4.skip_conv."),
        (r"decoder\.up1\.block\.", "decoder.up_8_4.out_conv."),
        (r"decoder\.head\.", "decoder.pred."),
    ),
    "fcm": (
        (r"convs\.1\.", "convert_f_3d.f2.0."),
        (r"convs\.2\.", "convert_f_3d.f4.0."),
        (r"coarse_blocks\.", "pred_blocks."),
        (r"coarse_head\.", "pred_out.0."),
    ),
}

# The authors hand D1 on as it is, and train no head on it. The identity does the same, since D1
# comes out of a ReLU; the head is not part of inference.
_OURS_ALONE = {"fcm": ("convs.0.weight", "convs.0.bias", "head.weight", "head.bias")}


def read_authors(folder: Path, config: PaperConfig = CONFIG) -> HPINet:
    """The ``paper`` configuration with the weights of the authors' four files in ``folder``.

    ``config`` says how the weights were trained: as the authors' code trains, unless told otherwise.
    Returns the network on the CPU in evaluation mode; ``training.export.export`` makes the file of
    it that ``load_network`` reads.

    Raises
    ------
    WeightsError
        If a file is missing or no state dict, or a tensor is missing, unknown or of another shape.
    """
    return convert({module: _read(Path(folder) / name) for module, name in FILES.items()}, config)


def convert(states: Mapping[str, Mapping[str, torch.Tensor]], config: PaperConfig = CONFIG) -> HPINet:
    """As ``read_authors``, from state dicts under the names "vim", "sim", "mpffm" and "fcm".

    The network shares memory with their tensors.
    """
    with torch.device("meta"):
        network = HPINet(config)
    for module, name in FILES.items():
        target = getattr(network, module)
        target.load_state_dict(_renamed(module, target.state_dict(), states[module], name), assign=True)
    return network.eval()


def authors_key(module: str, key: str) -> str:
    """The authors' name of tensor ``key`` of one of our modules."""
    for pattern, theirs in _NAMES[module]:
        renamed, count = re.subn("^" + pattern, theirs, key)
        if count:
            return renamed
    return key


def _renamed(
    module: str, expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor], name: str
) -> dict[str, torch.Tensor]:
    """``found`` under our names, after every key and shape was compared with ``expected``."""
    alone = _OURS_ALONE.get(module, ())
    theirs = {key: authors_key(module, key) for key in expected if key not in alone}
    problems = []
    if missing := sorted(set(theirs.values()) - set(found)):
        problems.append(_("lacks {keys}").format(keys=_listed(missing)))
    if unknown := sorted(set(found) - set(theirs.values())):
        problems.append(_("has the unknown {keys}").format(keys=_listed(unknown)))
    if not problems:
        problems = [
            _("has {key} with shape {shape} instead of {expected}").format(
                key=their, shape=tuple(found[their].shape), expected=tuple(expected[key].shape)
            )
            for key, their in theirs.items()
            if found[their].shape != expected[key].shape
        ][:3]
    if problems:
        raise WeightsError(
            _(
                "{name} does not fit the authors' network: it {problems}. Use the four files as the "
                "authors publish them, each under its own name."
            ).format(name=name, problems=_(", and ").join(problems))
        )
    state = {key: found[their] for key, their in theirs.items()}
    for key in alone:
        state[key] = torch.zeros(expected[key].shape)
    if alone:
        state["convs.0.weight"][..., 0, 0].fill_diagonal_(1.0)
    return state


def _listed(keys: list[str]) -> str:
    """A few keys, and how many more there are."""
    text = ", ".join(keys[:5])
    return _("{text} and {count} more").format(text=text, count=len(keys) - 5) if len(keys) > 5 else text


def _read(path: Path) -> dict[str, torch.Tensor]:
    """The state dict in ``path``; also one inside "network" or saved through DataParallel."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(
            _(
                "{path} cannot be read ({reason}). The folder must hold the authors' four files: {names}."
            ).format(path=path, reason=error.strerror, names=", ".join(FILES.values()))
        ) from error
    except Exception as error:  # of as many kinds as there are ways to damage a pickle
        reason = str(error).partition("\n")[0] or _("it ends too early")
        raise WeightsError(
            _(
                "{path} is damaged or holds more than weights ({reason}). Download the authors' file again."
            ).format(path=path, reason=reason)
        ) from error
    if isinstance(state, Mapping) and isinstance(state.get("network"), Mapping):
        state = state["network"]
    if not isinstance(state, Mapping) or not all(isinstance(x, torch.Tensor) for x in state.values()):
        raise WeightsError(
            _("{path} holds no state dict. Use the authors' files as they publish them.").format(path=path)
        )
    try:
        check_finite(state)
    except (ValueError, RuntimeError) as error:
        raise WeightsError(
            _("{path} is damaged ({error}). Download the authors' file again.").format(path=path, error=error)
        ) from error
    return {str(key).removeprefix("module."): value for key, value in state.items()}
