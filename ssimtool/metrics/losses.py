"""The losses that autoencoders are trained with, as modules without parameters or buffers."""

from __future__ import annotations

import math
from typing import NamedTuple

from jaxtyping import Float, Num, Shaped
from torch import Tensor, nn

from ssimtool.catalog import Definition, find_definition
from ssimtool.kernels.choice import is_fused
from ssimtool.kernels.formula import formula_of
from ssimtool.kernels.plain.blocks import check_data_range, check_pair, computing_dtype
from ssimtool.metrics.latents import check_kl_options, kl_loss
from ssimtool.metrics.one_pass import one_pass
from ssimtool.metrics.pixel import mse
from ssimtool.metrics.ssim import ssim_loss, ssim_map
from ssimtool.settings import KlReduction


class SSIMLoss(nn.Module):
    """1 − SSIM of a batch, as the SSIM loss of CVAE training code defines it.

    loss = 1 − mean of the SSIM map over batch, channels and pixels, with a Gaussian window of 11
    pixels, sigma 1.5, and zeros beyond the edges: the definition `cvae`, unless another is named.

    Args:
        kernel_size: side of the window in pixels, odd; None: that of the definition.
        sigma: standard deviation of the window in pixels; None: that of the definition.
        data_range: the dynamic range of the samples.
        definition: which SSIM, by name or as data (`ssimtool.find_definition`).

    Raises:
        ValueError: an argument outside its range.

    Source: Zhao, Gallo, Frosio, Kautz 2017, section III.B, doi:10.1109/TCI.2016.2644865.

    >>> import torch
    >>> x = torch.rand(2, 3, 16, 16)
    >>> SSIMLoss()(x, x)
    tensor(0.)
    """

    def __init__(
        self,
        kernel_size: int | None = None,
        sigma: float | None = None,
        *,
        data_range: float = 1.0,
        definition: str | Definition = "cvae",
    ) -> None:
        super().__init__()
        check_data_range(data_range)
        self.data_range = data_range
        self.definition = find_definition(definition, window_size=kernel_size, sigma=sigma)
        self.kernel_size = self.definition.window_size
        self.sigma = self.definition.sigma

    def forward(
        self,
        x: Num[Tensor, "n c h w"],
        y: Num[Tensor, "n c h w"],
        as_loss: bool = True,
        *,
        weight: Shaped[Tensor, "#n 1 h w"] | None = None,
    ) -> Float[Tensor, "..."]:
        """The loss, or the map.

        Args:
            x, y: two batches, (N, C, H, W), of any number of channels.
            as_loss: False asks for the map. (A flag that changes what is returned: the signature
                is that of the training code which this class replaces.)
            weight: how much each pixel counts, (N or 1, 1, H, W), as for `ssim`.

        Returns:
            1 − mean SSIM, a scalar from 0 to 2; with as_loss=False the SSIM map, (N, C, H, W), or
            smaller, as `ssim_map` says.

        Raises:
            ValueError: shapes or devices that do not fit.
        """
        score = ssim_loss if as_loss else ssim_map
        result = score(x, y, data_range=self.data_range, definition=self.definition, weight=weight)
        return result.mean() if as_loss else result

    def extra_repr(self) -> str:
        parts = f"kernel_size={self.kernel_size}, sigma={self.sigma}, data_range={self.data_range}"
        return f"{parts}, definition={self.definition.name!r}"


class LossParts(NamedTuple):
    """The loss of a VAE and its parts, each a scalar: loss = mse + alpha·ssim_loss + beta·kl.

    `ssim_loss` is 1 − SSIM. A part whose weight is 0 is not computed, and 0 here.
    """

    loss: Tensor
    mse: Tensor
    ssim_loss: Tensor
    kl: Tensor


