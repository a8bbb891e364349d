"""Installs what computing needs into Slicer's Python, when the user says so and never before."""

import importlib
import importlib.util
import logging
import re
import shutil
import subprocess
import sys
from pathlib import Path

import slicer
from ICHHPINetLib.errors import MissingPackageError
from ICHHPINetLib.interaction.session_factory import is_older
from slicer.i18n import tr as _

_REQUIREMENTS = Path(__file__).resolve().parents[1] / "Resources" / "requirements.txt"
_TORCH_BUILDS = "https://download.pytorch.org/whl/"

# For some exports alone, and therefore asked for when they are wanted.
PICTURES, DICOM = ("matplotlib>=3.8",), ("highdicom>=0.27",)

# Oldest CUDA version of a driver that runs the build, newest first. Older drivers get the CPU build.
_CUDA_BUILDS = (((13, 0), "cu130"), ((12, 8), "cu128"), ((12, 6), "cu126"))


def requirements():
    """Requirement strings of Resources/requirements.txt."""
    lines = (line.strip() for line in _REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def missingRequirements():
    """Those of :func:`requirements` that are not there or too old; nothing is imported to find out."""
    importlib.invalidate_caches()
    return [line for line in requirements() if not _isMet(line)]


def install():
    """Ask the user, then install what is missing; whether everything is there afterwards.

    Main thread only: pip run from another thread brings Slicer down on macOS.
    """
    missing = missingRequirements()
    if not missing:
        return True
    if slicer.app.testingEnabled():
        logging.info("Testing mode: %s would be installed now.", ", ".join(missing))
        return False
    question = _(
        "ICH-HPINet computes with PyTorch, which is not part of Slicer.\n\n"
        "To be installed into Slicer's Python: {packages}\n"
        "Build of PyTorch: {build}\n\n"
        "The download takes 0.2 to 3 GB and some minutes. Install now?"
    ).format(packages=", ".join(missing), build=torchBuild() or _("default"))
    if not slicer.util.confirmOkCancelDisplay(question, _("Install PyTorch")):
        return False
    for requirement in missing:
        if _packageName(requirement) == "torch":
            _installTorch(requirement)
        else:
            _installFromPyPI(requirement)
    return not missingRequirements()


def installFor(needed, purpose):
    """Ask the user, then install those of ``needed`` that are missing; whether all are there afterwards.

    Main thread only, as :func:`install`.

    :param needed: requirement strings, as those of Resources/requirements.txt
    :param purpose: the beginning of a sentence that ends with the packages
    :raises MissingPackageError: if what was installed can be used after a restart alone
    """
    importlib.invalidate_caches()
    missing = [line for line in needed if not _isMet(line)]
    if not missing:
        return True
    if slicer.app.testingEnabled():
        logging.info("Testing mode: %s would be installed now.", ", ".join(missing))
        return False
    question = _(
        "{purpose} {packages}, which is not part of this Slicer. Other packages that it needs may be "
        "renewed; save your work first.\n\nInstall into Slicer's Python now?"
    ).format(purpose=purpose, packages=_(" and ").join(missing))
    if not slicer.util.confirmOkCancelDisplay(question, _("Install packages")):
        return False
    for requirement in missing:
        _installFromPyPI(requirement)
    importlib.invalidate_caches()
    for requirement in missing:
        try:
            importlib.import_module(_packageName(requirement))
        except Exception as error:  # Whatever comes of an older package that is loaded already.
            logging.exception("%s was installed and cannot be imported", requirement)
            raise MissingPackageError(
                _("{package} was installed. Save the scene and restart Slicer: then it can be used.").format(
                    package=_packageName(requirement)
                )
            ) from error
    return all(map(_isMet, missing))


def torchBuild(platform=sys.platform, driverVersion=None):
    """Name of the PyTorch build for this computer's GPU: "cu128", ..., "cpu".

    None stands for the build that PyPI has for the platform: with Metal on macOS, without a GPU on
    Windows, with the newest CUDA (3 GB, useful or not) on Linux.
    """
    if platform == "darwin":
        return None
    version = driverVersion or _cudaVersionOfDriver()
    build = next((name for oldest, name in _CUDA_BUILDS if version is not None and version >= oldest), "cpu")
    ofPyPI = "cpu" if platform == "win32" else _CUDA_BUILDS[0][1]
    return None if build == ofPyPI else build


def _installTorch(requirement):
    if hasattr(slicer.modules, "pytorchutils"):
        import PyTorchUtils

        try:
            PyTorchUtils.PyTorchUtilsLogic().installTorch(
                askConfirmation=False, torchVersionRequirement=requirement.removeprefix("torch")
            )
        except Exception:
            # It fails with some versions of Slicer and of the tool behind it; pip is still there.
            logging.exception("The extension PyTorch could not install PyTorch")
        if not missingRequirements():
            return
    build = torchBuild()
    if build is None:
        _installFromPyPI(requirement)
    else:
        slicer.util.pip_install([requirement, "--index-url", _TORCH_BUILDS + build])


def _installFromPyPI(requirement):
    try:
        from slicer.packaging import pip_ensure
    except ImportError:
        # Slicer before 5.12
        slicer.util.pip_install([requirement])
    else:
        pip_ensure([requirement], requester="ICH-HPINet", prompt_install=False)


def _isMet(requirement):
    name, least = requirement.split(">=")
    if importlib.util.find_spec(name) is None:
        return False
    return not is_older(name, tuple(int(number) for number in least.split(".")))


def _packageName(requirement):
    return re.match(r"[A-Za-z0-9_.-]+", requirement).group()


def _cudaVersionOfDriver():
    """(major, minor) of the newest CUDA that the installed NVIDIA driver supports, None without one."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        output = subprocess.run([program], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"CUDA Version:\s*(\d+)\.(\d+)", output)
    return (int(found.group(1)), int(found.group(2))) if found else None
