"""Every sentence about a CT that breaks a rule of its acquisition; :mod:`.acquisition` has the rules."""

from __future__ import annotations

from ..words import tr as _

# Shear


def sheared_file(path: object) -> str:
    return _(
        "The slices of '{path}' are sheared, as of a tilted gantry, and volumes would come out wrong. "
        "Resample the image to perpendicular axes first, or name the DICOM folder, which can be read as it "
        "is."
    ).format(path=path)


# Of what ITK does not even open.
def sheared_header(path: object) -> str:
    return _(
        "The axes of '{path}' are not perpendicular, as of a tilted gantry or badly rounded: its slices "
        "are sheared. Convert the DICOM series again, or name its folder."
    ).format(path=path)


def sheared_node(name: object) -> str:
    return _(
        "The slices of '{name}' are sheared (a tilted gantry, or a transform with shear). Load its DICOM "
        "series again with 'harden regularization transform' chosen in Edit > Application Settings > DICOM."
    ).format(name=name)


def tilted(degrees: float, aside: float) -> str:
    return _(
        "The gantry was tilted by {degrees:.3g} degrees: the volume is shown upright, as a sheared stack. "
        "Volumes in mL are right, sagittal and coronal views slanted, and the result lies up to "
        "{aside:.0f} mm beside its place in the patient."
    ).format(degrees=degrees, aside=aside)


def moved_table(folder: object) -> str:
    return _(
        "The slices in '{folder}' lie beside each other: the table or the field of view was moved. "
        "Resample the series to one stack, or export one acquisition alone."
    ).format(folder=folder)


# Spacing


def spacing_advice() -> str:
    return _("give three positive numbers in mm (z, y, x), for example (5.0, 0.45, 0.45)")


def spacing_without_numbers(spacing: object) -> str:
    return _("The spacing {spacing!r} is not made of numbers; {advice}.").format(
        spacing=spacing, advice=spacing_advice()
    )


def size_unstated() -> str:
    return _(
        "The voxels are 1 x 1 x 1 mm, or their size is not stated: check it before you trust a volume in mL."
    )


def two_sizes(path: object, one: object, other: object) -> str:
    return _(
        "'{path}' gives two voxel sizes, {one} and {other}: its volumes cannot be known. Convert the DICOM "
        "series again, or name its folder."
    ).format(path=path, one=one, other=other)


def zero_spacing(name: object) -> str:
    return _("'{name}' has a spacing of zero. Correct it in the Volumes module.").format(name=name)


def no_pixel_size(place: object) -> str:
    return _(
        "{place} has no pixel size (0028,0030): no volume can be known. Export the original series, not a "
        "secondary capture."
    ).format(place=place)


def pixel_sizes_differ(folder: object) -> str:
    return _(
        "The slices in '{folder}' have pixels of different sizes. Export one reconstruction alone."
    ).format(folder=folder)


def same_spot(folder: object, one: object, other: object, mm: float) -> str:
    return _(
        "Two slices in '{folder}' lie on the same spot: {one} and {other} at {mm:.1f} mm. The folder seems "
        "to hold two acquisitions; keep one."
    ).format(folder=folder, one=one, other=other, mm=mm)


def uneven(
    folder: object, guess: object, gap: float, one: object, other: object, mm: float, usual: float
) -> str:
    return _(
        "The slices in '{folder}' are not evenly spaced ({guess}): {gap:.2f} mm between {one} and {other}, "
        "at {mm:.1f} mm, but {usual:.2f} mm elsewhere. Export the series again with all its slices."
    ).format(folder=folder, guess=guess, gap=gap, one=one, other=other, mm=mm, usual=usual)


def blocks(blocks: object, gaps: object, plane: float) -> str:
    return _(
        "The series has slices of several thicknesses: {blocks}, {gaps} mm apart where they meet. Each "
        "slice is shown as often as it is thick, in planes of {plane:.3g} mm, and counts with its own "
        "thickness in every volume; where blocks overlap, nothing counts twice. Scribbles may be drawn on "
        "this CT (segment --scene writes it) or on the series as it is loaded elsewhere, slice by slice."
    ).format(blocks=blocks, gaps=gaps, plane=plane)


