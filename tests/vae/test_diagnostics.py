"""Each limit of what is warned of, from both sides."""

from __future__ import annotations

import numpy as np
import pytest

from ssimtool.metrics.moments import moments
from ssimtool.readers.arrays.sources import ArraySource
from ssimtool.readers.arrays.vae import Arrays
from ssimtool.settings import LossSettings
from ssimtool.vae.diagnostics import (
    at_extremes,
    image_warnings,
    is_exchanged,
    is_many,
    is_variance,
    posterior_warnings,
)
from ssimtool.vae.spans import Span


def _source(name: str, shape: tuple[int, ...], dtype: str) -> ArraySource:
    def read(start: int, stop: int) -> np.ndarray:
        raise AssertionError("nothing is read")

    return ArraySource(name, shape, np.dtype(dtype), read, lambda: None)


def _images(
    recon, raw, *, given=None, value_range=None, dtypes="ff", shape=(5, 1, 20, 20), layout="nchw"
):
    """What is warned of two arrays that lie within these limits."""
    sources = [_source(n, shape, d) for n, d in zip(("x", "y"), dtypes, strict=True)]
    spans = [Span(s.name, *limits) for s, limits in zip(sources, (recon, raw), strict=True)]
    settings = LossSettings(data_range=given, value_range=value_range)
    return image_warnings(Arrays(*sources, None, None, layout), settings, *spans)


@pytest.mark.parametrize(
    ("limits", "warned"),
    [((-1e-7, 1 + 1e-7), False), ((-2e-6, 1), True), ((0, 1 + 2e-6), True)],
)
def test_samples_beyond_one(limits, warned):
    found = _images(limits, (0, 1))
    assert [line.partition(":")[0] for line in found] == (["x"] if warned else [])
    assert all("beyond [0, 1]" in line for line in found)
    assert _images(limits, (0, 1), given=1) == []


@pytest.mark.parametrize(
    ("low", "other", "warned"),
    [
        (-0.26, 0, True),
        (-0.25, 0, False),
        (-0.26, -0.01, True),
        (-0.26, -0.011, False),
        (-1, -1, False),
    ],
)
@pytest.mark.parametrize("scale", [1, 255])
def test_one_of_them_goes_below_zero(low, other, warned, scale):
    for pair in ((low, other), (other, low)):
        recon, raw = ((scale * edge, scale) for edge in pair)
        found = _images(recon, raw, given=scale)
        assert ["scaled differently" in line for line in found] == [True] * warned


@pytest.mark.parametrize(
    ("high", "other", "warned"),
    [(2.01, 1, True), (2, 1, False), (2.01, 1.05, True), (2.01, 1.06, False), (255, 255, False)],
)
@pytest.mark.parametrize("scale", [1, 100])
def test_one_of_them_goes_far_above_the_range(high, other, warned, scale):
    for pair in ((high, other), (other, high)):
        recon, raw = ((0, scale * edge) for edge in pair)
        found = _images(recon, raw, given=scale)
        assert ["scaled differently" in line for line in found] == [True] * warned


@pytest.mark.parametrize(
    ("dtype", "high", "words"),
    [
        ("u1", 255, []),
        ("u2", 65535, []),
        ("u2", 4095, ["x: uint16 values from 0 to 4095 are divided by the range of that type"]),
        ("u1", 1, ["x: uint8 values from 0 to 1 are divided by"]),
        ("u4", 255, ["x: uint32 values from 0 to 255 are divided by"]),
    ],
)
def test_wide_integers_are_told(dtype, high, words):
    found = _images((0, high), (0, 1), dtypes=(dtype, "f"))
    assert len(found) == len(words)
    assert all(line.startswith(word) for line, word in zip(found, words, strict=True))
    # as they stand, with a range that was given
    assert _images((0, high), (0, high), dtypes=(dtype, "f"), given=high) == []


def test_a_range_that_integers_seem_to_have_is_named():
    (found,) = _images((0, 4095), (0, 1), dtypes=("u2", "f"))
    assert found.endswith("pass --data-range (e.g. 4095) for another")


