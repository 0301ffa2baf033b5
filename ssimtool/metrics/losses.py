"""Training losses of autoencoders, as modules without parameters or buffers."""

from __future__ import annotations

import math
from typing import NamedTuple, SupportsFloat

from jaxtyping import Float, Num, Shaped
from torch import Tensor, nn

from ssimtool.catalog import Definition, find_definition
from ssimtool.kernels.choice import is_fused
from ssimtool.kernels.plain.blocks import check_pair, computing_dtype
from ssimtool.kernels.training import Expected
from ssimtool.metrics.arguments import formula_for
from ssimtool.metrics.latents import check_kl_options, kl_loss
from ssimtool.metrics.one_pass import one_pass
from ssimtool.metrics.pixel import mse
from ssimtool.metrics.ranges import check_data_range, check_fits
from ssimtool.metrics.ssim import ssim_loss, ssim_map
from ssimtool.settings import KlReduction


class SSIMLoss(nn.Module):
    """SSIM loss of a batch, 1 − SSIM, as CVAE training code defines it.

    loss = 1 − mean of the SSIM map over batch, channels and pixels. The default definition is
    `cvae`: a Gaussian window of 11 pixels with sigma 1.5, and zeros beyond the edges.

    Args:
        kernel_size: side of the window in pixels, odd; None takes that of the definition.
        sigma: standard deviation of the window in pixels; None takes that of the definition.
        data_range: the dynamic range of the samples.
        definition: which SSIM, by name or as data (`ssimtool.find_definition`).

    Raises:
        ValueError: an argument is outside its range.

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
        data_range: SupportsFloat = 1.0,
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
        """Return the loss, or the SSIM map.

        Args:
            x, y: two batches, (N, C, H, W), with any number of channels.
            as_loss: False returns the map. (The flag changes the shape of the result, because this
                class keeps the signature of the training code that it replaces.)
            weight: the weight of each pixel, (N or 1, 1, H, W), as for `ssim`.

        Returns:
            1 − mean SSIM, a scalar from 0 to 2; with as_loss=False the SSIM map, (N, C, H, W) or
            smaller, as described in `ssim_map`.

        Raises:
            ValueError: shapes or devices do not match.
        """
        metric = ssim_loss if as_loss else ssim_map
        result = metric(x, y, data_range=self.data_range, definition=self.definition, weight=weight)
        return result.mean() if as_loss else result

    def extra_repr(self) -> str:
        parts = f"kernel_size={self.kernel_size}, sigma={self.sigma}, data_range={self.data_range}"
        return f"{parts}, definition={self.definition.name!r}"


class LossParts(NamedTuple):
    """Loss of a VAE and its parts, each a scalar: loss = mse + alpha·ssim_loss + beta·kl.

    `ssim_loss` is 1 − SSIM. A part whose weight is 0 is not computed; its value is 0.
    """

    loss: Tensor
    mse: Tensor
    ssim_loss: Tensor
    kl: Tensor


class MSE_SSIM_KL_Loss(nn.Module):  # noqa: N801 (training code imports this name)
    """Loss of a (conditional) variational autoencoder: MSE, SSIM loss and KL divergence.

    loss = mse + alpha·(1 − ssim) + beta·kl. By default kl is summed over the latent dimensions and
    averaged over the batch; `kl_reduction` changes this.

    Args:
        alpha: weight of the SSIM loss, 0 or more.
        beta: weight of the divergence, 0 or more (the β of Higgins et al. 2017).
        free_bits: λ of `kl_loss`, in nats for each latent dimension. A dimension whose KL, averaged
            over the batch, is below λ adds λ and has no gradient. 0 turns it off.
        kl_reduction: `sum-mean`, `mean` or `sum`, as in `kl_loss`.

    Raises:
        ValueError: a weight or `free_bits` is negative or not finite, or the reduction is unknown.

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
        """Return the loss and its parts.

        Args:
            recon_x: the reconstructions, (N, C, H, W), in [0, 1].
            raw_x: the original inputs, of the same shape.
            mu, logvar: mean and log-variance of the posterior, (N, D) or (N, ...); ignored if beta
                is 0.
            weight: the weight of each pixel in MSE and SSIM, (N or 1, 1, H, W), as for `ssim`. All
                images have the same weight in the batch mean.

        Returns:
            `LossParts`, scalars. A part whose weight is 0 is not computed; its value is 0.

        Raises:
            ValueError: shapes or devices do not match, or mu or logvar is missing and beta is not
                0.
        """
        check_pair(recon_x, raw_x)
        zero = recon_x.new_zeros((), dtype=computing_dtype(recon_x, raw_x))
        window = self.ssim_loss.kernel_size
        fused = weight is None and is_fused(raw_x, recon_x, "auto", window_size=window)
        if self.alpha and fused:
            error, structure = self._one_pass(raw_x, recon_x)
        else:
            error = mse(raw_x, recon_x, weight=weight).mean()
            structure = self.ssim_loss(raw_x, recon_x, weight=weight) if self.alpha else zero
        divergence = self._divergence(mu, logvar, len(recon_x)) if self.beta else zero
        loss = error + self.alpha * structure + self.beta * divergence
        return LossParts(loss, error, structure, divergence)

    def _one_pass(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the squared error and the SSIM loss, and read both batches only once."""
        module, dtype = self.ssim_loss, computing_dtype(x, y)
        data_range = float(module.data_range)
        check_fits(x, data_range)
        formula = formula_for(module.definition, data_range)
        result = one_pass(x, y, formula, dtype, expected=Expected(self.alpha, 1))
        return result.mse.mean().to(dtype), result.structure.mean().to(dtype)

    def _divergence(self, mu: Tensor | None, logvar: Tensor | None, n: int) -> Tensor:
        if mu is None or logvar is None:
            raise ValueError(f"beta is {self.beta}: expected mu and logvar, or a beta of 0")
        if len(mu) != n:
            raise ValueError(f"mu has shape {tuple(mu.shape)}: expected {n} samples, as in recon_x")
        return kl_loss(mu, logvar, reduction=self.kl_reduction, free_bits=self.free_bits)

    def extra_repr(self) -> str:
        options = f"alpha={self.alpha}, beta={self.beta}"
        if self.free_bits:
            options += f", free_bits={self.free_bits}"
        if self.kl_reduction != "sum-mean":
            options += f", kl_reduction={self.kl_reduction}"
        return options
