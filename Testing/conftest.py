"""Settings that every test shares: the same run twice gives the same result."""

import os
import warnings
from pathlib import Path

import pytest

try:
    from hypothesis import settings
except ImportError:
    pass
else:
    settings.register_profile("ichhpinet", derandomize=True, deadline=None, max_examples=25)
    settings.load_profile("ichhpinet")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_cases() -> Path:
    """Folder of real cases named by ICHHPINET_DATA; tests that need it are skipped without it."""
    folder = os.environ.get("ICHHPINET_DATA")
    if not folder:
        pytest.skip("ICHHPINET_DATA names no folder of real cases")
    return Path(folder)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory) -> Path:
    """Weights file of an untrained network small enough to run in no time."""
    torch = pytest.importorskip("torch")
    from ICHHPINetLib.networks.hpinet import HPINet, HPINetConfig
    from ICHHPINetLib.training.export import export

    torch.manual_seed(0)
    config = HPINetConfig("tiny", volume_widths=(8, 8, 8, 8), slice_widths=(8, 8, 8), key_channels=8)
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    export(HPINet(config), path)
    return path


@pytest.fixture(scope="session")
def tiny_network(tiny_weights):
    """The untrained network of ``tiny_weights``, on the CPU."""
    from ICHHPINetLib import load_network

    return load_network(tiny_weights, device="cpu")


@pytest.fixture(scope="session")
def scheduler():
    """Address of a scheduler with two workers, which are threads."""
    distributed = pytest.importorskip("distributed")
    options = {"processes": False, "dashboard_address": None, "silence_logs": 50}
    with warnings.catch_warnings():
        # Of the port of a page that nobody looks at.
        warnings.simplefilter("ignore")
        cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, **options)
    with cluster:
        yield cluster.scheduler_address
