"""A training pack of two heads."""

import numpy as np
import pytest
import SimpleITK as sitk


def write(path, array):
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.9, 0.9, 5.0))
    sitk.WriteImage(image, str(path))


@pytest.fixture(scope="session")
def small_cases(tmp_path_factory):
    """A folder of two round heads, one with a ball of blood, and of one shape in shapes/."""
    folder = tmp_path_factory.mktemp("cases")
    z, y, x = np.ogrid[:8, :96, :80]
    radius = np.hypot((y - 48) / 46, (x - 40) / 38) + 0 * z
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        ct = np.where(radius < 0.88, rng.normal(32, 4, (8, 96, 80)), np.where(radius < 1, 900, -1000))
        blood = (z - 4) ** 2 * 25 + ((y - 45) ** 2 + (x - 30) ** 2) * 0.81 < 13**2
        if name == "a":
            ct[blood] += 30
            write(folder / "a_mask.nii.gz", blood.astype(np.uint8))
        write(folder / f"{name}_ct.nii.gz", ct.astype(np.int16))
    shapes = folder / "shapes"
    shapes.mkdir()
    write(shapes / "0.nii.gz", blood.astype(np.uint8))
    return folder


@pytest.fixture(scope="session")
def small_pack(small_cases):
    """The pack of ``small_cases``."""
    pytest.importorskip("skimage")
    from ICHHPINetLib.training import pack

    path = small_cases / "pack.npz"
    pack.build(small_cases, small_cases / "shapes", path)
    return pack.load(path)
