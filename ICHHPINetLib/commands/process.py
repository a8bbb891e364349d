"""What a command shares with its surroundings: the standard streams, the chatter of libraries, Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any, NoReturn, TextIO

# 128 + SIGINT, what shells expect of a program that Ctrl-C ended.
EXIT_INTERRUPTED = 130
_INTERRUPTED = "ichhpinet: stopped; every file is either complete or untouched"
_SHOW_CURSOR = "\x1b[?25h"


class Stream:
    """A standard stream whose end is no reason to end the work.

    ``failure`` is why what was printed has not arrived; None where it has, or where nobody reads it.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.failure: OSError | None = None
        self._stream = stream or _nowhere()
        with suppress(AttributeError, ValueError):
            # A sign that the terminal's encoding lacks must not end the work either.
            self._stream.reconfigure(errors="replace")

    def write(self, text: str) -> int:
        self._try("write", text)
        return len(text)

    def flush(self) -> None:
        self._try("flush")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _try(self, name: str, *arguments: str) -> None:
        try:
            getattr(self._stream, name)(*arguments)
        except OSError as error:
            # A reader that has gone, as of `| head`, has what it wants.
            if not isinstance(error, ConnectionError):
                self.failure = error
            with suppress(OSError, ValueError):
                # What is still buffered would fail again when Python ends.
                _to_nowhere(self._stream.fileno())
                self._stream.flush()
            self._stream = _nowhere()


@contextmanager
def standard_streams() -> Iterator[Stream]:
    """Standard output and errors that cannot fail; gives the former.

    What C and C++ libraries print is dropped meanwhile, and so are Python's warnings: ITK and VTK say
    on the terminal what we say in words. Python's development mode (-X dev) shows all.
    """
    with ExitStack() as stack:
        errors = sys.stderr
        if not sys.flags.dev_mode:
            errors = stack.enter_context(_libraries_silenced(errors))
            stack.enter_context(warnings.catch_warnings())
            if not sys.warnoptions:
                warnings.simplefilter("ignore")
        output = Stream(sys.stdout)
        with redirect_stdout(output), redirect_stderr(Stream(errors)):
            try:
                yield output
            finally:
                output.flush()


@contextmanager
def _libraries_silenced(errors: TextIO | None) -> Iterator[TextIO | None]:
    """The stream of errors, by a number of its own; what is written to number 2 goes nowhere."""
    try:
        kept = os.dup(2)
    except OSError:
        yield errors
        return
    own = errors
    with suppress(OSError, ValueError, AttributeError):
        if errors.fileno() == 2:
            own = open(os.dup(2), "w", encoding=errors.encoding, buffering=1)  # noqa: SIM115
    _to_nowhere(2)
    try:
        yield own
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        if own is not errors:
            own.close()


def occupy_closed_streams() -> None:
    """Open standard streams that are closed: else the next file takes their number, and what a library
    prints gets into it."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is taken.
            os.open(os.devnull, os.O_RDWR)


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")


def _to_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


_presses: list[int] = []
_said: list[str] = []


def interrupted() -> bool:
    """Whether Ctrl-C was pressed: libraries may make another error of it."""
    return bool(_presses)


def say_interrupted() -> None:
    """Print, once, that the work was stopped."""
    if not (_presses and _said):
        _said.append(_INTERRUPTED)
        print(_INTERRUPTED, file=sys.stderr, flush=True)


def catch_interrupts() -> None:
    """Let Ctrl-C end the work by KeyboardInterrupt, so that it cleans up; pressed again, the process at once.

    In an import there is nothing to clean up, and libraries would make crashes and other errors of it.
    """
    process = os.getpid()
    # A process that was forked begins anew.
    _presses.clear()
    _said.clear()

    def interrupt(number: int, frame: Any) -> None:
        _presses.append(number)
        # Workers of a training leave the words to the process that started them.
        if os.getpid() == process and (len(_presses) > 1 or _is_importing(frame)):
            end_interrupted()
        raise KeyboardInterrupt

    def unraisable(arguments: Any) -> None:
        # Pressed in a callback or in the clean-up of an object, from where nothing can be raised.
        if issubclass(arguments.exc_type, KeyboardInterrupt) and os.getpid() == process:
            end_interrupted()
        sys.__unraisablehook__(arguments)

    # Where it is ignored, as in the background of a shell, it stays so.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, interrupt)
        sys.unraisablehook = unraisable


def end_interrupted() -> NoReturn:
    """Say so, and end the process before threads and libraries that still compute make other errors of it."""
    with suppress(Exception):
        say_interrupted()
    with suppress(Exception):
        if sys.stdout.isatty():
            sys.stdout.write(_SHOW_CURSOR)
        sys.stdout.flush()
    os._exit(EXIT_INTERRUPTED)


def _is_importing(frame: Any) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
