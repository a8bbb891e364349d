"""Parts of the module that only Slicer can run; importing it makes the library importable."""

import importlib.util
import sys
from pathlib import Path


def makeLibraryImportable():
    """Find ICHHPINetLib one level above the module's folder where it is not installed beside it.

    A built extension has it beside the module, in a folder that Slicer itself searches; in a
    checkout used as it is, it lies beside the folder that was added as a module path.
    """
    checkout = Path(__file__).resolve().parents[2]
    if importlib.util.find_spec("ICHHPINetLib") is None and (checkout / "ICHHPINetLib").is_dir():
        # Last, so that nothing else of the checkout can hide a module of Slicer.
        sys.path.append(str(checkout))


makeLibraryImportable()
