"""Latent space of a VAE during training: the KL term of its loss, and active dimensions."""

from __future__ import annotations

import math
from typing import get_args

from jaxtyping import Float, Int
from torch import Tensor

from ssimtool.kernels.plain.blocks import computing_dtype, sum_dtype
from ssimtool.metrics.divergence import kl_divergence, kl_terms
from ssimtool.settings import KlReduction

REDUCTIONS: tuple[str, ...] = get_args(KlReduction)


def kl_per_dimension(
    mu: Float[Tensor, "n *latent"], logvar: Float[Tensor, "n *latent"]
) -> Float[Tensor, " d"]:
    """KL divergence of N(mu, exp(logvar)) from N(0, 1) for each latent dimension, in nats.

    kl_d = mean over the batch of ½ (expm1(logvar_d) − logvar_d + mu_d²). The sum over the
    dimensions is the mean of `kl_divergence`.

    Args:
        mu: the mean of the posterior, (N, ...), floating, with at least one sample.
        logvar: the log-variance of the posterior, of the same shape.

    Returns:
        (D,), 0 or more. D counts all latent dimensions, flattened.

    Raises:
        ValueError: the shapes differ, or there is no sample.

    Source: Kingma, Welling 2014, appendix B, arXiv:1312.6114.

    >>> import torch
    >>> kl_per_dimension(torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.zeros(2, 2))  # (1 + 9)/4
    tensor([2.5000, 0.0000])
    """
    terms = kl_terms(mu, logvar)
    if not len(terms):
        raise ValueError("mu has no sample: expected at least one")
    return (terms.mean(dim=0) / 2).to(computing_dtype(mu, logvar))


def active_units(
    mu: Float[Tensor, "n *latent"], *, threshold: float = 0.01, ddof: int = 1
) -> Int[Tensor, ""]:
    """Number of active latent dimensions, whose mean varies with the input.

    active_units = number of d with Var_x(mu_d(x)) > threshold. The variance is defined over the
    data set; one batch gives a rough estimate.

    Args:
        mu: the mean of the posterior, (N, ...), floating.
        threshold: in squared units of the latent space, 0 or more.
        ddof: the variance divides by N − ddof.

    Returns:
        a scalar, 0 to D, integer.

    Raises:
        ValueError: the number of samples is not above `ddof`, or the threshold is negative.

    Source: Burda, Grosse, Salakhutdinov 2016, section 5.2 (threshold 0.01), arXiv:1509.00519.

    >>> import torch
    >>> active_units(torch.tensor([[1.0, 0.1], [-1.0, 0.0]]))  # variances 2 and 0.005
    tensor(1)
    """
    if not threshold >= 0:
        raise ValueError(f"threshold is {threshold}: expected a number, 0 or more")
    if mu.dim() < 1 or not 0 <= ddof < len(mu):
        raise ValueError(
            f"mu has shape {tuple(mu.shape)}, ddof is {ddof}: expected (N, ...) with more samples "
            "than ddof"
        )
    spread = mu.to(sum_dtype(mu)).flatten(1).var(dim=0, correction=ddof)
    return (spread > threshold).sum()


def kl_loss(
    mu: Float[Tensor, "n *latent"],
    logvar: Float[Tensor, "n *latent"],
    *,
    reduction: KlReduction = "sum-mean",
    free_bits: float = 0,
) -> Float[Tensor, ""]:
    """KL term of the loss of a VAE, in nats.

    With kl_nd the divergence of sample n (of N) and dimension d (of D), and λ = `free_bits`:

    - `sum-mean`: Σ_d max(λ, 1/N Σ_n kl_nd), the mean divergence of a sample;
    - `mean`: `sum-mean` divided by D;
    - `sum`: `sum-mean` times N.

    A dimension whose mean over the batch is below λ adds λ and has no gradient, so the loss does
    not penalise that much information.

    Args:
        mu: the mean of the posterior, (N, ...), floating, with at least one sample.
        logvar: the log-variance of the posterior, of the same shape.
        reduction: `sum-mean`, `mean` or `sum`, as above.
        free_bits: λ, in nats for each dimension, 0 or more; 0 turns it off.

    Returns:
        a scalar, 0 or more.

    Raises:
        ValueError: the shapes differ, or an argument is outside its range.

    Source: Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling 2016, eq. 15 with a group for
    each dimension, arXiv:1606.04934.

    >>> import torch
    >>> mu = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    >>> kl_loss(mu, torch.zeros(2, 2), free_bits=0.5)  # 2.5 + 0.5
    tensor(3.)
    """
    check_kl_options(reduction, free_bits)
    # Without free bits, each sample is rounded to the dtype of the loss, as in `kl_divergence`.
    if free_bits:
        total = kl_per_dimension(mu, logvar).clamp(min=free_bits).sum()
    else:
        total = kl_divergence(mu, logvar).mean()
    if reduction == "mean":
        return total / max(1, math.prod(mu.shape[1:]))
    return total * len(mu) if reduction == "sum" else total


def check_kl_options(reduction: str, free_bits: float) -> None:
    """Check that a reduction exists and that free bits are finite and 0 or more.

    Raises:
        ValueError: one of the two is not so.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(f"unknown reduction {reduction!r}: expected {', '.join(REDUCTIONS)}")
    if not 0 <= free_bits < math.inf:
        raise ValueError(f"free_bits is {free_bits}: expected a finite number, 0 or more")
