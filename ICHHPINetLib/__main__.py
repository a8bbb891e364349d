"""The process behind ``ichhpinet``, which is the same as ``python -m ICHHPINetLib``."""

import sys
from typing import NoReturn

from .commands.process import EXIT_INTERRUPTED, catch_interrupts, end_interrupted, occupy_closed_streams


def run() -> NoReturn:
    """Run the command line and end."""
    occupy_closed_streams()
    catch_interrupts()
    from .cli import main

    code = main()
    if code == EXIT_INTERRUPTED:
        end_interrupted()
    sys.exit(code)


if __name__ == "__main__":
    run()
