"""What happens around a command must not cost its results: closed streams, Ctrl-C, chatter of libraries."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import pytest

from ICHHPINetLib.__main__ import run
from Testing.commands.conftest import Session

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="streams and signals of POSIX"),
    pytest.mark.filterwarnings("ignore:.*use of fork"),
]


def press():
    os.kill(os.getpid(), signal.SIGINT)


def forked(words, change=None, closed=(), stdout=None):
    """(exit code, standard output, standard errors) of ``ichhpinet`` with ``words`` in a process of its own.

    ``change`` is called in it before; ``closed`` are numbers of closed streams.
    """
    files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
    process = os.fork()
    if process == 0:
        code = 70
        try:
            for number, file in enumerate(files, 1):
                os.dup2(file.fileno() if number == 2 or stdout is None else stdout, number)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            for number in closed:
                os.close(number)
                if number:
                    setattr(sys, ("stdout", "stderr")[number - 1], None)
            # Tests that run in the background of a shell have it ignored.
            signal.signal(signal.SIGINT, signal.default_int_handler)
            if change:
                change()
            sys.argv = ["ichhpinet", *map(str, words)]
            run()
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    for file in files:
        file.seek(0)
    return code, *(file.read().decode() for file in files)


@pytest.fixture
def segment(case, without_network):
    """Words of a command and the results that it writes."""
    out = case.folder / "out.seg.nrrd", case.folder / "report.json"
    return ["segment", case.ct, "--scribbles", case.round1, "-o", out[0], "--report", out[1]], out


def test_a_reader_that_has_gone_costs_no_result(case):
    """As of ``| head -0``, in a process that begins and ends as the command does."""
    read, write = os.pipe()
    os.close(read)
    script = (
        "from Testing.commands.conftest import replace_network as r; import pytest; r(pytest.MonkeyPatch())"
    )
    words = [sys.executable, "-c", f"{script}; from ICHHPINetLib.__main__ import run; run()", "segment"]
    words += [case.ct, "--scribbles", case.round1, "-o", case.folder / "out.seg.nrrd"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, env=environment, check=True)
    os.close(write)
    assert done.stderr == b""
    assert (case.folder / "out.seg.nrrd").stat().st_size


@pytest.mark.parametrize("closed", [[1], [2], [0, 1, 2]])
def test_closed_streams_cost_no_result(segment, closed):
    words, written = segment
    assert forked(words, closed=closed)[0] == 0
    assert json.loads(written[1].read_text())["volume_ml"] > 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device")
def test_what_was_printed_onto_a_full_disk_is_missed(segment):
    words, written = segment
    with open("/dev/full", "w") as full:
        code, _, errors = forked(words, stdout=full.fileno())
    (line,) = errors.splitlines()
    assert code == 2 and "No space left" in line
    assert all(path.stat().st_size for path in written)


def in_a_round():
    Session.refine = lambda *a, **k: press()


def in_a_library_that_makes_another_error_of_it():
    def refine(*a, **k):
        try:
            press()
        except KeyboardInterrupt:
            raise RuntimeError("Python error in C++") from None

    Session.refine = refine


class Loud:
    def __del__(self):
        press()


def where_nothing_can_be_raised():
    Session.refine = lambda *a, **k: [Loud()].clear() or time.sleep(20)


def in_an_import():
    folder = Path(tempfile.mkdtemp())
    text = "from Testing.commands.test_process import press\ntry: press()\nexcept: raise ImportError('heavy')"
    (folder / "heavy_library.py").write_text(text)
    sys.path.insert(0, str(folder))
    Session.refine = lambda *a, **k: __import__("heavy_library")


def while_a_result_takes_its_place():
    replace = os.replace
    os.replace = lambda *paths: (press(), replace(*paths))


def twice():
    def refine(*a, **k):
        try:
            press()
        finally:
            press()

    Session.refine = refine


@pytest.mark.parametrize(
    "when",
    [
        in_a_round,
        in_a_library_that_makes_another_error_of_it,
        where_nothing_can_be_raised,
        in_an_import,
        while_a_result_takes_its_place,
        twice,
    ],
)
def test_an_interruption_is_one_line_and_leaves_old_results(case, segment, when):
    words, written = segment
    for path in written:
        path.write_text("old")
    before = sorted(case.folder.iterdir())
    code, _, errors = forked(words, when)
    (line,) = errors.splitlines()
    assert code == 130 and "stopped" in line
    assert [path.read_text() for path in written] == ["old", "old"]
    assert sorted(case.folder.iterdir()) == before


@pytest.mark.parametrize("name", ["damaged.nii", "damaged.nii.gz", "damaged.nrrd", "damaged.mha", "dicom"])
def test_no_words_of_itk_come_before_ours(tmp_path, name):
    path = tmp_path / name
    if name == "dicom":
        path.mkdir()
        (path / "1.dcm").write_bytes(bytes(128) + b"DICM" + b"\x08\x00" * 50)
    else:
        path.write_bytes(b"NRRD0004\n" + bytes(range(256)) * 4)
    code, output, errors = forked(["measure", path, "--ct", path])
    (line,) = errors.splitlines()
    assert (code, output) == (2, "")
    assert line.startswith("ichhpinet: error: ")


def test_what_libraries_print_is_dropped(segment):
    words, _ = segment
    grow = Session.refine

    def refine(*a, **k):
        os.write(2, b"WARNING: In itkSomething.cxx, line 1")
        warnings.warn("odd", stacklevel=1)
        return grow(*a, **k)

    assert forked(words, lambda: setattr(Session, "refine", refine))[::2] == (0, "")
