"""Archives that lead out of their folder, or unpack without end, are refused before anything is written."""

import stat
import struct
import zipfile

import pytest

from ICHHPINetLib.errors import InputFileError
from Testing.scene.builders import add_ct


@pytest.fixture
def saved(scene, tmp_path):
    """Names and contents of a good archive."""
    from ICHHPINetLib.scene import save_mrb

    add_ct(scene)
    with zipfile.ZipFile(save_mrb(scene, tmp_path / "good.mrb")) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def packed(folder, entries):
    """Path of an archive in a folder of its own."""
    (folder / "deep" / "est").mkdir(parents=True)
    path = folder / "deep" / "est" / "case.mrb"
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in entries:
            archive.writestr(entry, content)
    return path


def refused(path, match):
    from ICHHPINetLib.scene import headless_scene, load_mrb

    before = sorted(path.parents[2].rglob("*"))
    with headless_scene() as scene, pytest.raises(InputFileError, match=match):
        load_mrb(scene, path)
    assert sorted(path.parents[2].rglob("*")) == before


def test_packed_again_it_opens(saved, tmp_path):
    from ICHHPINetLib.scene import headless_scene, load_mrb

    with headless_scene() as scene:
        (ct,) = load_mrb(scene, packed(tmp_path, saved.items()))
        assert ct.GetName() == "CT"


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "good/../../evil",
        "good/Data/../../../evil",
        "/tmp/evil",
        "C:/evil",
        "C:evil",
        "\\evil",
        "..\\evil",
        "good\\..\\..\\evil",
        "//server/evil",
        ".",
    ],
)
def test_names_that_lead_outside(saved, tmp_path, name):
    entry = zipfile.ZipInfo("x" * len(name))
    path = packed(tmp_path, [*saved.items(), (entry, "evil")])
    # Python's writer is too well-behaved for some of them.
    path.write_bytes(path.read_bytes().replace(b"x" * len(name), name.encode()))
    refused(path, "outside of its folder")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK])
def test_links_and_special_entries(saved, tmp_path, kind):
    entry = zipfile.ZipInfo("good/Data/link")
    entry.external_attr = (kind | 0o777) << 16
    refused(packed(tmp_path, [*saved.items(), (entry, "/etc")]), "link or a device")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["good/good.mrml", "good/GOOD.mrml", "good//good.mrml", "good/./good.mrml"])
def test_two_entries_of_one_name(saved, tmp_path, name):
    refused(packed(tmp_path, [*saved.items(), (name, "other")]), "twice")


def test_what_would_fill_the_disk(saved, tmp_path):
    path = packed(tmp_path, [*saved.items(), ("good/Data/bomb", b"")])
    content = bytearray(path.read_bytes())
    # Size in the last record of the directory.
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 0xFFFFFFF0)
    path.write_bytes(content)
    from ICHHPINetLib.scene import unpacking

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacking, "MOST_BYTES", 1 << 30)
        refused(path, "would unpack to 4.3 GB")


def test_a_size_that_is_not_true(saved, tmp_path):
    entry = zipfile.ZipInfo("good/Data/bomb")
    entry.compress_type = zipfile.ZIP_DEFLATED
    path = packed(tmp_path, [*saved.items(), (entry, bytes(1 << 24))])
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.rindex(b"PK\x01\x02") + 24, 10)
    path.write_bytes(content)
    refused(path, "damaged")


def test_too_many_entries(saved, tmp_path):
    refused(packed(tmp_path, [(f"good/{number}", b"") for number in range(10_001)]), "more than any scene")


@pytest.mark.parametrize(
    "place", ["/etc/passwd", "../../secret.nrrd", "http://a.org/x.nrrd", "%2Fetc%2Fpasswd"]
)
def test_a_scene_that_names_files_elsewhere(saved, tmp_path, place):
    saved["good/good.mrml"] = saved["good/good.mrml"].replace(b"Data/CT.nrrd", place.encode())
    refused(packed(tmp_path, saved.items()), "outside of it")


def test_a_volume_that_names_a_device(saved, tmp_path):
    header, _, _ = saved["good/Data/CT.nrrd"].partition(b"\n\n")
    saved["good/Data/CT.nrrd"] = header + b"\ndata file: /dev/zero\n"
    refused(packed(tmp_path, saved.items()), "not in its folder")


def test_a_scene_that_is_cut_off(saved, tmp_path):
    saved["good/good.mrml"] = saved["good/good.mrml"][:-20]
    refused(packed(tmp_path, saved.items()), "damaged")
