"""Renders `sample_images/`: a still life and five distortions of it at one MSE.

MSE cannot tell the five apart, SSIM can (Wang, Bovik 2009, doi:10.1109/MSP.2008.930649). The still
life is ray traced by `python tests/tools/make_sample_images.py`: no third party's picture is
shipped.
"""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ssimtool import mse, psnr, ssim

Array = np.ndarray
SAMPLES = Path(__file__).resolve().parents[2] / "sample_images"
SIDE, RAYS = 512, 3  # pixels along a side, rays along a side of each pixel
MSE = 12**2  # a square, so that the mean shift is a whole number
LATTICE = np.pad(np.random.default_rng(7).uniform(-1, 1, (64, 64, 64)), (0, 1), "wrap")
# Turns the lattice out of the axes, and each octave against the one before: it would show.
TURN = np.array([[0.0, 0.8, 0.6], [-0.8, 0.36, -0.48], [-0.6, -0.48, 0.64]])
SUN = np.array([-0.64, 0.6, -0.48])  # where it is, at length 1
SUNLIGHT, SKYLIGHT, BOUNCE = np.array([[1.5, 1.38, 1.15], [0.42, 0.5, 0.62], [0.3, 0.22, 0.15]])
EYE, TARGET, ZOOM, TABLE_END = np.array([0, 2, -6.6]), np.array([0, 1.12, 0]), 2.7, 3.2
# How high above the horizon, how rugged, how fine along it, how far out of the haze.
HILLS = (0.08, 0.05, 5, 0.3), (0.05, 0.03, 8, 0.55), (0.02, 0.01, 45, 0.9)
# Fruits on the table y = 0, which the y of their centres, their radius, lets them touch.
FRUITS = """
# centre           dark           light          mottle       pole           ripe strp pore bumps
-.75 1.22  .75  .02 .11 .03  .54 .64 .26   12  12  12   .8 .35 -.45   -.1 1.5   0   5 .05
1.00  .68  .20  .90 .30 .02  .98 .50 .05  2.5 2.5 2.5  -.25 .75 -.6    0    0  .4  24 .22
 .20  .56 -1.0  .50 .03 .03  .85 .62 .16   17 1.8  17   .15 .85 -.5   -.6   0 -.6  30 .03
-1.25 .40 -1.15 .11 .03 .10  .38 .36 .56    3   3   3    .3  .8 -.5   -.2   0   0   8 .04
1.22  .36 -1.35 .16 .36 .03  .46 .60 .08    3   3   3   -.5 .35 -.75   0    0  .4  17 .16
2.00  .66 1.60  .90 .42 .03  .98 .60 .08  2.5 2.5 2.5    .5  .6 -.6    0    0  .4  24 .22
"""
BALLS = list(np.loadtxt(FRUITS.splitlines()))


def mix(a: Array | tuple, b: Array | tuple, weight: Array) -> Array:
    """Colour `a` where the weight is 0, `b` where it is 1."""
    return np.asarray(a) + np.subtract(b, a) * weight[..., None]


