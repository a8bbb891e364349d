"""A folder of tiny cases with the ids of real folds, and a network of next to no size to train."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

SPACING = (5.0, 1.0, 1.0)
SHAPE = (6, 48, 44)


def bleed(shift=0):
    slices, rows, columns = np.indices(SHAPE)
    return (((slices - 3) / 2.5) ** 2 + ((rows - 20) / 7) ** 2 + ((columns - 23 - shift) / 6) ** 2) <= 1


def head(truth, seed):
    _, rows, columns = np.indices(SHAPE)
    radius = np.hypot((rows - 24) / 22, (columns - 22) / 20)
    tissue = np.random.default_rng(seed).normal(32, 4, SHAPE) + 33 * truth
    return np.where(radius < 0.88, tissue, np.where(radius < 1, 900, -1000)).astype(np.int16)


@pytest.fixture(scope="session")
def cases(tmp_path_factory):
    """Two bleeding cases of fold 0, one of fold 1, and a bleed-free one."""
    folder = tmp_path_factory.mktemp("cases")
    for number, (name, shift) in enumerate({"050": 0, "053": 4, "052": -3, "061": None}.items()):
        truth = np.zeros(SHAPE, bool) if shift is None else bleed(shift)
        for kind, array in (("ct", head(truth, number)), ("mask", truth.astype(np.uint8))):
            image = sitk.GetImageFromArray(array)
            image.SetSpacing(SPACING[::-1])
            sitk.WriteImage(image, str(folder / f"{name}_{kind}.nii.gz"))
    return folder


@pytest.fixture(scope="module")
def tiny_training():
    """Experiments train a tiny network."""
    from experiments import trained
    from ICHHPINetLib.ablations.network import ablated
    from ICHHPINetLib.networks.hpinet import HPINetConfig

    def tiny(variant):
        widths = {"volume_widths": (8, 8, 8, 8), "slice_widths": (8, 8, 8), "key_channels": 8}
        return ablated(HPINetConfig("tiny", **widths), variant)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trained, "network_config", tiny)
        yield


@pytest.fixture
def reproduce(capsys):
    """Runs `ichhpinet reproduce` with words and returns what it printed."""
    from ICHHPINetLib import cli

    def run(*words, code=0, command=("reproduce",)):
        assert cli.main([*command, *map(str, words)]) == code
        captured = capsys.readouterr()
        return captured.out if code == 0 else captured.err

    return run
