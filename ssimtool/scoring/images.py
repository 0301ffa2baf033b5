"""The use case of `compare`: two images, from files or from memory, to a record."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from ssimtool import __version__
from ssimtool.devices import Execution
from ssimtool.errors import UnavailableError
from ssimtool.kernels.loading import load_kernels
from ssimtool.loading import LOADING
from ssimtool.readers.align import Reading, recorded
from ssimtool.readers.files import check_read_once
from ssimtool.readers.frames import PairFrames, read_frames
from ssimtool.readers.masks import mask_once
from ssimtool.readers.memory import ImageInput, name_of
from ssimtool.readers.options import unrecorded
from ssimtool.readers.regions import ALL, RegionOfInterest
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import Failure
from ssimtool.scoring.failures import failure_of
from ssimtool.scoring.frames import FramesScored, score_frames
from ssimtool.scoring.pair import compare, execution_of, map_of
from ssimtool.settings import CompareSettings


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """The images to compare, and the settings.

    Args:
        reference, distorted: paths, or images in memory.
        settings: the metrics, the definition, the device and the backend.
        reading: options of reading the images.
        region: the region of interest.
        mask: the mask of `region`, if it is in memory.
        with_map: compute the SSIM map as well.

    Raises:
        ArgumentError: standard input or a pipe is passed twice.
    """

    reference: ImageInput
    distorted: ImageInput
    settings: CompareSettings
    reading: Reading
    region: RegionOfInterest = ALL
    mask: ImageInput | None = None
    with_map: bool = False

    def __post_init__(self) -> None:
        images = (
            self.reference,
            self.distorted,
            self.region.mask if self.mask is None else self.mask,
        )
        check_read_once(os.fsdecode(i) for i in images if isinstance(i, (str, os.PathLike)))


@dataclass(frozen=True)
class Compared:
    """A record, and, if the map was requested and could be computed, the images and the map.

    Of stacks, the images and the map are those of the frame with the worst SSIM.
    """

    record: Comparison
    pair: Pair | None = None
    ssim_map: Array | None = None


def compare_once(request: CompareRequest, *, debug: bool = False) -> Compared:
    """Compare two images in a process that computes nothing else.

    Args:
        request: the images and the settings.
        debug: raise errors instead of returning them as records.

    Returns:
        the record, and the images with the map if requested; an error that the user can fix is a
        record of the status `error`.

    Raises:
        UnavailableError: a device or a backend is not present.
    """
    try:
        # The files are opened before the kernels or torch are loaded, so that a broken file is
        # reported at once. Only the samples of large images are decoded meanwhile.
        frames = read_images(request, meanwhile=lambda: _load(request.settings))
        execution = execution_of(request.settings, alone=_samples_of(frames))
        if execution.backend != "numpy":
            _load(request.settings)  # unless it was loaded meanwhile
        scored = score_images(frames, request, execution)
        if not request.with_map:
            return Compared(scored.record)
        pair = scored.shown()
        return Compared(scored.record, pair, map_of(pair, request.settings, execution=execution))
    except Exception as error:
        failure = failure_of(error)
        if failure is None or debug:
            raise
        return Compared(failed(request, failure))


def read_images(
    request: CompareRequest, *, meanwhile: Callable[[], object] = lambda: None
) -> PairFrames:
    """Read both images and their region of interest; of two stacks, the first frames.

    Args:
        request: the images and the settings.
        meanwhile: called in a further thread while two large images are decoded.

    Raises:
        SsimtoolError: an image cannot be read, or the two cannot be compared.
    """
    frames = read_frames(request.reference, request.distorted, request.reading, meanwhile=meanwhile)
    limits = unrecorded(request.reading)
    return frames.prepared(mask_once(request.region, image=request.mask, **limits))


def score_images(frames: PairFrames, request: CompareRequest, execution: Execution) -> FramesScored:
    """Score a pair, or all frames of two stacks.

    Raises:
        SsimtoolError: the images cannot be scored, or a frame cannot be read.
    """
    settings = request.settings
    return score_frames(frames, settings, partial(compare, settings=settings, execution=execution))


def failed(request: CompareRequest, failure: Failure) -> Comparison:
    """Return the record of two images that could not be compared."""
    return Comparison(
        status="error",
        reference=name_of(request.reference),
        distorted=name_of(request.distorted),
        definition=parts_of(request.settings.definition),
        reading=recorded(request.reading),
        mask=request.region.mask,
        regions=request.region.regions,
        version=__version__,
        error=failure,
    )


def _samples_of(frames: PairFrames) -> int:
    """Return the number of samples of the reference, all frames together."""
    return frames.first.reference.size * len(frames.numbers)


def _load(settings: CompareSettings) -> None:
    """Load what will compute; if that is not available, comparing reports it."""
    with suppress(UnavailableError), LOADING:
        if execution_of(settings).loads_torch:
            import ssimtool.scoring.tensors  # noqa: F401  # loads torch
        else:
            load_kernels()
