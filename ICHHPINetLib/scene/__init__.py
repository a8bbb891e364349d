"""The MRML adapter: the only folder of the library that imports ``slicer`` or ``vtk``.

It works on real MRML nodes without Qt, inside the Slicer application as well as
outside it on the ``slicer-core`` package (:mod:`ICHHPINetLib.scene.headless`).
Everything here must be called from the main thread, as all of MRML.
"""

from __future__ import annotations

import importlib

_EXPORTS = {
    "SceneAdapter": "adapter",
    "CTGeometry": "geometry",
    "add_ct_image": "geometry",
    "add_ct_node": "geometry",
    "headless_scene": "headless",
    "load_mrb": "archive",
    "save_mrb": "archive",
}

__all__ = list(_EXPORTS)


def __getattr__(name: str):
    try:
        module = _EXPORTS[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
