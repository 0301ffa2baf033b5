"""Every SSIM by its name: published values, live libraries, the plain computation, both paths."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import plain
import pytest
import pytorch_msssim
import sewar
import skimage.color
import skimage.data
import skimage.filters
import torch
from benchmarks.definitions import piq_ssim
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from ssimtool import DEFINITIONS, Definition, SSIMLoss, find_definition, ssim, ssim_loss, ssim_map
from ssimtool.kernels import operators as ops
from ssimtool.kernels.arrays import image_pass, reduced_image
from ssimtool.metrics import public

F32, F64 = torch.float32, torch.float64
# What the rows of the catalogue say, in the words of `plain`, typed again from docs/definitions.md.
PLAIN = {
    "wang2004": {},
    "cvae": {"pad": "constant"},
    "skimage": {"uniform": True, "size": 7, "sample": True},
    "torchmetrics": {"pad": "reflect"},
    "piq": {},  # and reduced by the size of the image
    "sewar": {"uniform": True, "size": 11},
}
TWICE = replace(DEFINITIONS["piq"], downsample=2)  # what small images are not reduced by
BACKENDS = ("torch", "fused")


# --- published values -------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("definition", "published", "tolerance"),
    [
        # to all digits that were published: half a unit of the last one; of scikit-image's number
        # the last three are its rounding, as `test_skimage_in_exact_arithmetic` shows
        ("skimage", 0.3674518327910367, 3e-14),
        ("wang2004", 0.3579642362, 5e-11),
        ("cvae", 0.37170302, 5e-9),
        ("torchmetrics", 0.35611458, 5e-9),
        ("piq", 0.62446395, 5e-9),
        ("sewar", 0.40474083, 5e-9),
    ],
)
def test_published_values(camera, noisy_camera, batch, definition, published, tolerance, backend):
    options = {"definition": definition, "dtype": F64, "backend": backend}
    found = ssim(batch(camera), batch(noisy_camera), data_range=255, **options)
    if definition == "cvae":  # published of inputs in [0, 1]
        x, y = (batch(image, F64) / 255 for image in (camera, noisy_camera))
        found = ssim(x, y, data_range=1, **options)
    assert found.item() == pytest.approx(published, abs=tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
def test_skimage_in_exact_arithmetic(camera, noisy_camera, batch, backend):
    """The sums under the uniform windows are integers: only the last steps round."""
    x, y = camera.astype(np.int64), noisy_camera.astype(np.int64)

    def sums(image: NDArray[np.int64]) -> NDArray[np.int64]:
        below = np.pad(image, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
        return below[7:, 7:] - below[:-7, 7:] - below[7:, :-7] + below[:-7, :-7]

    s_x, s_y, n = sums(x), sums(y), 49
    # sample (co)variances: (n Σxy − Σx Σy) / (n (n − 1)), numerators exact
    products = (n * sums(x * x) - s_x**2, n * sums(y * y) - s_y**2, n * sums(x * y) - s_x * s_y)
    var_x, var_y, cov = (p.astype(np.longdouble) / (n * (n - 1)) for p in products)
    mu_x, mu_y = s_x.astype(np.longdouble) / n, s_y.astype(np.longdouble) / n
    c1, c2 = (np.longdouble(255 * k) ** 2 / 10000 for k in (1, 3))
    ssims = ((2 * mu_x * mu_y + c1) * (2 * cov + c2)) / (
        (mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2)
    )
    options = {"data_range": 255, "definition": "skimage", "dtype": F64, "backend": backend}
    found = ssim(batch(camera), batch(noisy_camera), **options).item()
    # a sum of 256,036 numbers in float64: some tens of units in the last place
    assert found == pytest.approx(float(ssims.mean()), abs=5e-15)


def test_every_definition_is_held_against_something():
    assert set(PLAIN) == set(DEFINITIONS) == set(LIVE) | {"cvae"}


# --- live libraries ---------------------------------------------------------------------------


def _skimage(x: NDArray, y: NDArray, data_range: float) -> float:
    return structural_similarity(x, y, data_range=data_range, channel_axis=2)


def _wang(x: NDArray, y: NDArray, data_range: float) -> float:
    """scikit-image with the options that make it the paper's, held to pytorch-msssim as well."""
    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    theirs = structural_similarity(x, y, data_range=data_range, channel_axis=2, **options)
    a, b = _tensor(x), _tensor(y)
    # its own window is float32, and moves its number by up to 6e-6
    line = torch.from_numpy(plain.gaussian(11, 1.5).sum(0)).reshape(1, 1, 1, 11)
    window = line.repeat(a.shape[1], 1, 1, 1)
    other = pytorch_msssim.ssim(a, b, data_range=data_range, win=window).item()
    assert theirs == pytest.approx(other, abs=1e-9)  # both in float64
    return theirs