def step(low: float, high: float, x: Array) -> Array:
    """A smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def unit(v: Array) -> Array:
    """The vectors at length 1."""
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def noise(p: Array) -> Array:
    """Smooth noise in −1 to 1 at the points `p` (n, 3)."""
    p = (p @ TURN).T
    cell = np.floor(p)
    x, y, z = (t * t * (3 - 2 * t) for t in p - cell)
    i, j, k = cell.astype(np.int32) & 63
    total = np.zeros(x.shape)
    for a, weight_a in ((i, 1 - x), (i + 1, x)):
        for b, weight_b in ((j, 1 - y), (j + 1, y)):
            near, far = LATTICE[a, b, k], LATTICE[a, b, k + 1]
            total += weight_a * weight_b * (near + z * (far - near))
    return total


def fractal(p: Array, octaves: int, gain: float = 0.55) -> Array:
    """Noise summed over octaves, each twice as fine and `gain` times as strong."""
    total = np.zeros(len(p))
    for octave in range(octaves):
        total += gain**octave * noise(p)
        p = p @ TURN * 2.03 + 17.3
    return total


def wood(p: Array) -> Array:
    """The table's planks, seen along the grain."""
    plank, across = np.divmod(p[:, 0] / 0.62 + 0.27, 1)
    q = np.stack([p[:, 0], plank * 7.7, p[:, 2]], -1)
    ring = np.sin(38 * (across + 0.42 * fractal(q * [2.2, 1, 0.45], 3) + 0.05 * plank))
    tone = 0.5 + 0.2 * ring + 0.28 * fractal(q * [50, 1, 4], 5, 0.9) + 0.3 * noise(q * [0, 1, 0])
    shade = 1 - 0.5 * step(0.25, 0.6, noise(q * [110, 1, 9]))  # pores
    shade *= 0.25 + 0.75 * step(0.0, 0.025, np.minimum(across, 1 - across))  # gaps
    return mix((0.16, 0.09, 0.05), (0.64, 0.45, 0.29), np.clip(tone, 0, 1.3)) * shade[:, None]


def sky(d: Array) -> Array:
    """The sky in the directions `d`: a gradient under clouds lit from the sun's side."""
    flat = d * [1.5, 0, 1.1] / (d[:, 1:2] + 0.16) + np.array([3.1, 0.9, 5.2])
    cloud, beside = fractal(flat, 6), fractal(flat - np.array([0.2, 0, 0.12]), 4)
    blue = mix((0.55, 0.72, 0.9), (0.1, 0.27, 0.62), step(0, 0.4, d[:, 1]))
    white = mix((0.55, 0.58, 0.64), (1.5, 1.44, 1.36), step(-0.75, 0.75, cloud - beside))
    return mix(blue, white, step(-0.05, 0.7, cloud))


def scenery(d: Array) -> Array:
    """What lies behind the table in the directions `d`: sky, hills, trees, a flowering meadow."""
    q = np.stack([np.arctan2(d[:, 0], d[:, 2]), d[:, 1], np.zeros(len(d))], -1)
    colour = sky(np.maximum(d, [-1, 0, 0]))
    for base, rise, rough, near in HILLS:
        ridge = base + rise * fractal(q * [rough, 0, 0] + near, 6)
        leaf = fractal(q * [160, 200, 1], 4, 0.8) + 60 * near * (d[:, 1] - base)
        trees = mix((0.03, 0.07, 0.02), (0.3, 0.38, 0.12), step(-1.3, 1.3, leaf))
        hill = trees * near + np.multiply((0.45, 0.58, 0.75), 1 - near)  # the rest is haze
        colour = mix(colour, hill, step(-0.001, 0.001, ridge - d[:, 1]))
    far, patch = step(-0.12, 0.01, d[:, 1]), fractal(q * [14, 90, 1] + 3.3, 4)
    blade = fractal(q * [330, 110, 1], 3, 0.9) * (1.3 - far)
    grass = mix((0.05, 0.11, 0.02), (0.48, 0.54, 0.15), step(-1.4, 1.4, patch + blade))
    petal = mix((0.95, 0.9, 0.75), (0.95, 0.7, 0.1), step(0, 0.1, patch))
    grass = mix(grass, petal, step(0.5, 0.7, noise(q * [190, 260, 1] + 9.1) - 0.15 * far))
    return mix(colour, mix(grass, (0.46, 0.55, 0.3), 0.6 * far), step(0.005, 0.003, d[:, 1]))