def blocks_apart(folder: object, count: int, blocks: object, problem: object) -> str:
    return _(
        "The slices in '{folder}' lie in {count} blocks ({blocks}) that cannot be put together: {problem}. "
        "Export the series again with all its slices, or copy each block to a folder of its own, measure "
        "each, and add their volumes."
    ).format(folder=folder, count=count, blocks=blocks, problem=problem)


# Modality


def modality_unsaid() -> str:
    return _("The files do not say that they are a CT. Check that its values are Hounsfield units.")


def modality_of_files(place: object, modality: object) -> str:
    return _("'{place}' is {modality}, not CT. Name the series of the head CT.").format(
        place=place, modality=modality
    )


def modality_of_node(name: object, modality: object) -> str:
    return _("'{name}' is a series of modality {modality}. Choose a head CT without contrast agent.").format(
        name=name, modality=modality
    )


# Frames: slices, time points and colors


def single_slice_file(path: object) -> str:
    return _("'{path}' holds a single 2D slice, but a volume is needed. Load the whole series.").format(
        path=path
    )


def single_slice_series(place: object) -> str:
    return _(
        "The series in '{place}' has a single slice; a volume needs two at least. Export the whole series."
    ).format(place=place)


def one_of_series(path: object, folder: object) -> str:
    return _(
        "'{path}' is one slice of a DICOM series. Name its folder, '{folder}', to load them all."
    ).format(path=path, folder=folder)


def slices_differ(folder: object, one: object, other: object) -> str:
    return _(
        "The slices in '{folder}' differ in size or orientation ({one} and {other}), as with a localizer "
        "among them. Move the odd ones to another folder."
    ).format(folder=folder, one=one, other=other)


def acquisitions(folder: object, count: int, names: object) -> str:
    return _(
        "The series in '{folder}' holds {count} acquisitions of the same part of the head: {names}. Copy the "
        "files of one to a folder of their own, and name that."
    ).format(folder=folder, count=count, names=names)


def time_series_file(path: object, dimensions: int, sizes: object) -> str:
    return _(
        "'{path}' has {dimensions} dimensions ({sizes}), as a time series has. Save one time point as a "
        "file of its own and load that."
    ).format(path=path, dimensions=dimensions, sizes=sizes)


def color_file(path: object, values: int) -> str:
    return _(
        "'{path}' has {values} values a voxel, as a color (RGB) picture has. Load the original gray-value "
        "CT series."
    ).format(path=path, values=values)


def color_slice(path: object, values: str) -> str:
    return _(
        "'{path}' has {values} values a pixel, as a color picture or a screen capture has. Export the "
        "original series."
    ).format(path=path, values=values)


def color_node(name: object, values: int) -> str:
    return _(
        "'{name}' has {values} values per voxel (a color image?). Load the CT itself, with one value in HU "
        "per voxel."
    ).format(name=name, values=values)


def frames_without_place(path: object) -> str:
    return _(
        "The frames of '{path}' say nothing of where they lie. Export the series as single slices, or "
        "convert it with dcm2niix."
    ).format(path=path)


def frames_miscounted(path: object, count: int, frames: object) -> str:
    return _(
        "'{path}' says where {count} frames lie, but has {frames} frames. Export the series again."
    ).format(path=path, count=count, frames=frames)


def no_place(place: object) -> str:
    return _(
        "{place} does not say where its slice lies (ImagePositionPatient): the order and distance of "
        "slices cannot be known. Export the original series."
    ).format(place=place)


def no_orientation(place: object) -> str:
    return _(
        "{place} does not say how its slice is turned (ImageOrientationPatient). Export the original series."
    ).format(place=place)