def test_the_range_of_a_tanh_is_named():
    found = _images((-0.9, 1), (-1, 1))
    assert [line.rpartition("; ")[2] for line in found] == [
        "the data range is taken as 1, pass --value-range -1 1 for another"
    ] * 2


def test_a_value_range_is_held_to_its_limits():
    assert _images((-1, 1), (-1, 1), value_range=(-1, 1)) == []
    assert _images((-1, 1), (0, 255), dtypes=("f", "u1"), value_range=(-1, 1)) == []
    (found,) = _images((-1.2, 1), (-1, 1), value_range=(-1, 1))
    assert found.startswith("x: samples from -1.2 to 1, beyond the value range from -1 to 1")
    # of the mapped samples, one array goes far above the other
    found = _images((-1, 9), (-1, 1), value_range=(-1, 1))
    assert "scaled differently" in found[-1]


@pytest.mark.parametrize(
    ("shape", "layout", "warned"),
    [
        ((2, 5, 20, 4), "nchw", True),
        ((2, 4, 20, 4), "nchw", False),
        ((2, 5, 20, 5), "nchw", False),
        ((2, 5, 20, 4), "nhwc", False),
        ((2, 20, 4), "nchw", False),
    ],
)
def test_an_axis_that_looks_like_channels(shape, layout, warned):
    found = _images((0, 1), (0, 1), shape=shape, layout=layout)
    assert ["looks like channels" in line for line in found] == [True] * warned


def _spread(values: float, count: int, d: int, *, width: float = 0.0) -> np.ndarray:
    """(count, d), with this mean and half this width."""
    return values + np.linspace(-width, width, count * d).reshape(count, d)


@pytest.mark.parametrize(
    ("mean", "d", "found"),
    [
        (1.99, 8, True),
        (2.01, 8, False),  # too large for a variance
        (0.051, 8, True),
        # near 0, or of few dimensions: what comes nearer to the prior decides, which is as given
        (0.049, 8, False),
        (0.051, 7, False),
    ],
)
def test_limits_of_a_variance(mean, d, found):
    # beside mu of 0, a logarithm near 0 is the prior, and a variance near 0 is far from it
    logvar = _spread(mean, 8, d, width=0.001)
    assert is_variance(moments(np.zeros((8, d)), logvar)) is found


@pytest.mark.parametrize(
    ("mu", "low", "found"),
    [
        (0.0, 1e-9, True),
        (0.0, 0.0, False),  # what comes nearer to the prior: 0.5 as a logarithm
        (1.0, 0.0, True),  # as a variance
        (1.0, -1e-9, False),  # which is never negative
    ],
)
def test_a_variance_is_above_zero(mu, low, found):
    logvar = np.full((8, 8), 0.5)
    logvar[0, 0] = low
    assert is_variance(moments(np.tile([[mu], [-mu]], (4, 8)), logvar)) is found


def test_a_variance_that_reaches_zero_comes_nearer_to_the_prior():
    # variances of 0 to 0.2 beside mu² of 0.9: as logarithms they would make it 2
    mu = np.sqrt(0.9) * np.tile([[1.0], [-1.0]], (4, 8))
    logvar = np.linspace(0, 0.2, 64).reshape(8, 8)
    assert is_variance(moments(mu, logvar))
    assert not is_variance(moments(mu, np.zeros((8, 8))))  # nothing above 0


@pytest.mark.parametrize(("d", "found"), [(8, True), (7, False)])
def test_so_few_values_have_one_sign_by_chance(d, found):
    assert is_variance(moments(np.ones((1, d)), np.full((1, d), 0.5))) is found
    assert is_exchanged(moments(np.full((1, d), -3.0), np.resize([1.0, -1.0], (1, d)))) is found


