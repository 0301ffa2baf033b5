"""Two images, from files or from memory, to a record: the use case of `compare`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ssimtool import __version__
from ssimtool.devices import Execution
from ssimtool.readers.align import Reading, read_pair, recorded
from ssimtool.readers.masks import with_mask
from ssimtool.readers.memory import ImageInput, name_of
from ssimtool.readers.regions import ALL, RegionOfInterest
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import Failure
from ssimtool.scoring.failures import failure_of
from ssimtool.scoring.pair import compare, execution_of, map_of
from ssimtool.settings import CompareSettings


@dataclass(frozen=True, kw_only=True)
class CompareRequest:
    """What is compared, and how.

    Args:
        reference, distorted: paths, or images in memory.
        settings: what is computed.
        reading: how the images are read.
        region: which pixels are compared.
        mask: the mask of `region`, where it is in memory.
        with_map: whether the SSIM map is computed as well.
    """

    reference: ImageInput
    distorted: ImageInput
    settings: CompareSettings
    reading: Reading
    region: RegionOfInterest = ALL
    mask: ImageInput | None = None
    with_map: bool = False


@dataclass(frozen=True)
class Compared:
    """A record, and what it was computed from: None where the record is an error."""

    record: Comparison
    pair: Pair | None = None
    ssim_map: Array | None = None


def compare_once(request: CompareRequest, *, debug: bool = False) -> Compared:
    """Compare two images in a process that computes no more.

    Args:
        request: what is compared.
        debug: an error is raised, and makes no record.

    Returns:
        what was compared; what a person can fix is a record of the status `error`.

    Raises:
        UnavailableError: a device or a backend that is not present.
    """
    try:
        # Before torch is loaded, so that what is wrong with a file shows at once; only the samples
        # of large images are decoded meanwhile, and what is wrong with those shows then.
        pair = read_images(request, meanwhile=_load_torch)
        return score_images(pair, request, execution_of(request.settings, once=True))
    except Exception as error:
        failure = failure_of(error)
        if failure is None or debug:
            raise
        return Compared(failed(request, failure))


def read_images(request: CompareRequest, *, meanwhile: Callable[[], object] = lambda: None) -> Pair:
    """Read both images and the mask, and make them comparable.

    Args:
        request: what is compared.
        meanwhile: called in one more thread while two large images decode.

    Raises:
        SsimtoolError: one that cannot be read, or two that cannot be compared.
    """
    reading = request.reading
    pair = read_pair(request.reference, request.distorted, reading, meanwhile=meanwhile)
    return with_mask(pair, request.region, image=request.mask, max_pixels=reading.max_pixels)


def score_images(pair: Pair, request: CompareRequest, execution: Execution) -> Compared:
    """Score a pair, with its map where that is requested."""
    record = compare(pair, request.settings, execution=execution)
    if not request.with_map:
        return Compared(record, pair)
    return Compared(record, pair, map_of(pair, request.settings, execution=execution))


def failed(request: CompareRequest, failure: Failure) -> Comparison:
    """Return the record of two images that have no number."""
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


def _load_torch() -> None:
    import ssimtool.scoring.tensors  # noqa: F401  # for what it loads
