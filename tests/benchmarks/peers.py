"""The libraries, each one function with its import inside: called with a pair of images, it
returns what computes the mean of 1 − SSIM of them, over and over.

The pair is (N, C, H, W), 8-bit values in uint8 or floats. Each library gets them as it takes them:
torch libraries as contiguous tensors, ssimtool, scikit-image, OpenCV and the C loop with the
channels interleaved, as decoders leave them. That is done beforehand; the conversion of uint8 to
float, where a library needs it, is part of what is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

Loss = Callable[[], float]
Peer = Callable[["Tensor", "Tensor", int], Loss]


def ssimtool(x: Tensor, y: Tensor, threads: int) -> Loss:
    """ssimtool, on interleaved samples as they lie."""
    import torch

    from ssimtool import ssim_loss

    torch.set_num_threads(threads)
    x, y = (t.contiguous(memory_format=torch.channels_last) for t in (x, y))
    return lambda: ssim_loss(x, y, data_range=255).mean().item()


def ssimtool_on_one_thread(x: Tensor, y: Tensor, threads: int) -> Loss:
    """ssimtool, told to use one thread: it must not use more."""
    import torch

    loss = ssimtool(x, y, threads)

    def alone() -> float:
        torch.set_num_threads(1)
        try:
            return loss()
        finally:
            torch.set_num_threads(threads)

    return alone


def c_loop(x: Tensor, y: Tensor, threads: int) -> Loss:
    """The hand-vectorised loop: uint8 alone."""
    import torch
    from benchmarks.vectorised import compiled, mean_loss

    if x.dtype != torch.uint8:
        raise ValueError("uint8 alone")
    compiled()
    a, b = _interleaved(x), _interleaved(y)
    return lambda: mean_loss(a, b, threads)


def opencv(x: Tensor, y: Tensor, threads: int) -> Loss:
    """OpenCV, by sums and differences: four blurs rather than five make it faster."""
    import cv2

    cv2.setNumThreads(threads)
    pairs = list(zip(_interleaved(x), _interleaved(y), strict=True))
    kind = cv2.CV_64F if pairs[0][0].dtype == np.float64 else cv2.CV_32F
    return lambda: float(np.mean([_opencv_loss(a, b, kind) for a, b in pairs]))


def _opencv_loss(x: np.ndarray, y: np.ndarray, kind: int) -> float:
    import cv2

    def blur(image: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    s, d = cv2.add(x, y, dtype=kind), cv2.subtract(x, y, dtype=kind)
    mu_s, mu_d = blur(s), blur(d)
    s, d = blur(cv2.multiply(s, s, dst=s)), blur(cv2.multiply(d, d, dst=d))
    cv2.multiply(mu_s, mu_s, dst=mu_s)
    cv2.multiply(mu_d, mu_d, dst=mu_d)
    cv2.subtract(s, mu_s, dst=s)
    cv2.subtract(d, mu_d, dst=d)
    above = [cv2.addWeighted(a, 0.5, b, -0.5, c) for a, b, c in ((mu_s, mu_d, c1), (s, d, c2))]
    below = [cv2.addWeighted(a, 0.5, b, 0.5, c) for a, b, c in ((mu_s, mu_d, c1), (s, d, c2))]
    found = cv2.divide(cv2.multiply(*above), cv2.multiply(*below))
    return 1 - float(np.mean(cv2.mean(found[5:-5, 5:-5])[: x.shape[2] if x.ndim == 3 else 1]))


def pytorch_msssim(x: Tensor, y: Tensor, threads: int) -> Loss:
    """pytorch-msssim, as it comes."""
    import torch
    from pytorch_msssim import ssim

    torch.set_num_threads(threads)
    x, y = x.contiguous(), y.contiguous()
    return lambda: 1 - ssim(_floats(x), _floats(y), data_range=255).item()


def torchmetrics(x: Tensor, y: Tensor, threads: int) -> Loss:
    """torchmetrics, with its own definition: a mirrored border and the whole map."""
    import torch
    from torchmetrics.functional.image import structural_similarity_index_measure as ssim

    torch.set_num_threads(threads)
    x, y = x.contiguous(), y.contiguous()
    return lambda: 1 - ssim(_floats(x), _floats(y), data_range=255.0).item()


def kornia(x: Tensor, y: Tensor, threads: int) -> Loss:
    """kornia, with its own definition: a mirrored border and the whole map."""
    import torch
    from kornia.metrics import ssim

    torch.set_num_threads(threads)
    x, y = x.contiguous(), y.contiguous()
    return lambda: 1 - ssim(_floats(x), _floats(y), 11, max_val=255.0).mean().item()


def piqa(x: Tensor, y: Tensor, threads: int) -> Loss:
    """piqa."""
    import torch

    with _torchvision_or_nothing():
        from piqa.ssim import ssim
        from piqa.utils.functional import gaussian_kernel

    torch.set_num_threads(threads)
    x, y = x.contiguous(), y.contiguous()
    kernel = gaussian_kernel(11, 1.5).to(_floats(x[:1, :1]).dtype).repeat(x.shape[1], 1, 1)
    return lambda: 1 - ssim(_floats(x), _floats(y), kernel, value_range=255)[0].mean().item()


@contextmanager
def _torchvision_or_nothing() -> Iterator[None]:
    """Importing piqa imports torchvision, for other metrics than SSIM: where that does not load,
    an empty module stands in meanwhile."""
    names = ("torchvision", "torchvision.models")
    try:
        import_module(names[1])
    except (ImportError, RuntimeError):
        sys.modules.update({name: ModuleType(name) for name in names})
        sys.modules[names[0]].models = sys.modules[names[1]]
        try:
            yield
        finally:
            for name in names:
                del sys.modules[name]
    else:
        yield


def scikit_image(x: Tensor, y: Tensor, threads: int) -> Loss:
    """scikit-image with the window of 2004, on one thread: it has no more. It computes float32
    input in float32, and integers in float64."""
    from skimage.metrics import structural_similarity as ssim

    options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    options |= {"data_range": 255, "channel_axis": 2 if x.shape[1] > 1 else None}
    x, y = (_interleaved(t) for t in (x, y))
    if x.shape[3] == 1:  # an axis of one channel would cost it digits
        x, y = x[..., 0], y[..., 0]
    return lambda: float(np.mean([1 - ssim(a, b, **options) for a, b in zip(x, y, strict=True)]))


def _interleaved(x: Tensor) -> np.ndarray:
    """(N, H, W, C), contiguous."""
    return np.ascontiguousarray(x.permute(0, 2, 3, 1).numpy())


def _floats(x: Tensor) -> Tensor:
    return x if x.is_floating_point() else x.float()


PEERS: dict[str, Peer] = {
    "ssimtool": ssimtool,
    "ssimtool, 1 thread": ssimtool_on_one_thread,
    "C loop": c_loop,
    "OpenCV": opencv,
    "pytorch-msssim": pytorch_msssim,
    "torchmetrics": torchmetrics,
    "kornia": kornia,
    "piqa": piqa,
    "scikit-image": scikit_image,
}
NOTES = {
    "C loop": "vectorised.c, uint8 alone: the practical limit",
    "OpenCV": "four GaussianBlur, by hand",
    "torchmetrics": "another definition: mirrored border, whole map",
    "kornia": "another definition: mirrored border, whole map",
    "scikit-image": "one thread, it has no more; integers in float64",
}


def prepared(
    peers: dict[str, Peer], x: Tensor, y: Tensor, threads: int
) -> tuple[dict[str, Loss], dict[str, str]]:
    """The peers that are there, and why the others are not."""
    found, absent = {}, {}
    for name, peer in peers.items():
        try:
            found[name] = peer(x, y, threads)
        except (ImportError, RuntimeError) as error:  # the latter from versions that do not fit
            absent[name] = f"absent: {error}"
        except ValueError as error:  # it is there, and does not take such a pair
            absent[name] = str(error)
    return found, absent
