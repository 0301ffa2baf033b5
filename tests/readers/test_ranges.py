"""Ranges of samples: integers that do not fill theirs, floats beyond theirs, and mapped ones."""

from __future__ import annotations

import numpy as np
import pytest

from ssimtool.errors import SsimtoolError
from ssimtool.readers.align import Reading, read_pair

SHAPE = (40, 30)


@pytest.fixture
def pair(tmp_path):
    """Reads two arrays as a pair of images."""

    def read(x, y, **options):
        for name, array in (("x.npy", x), ("y.npy", y)):
            np.save(tmp_path / name, array)
        paths = (str(tmp_path / name) for name in ("x.npy", "y.npy"))
        return read_pair(*paths, Reading(**options))

    return read


def _up_to(top: float, dtype: str, *, seed: int = 1) -> np.ndarray:
    """Samples from 0 to `top`, which one of them reaches, in a row that is not the first."""
    samples = np.random.RandomState(seed).randint(0, max(1, int(top)), SHAPE).astype(dtype)
    samples[0, 0], samples[7, 3] = 0, top
    return samples


@pytest.mark.parametrize(
    ("dtype", "top", "words"),
    [
        ("uint8", 1, "up to 1 are compared with the range 255, but look like 0 and 1; if so, pass"),
        ("uint8", 2, None),
        ("uint8", 0, None),
        ("uint16", 1, "look like 0 and 1; if so, pass --data-range 1"),
        ("uint16", 255, "look like 8-bit; if so, pass --data-range 255"),
        ("uint16", 256, "look like 10-bit; if so, pass --data-range 1023"),
        ("uint16", 1024, "look like 12-bit; if so, pass --data-range 4095"),
        ("uint16", 4095, "look like 12-bit; if so, pass --data-range 4095"),
        ("uint16", 4096, None),
        ("uint16", 65535, None),
        ("int16", 4095, "look like 12-bit; if so, pass --data-range 4095"),
        ("int16", 32767, None),
        ("int8", 1, "look like 0 and 1; if so, pass --data-range 1"),
        ("int32", 4095, "pass --data-range (e.g. 4095) to change it"),
        ("int64", 60000, "pass --data-range (e.g. 65535) to change it"),
        ("bool", 1, None),
    ],
)
def test_integers_that_seem_to_have_a_smaller_range(pair, dtype, top, words):
    found = pair(_up_to(top, dtype), _up_to(top, dtype, seed=2)).warnings
    assert [words in warning for warning in found] == ([] if words is None else [True])


def test_two_scales_in_one_type(pair):
    for x, y, dtype in ((1, 255, "uint8"), (255, 65535, "uint16"), (1, 65535, "uint16")):
        for tops in ((x, y), (y, x)):
            (warning,) = pair(*(_up_to(top, dtype) for top in tops)).warnings
            assert "they seem to be scaled differently" in warning
    assert pair(_up_to(4000, "uint16"), _up_to(20000, "uint16")).warnings == ()  # one is brighter
    assert pair(_up_to(0, "uint8"), _up_to(255, "uint8")).warnings == ()  # one is black


def test_a_requested_range_is_not_doubted_unless_samples_are_beyond(pair):
    x = _up_to(4095, "uint16")
    assert pair(x, x, data_range=4095).warnings == ()
    assert pair(x, x, data_range=65535).warnings == ()
    for warning in pair(x, x, data_range=255).warnings:
        assert warning.endswith(
            "samples from 0 to 4095 are beyond the range from 0 to 255; pass a larger --data-range"
        )


@pytest.mark.parametrize("options", [{}, {"data_range": 65535}])
def test_samples_below_zero(pair, options):
    hounsfield = _up_to(4000, "int16") - np.int16(1000)
    found = pair(hounsfield, hounsfield, **options).warnings
    assert len(found) == 2
    assert all("pass --value-range LOW HIGH" in warning for warning in found)
    mapped = pair(hounsfield, hounsfield, value_range=(-1000, 3000))
    assert mapped.warnings == ()
    np.testing.assert_array_equal(mapped.reference[:, :, 0], (hounsfield + 1000.0) / 4000)


def test_floats_below_zero_with_a_range_from_zero(pair):
    x = np.linspace(-1, 1, 1200).reshape(SHAPE)
    for warning in pair(x, x, data_range=2).warnings:
        assert "samples from -1 to 1 are beyond the range from 0 to 2" in warning
        assert warning.endswith("pass --value-range -1 1")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("beyond", [1e-9, 1e-7, 9e-7])
def test_floats_a_rounding_beyond_one_are_inside(pair, dtype, beyond):
    x = np.linspace(-beyond, 1 + beyond, 1200).reshape(SHAPE).astype(dtype)
    found = pair(x, x)
    assert (found.data_range, found.warnings) == (1, ())
    np.testing.assert_array_equal(found.reference[:, :, 0], x)  # unchanged


@pytest.mark.parametrize("beyond", [2e-6, 0.01])
def test_floats_further_beyond_are_not(pair, beyond):
    x = np.linspace(0, 1 + beyond, 1200).reshape(SHAPE)
    with pytest.raises(SsimtoolError, match="pass --data-range"):
        pair(x, x)


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-1, 1, "pass --value-range -1 1, the values of black and white"),
        (-0.3, 0.9, "pass --value-range -1 1, the values of black and white"),
        (-1 - 1e-7, 1, "pass --value-range -1 1, the values of black and white"),
        (-1.1, 1, "pass --value-range LOW HIGH, the values of black and white"),
        (0, 200, r"pass --data-range \(e.g. 255\)"),
    ],
)
def test_what_floats_without_a_range_need(pair, low, high, words):
    x = np.linspace(low, high, 1200).reshape(SHAPE)
    with pytest.raises(SsimtoolError, match=words) as caught:
        pair(x, x)
    assert caught.value.code == "data_range"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_value_range_is_mapped(pair, dtype):
    x = np.linspace(-1, 1, 1200).reshape(SHAPE).astype(dtype)
    found = pair(x, x, value_range=(-1, 1))
    assert (found.data_range, found.warnings) == (1, ())
    assert found.steps == tuple(
        f"{role}: mapped from [-1, 1] to [0, 1]" for role in ("reference", "distorted")
    )
    assert found.reading["value_range"] == (-1, 1)
    np.testing.assert_array_equal(found.reference[:, :, 0], (x.astype(np.float64) + 1) / 2)


def test_beside_integers_only_floats_are_mapped(pair):
    grey = _up_to(255, "uint8")
    tanh = grey / 127.5 - 1
    found = pair(grey, tanh, value_range=(-1, 1))
    np.testing.assert_allclose(found.distorted, found.reference, atol=1e-15)  # the rounding of tanh
    assert found.data_range == 1


def test_samples_beyond_the_value_range_are_warned_of_and_kept(pair):
    x = np.linspace(-1, 1.2, 1200).reshape(SHAPE)
    found = pair(x, x, value_range=(-1, 1))
    assert "samples from -1 to 1.2 are beyond the range from -1 to 1" in found.warnings[0]
    assert found.reference.max() == pytest.approx(1.1)
