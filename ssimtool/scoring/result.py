"""`ssimtool.compare`: one pair of images from Python, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ssimtool.catalog import DEFAULT_METRICS
from ssimtool.definitions import Border, Definition, find_definition
from ssimtool.errors import SsimtoolError
from ssimtool.readers.memory import ImageInput, name_of
from ssimtool.readers.regions import Region, RegionOfInterest
from ssimtool.readers.samples import Array, Pair
from ssimtool.records.comparison import Comparison
from ssimtool.scoring.arguments import compare_settings, reading_of
from ssimtool.scoring.failures import in_python
from ssimtool.scoring.images import CompareRequest, read_images, score_images
from ssimtool.scoring.pair import execution_of, map_of
from ssimtool.settings import BackendName, Channels, ImageLayout, Precision


@dataclass(frozen=True)
class ComparisonResult:
    """The result of `ssimtool.compare`: a record, the map, and how a notebook shows them.

    Args:
        record: the scores and how they were computed, as plain values.
        map: the SSIM map, (H, W), float32, −1 to 1, NaN outside the mask; None unless requested.
        request: the images to compare, and the settings.
        pair: the images as they were compared; of two stacks, the frame with the worst SSIM, which
            the map shows as well.
    """

    record: Comparison
    map: Array | None
    request: CompareRequest
    pair: Pair

    @property
    def metrics(self) -> Mapping[str, float]:
        """Score of each metric by its name, in the order of the request."""
        return self.record.metrics

    @property
    def ssim(self) -> float:
        """Mean SSIM, −1 to 1.

        Raises:
            AttributeError: ssim was not among the metrics.
        """
        if "ssim" not in self.record.metrics:
            raise AttributeError(
                f"ssim was not requested: the metrics are {', '.join(self.metrics)}"
            )
        return self.record.metrics["ssim"]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dictionary of plain values, with the fields of `-f json`.

        The PSNR of identical images is inf.
        """
        return asdict(self.record)

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name}={value:.6g}" for name, value in self.metrics.items())
        return f"ComparisonResult({numbers})"

    def _repr_html_(self) -> str:
        """Return HTML for a notebook: scores, a slider between the two images, and the map."""
        from ssimtool.reports.notebook import result_html

        ssim_map = self.map
        if ssim_map is None:
            ssim_map = map_of(self.pair, self.request.settings)
        return result_html(self.record, self.pair, ssim_map)


def compare(
    reference: ImageInput,
    distorted: ImageInput,
    *,
    metrics: str | Sequence[str] = DEFAULT_METRICS,
    definition: str | Definition = "wang2004",
    border: Border | None = None,
    scales: int | None = None,
    mask: ImageInput | None = None,
    regions: Sequence[Region] = (),
    map: bool = False,
    data_range: float | None = None,
    value_range: tuple[float, float] | None = None,
    channels: Channels = "rgb",
    background: str = "checker",
    resize: bool = False,
    frame: int | None = None,
    layout: ImageLayout = "auto",
    max_pixels: int = 2**29,
    max_bytes: int | None = None,
    device: str = "auto",
    backend: BackendName = "auto",
    precision: Precision = "single",
) -> ComparisonResult:
    """Compare two images, as `ssimtool compare` does.

    Args:
        reference, distorted: each is a path (str or os.PathLike), a Pillow image, a NumPy array of
            shape (H, W), (H, W, C) or (C, H, W), or a torch tensor of shape (H, W) or (C, H, W).
            Files of several frames, and arrays and tensors of four axes, the first for the frames,
            are stacks. All frames of two stacks are compared: `metrics` are the means,
            `record.frames` holds the worst frames. A Pillow image is the frame that it is at.
        metrics: names of `ssimtool.METRICS`.
        definition: the definition of SSIM, by name or as data (`ssimtool.find_definition`).
        border: border handling; None: that of the definition.
        scales: number of MS-SSIM scales, 1 to 5; None: 5.
        mask: compare only where the mask is white: a path, or an image of the size of the
            reference; floats from 0 to 1 are weights.
        regions: compare only these rectangles, (x, y, width, height) in pixels.
        map: compute the SSIM map.
        data_range: dynamic range of the samples; None: that of the integer type, 1 for floats
            in [0, 1].
        value_range: the samples (low, high) that are black and white, such as (-1, 1) of a tanh:
            they are mapped to 0 and 1. Integers are mapped only if both images hold integers.
        channels: `rgb`, the mean over the channels, or `luma`, only the BT.601 luma.
        background: background for transparent pixels: `checker`, or a colour such as `white` or
            `#ff8800`.
        resize: resample the distorted image to the size of the reference.
        frame: compare only this frame of a stack, from 0; None: all.
        layout: axis order of arrays with three axes: `hwc`, `chw`, `thw` (frames), or `auto`, which
            derives it from the shape; `auto` takes tensors as `chw`. With four axes, that of a
            frame.
        max_pixels: refuse larger images; 0: no limit. For files, Pillow's own limit
            (`PIL.Image.MAX_IMAGE_PIXELS`) applies as well.
        max_bytes: refuse larger files other than `.npy`; 0: no limit; None: 4 GB, or half the
            memory if that is less.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        backend: `auto`, `fused` or `torch`.
        precision: of SSIM: `single`, right to 1e-6 of 1 − SSIM or to 1e-7, or `double`.

    Returns:
        the result: `.ssim`, `.metrics`, `.map`, `.record`, `.to_dict()`.

    Raises:
        SsimtoolError: an image cannot be read, or the two cannot be compared.
        ValueError: an argument is outside its range, a metric does not take the scales or the mask,
            or a device or a backend is not present.
        TypeError: an image is of none of the accepted types.

    Source of SSIM: Wang, Bovik, Sheikh, Simoncelli 2004, eq. 13, doi:10.1109/TIP.2003.819861.

    >>> import numpy as np
    >>> white, grey = np.full((16, 16), 255, np.uint8), np.full((16, 16), 251, np.uint8)
    >>> compare(white, grey, metrics=["mse"]).metrics["mse"]
    16.0
    """
    region = RegionOfInterest(mask=None if mask is None else name_of(mask), regions=tuple(regions))
    chosen = find_definition(definition, border=border)
    settings = compare_settings(metrics, chosen, scales, region, device, backend, precision)
    options = channels, data_range, value_range, background, resize, frame, layout, max_pixels
    request = CompareRequest(
        reference=reference,
        distorted=distorted,
        settings=settings,
        reading=reading_of(*options, max_bytes),
        region=region,
        mask=mask,
        with_map=map,
    )
    return _result_in_python(request)


def _result_in_python(request: CompareRequest) -> ComparisonResult:
    """Return the result of a request; errors name the arguments of Python."""
    try:
        return _result(request)
    except SsimtoolError as error:
        raise SsimtoolError(error.code, in_python(error.message)) from None


def _result(request: CompareRequest) -> ComparisonResult:
    frames, settings = read_images(request), request.settings
    execution = execution_of(settings)
    scored = score_images(frames, request, execution)
    pair = scored.shown()
    ssim_map = map_of(pair, settings, execution=execution) if request.with_map else None
    return ComparisonResult(scored.record, ssim_map, request, pair)
