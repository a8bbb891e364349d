"""DICOM objects to files: all of them, read back, or none."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..imaging.output_files import whole_file


def write_objects(objects: Mapping[Path, Any]) -> None:
    """Write pydicom datasets, each to its path.

    Raises OutputError; where one of them cannot be written, all paths keep what was there before.
    """
    with ExitStack() as stack:
        for path, dataset in objects.items():
            buffer = io.BytesIO()
            dataset.save_as(buffer, enforce_file_format=True)
            content = buffer.getvalue()
            draft = stack.enter_context(
                whole_file(path, lambda draft, content=content: draft.read_bytes() == content)
            )
            draft.write_bytes(content)
