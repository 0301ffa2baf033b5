"""Divergence of the latent Gaussian of a VAE from the standard normal distribution."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, expm1

from ssimtool.kernels.plain.blocks import computing_dtype, sum_dtype


def kl_divergence(
    mu: Float[Tensor, "n *latent"], logvar: Float[Tensor, "n *latent"]
) -> Float[Tensor, " n"]:
    """Kullback-Leibler divergence of N(mu, exp(logvar)) from N(0, 1) for each sample, in nats.

    kl = −½ Σ (1 + logvar − mu² − exp(logvar)) = ½ Σ (expm1(logvar) − logvar + mu²) over the latent
    dimensions. The second form, in float64, keeps its precision near the prior.

    Args:
        mu: the mean of the posterior, (N, ...), floating.
        logvar: the log-variance of the posterior, of the same shape.

    Returns:
        (N,), 0 or more, in float32, or in float64 if an argument is float64. The KL term of the
        loss of a VAE is its mean over the batch.

    Raises:
        ValueError: the shapes differ, or there is no batch dimension.

    Source: Kingma, Welling 2014, appendix B, arXiv:1312.6114.

    >>> import torch
    >>> kl_divergence(torch.ones(1, 6), torch.zeros(1, 6))  # D/2
    tensor([3.])
    """
    terms = kl_terms(mu, logvar)
    return (terms.sum(dim=1) / 2).to(computing_dtype(mu, logvar))


def kl_terms(mu: Tensor, logvar: Tensor) -> Float[Tensor, "n d"]:
    """Return twice the divergence of each dimension of each sample, (N, D), in the dtype of sums.

    Raises:
        ValueError: the shapes differ, or there is no batch dimension.
    """
    if mu.shape != logvar.shape or mu.dim() < 1:
        raise ValueError(
            f"mu has shape {tuple(mu.shape)}, logvar {tuple(logvar.shape)}: "
            "expected one shape, (N, D) or (N, ...)"
        )
    dtype = sum_dtype(mu)
    mean, log_variance = mu.to(dtype).flatten(1), logvar.to(dtype).flatten(1)
    return expm1(log_variance) - log_variance + mean.square()