@pytest.mark.parametrize(
    ("mu", "found"),
    [
        (-0.1, False),  # already near to the prior
        (-3.0, True),
        (0.1, False),
    ],
)
def test_exchanged_arrays(mu, found):
    # read the other way round: means of variance 1, and logarithms of variances of 0
    logvar = np.tile([[1.0], [-1.0]], (50, 8))
    assert is_exchanged(moments(np.full((100, 8), mu), logvar)) is found


def test_limits_of_exchanged_arrays():
    """The mean square of log second moments decides, of mu = a and logvar = ±s by turns."""

    def distances(a: float, s: float) -> tuple[float, float]:
        return abs(np.log(a**2 + np.cosh(s))), abs(np.log(s**2 + np.exp(a)))

    def found(a: float, s: float) -> bool:
        return is_exchanged(moments(np.full((100, 8), a), np.tile([[s], [-s]], (50, 8))))

    # as given, 0.25 away from the prior or not; the other way round, at the prior
    for a, s, expected in ((-0.34, 0.55, False), (-0.38, 0.55, True)):
        given, other = distances(a, s)
        assert bool(given > 0.25) is expected
        assert other < given / 2
        assert found(a, s) is expected
    # far away as given, and the other way round less than half as far or not
    for a, s, expected in ((-1.0, 1.1, True), (-1.0, 1.18, False)):
        given, other = distances(a, s)
        assert given > 0.25
        assert bool(other < given / 2) is expected
        assert found(a, s) is expected


def test_exchanged_arrays_have_a_mean_below_that_of_logvar():
    logvar = np.tile([[1.0], [-1.0]], (50, 8))
    assert is_exchanged(moments(np.full((100, 8), -3.0), logvar))
    # exchanged, both would come much nearer to the prior
    for mu, value in ((-0.4, -0.75), (0.05, 0.3)):
        assert not is_exchanged(moments(np.full((100, 8), mu), np.full((100, 8), value)))


@pytest.mark.parametrize(
    ("count", "values", "found"),
    [(10, 100, True), (9, 100, False), (10, 10_000, True), (10, 10_010, False), (20, 20_000, True)],
)
def test_how_many_are_a_clamp(count, values, found):
    assert (
        is_many(count, moments(np.zeros((values // 10, 10)), np.zeros((values // 10, 10)))) is found
    )


def _clamped(count: int) -> np.ndarray:
    logvar = np.random.RandomState(0).uniform(-2, -1, (100, 8))
    logvar[:count, 0] = -3
    return logvar


@pytest.mark.parametrize(("count", "warned"), [(9, False), (10, True)])
def test_a_clamp_is_told(count, warned):
    mu = np.random.RandomState(1).randn(100, 8)
    for logvar, word in ((_clamped(count), "least, -3"), (-3 - _clamped(count), "greatest, 0")):
        found = posterior_warnings("mu", "logvar", moments(mu, logvar))
        assert [f"{count} of 800 values are the {word}," in line for line in found] == [
            True
        ] * warned


def test_dimensions_that_do_not_vary_are_no_clamp():
    logvar = _clamped(0)
    logvar[:, 0], logvar[:, 1] = -5, 0.5
    assert at_extremes(moments(np.zeros((100, 8)), logvar)) == (0, 0)
    logvar[:12, 2] = -5
    assert at_extremes(moments(np.zeros((100, 8)), logvar)) == (12, 0)


@pytest.mark.parametrize(("high", "warned"), [(88.72, False), (88.73, True)])
def test_an_exponential_that_overflows(high, warned):
    logvar = _clamped(0)
    logvar[0, 0] = high
    found = posterior_warnings("mu", "logvar", moments(np.zeros((100, 8)), logvar))
    assert ["overflows float32 above 88.72" in line for line in found] == [True] * warned


@pytest.mark.parametrize(("count", "warned"), [(1, False), (2, True)])
def test_a_logvar_that_is_one_number(count, warned):
    # of one sample of one dimension nothing else can be
    found = posterior_warnings("mu", "logvar", moments(np.zeros((count, 1)), np.ones((count, 1))))
    assert ["is 1 throughout" in line for line in found] == [True] * warned
