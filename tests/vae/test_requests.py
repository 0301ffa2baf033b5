"""What is requested of saved arrays, refused before they are read."""

from __future__ import annotations

import pytest

from ssimtool.errors import ArgumentError, UnavailableError
from ssimtool.records.verdicts import Threshold
from ssimtool.settings import LatentSettings, LossSettings
from ssimtool.vae.requests import LatentsRequest, LossRequest

FOUR = ("recon.npy", "raw.npy", "mu.npy", "logvar.npy")
PLAIN = LossSettings()


@pytest.mark.parametrize(
    ("paths", "settings", "words", "argument"),
    [
        (("-", "-", *FOUR[2:]), PLAIN, "can be read only once", None),
        (("A.NPY",), PLAIN, "RAW is missing", None),
        (FOUR[:3], PLAIN, "LOGVAR is missing", None),
        (FOUR[:2], PLAIN, "MU and LOGVAR are missing", None),
        (
            FOUR,
            LossSettings(alpha=0, thresholds=(Threshold("ssim_loss", "over", 1),)),
            "ssim_loss is not computed",
            "fail_over",
        ),
        (
            FOUR,
            LossSettings(beta=0, thresholds=(Threshold("kl", "under", 1),)),
            "kl is not computed",
            "fail_under",
        ),
        (FOUR, LossSettings(beta=0, free_bits=1), "kl is not computed", "free_bits"),
        (FOUR, LossSettings(beta=0, kl_reduction="sum"), "kl is not computed", "kl_reduction"),
    ],
)
def test_losses_that_cannot_be_computed(paths, settings, words, argument):
    with pytest.raises(ArgumentError, match=words) as error:
        LossRequest(paths, settings)
    assert error.value.argument == argument


def test_losses_that_can():
    assert LossRequest(("a.npz",), PLAIN).reads_latents
    assert LossRequest(FOUR, LossSettings(beta=0)).reads_latents
    assert not LossRequest(FOUR[:2], LossSettings(beta=0)).reads_latents
    LossRequest(FOUR, LossSettings(thresholds=(Threshold("kl", "under", 1),)))


def test_latent_spaces_that_cannot_be_described(monkeypatch):
    free_bits = LatentSettings(thresholds=(Threshold("free_bits_kl", "under", 1),))
    for paths, settings, words in (
        (("mu.npy",), LatentSettings(), "LOGVAR is missing"),
        (("mu.npy", "./mu.npy"), LatentSettings(), "MU and LOGVAR are the same file"),
        (("-", "-"), LatentSettings(), "can be read only once"),
        (("a.npz",), free_bits, "free_bits_kl is not computed without --free-bits"),
    ):
        with pytest.raises(ArgumentError, match=words):
            LatentsRequest(paths, settings)
    monkeypatch.setattr("ssimtool.vae.requests.find_spec", lambda name: None)
    LatentsRequest(("a.npz",), LatentSettings())
    with pytest.raises(UnavailableError, match="--plot needs matplotlib"):
        LatentsRequest(("a.npz",), LatentSettings(), plot="png")
