"""DICOM files of a small head, with any fault that a test wants, written by pydicom."""

import copy

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

CT, ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.2.1"
ROWS, COLUMNS, PIXEL = 24, 20, 0.5
ORIGIN = np.array([-10.0, -20.0, 30.0])


def head_hu(count=8):
    """HU (slices, rows, columns), int16: air, bone, brain, and each slice's number at one pixel."""
    hu = np.full((count, ROWS, COLUMNS), -1000, np.int16)
    hu[:, 3:-3, 3:-3] = 1000
    hu[:, 5:-5, 5:-5] = 35
    hu[:, 12, 10] = 100 + np.arange(count)
    return hu


def numbers(ct):
    """Which slice of ``head_hu`` each plane of a CT shows."""
    return [int(value) - 100 for value in ct.hu[:, 12, 10]]


def _dataset(sop_class, uid, modality="CT"):
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = uid
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.Modality, dataset.SeriesDescription = modality, "Head"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 16, 15, 1
    return dataset


def save(dataset, path):
    dataset.preamble = bytes(128)
    pydicom.dcmwrite(path, dataset)


def store(dataset, hu, intercept=0, slope=1):
    """Put one slice's HU in a dataset, by its own bits and sign."""
    stored = np.rint((np.asarray(hu, float) - intercept) / slope).astype(np.int64)
    low = dataset.HighBit + 1 - dataset.BitsStored
    kind = "<i2" if dataset.PixelRepresentation else "<u2"
    masked = (stored & ((1 << dataset.BitsStored) - 1)) << low
    dataset.PixelData = (masked & 0xFFFF).astype("<u2").view(kind).tobytes()
    dataset.RescaleIntercept, dataset.RescaleSlope = intercept, slope


def write_slices(folder, hu=None, z=None, thickness=5.0, tilt=0.0, change=None):
    """One file a slice, at ``z`` mm along the normal; ``change(index, dataset)`` before each is written.

    ``thickness`` is one of all or one of each; ``tilt`` in degrees shears the stack as a gantry does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    hu = head_hu() if hu is None else hu
    z = 5.0 * np.arange(len(hu)) if z is None else np.asarray(z, float)
    thickness = np.broadcast_to(thickness, len(hu))
    for index in range(len(hu)):
        dataset = _dataset(CT, f"1.2.3.4.{index + 1}")
        place = ORIGIN + np.array([0, z[index] * np.tan(np.radians(tilt)), z[index]])
        dataset.ImagePositionPatient = [f"{value:.6f}" for value in place]
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        dataset.PixelSpacing = [PIXEL, PIXEL]
        dataset.SliceThickness = float(thickness[index])
        dataset.InstanceNumber = index + 1
        store(dataset, hu[index])
        if change is not None:
            change(index, dataset)
        # File names in another order than the slices.
        save(dataset, folder / f"slice_{(index * 7) % 31:03d}.dcm")


def write_frames(path, hu=None, order=None, spacing=5.0, change=None):
    """One enhanced file of all slices, its frames in ``order``; ``change(dataset)`` before it is written."""
    hu = head_hu() if hu is None else hu
    order = list(range(len(hu))) if order is None else list(order)
    dataset = _dataset(ENHANCED_CT, "1.2.3.4.0")
    dataset.NumberOfFrames = len(order)
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([Dataset()])
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = Sequence([Dataset()])
    shared.PixelMeasuresSequence[0].PixelSpacing = [PIXEL, PIXEL]
    shared.PixelMeasuresSequence[0].SliceThickness = spacing
    dataset.SharedFunctionalGroupsSequence = Sequence([shared])
    frames, pixels = [], []
    for number in order:
        frame, one = Dataset(), copy.copy(dataset)
        frame.PlanePositionSequence = Sequence([Dataset()])
        frame.PlanePositionSequence[0].ImagePositionPatient = list(
            ORIGIN + np.array([0, 0, spacing * number])
        )
        # Every frame has an intercept of its own.
        store(one, hu[number], intercept=-10 * number)
        frame.PixelValueTransformationSequence = Sequence([Dataset()])
        frame.PixelValueTransformationSequence[0].RescaleIntercept = -10 * number
        frame.PixelValueTransformationSequence[0].RescaleSlope = 1
        frames.append(frame)
        pixels.append(one.PixelData)
    dataset.PerFrameFunctionalGroupsSequence = Sequence(frames)
    dataset.PixelData = b"".join(pixels)
    if change is not None:
        change(dataset)
    save(dataset, path)
