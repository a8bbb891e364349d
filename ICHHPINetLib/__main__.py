"""``python -m ICHHPINetLib`` is the same as ``ichhpinet``."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
