"""Files of scores for the tests: as a batch writes them, from small pictures of our own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from ssimtool.batch.summary import summarise
from ssimtool.catalog import DEFINITIONS
from ssimtool.readers.align import Reading, read_pair, recorded
from ssimtool.records.batch import Summary, Unmatched
from ssimtool.records.comparison import Comparison, parts_of
from ssimtool.records.verdicts import Failure, StatisticVerdict, Threshold
from ssimtool.reports.overview import Overview
from ssimtool.reports.text import ndjson_text
from ssimtool.scoring.pair import compare
from ssimtool.settings import CompareSettings

LIMIT = Threshold("ssim", "under", 0.8)
MISSING = "no such file; check the path and the name"
# Names that a page, a table or a shell could trip over.
HARD_NAMES = (
    "a \"quoted\" 'one'.png",
    "</script><script>alert(1)</script>.png",
    "<img src=x onerror=alert(2)>.png",
    "two\nlines\tand tab.png",
    "größe 図 ñ 😀.png",
    "line\u2028separator & {{ 7 * 7 }} {% raw %}.png",
)


def made_up(index: int, seed: int = 0) -> Comparison:
    """A record without files, its numbers a function of its index."""
    rng = np.random.default_rng((seed, index))
    loss = float(np.clip(rng.gamma(1.6, 0.03), 0, 1.2))
    mse = 0.0 if index % 997 == 996 else float(rng.gamma(2, 60) * (0.2 + 3 * loss))
    loss = loss if mse else 0.0
    psnr = 10 * math.log10(255**2 / mse) if mse else math.inf
    verdict = LIMIT.judge(1 - loss)
    name = f"shard-{index // 1000:02d}/scene-{index % 1000:04d}.png"
    return Comparison(
        status="ok" if verdict.holds else "fail",
        reference=f"golden/{name}",
        distorted=f"rendered/{name}",
        width=192,
        height=128,
        channels=3,
        sample_type="uint8",
        data_range=255,
        identical=not mse,
        metrics={"ssim": 1 - loss, "ssim_loss": loss, "mse": mse, "psnr": psnr},
        definition=parts_of(DEFINITIONS["wang2004"]),
        colour="rgb",
        reading=recorded(Reading()),
        thresholds=(verdict,),
        device="cpu",
        backend="fused",
        version="0.1.0",
    )


def broken(reference: str, distorted: str, code: str = "not_found") -> Comparison:
    """A record of an error."""
    return Comparison(
        status="error",
        reference=reference,
        distorted=distorted,
        definition=parts_of(DEFINITIONS["wang2004"]),
        reading=recorded(Reading()),
        version="0.1.0",
        error=Failure(code, f"{distorted}: {MISSING}"),
    )


def scored(folder: Path, reference: str, distorted: str) -> Comparison:
    """A pair of files in a folder, as a batch there scores it."""
    pair = read_pair(str(folder / reference), str(folder / distorted), Reading())
    how = CompareSettings(metrics=("ssim", "mse", "psnr"), thresholds=(LIMIT,))
    return replace(compare(pair, how), reference=reference, distorted=distorted)


def picture(seed: int, width: int = 192, height: int = 128) -> Image.Image:
    """Discs and stripes over a gradient: edges, texture and flat parts."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    canvas = np.stack([x, y, 0.5 + 0 * x], axis=-1) * 120 + rng.uniform(20, 100, 3)
    canvas += (
        26
        * np.sin(x * rng.uniform(40, 160) + y * rng.uniform(-80, 80))[:, :, None]
        * (y > 0.3)[:, :, None]
    )
    for _ in range(9):
        at, radius = rng.uniform(0, 1, 2), rng.uniform(0.03, 0.2)
        inside = (x - at[0]) ** 2 + (y - at[1]) ** 2 < radius**2
        canvas[inside] = rng.uniform(0, 255, 3)
    return Image.fromarray(canvas.clip(0, 255).astype(np.uint8))


def write_pair(folder: Path, name: str, seed: int, width: int = 192, height: int = 128) -> None:
    """A picture and the same one damaged, at golden/name and rendered/name."""
    image = picture(seed, width, height)
    rng = np.random.default_rng(seed + 1)
    damaged = image.filter(ImageFilter.GaussianBlur(0.5 + 2.5 * rng.random()))
    noise = rng.normal(0, 4 + 20 * rng.random(), (height, width, 3))
    noise[: height // 3] = 0
    damaged = Image.fromarray((np.asarray(damaged) + noise).clip(0, 255).astype(np.uint8))
    for side, one in (("golden", image), ("rendered", damaged)):
        path = folder / side / name
        path.parent.mkdir(parents=True, exist_ok=True)
        one.save(path, "png")


def summary_of(comparisons: Sequence[Comparison], unmatched: Unmatched | None = None) -> Summary:
    """What a batch writes at its end, with a threshold on a statistic."""
    counted = summarise(comparisons)
    mean = counted.metrics["ssim"].mean if counted.metrics else None
    verdict = StatisticVerdict("mean", "ssim", "under", 0.9, mean, (mean or 0) >= 0.9)
    return replace(
        counted,
        unmatched=unmatched or Unmatched(),
        thresholds=(verdict,),
        elapsed_seconds=83.4,
        version="0.1.0",
    )


def overview_of(comparisons: Sequence[Comparison], summary: Summary) -> Overview:
    """What a report shows of comparisons, without pictures."""
    return Overview(
        source="s",
        comparisons=comparisons,
        summary=summary,
        bins=(),
        notes=(),
        pictures=lambda block: (),
    )


def write_scores(
    path: Path, comparisons: Iterable[Comparison], summary: Summary | None = None
) -> Path:
    """NDJSON as a batch writes it."""
    lines = [ndjson_text(record) for record in comparisons]
    path.write_text("".join(lines) + (ndjson_text(summary) if summary else ""))
    return path
