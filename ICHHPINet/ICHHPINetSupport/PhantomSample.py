"""The generated head phantom as sample data: made on this computer, so that it needs no network."""

import os

import slicer
from slicer.i18n import tr as _

_CATEGORY = "ICHHPINet"
_NAME = "ICHHPINetPhantom"
_ICON = os.path.join(os.path.dirname(os.path.dirname(__file__)), "Resources", "Icons", _NAME + ".png")


def registerSampleData():
    """Add the phantom to the Sample Data module."""
    import SampleData

    logic = SampleData.SampleDataLogic
    # Titles of categories are new in Slicer 5.12.
    if hasattr(logic, "registerCustomSampleDataCategory"):
        logic.registerCustomSampleDataCategory(_CATEGORY, title=_("ICH-HPINet"))
    logic.registerCustomSampleDataSource(
        category=_CATEGORY,
        sampleName=_NAME,
        uris="",
        fileNames=_NAME + ".nrrd",
        nodeNames=_NAME,
        thumbnailFileName=_ICON,
        customDownloader=_onButton,
    )


def _onButton(source):
    with slicer.util.tryWithErrorDisplay(_("Failed to generate the phantom."), waitCursor=True):
        volume, _truth = loadPhantom()
        slicer.util.setSliceViewerLayers(background=volume, fit=True)


def loadPhantom(kind="deep", **options):
    """Generate a head CT with a bleed of known volume and add it to the scene.

    :param kind: one of ICHHPINetLib.phantom's kinds ("deep", "lobar", "multifocal", ...)
    :param options: further arguments of ICHHPINetLib.phantom.generate (seed, spacing, slices, ...)
    :return: the volume node and the phantom with its mask and its analytic volume in mL
    """
    import numpy as np
    from ICHHPINetLib.phantom import generate
    from ICHHPINetLib.scene import add_ct_node

    phantom = generate(kind, **options)
    depth, height, width = (
        size * step for size, step in zip(phantom.volume.shape, phantom.spacing, strict=True)
    )
    thickness, row, column = phantom.spacing
    ijkToRas = np.diag([-column, -row, thickness, 1.0])
    ijkToRas[:3, 3] = width / 2, height / 2, -depth / 2
    return add_ct_node(slicer.mrmlScene, _NAME, phantom.volume, ijkToRas), phantom