class MSE_SSIM_KL_Loss(nn.Module):  # noqa: N801 (the name that training code imports)
    """The loss of a (conditional) variational autoencoder.

    loss = mse + alpha·(1 − ssim) + beta·kl, with kl summed over the latent dimensions and averaged
    over the batch, unless `kl_reduction` says otherwise.

    Args:
        alpha: weight of the SSIM loss, 0 or more.
        beta: weight of the divergence, 0 or more (Higgins et al. 2017 call it beta).
        free_bits: λ of `kl_loss`, in nats for each latent dimension: one whose KL, in the mean over
            the batch, is below it adds λ and has no gradient. 0: none.
        kl_reduction: `sum-mean`, `mean` or `sum` of `kl_loss`.

    Raises:
        ValueError: a weight or `free_bits` is negative or not finite, or there is no such
            reduction.

    Source: Kingma, Welling 2014, eq. 10, arXiv:1312.6114; SSIM loss as in `SSIMLoss`.

    >>> import torch
    >>> x, mu, logvar = torch.zeros(2, 1, 16, 16), torch.ones(2, 6), torch.zeros(2, 6)
    >>> loss, mse, ssim_loss, kl = MSE_SSIM_KL_Loss(alpha=1, beta=0.5)(x, x, mu, logvar)
    >>> loss  # 0 + 0 + 0.5 · 6/2
    tensor(1.5000)
    """

    def __init__(
        self,
        alpha: float = 1,
        beta: float = 1,
        *,
        free_bits: float = 0,
        kl_reduction: KlReduction = "sum-mean",
    ) -> None:
        super().__init__()
        check_kl_options(kl_reduction, free_bits)
        for name, weight in (("alpha", alpha), ("beta", beta)):
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"{name} is {weight}: expected a finite number, 0 or more")
        self.alpha = alpha
        self.beta = beta
        self.free_bits = free_bits
        self.kl_reduction = kl_reduction
        self.ssim_loss = SSIMLoss()

    def forward(
        self,
        recon_x: Num[Tensor, "n c h w"],
        raw_x: Num[Tensor, "n c h w"],
        mu: Float[Tensor, "n *latent"] | None = None,
        logvar: Float[Tensor, "n *latent"] | None = None,
        *,
        weight: Shaped[Tensor, "#n 1 h w"] | None = None,
    ) -> LossParts:
        """The loss and its parts.

        Args:
            recon_x: the reconstructions, (N, C, H, W), in [0, 1].
            raw_x: what they are held against, of the same shape.
            mu, logvar: the posterior, (N, D) or (N, ...); not looked at where beta is 0.
            weight: how much each pixel counts for MSE and SSIM, (N or 1, 1, H, W), as for `ssim`;
                each image counts the same.

        Returns:
            `LossParts`, scalars; a part of weight 0 is not computed, and 0.

        Raises:
            ValueError: shapes or devices that do not fit, or no mu and logvar where beta is not 0.
        """
        check_pair(recon_x, raw_x)
        nothing = recon_x.new_zeros((), dtype=computing_dtype(recon_x, raw_x))
        window = self.ssim_loss.kernel_size
        fused = weight is None and is_fused(raw_x, recon_x, "auto", window_size=window)
        if self.alpha and fused:
            error, structure = self._one_pass(raw_x, recon_x)
        else:
            error = mse(raw_x, recon_x, weight=weight).mean()
            structure = self.ssim_loss(raw_x, recon_x, weight=weight) if self.alpha else nothing
        divergence = self._divergence(mu, logvar, len(recon_x)) if self.beta else nothing
        loss = error + self.alpha * structure + self.beta * divergence
        return LossParts(loss, error, structure, divergence)

    def _one_pass(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The squared error and the SSIM loss, from reading both batches once."""
        of = self.ssim_loss
        dtype = computing_dtype(x, y)
        found = one_pass(x, y, formula_of(of.definition, of.data_range), dtype)
        return found.mse.mean().to(dtype), found.structure.mean().to(dtype)

    def _divergence(self, mu: Tensor | None, logvar: Tensor | None, n: int) -> Tensor:
        if mu is None or logvar is None:
            raise ValueError(f"beta is {self.beta}: expected mu and logvar, or a beta of 0")
        if len(mu) != n:
            raise ValueError(f"mu has shape {tuple(mu.shape)}: expected {n} samples, as in recon_x")
        return kl_loss(mu, logvar, reduction=self.kl_reduction, free_bits=self.free_bits)

    def extra_repr(self) -> str:
        told = f"alpha={self.alpha}, beta={self.beta}"
        if self.free_bits:
            told += f", free_bits={self.free_bits}"
        if self.kl_reduction != "sum-mean":
            told += f", kl_reduction={self.kl_reduction}"
        return told