def light_up(colour: Array, p: Array, n: Array) -> tuple[Array, Array]:
    """The light from matt points `p` with normals `n`, and how much of the sun reaches them."""
    sun, open_sky = np.clip(n @ SUN, 0, 1), 0.35 + 0.65 * step(-1.0, 0.3, n[:, 1])
    for ball in BALLS:
        to, radius = ball[:3] - p, ball[1]
        along, distance = to @ SUN, np.linalg.norm(to, axis=-1)
        miss = np.sqrt(np.maximum(distance**2 - along**2, 0)) - radius
        penumbra = 0.03 + 0.08 * np.maximum(along, 0)  # widens with the distance
        sun = sun * np.where(along > 0, step(-1, 1, miss / penumbra), 1)
        facing = np.clip((n * to).sum(-1) / distance * 0.75 + 0.25, 0, 1)
        open_sky = open_sky * (1 - facing * np.minimum(radius / distance, 1) ** 2)
    ambient = mix(BOUNCE, SKYLIGHT, n[:, 1] * 0.5 + 0.5) * open_sky[:, None]
    return colour * (sun[:, None] * SUNLIGHT + ambient), sun


def fruit(ball: Array, p: Array, d: Array) -> Array:
    """The light from the points `p` of a fruit's skin against the directions `d`."""
    dark, light, mottle, pole = ball[3:15].reshape(4, 3)
    ripe, stripes, pores, grain, relief = ball[15:]
    n, pole, side = (p - ball[:3]) / ball[1], unit(pole), unit(np.cross(pole, [0, 1, 0]))
    stripe = np.sin(10 * np.arctan2(n @ side, n @ np.cross(side, pole)) + 0.8 * fractal(n * 3, 3))
    tone = fractal(n * mottle, 6, 0.7) + stripes * stripe + ripe
    colour = mix(dark, light, step(-0.8, 0.8, tone))
    bump, stalk = noise(n * grain), (1 - n @ pole) * 120 + 0.5 * noise(n * 14)
    slope = np.stack([noise((n + move) * grain) - bump for move in np.eye(3) * 0.01], -1)
    bumpy = unit(n - relief * slope / (0.01 * grain))
    shade = 1 + 0.25 * fractal(n * 28, 3, 0.9) - pores * step(0.2, 0.7, bump)
    colour *= (shade * step(-5, 5, stalk))[:, None]
    colour, sun = light_up(mix((0.2, 0.17, 0.07), colour, step(0, 1, stalk)), p, bumpy)
    glint = np.clip((bumpy * unit(SUN - d)).sum(-1), 0, 1) ** 360 * np.minimum(sun * 3, 1)
    return colour + 0.7 * glint[:, None]


def trace(d: Array) -> Array:
    """The light that reaches the eye from the directions `d` (n, 3)."""
    reach = -EYE[1] / np.minimum(d[:, 1], -1e-6)
    table = EYE[2] + reach * d[:, 2] < TABLE_END
    p, colour = EYE + reach[table, None] * d[table], np.empty_like(d)
    colour[table], _ = light_up(wood(p), p, np.broadcast_to([0, 1, 0], p.shape))
    colour[~table], reach[~table] = scenery(d[~table]), np.inf
    for ball in BALLS:
        to = ball[:3] - EYE
        inside = ball[1] ** 2 - (to @ to - (d @ to) ** 2)
        t = d @ to - np.sqrt(np.maximum(inside, 0))
        hit = (inside > 0) & (t < reach)
        colour[hit], reach[hit] = fruit(ball, EYE + t[hit, None] * d[hit], d[hit]), t[hit]
    return colour


def render() -> Array:
    """The reference: (512, 512, 3), in 0 to 255."""
    ahead, right = unit(TARGET - EYE), np.array([1, 0, 0])
    grid = (np.arange(SIDE * RAYS) + 0.5) / (SIDE * RAYS) * 2 - 1
    d = ahead * ZOOM + np.outer(grid, right) - grid[:, None, None] * np.cross(ahead, right)
    with ThreadPoolExecutor() as pool:
        light = np.concatenate(list(pool.map(trace, np.split(unit(d).reshape(-1, 3), 32))))
    light = light.reshape(SIDE, RAYS, SIDE, RAYS, 3).mean((1, 3))
    # Far from black and white, so that neither the shift nor the stretch clips.
    return 26 + 200 * (1 - np.exp(-1.6 * light)) ** 0.85


