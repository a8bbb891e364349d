"""Undamaged things to attack: a network of next to no size, a CT with scribbles, files of every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

SHAPE = (6, 24, 20)
SPACING = (5.0, 1.0, 0.5)


def write_tiny_weights(path: Path) -> None:
    """An untrained network whose mask depends on all that it is given."""
    import torch

    from ICHHPINetLib.networks.hpinet import HPINet, HPINetConfig
    from ICHHPINetLib.training.export import export

    torch.manual_seed(0)
    network = HPINet(HPINetConfig("tiny", volume_widths=(8, 8, 8, 8), slice_widths=(8, 8, 8), key_channels=8))
    with torch.no_grad():
        network.vim.head.weight.mul_(20)
        network.vim.head.bias.fill_(3.0)
    export(network, path)


def head(rng: np.random.Generator, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """HU int16 (Z, Y, X): a skull around noisy brain with a bleed."""
    z, y, x = (np.linspace(-1, 1, size) for size in shape)
    radius = np.hypot(y[:, None], x[None, :]) + 0.1 * np.abs(z)[:, None, None]
    brain = rng.normal(32, 6, shape)
    brain[(np.abs(z)[:, None, None] < 0.6) & (radius < 0.45)] += 30
    brain = np.where(radius < 0.8, brain, rng.normal(900, 80, shape))
    return np.where(radius < 0.95, brain, -1000).round().astype(np.int16)


def scribbles(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Labels uint8 (Z, Y, X): 1 on the bleed and 2 on other tissue."""
    labels = np.zeros(shape, np.uint8)
    depth, rows, columns = shape
    labels[depth // 2, rows // 2, columns // 2 - 3 : columns // 2 + 3] = 1
    labels[depth // 2, rows // 2 + rows // 3, columns // 2 - 2 : columns // 2 + 3] = 2
    labels[depth // 2 - 1, rows // 4, columns // 2 - 2 : columns // 2 + 2] = 2
    return labels


def image_of(array: np.ndarray, spacing: tuple[float, float, float] = SPACING) -> sitk.Image:
    """A SimpleITK image of ``array`` (Z, Y, X), away from the origin."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing[::-1])
    image.SetOrigin((12.0, -7.5, 40.0))
    return image


def write_image(path: Path, array: np.ndarray, spacing: tuple[float, float, float] = SPACING) -> Path:
    """Write ``array`` in the format that the ending says, with compression where it has one."""
    sitk.WriteImage(image_of(array, spacing), str(path), useCompression=True)
    return path


def write_segmentation(path: Path, labels: np.ndarray, names: dict[int, str]) -> Path:
    """Write ``labels`` as a segmentation of Slicer, one layer, a segment for each of ``names``."""
    image = image_of(labels)
    size = " ".join(f"0 {count - 1}" for count in image.GetSize())
    for number, (label, name) in enumerate(names.items()):
        entries = {"ID": name, "Name": name, "LabelValue": str(label), "Layer": "0", "Extent": size}
        for key, value in entries.items():
            image.SetMetaData(f"Segment{number}_{key}", value)
    image.SetMetaData("Segmentation_MasterRepresentation", "Binary labelmap")
    sitk.WriteImage(image, str(path), useCompression=True)
    return path


def write_dicom(folder: Path, array: np.ndarray) -> Path:
    """Write ``array`` as a DICOM series, a file a slice."""
    folder.mkdir()
    image = image_of(array)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index in range(image.GetDepth()):
        one = image[:, :, index]
        tags = {
            "0008|0016": "1.2.840.10008.5.1.4.1.1.2",
            "0008|0018": f"1.2.3.4.{index + 1}",
            "0008|0060": "CT",
            "0018|0050": "5",
            "0020|000d": "1.2.3",
            "0020|000e": "1.2.3.4",
            "0020|0013": str(index + 1),
            "0020|0032": f"12\\-7.5\\{40 + 5 * index}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0028|1052": "0",
            "0028|1053": "1",
        }
        for tag, value in tags.items():
            one.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{index:03d}.dcm"))
        writer.Execute(one)
    return folder


def write_run(folder: Path) -> None:
    """A training of one step, with its pack and its checkpoint."""
    from .child import Child

    cases = folder.with_name("cases")
    cases.mkdir()
    z, y, x = np.ogrid[:8, :96, :80]
    radius = np.hypot((y - 48) / 46, (x - 40) / 38) + 0 * z
    rng = np.random.default_rng(0)
    blood = (z - 4) ** 2 * 25 + ((y - 45) ** 2 + (x - 30) ** 2) * 0.81 < 13**2
    for name in ("a", "b"):
        ct = np.where(radius < 0.88, rng.normal(32, 4, radius.shape), np.where(radius < 1, 900, -1000))
        if name == "a":
            ct[blood] += 30
            write_image(cases / "a_mask.nii.gz", blood.astype(np.uint8), (5.0, 0.9, 0.9))
        write_image(cases / f"{name}_ct.nii.gz", ct.astype(np.int16), (5.0, 0.9, 0.9))
    shapes = folder.with_name("shapes")
    shapes.mkdir()
    write_image(shapes / "0.nii.gz", blood.astype(np.uint8), (5.0, 0.9, 0.9))
    words = ["train", "--cases", cases, "--shapes", shapes, "--run", folder, "--steps", 1, "--device", "cpu"]
    # torch that has computed must not be forked, as it is for the attacks.
    answer = Child(words).wait()
    if answer.code:
        raise RuntimeError(answer.describe())
