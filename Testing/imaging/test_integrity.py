"""A file that is not whole, or not the one that was named, is an error that names it."""

import gzip
import os
import shutil
import struct
import zipfile

import numpy as np
import pytest
import SimpleITK as sitk

from ICHHPINetLib.errors import InputFileError
from ICHHPINetLib.imaging.integrity import alone, check_whole
from Testing.imaging.images import ct_image

ENDINGS = [".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"]


def written(folder, ending, packed=True, image=None):
    """Path of the file that holds the voxels of a CT that ITK wrote, and of the one to name."""
    path = folder / f"ct{ending}"
    sitk.WriteImage(ct_image() if image is None else image, str(path), useCompression=packed)
    parts = [one for one in folder.iterdir() if one != path]
    return (parts or [path])[0], path


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("ending", ENDINGS)
def test_what_itk_writes_is_whole(tmp_path, ending, packed):
    for kind in (sitk.sitkUInt8, sitk.sitkInt16, sitk.sitkUInt32, sitk.sitkFloat32, sitk.sitkFloat64):
        check_whole(written(tmp_path, ending, packed, sitk.Cast(ct_image(), kind))[1])
    check_whole(written(tmp_path, ending, packed, sitk.JoinSeries([ct_image()] * 2))[1])
    if ending != ".nii":
        check_whole(written(tmp_path, ending, packed, sitk.Compose([ct_image()] * 3))[1])


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("ending", ENDINGS)
def test_cut_at_any_length(tmp_path, ending, packed):
    voxels, path = written(tmp_path, ending, packed)
    whole = voxels.read_bytes()
    for kept in {*range(0, len(whole), 97), *range(340, 360), len(whole) - 1, len(whole) - 9}:
        voxels.write_bytes(whole[:kept])
        with pytest.raises(InputFileError, match=r"ct\."):
            check_whole(path)


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("ending", ENDINGS)
def test_something_behind_the_voxels(tmp_path, ending, packed):
    voxels, path = written(tmp_path, ending, packed)
    with voxels.open("ab") as file:
        file.write(b"garbage")
    with pytest.raises(InputFileError, match=r"ct\."):
        check_whole(path)


@pytest.mark.parametrize("ending", [".nii.gz", ".mha", ".mhd", ".nrrd", ".nhdr"])
def test_a_flipped_bit_in_packed_voxels(tmp_path, ending):
    voxels, path = written(tmp_path, ending)
    whole = voxels.read_bytes()
    for at in range(len(whole) // 2, len(whole), 131):
        voxels.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        with pytest.raises(InputFileError, match=r"ct\."):
            check_whole(path)


def test_voxels_as_text_and_packed_otherwise(tmp_path):
    bz2 = pytest.importorskip("bz2")
    header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 2 2\nencoding: {}\n\n"
    contents = {
        "ascii": b"1 2 3 4\n5 6 7 8\n",
        "hex": bytes(16).hex().encode(),
        "bzip2": bz2.compress(bytes(16)),
        "gz": gzip.compress(bytes(16)),
    }
    path = tmp_path / "ct.nrrd"
    for name, content in contents.items():
        path.write_bytes(header.format(name).encode() + content)
        check_whole(path)
        path.write_bytes(header.format(name).encode() + content[:-3])
        with pytest.raises(InputFileError, match=path.name):
            check_whole(path)


def test_slices_in_files_of_their_own(tmp_path):
    header = "NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 3\nencoding: raw\ndata file: {}\n"
    for place in ("part%d.raw 1 3 1 2", "LIST 2\npart1.raw\npart2.raw\npart3.raw"):
        for number in (1, 2, 3):
            (tmp_path / f"part{number}.raw").write_bytes(bytes(4))
        (tmp_path / "ct.nhdr").write_text(header.format(place))
        check_whole(tmp_path / "ct.nhdr")
        (tmp_path / "part2.raw").unlink()
        with pytest.raises(InputFileError, match=r"part2\.raw"):
            check_whole(tmp_path / "ct.nhdr")


def test_a_pipe_or_a_device_is_not_opened(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes")
    os.mkfifo(tmp_path / "ct.nrrd")
    (tmp_path / "ct.mhd").write_text(
        "NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = ct.nrrd\n"
    )
    for name in ("ct.nrrd", "ct.mhd"):
        with pytest.raises(InputFileError, match="device or a pipe"):
            check_whole(tmp_path / name)


@pytest.mark.parametrize(
    ("at", "form", "value", "more"),
    [
        (108, "<f", 336.0, 16),
        (108, "<f", 0.0, 0),
        (70, "<h", 64, 0),
        (72, "<h", 64, 7 * ct_image().GetNumberOfPixels()),
    ],
)
def test_a_nifti_header_that_contradicts_itself(tmp_path, at, form, value, more):
    path, _ = written(tmp_path, ".nii", image=sitk.Cast(ct_image(), sitk.sitkUInt8))
    content = bytearray(path.read_bytes())
    struct.pack_into(form, content, at, value)
    path.write_bytes(content + bytes(more))
    with pytest.raises(InputFileError, match="its header"):
        check_whole(path)


def test_each_cause_has_a_sentence_of_its_own(tmp_path):
    _, plain = written(tmp_path, ".nii")
    shutil.copy(plain, tmp_path / "plain.nii.gz")
    (tmp_path / "packed.nii").write_bytes(gzip.compress(plain.read_bytes()))
    with zipfile.ZipFile(tmp_path / "ct.zip", "w") as archive:
        archive.write(plain)
    sitk.WriteImage(ct_image(), str(tmp_path / "pair.img"))
    (tmp_path / "nothing.nrrd").touch()
    causes = {
        "plain.nii.gz": r"not compressed. Rename it to 'plain\.nii'",
        "packed.nii": r"not named .gz. Rename it to 'packed\.nii\.gz'",
        "ct.zip": "zip archive. Unpack it",
        "pair.img": "one half of a pair",
        "pair.hdr": "one half of a pair",
        "nothing.nrrd": "empty",
        "missing.nrrd": "cannot be found",
        "x" * 300: "cannot be found",
    }
    for name, words in causes.items():
        with pytest.raises(InputFileError, match=words):
            check_whole(tmp_path / name)


def test_the_named_file_is_the_file_read(tmp_path):
    for ending, value in ((".nii", 1), (".nii.gz", 2)):
        image = sitk.GetImageFromArray(np.full((3, 4, 5), value, np.int16))
        sitk.WriteImage(image, str(tmp_path / f"mask{ending}"))
    for ending, value in ((".nii", 1), (".nii.gz", 2)):
        with alone(tmp_path / f"mask{ending}") as path:
            assert (sitk.GetArrayFromImage(sitk.ReadImage(str(path))) == value).all()