def png(samples: Array) -> bytes:
    """A PNG file of samples rounded to 8 bits."""
    file = io.BytesIO()
    Image.fromarray(np.clip(np.round(samples), 0, 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def jpeg(picture: Array, scale: float) -> bytes:
    """A JPEG file at a multiple of the standard's quantisation tables."""
    base, file = io.BytesIO(), io.BytesIO()
    Image.fromarray(picture).save(base, "JPEG", quality=50)  # once the tables
    tables = np.array(list(Image.open(base).quantization.values()))
    tables = np.clip(np.round(tables * scale), 1, 255).astype(int).tolist()
    # Colour at full size: decoders differ in how they would enlarge it.
    Image.fromarray(picture).save(file, "JPEG", qtables=tables, subsampling="4:4:4", optimize=True)
    return file.getvalue()


def blur(picture: Array, sigma: float) -> bytes:
    """A Gaussian blur, with the weights inside the picture summing to 1."""
    weights = np.exp(-0.5 * (np.subtract.outer(np.arange(SIDE), np.arange(SIDE)) / sigma) ** 2)
    weights /= weights.sum(1, keepdims=True)
    return png(np.einsum("ij,jkc,lk->ilc", weights, picture, weights, optimize=True))


def decode(file: bytes) -> torch.Tensor:
    """A file's picture as the metrics take it: (1, 3, H, W) in uint8."""
    return torch.from_numpy(np.array(Image.open(io.BytesIO(file)))).permute(2, 0, 1)[None]


def meet(distort: Callable[[float], bytes], x: torch.Tensor, high: float) -> tuple[float, bytes]:
    """The parameter, up to `high`, at which a distortion of `x` has the MSE, by bisection."""
    low, tried = 0.0, []
    for _ in range(16):  # not to a tolerance: a JPEG's MSE moves in steps
        value = (low + high) / 2
        file = distort(value)
        error = mse(x, decode(file), dtype=torch.float64).item()
        tried.append((abs(error - MSE), value, file))
        low, high = (value, high) if error < MSE else (low, value)
    return min(tried, key=lambda trial: trial[0])[1:]


def main() -> None:
    """Writes the pictures and prints what became of them."""
    reference = png(render())
    (SAMPLES / "reference.png").write_bytes(reference)
    x = decode(reference)
    picture = x[0].permute(1, 2, 0).numpy()
    hit, salt = np.random.default_rng(1).random((2, SIDE, SIDE, 1))
    mean, salt = picture.mean(), np.where(salt < 0.5, 0, 255)
    print(f"{'file':<16}{'parameter':<21}{'MSE':>9}{'PSNR':>9}{'SSIM':>9}")
    for name, setting, high, distort in (
        ("contrast.png", "gain", 2, lambda v: png(mean + v * (picture - mean))),
        ("mean_shift.png", "levels", 24, lambda v: png(picture + v)),
        ("jpeg.jpg", "table scale", 10, lambda v: jpeg(picture, v)),
        ("blur.png", "sigma", 8, lambda v: blur(picture, v)),
        ("salt_pepper.png", "fraction", 0.1, lambda v: png(np.where(hit < v, salt, picture))),
    ):
        value, file = meet(distort, x, high)
        (SAMPLES / name).write_bytes(file)
        y = decode(file)
        error = mse(x, y, dtype=torch.float64).item()
        assert abs(error / MSE - 1) < 0.005, name
        peak, index = (f(x, y, data_range=255, dtype=torch.float64).item() for f in (psnr, ssim))
        print(f"{name:<16}{setting:<12}{value:<9.6g}{error:9.3f}{peak:9.3f}{index:9.4f}")


if __name__ == "__main__":
    main()
