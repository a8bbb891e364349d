import importlib.util
import os
import sys

# In a checkout the library lies beside the folder of the modules, in a built extension in it.
if importlib.util.find_spec("ICHHPINetLib") is None:
    sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from .SegmentEditorEffect import SegmentEditorEffect

__all__ = ["SegmentEditorEffect"]
