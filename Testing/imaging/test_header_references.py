"""A header may name files of its own folder, and nothing else on this computer."""

import os
import sys

import numpy as np
import pytest

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.ct_files import read_image
from ICHHPINetLib.imaging.integrity import check_whole

VOXELS = np.arange(60, dtype=np.int16)
NRRD = """NRRD0005
type: short
dimension: 3
space: left-posterior-superior
sizes: 5 4 3
space directions: (1,0,0) (0,1,0) (0,0,1)
space origin: (0,0,0)
endian: little
encoding: raw
data file: {}
"""
META = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
DimSize = 5 4 3
ElementType = MET_SHORT
ElementDataFile = {}
"""


def header(folder, ending, place):
    """A header with its voxels in ``place``; everything that the tests name is there to be found."""
    inner = folder / "inner"
    (inner / "deep").mkdir(parents=True)
    for where in (folder, inner, inner / "deep"):
        VOXELS.tofile(where / "voxels.raw")
    for number in range(3):
        VOXELS[20 * number :][:20].tofile(inner / f"part{number}.raw")
    path = inner / f"ct{ending}"
    path.write_text((META if ending == ".mhd" else NRRD).format(place.format(folder=folder)))
    return path


@pytest.mark.parametrize("ending", [".nhdr", ".nrrd", ".mhd"])
@pytest.mark.parametrize("place", ["voxels.raw", "deep/voxels.raw", "part%d.raw 0 2 1"])
def test_files_of_its_folder_are_read(tmp_path, ending, place):
    image, _ = read_image(header(tmp_path, ending, place))
    assert image.GetPixel(4, 3, 2) == 59


@pytest.mark.parametrize("ending", [".nhdr", ".nrrd", ".mhd"])
@pytest.mark.parametrize(
    "place",
    [
        "{folder}/voxels.raw",
        "{folder}/inner/../voxels.raw",
        "../voxels.raw",
        "deep/../../voxels.raw",
        "..\\voxels.raw",
        "C:\\voxels.raw",
        "\\\\server\\voxels.raw",
        "/dev/zero",
        "/dev/stdin",
        "-",
        "LIST\n../voxels.raw",
        "../part%d.raw 0 2 1",
        "part%999999999d.raw 0 2 1",
        "missing.raw",
        ".",
    ],
)
def test_what_lies_elsewhere_is_refused(tmp_path, ending, place):
    path = header(tmp_path, ending, place)
    for read in (check_whole, read_image):
        with pytest.raises(InputFileError, match=r"ct\.|inner"):
            read(path)


def test_several_slices_a_file_are_refused_where_itk_cannot_read_them(tmp_path):
    with pytest.raises(InputFileError, match="cannot be read safely"):
        read_image(header(tmp_path, ".mhd", "part%d.raw 0 2 1 2"))


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes")
@pytest.mark.parametrize("ending", [".nhdr", ".mhd"])
def test_links_and_pipes_are_refused(tmp_path, ending):
    path = header(tmp_path, ending, "voxels.raw")
    for target in ("../voxels.raw", "/dev/zero"):
        (path.parent / "voxels.raw").unlink()
        (path.parent / "voxels.raw").symlink_to(target)
        with pytest.raises(InputFileError):
            read_image(path)
    (path.parent / "voxels.raw").unlink()
    os.mkfifo(path.parent / "voxels.raw")
    with pytest.raises(InputFileError, match="device or a pipe"):
        read_image(path)
