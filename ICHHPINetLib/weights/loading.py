"""From a weights file, checked, to a network on a device."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DeviceError, TorchMissingError, WeightsError
from ..resources import resource_path
from ..words import tr as _
from .devices import is_out_of_memory, resolve_device
from .safetensors_file import parse
from .tensors import check_fit, check_room

if TYPE_CHECKING:
    import torch

    from ..networks.hpinet import HPINet

_MANIFEST = "weights/manifest.json"


def load_network(
    name_or_path: str | Path = "default",
    device: str = "auto",
    *,
    config_of: Callable[[dict], Any] | None = None,
) -> HPINet:
    """A network ready for inference.

    Parameters
    ----------
    name_or_path: name of shipped weights ("default"), or path of a .safetensors file.
    device: "auto" (CUDA, else MPS, else CPU), "cpu", "cuda", "cuda:1" or "mps".
    config_of: what ``HPINet`` is built from, of the configuration in the file; by default
        ``networks.hpinet.read_config``.

    Returns
    -------
    The network in evaluation mode with ``.name``, ``.device``, ``.sha256`` of its file and ``.about``,
    the free texts in the file's header such as the training data.

    Raises
    ------
    TorchMissingError, WeightsError, DeviceError
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise TorchMissingError(
            _(
                "PyTorch is not installed. In Slicer, open the module ICH-HPINet and accept the "
                "installation; elsewhere run: pip install torch"
            )
        ) from error
    path, expected = _locate(name_or_path)
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    if expected is not None and digest != expected:
        raise WeightsError(
            _(
                "The weights file {path} is not the one that was shipped (SHA256 {digest}..., "
                "expected {expected}...). It was truncated or altered: reinstall the extension."
            ).format(path=path, digest=digest[:12], expected=expected[:12])
        )
    target = resolve_device(device)
    state, metadata = parse(content)
    try:
        config = json.loads(metadata["config"])
        if not isinstance(config, dict):
            raise ValueError(_("the configuration has no fields"))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(
            _(
                "{path} names no network configuration: these are weights of another program. Choose "
                "a file that was exported by this software, or use the shipped weights by the name "
                "'default'."
            ).format(path=path)
        ) from error
    network = _build(config, state, path, config_of)
    network.eval().requires_grad_(False)
    target = _placed(network.float(), target, device)
    network.name = _name(name_or_path, path, digest, expected)
    network.device, network.sha256 = target, digest
    network.about = {key: text for key, text in metadata.items() if key != "config"}
    return network


def checksum(network: str, name_or_path: str | Path) -> str:
    """SHA256 of the file of the network that is called ``network``, as ``load_network`` names it.

    ``name_or_path``: the weights that are chosen now. "unknown" where they are other ones, or gone.
    """
    try:
        path, expected = _locate(name_or_path)
        digest = hashlib.sha256(_read(path)).hexdigest()
    except WeightsError:
        return "unknown"
    return digest if network == _name(name_or_path, path, digest, expected) else "unknown"


def _name(name_or_path: str | Path, path: Path, digest: str, expected: str | None) -> str:
    # A file of the user's must not pass for the shipped weights, whatever it is called.
    return f"{path.stem} ({digest[:8]})" if expected is None else str(name_or_path)


def _placed(network: HPINet, target: torch.device, asked: str) -> torch.device:
    """Moves the network to ``target``, or to the CPU if ``asked`` for nothing else and there is no room."""
    try:
        network.to(target)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        if asked != "auto":
            raise DeviceError(
                _(
                    "There is no memory left on {target}. Close other programs that use it, or choose 'cpu'."
                ).format(target=target)
            ) from error
        import torch

        target = torch.device("cpu")
        network.to(target)
    return target


def _locate(name_or_path: str | Path) -> tuple[Path, str | None]:
    """The file, and its SHA256 where it is a shipped one."""
    text = str(name_or_path)
    # A name never means a file of that name in the folder that one happens to be in.
    if Path(text).suffix or "/" in text or "\\" in text:
        return Path(text).expanduser(), None
    try:
        manifest_path = resource_path(_MANIFEST)
        manifest = json.loads(manifest_path.read_text(encoding="utf-8"))
        if not isinstance(manifest, dict):
            raise ValueError(_("it is not a list of names"))
        entry = _checked(manifest[text]) if text in manifest else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise WeightsError(
            _("The list of shipped weights is missing or damaged ({error}). Reinstall the extension.").format(
                error=error
            )
        ) from error
    if entry is None:
        raise WeightsError(
            _(
                "There are no shipped weights named '{text}'; there are: {names}. To use a file of "
                "your own, give its path."
            ).format(text=text, names=", ".join(sorted(manifest)))
        )
    return manifest_path.with_name(entry[0]), entry[1]


def _checked(entry: dict) -> tuple[str, str]:
    """File name and SHA256 of an entry of the manifest; ValueError, TypeError or KeyError where damaged."""
    name, digest = entry["file"], entry["sha256"].lower()
    if not name or Path(name).name != name or not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(_("a file name or SHA256 in it is not valid"))
    return name, digest


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WeightsError(
            _(
                "The weights file {path} cannot be read ({reason}). Check the path, or reinstall the "
                "extension."
            ).format(path=path, reason=error.strerror)
        ) from error


def _build(
    config: dict, state: dict[str, torch.Tensor], path: Path, config_of: Callable[[dict], Any] | None
) -> HPINet:
    from ..networks.blocks import fold_standardization
    from ..networks.hpinet import HPINet, read_config

    try:
        checked = (config_of or read_config)(config)
        check_room(checked, state)
        network = fold_standardization(HPINet(checked))
        check_fit(state, network.state_dict())
        network.load_state_dict(state, strict=True)
    except (TypeError, ValueError, RuntimeError, LookupError, ArithmeticError, AttributeError) as error:
        raise WeightsError(
            _(
                "The weights in {path} belong to another version of the network ({reason}). Use "
                "weights that were exported by this version."
            ).format(path=path, reason=str(error).splitlines()[0])
        ) from error
    return network
