import ICHHPINetSupport  # noqa: F401, makes the library importable

from .SegmentEditorEffect import SegmentEditorEffect

__all__ = ["SegmentEditorEffect"]