def _torchmetrics(x: NDArray, y: NDArray, data_range: float) -> float:
    return structural_similarity_index_measure(_tensor(y), _tensor(x), data_range=data_range).item()


def _sewar(x: NDArray, y: NDArray, data_range: float) -> float:
    return sewar.ssim(x, y, MAX=data_range)[0]


def _piq(x: NDArray, y: NDArray, data_range: float) -> float:
    """piq, or what it computes where it cannot be imported: pip install --no-deps piq."""
    try:
        theirs = piq_ssim()
    except ImportError:
        factor = max(1, round(min(x.shape[:2]) / 256))
        planes = zip(np.moveaxis(x, 2, 0), np.moveaxis(y, 2, 0), strict=True)
        maps = [plain.ssim_map(a, b, data_range, factor=factor) for a, b in planes]
        return float(np.mean(maps))
    return theirs(_tensor(x), _tensor(y), data_range=data_range).item()


LIVE = {
    "wang2004": _wang,
    "skimage": _skimage,
    "torchmetrics": _torchmetrics,
    "piq": _piq,
    "sewar": _sewar,
}


def _tensor(image: NDArray, dtype: torch.dtype | None = F64) -> Tensor:
    return torch.from_numpy(image.transpose(2, 0, 1).copy())[None].to(dtype)


PHOTOS = {
    "camera": lambda: skimage.data.camera()[:, :, None],
    "astronaut": skimage.data.astronaut,
    "chelsea": skimage.data.chelsea,
    "grey astronaut": lambda: np.rint(255 * skimage.color.rgb2gray(skimage.data.astronaut()))[
        :, :, None
    ].astype(np.uint8),
}
DISTORTIONS = ("noise", "jpeg", "blur", "contrast")


