"""Settings that every test shares: the same run twice gives the same result."""

import os
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
