"""Every error that the library raises on purpose.

A message states what is wrong and what to do about it, so that a front end can
show ``str(error)`` to a user as it is.
"""

from __future__ import annotations


class ICHHPINetError(Exception):
    """Base of all deliberate errors."""


class InvalidVolumeError(ICHHPINetError, ValueError):
    """The CT array, its spacing or its intensities cannot be worked on."""


class InvalidScribblesError(ICHHPINetError, ValueError):
    """The scribbles do not fit the CT, contradict each other or are empty."""


class InputFileError(ICHHPINetError):
    """A file or folder that was named as input cannot be used."""


class OutputError(ICHHPINetError):
    """A result cannot be written where the user wants it."""


class WeightsError(ICHHPINetError):
    """Network weights are missing, truncated, altered or of another network."""


class SessionBusyError(ICHHPINetError):
    """A session was asked for something in the middle of a round; nothing was changed."""


class DeviceError(ICHHPINetError):
    """The requested compute device is not there, or gave up during a round."""


class MissingPackageError(ICHHPINetError, ImportError):
    """An optional Python package is needed for what was asked."""


class TorchMissingError(MissingPackageError):
    """PyTorch is not installed."""


class RoundCancelled(ICHHPINetError):
    """The user stopped a round; the previous result and all scribbles are kept."""