def _distorted(image: NDArray[np.uint8], how: str) -> NDArray[np.uint8]:
    if how == "noise":
        noise = np.random.RandomState(1).normal(0, 12, image.shape)
        return np.clip(image + noise, 0, 255).astype(np.uint8)
    if how == "blur":
        blurred = skimage.filters.gaussian(image, sigma=1.7, channel_axis=2, preserve_range=True)
        return np.rint(blurred).astype(np.uint8)
    if how == "contrast":
        return np.clip(np.rint(128 + 1.4 * (image - 128.0)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(image if image.shape[2] == 3 else image[:, :, 0]).save(file, "jpeg", quality=20)
    return np.asarray(Image.open(file)).reshape(image.shape)


def _pair(photo: str, how: str, kind: str) -> tuple[NDArray, NDArray, float]:
    """Both sizes `even` or `odd`, of what piq reduces (400) and does not (chelsea has 300 rows);
    `float` are samples in [0, 1]."""
    x = PHOTOS[photo]()[:400, :440]
    y = _distorted(x, how)
    if kind.startswith("odd"):
        x, y = (np.ascontiguousarray(image[1:, 3:]) for image in (x, y))
    return (x / 255, y / 255, 1) if kind.endswith("float") else (x, y, 255)


# Each photo meets all four, with two distortions each.
KINDS = (("even uint8", "odd float"), ("odd uint8", "even float"))


@pytest.mark.parametrize("definition", LIVE)
@pytest.mark.parametrize("how", DISTORTIONS)
@pytest.mark.parametrize("photo", PHOTOS)
def test_equals_the_live_library(photo, how, definition):
    for kind in KINDS[DISTORTIONS.index(how) % 2]:
        x, y, data_range = _pair(photo, how, kind)
        theirs = LIVE[definition](x, y, data_range)
        a, b = _tensor(x, None), _tensor(y, None)
        for backend in BACKENDS:
            options = {"definition": definition, "dtype": F64, "backend": backend}
            ours = ssim(a, b, data_range=data_range, **options).item()
            # float64 on both sides: the order of the sums is left, and what cancels in theirs
            assert ours == pytest.approx(theirs, abs=1e-9), (kind, backend)


# --- the plain computation --------------------------------------------------------------------


@pytest.mark.parametrize("definition", PLAIN)
@pytest.mark.parametrize(("height", "width"), [(11, 12), (41, 33), (385, 449), (641, 655)])
def test_equals_the_plain_computation(definition, height, width):
    rng = np.random.RandomState(height)
    x, y = rng.rand(2, height, width)
    y = 0.3 * x + 0.7 * y
    factor = max(1, round(min(height, width) / 256)) if definition == "piq" else 1
    expected = plain.ssim_map(x, y, 1, **PLAIN[definition], factor=factor)
    pair = [_tensor(image[:, :, None]) for image in (x, y)]
    for backend in BACKENDS:
        options = {"data_range": 1, "definition": definition, "backend": backend}
        found = ssim_map(*pair, **options)[0, 0].numpy()
        # some hundred units in the last place of float64
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert ssim(*pair, **options).item() == pytest.approx(expected.mean(), abs=1e-12)


@pytest.mark.parametrize(
    ("side", "factor"), [(255, 1), (383, 1), (384, 2), (512, 2), (640, 2), (641, 3), (1080, 4)]
)
def test_the_size_says_by_what_images_are_reduced(side, factor):
    # max(1, round(side / 256)), halves to even as Python rounds: 384/256 = 1.5, 640/256 = 2.5
    assert DEFINITIONS["piq"].for_size(side, side + 700).downsample == factor
    assert DEFINITIONS["wang2004"].for_size(side, side).downsample == 1


# --- both paths, and gradients ----------------------------------------------------------------

FORMULAS = {**{name: DEFINITIONS[name] for name in PLAIN if name != "piq"}, "twice": TWICE}


@pytest.mark.parametrize("definition", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_those_of_differences(definition, backend):
    generator = torch.Generator().manual_seed(4)
    size = (22, 25) if definition is TWICE else (12, 13)
    x, y = torch.rand(2, 1, 2, *size, dtype=F64, generator=generator)

    def loss(a: Tensor, b: Tensor) -> Tensor:
        return ssim_loss(a, b, data_range=1, definition=definition, backend=backend)

    assert torch.autograd.gradcheck(loss, (x.clone().requires_grad_(), y.clone().requires_grad_()))


@pytest.mark.parametrize("definition", FORMULAS.values(), ids=FORMULAS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.uint16, F32, F64])
def test_both_kernels_agree(definition, dtype):
    rng = np.random.RandomState(5)
    full = 1 if dtype.is_floating_point else 255
    x = torch.from_numpy(full * rng.rand(2, 3, 61, 77)).to(dtype)
    y = torch.from_numpy(full * rng.rand(2, 3, 61, 77)).to(dtype)
    for lay in (torch.contiguous_format, torch.channels_last):
        a, b = (t.contiguous(memory_format=lay) for t in (x, y))
        found = [
            score(a, b, data_range=full, definition=definition, backend=backend)
            for score in (ssim_loss, ssim_map)
            for backend in BACKENDS
        ]
        # docs/python.md: the two agree to 1e-6, in float64 to 1e-12
        tolerance = 1e-12 if dtype == F64 else 1e-6
        torch.testing.assert_close(found[0], found[1], rtol=0, atol=tolerance)
        torch.testing.assert_close(found[2], found[3], rtol=0, atol=100 * tolerance)  # no mean


@pytest.mark.parametrize("definition", FORMULAS.values(), ids=FORMULAS)
def test_gradients_of_both_kernels_agree(definition):
    generator = torch.Generator().manual_seed(6)
    x, y = torch.rand(2, 2, 3, 61, 77, dtype=F64, generator=generator)
    gradients = []
    for backend in BACKENDS:
        a = x.clone().requires_grad_()
        ssim_loss(a, y, data_range=1, definition=definition, backend=backend).sum().backward()
        gradients.append(a.grad)
    # relative to its norm: its entries are near 1e-5; float64
    assert (gradients[0] - gradients[1]).norm() / gradients[1].norm() < 1e-12


@pytest.mark.parametrize("definition", FORMULAS.values(), ids=FORMULAS)
def test_identical_images_give_exactly_one(definition):
    x = torch.rand(1, 3, 64, 50, generator=torch.Generator().manual_seed(7))
    for backend in BACKENDS:
        assert ssim_loss(x, x.clone(), data_range=1, definition=definition, backend=backend) == 0
        a = x.clone().requires_grad_()
        loss = ssim_loss(a, x, data_range=1, definition=definition, backend=backend)
        loss.sum().backward()
        assert loss.item() == 0
        assert not a.grad.any()


# --- reduction --------------------------------------------------------------------------------


def _by_kernels(x: Tensor, factor: int, dtype: torch.dtype) -> Tensor:
    found, same = ops.reduced(x, x, factor, dtype)
    assert torch.equal(found, same)
    return found


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("factor", [2, 3, 5])
def test_reduced_images_are_means(monkeypatch, dtype, factor):
    monkeypatch.setattr("ssimtool.kernels.plain.reduction.CPU_BLOCK", 500)  # several bands
    rng = np.random.RandomState(8)
    image = (rng.rand(43, 37, 3) * 250).astype(dtype)
    wide = image.astype(np.float64)
    expected = np.stack([plain.reduced(wide[:, :, c], factor) for c in range(3)], axis=2)
    interleaved = torch.from_numpy(image).permute(2, 0, 1)[None]
    found = [
        reduced_image(image, factor, np.float64),
        reduced_image(np.asfortranarray(image), factor, np.float64),
        *(
            reduce(batch, factor, F64)[0].detach().permute(1, 2, 0).numpy()
            for reduce in (public.reduced, _by_kernels)
            for batch in (
                interleaved,
                interleaved.contiguous(),
                interleaved[:, :, ::2, 1:].repeat_interleave(2, dim=2)[:, :, :43],
                interleaved.to(F64).clone().requires_grad_(),
            )
        ),
    ]
    cut = np.repeat(wide[::2, 1:], 2, axis=0)[:43]
    of_cut = np.stack([plain.reduced(cut[:, :, c], factor) for c in range(3)], axis=2)
    for k, means in enumerate(found):
        # sums of up to 25 numbers below 256 in float64
        np.testing.assert_allclose(means, of_cut if k in (4, 8) else expected, atol=1e-12)
    single = _by_kernels(interleaved, factor, F32)
    assert single.dtype == F32
    assert single.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_allclose(single[0].permute(1, 2, 0), expected, rtol=1e-7)  # float32


def test_a_batch_is_reduced_plane_by_plane():
    x = torch.rand(3, 2, 25, 31, dtype=F64, generator=torch.Generator().manual_seed(9))
    for batch in (x, x.contiguous(memory_format=torch.channels_last)):
        found = _by_kernels(batch, 4, F64)
        torch.testing.assert_close(found, public.reduced(x, 4, F64), rtol=0, atol=1e-14)


def test_one_pass_reduces_for_ssim_and_not_for_the_errors():
    rng = np.random.RandomState(9)
    x, y = (rng.rand(2, 51, 47, 3) * 255).astype(np.uint8)
    formula = public.formula_of(TWICE, 255)
    options = {"data_range": 255, "definition": TWICE, "dtype": F64, "backend": "torch"}
    a, b = _tensor(x, None), _tensor(y, None)
    expected = ssim_loss(a, b, **options).item(), public.mse(a, b, dtype=F64).item()
    on_arrays = image_pass(x, y, formula, wide=True, structure=True, errors=True)
    on_tensors = public.one_pass(a, b, formula, F64)
    for structure, square in (
        (on_arrays.structure.mean(), on_arrays.errors[0, 0]),
        (on_tensors.structure.mean().item(), on_tensors.mse.item()),
    ):
        assert structure == pytest.approx(expected[0], rel=1e-12)  # float64
        assert square == pytest.approx(expected[1], rel=1e-12)


# --- what a definition may be -----------------------------------------------------------------


def test_parts_out_of_range_are_refused():
    for change, message in (
        ({"covariance": "sample", "window_size": 1}, "sample covariance"),
        ({"downsample": 0}, "downsample is 0"),
    ):
        with pytest.raises(ValueError, match=message):
            Definition(name="mine", **change)
    with pytest.raises(ValueError, match="uniform"):
        find_definition("skimage", sigma=2.0)
    with pytest.raises(ValueError, match="for_size"):
        public.formula_of(DEFINITIONS["piq"], 1)
    small = torch.zeros(1, 1, 21, 30)
    with pytest.raises(ValueError, match="at least 22x22"):
        ssim(small, small, data_range=1, definition=TWICE)


def test_the_region_follows_the_border():
    assert {name: row.region for name, row in DEFINITIONS.items()} == {
        "wang2004": "valid",
        "cvae": "full",
        "skimage": "valid",
        "torchmetrics": "full",
        "piq": "valid",
        "sewar": "valid",
    }


def test_the_module_takes_a_definition(camera, noisy_camera, batch):
    x, y = (batch(image, F64) / 255 for image in (camera, noisy_camera))
    for name in DEFINITIONS:
        expected = ssim_loss(x, y, data_range=1, definition=name).item()
        assert SSIMLoss(definition=name)(x, y).item() == pytest.approx(expected, rel=1e-12)
    assert SSIMLoss().definition.name == "cvae"
    assert SSIMLoss(7, 1.0, definition="wang2004").definition.border == "valid"
    assert SSIMLoss(7, 1.0, definition="wang2004").kernel_size == 7
    with pytest.raises(ValueError, match="uniform"):
        SSIMLoss(sigma=2.0, definition="sewar")
