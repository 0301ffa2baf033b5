"""The page as text: what stands in it, and what may not; and its charts and pictures."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from reports.scores import HARD_NAMES, broken, made_up, picture

from ssimtool.batch.summary import summarise
from ssimtool.readers.samples import Pair
from ssimtool.records.batch import Unmatched
from ssimtool.records.comparison import Comparison
from ssimtool.records.verdicts import StatisticVerdict, Threshold
from ssimtool.reports import charts, page, pictures
from ssimtool.reports.columns import PASSED_THROUGH, columns_of, embedded
from ssimtool.reports.pictures import Case, Pictures, draw


def _page(records: list[Comparison], cases: list[Case] | None = None, **changes: object) -> str:
    summary = replace(summarise(records), **changes)
    block = page.rows_block(records, summary)
    return page.page_html("s.ndjson", records, summary, cases or [], block=block, notes=["A note."])


def _block(html: str, head: str) -> list[str]:
    return re.findall(rf"<script {head}>(.*?)</script>", html, re.S)


def test_what_stands_in_it():
    records = [made_up(i) for i in range(50)] + [broken("golden/x.png", "rendered/<x>.png")]
    verdict = StatisticVerdict("p5", "ssim", "under", 0.5, 0.61, True)
    html = _page(
        records, thresholds=(verdict,), unmatched=Unmatched(("lone & only.png",), ()),
        elapsed_seconds=2.5,
    )  # fmt: skip
    assert html.startswith("<!doctype html>")
    assert "A note." in html
    assert "p5 of SSIM at least 0.5" in html
    assert "SSIM of each pair at least 0.8" in html
    assert "SSIM wang2004: gaussian 11x11 sigma 1.5" in html
    assert "lone &amp; only.png" in html
    assert "rendered/&lt;x&gt;.png: no such file" in html
    assert "<code>not_found</code>" in html
    assert "2.5&nbsp;s" in html
    assert html.count('<svg class="chart"') == 2 * 4


def test_it_is_the_same_each_time():
    records = [made_up(i) for i in range(5)]
    assert _page(records) == _page(records)


def test_it_names_nothing_beyond_itself():
    """Beside a test in a browser: no address stands where a browser would follow it by itself."""
    html = _page([made_up(i) for i in range(5)])
    assert not re.search(r"(src|href|url\(|@import|action)\s*=?\s*[\"']?(https?:|//)", html)
    policy = re.search(r'Content-Security-Policy" content="(.*?)">', html)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy[1]
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy[1]
    assert not re.search(r"<[^>]* (style|on\w+)=", html)  # which the policy would not let run


@pytest.mark.parametrize("name", [*HARD_NAMES, "not-utf8-\udcff.png", "\u202egnp.exe"])
def test_names_are_text_everywhere(name):
    """In the source, notes, errors, unmatched files, columns, ids and messages."""
    records = [
        replace(made_up(0), reference=name, distorted=name, id=name, columns={name: name}),
        replace(broken(name, name), warnings=(name,)),
    ]
    summary = replace(summarise(records), unmatched=Unmatched((name,), (name,)), version=name)
    case = Case(0, None, name)
    block = page.rows_block(records, summary)
    html = page.page_html(name, records, summary, [case], block=block, notes=[name])
    rows, *cases = (json.loads(text) for text in _block(html, 'type="application/json".*?'))
    (path,) = (c for c in rows if c["key"] == "distorted")
    assert path["folders"][path["folder"][0]] + path["values"][0] == name
    assert next(c for c in rows if c["key"] == f"columns.{name}")["values"][0] == name
    assert cases == [{"index": 0, "pictures": None, "remark": name}]
    outside = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.S)
    assert "<img src=x" not in outside
    assert "alert(1)</script" not in outside
    assert len(re.findall("<script", html)) == 3
    assert html.encode("utf-8", "backslashreplace")


def test_embedded_json_ends_no_element():
    text = embedded({"</script><!--": "&\u2028\u2029\udcff<"})
    assert json.loads(text) == {"</script><!--": "&\u2028\u2029\udcff<"}
    assert not set("<>&\u2028\u2029\udcff") & set(text)
    assert "</script" not in page._part("page.js").lower()


def test_columns():
    records = [
        replace(made_up(0), columns={f"c{i}": str(i) for i in range(20)}),
        replace(made_up(996), warnings=("two frames",)),
        broken("a", "b"),
    ]
    found = {c["key"]: c for c in columns_of(records, ("ssim", "psnr", "later"))}
    assert "id" not in found  # no pair has one
    assert "later" not in found
    assert sum(key.startswith("columns.") for key in found) == PASSED_THROUGH
    assert found["psnr"]["values"][1:] == ["inf", None]
    assert found["ssim"]["values"][0] == pytest.approx(records[0].metrics["ssim"], rel=1e-7)
    assert found["status"]["values"] == [r.status for r in records]
    assert found["distorted"]["folders"] == ["rendered/shard-00/", ""]
    assert found["remarks"]["values"][1:] == [
        "two frames",
        "b: no such file; check the path and the name",
    ]
    failed = replace(made_up(0), thresholds=(Threshold("ssim", "under", 2).judge(1),))
    assert columns_of([failed], ())[-1]["values"] == ["ssim is under 2"]


def test_the_pages_of_nothing_and_of_errors_alone():
    for records in ([], [broken("a", "b")] * 3):
        html = _page(records)
        assert '<h2 id="metrics-title">' not in html
        assert "All pairs" in html


def test_other_settings_are_told():
    records = [replace(made_up(i), data_range=i + 1) for i in range(9)]
    html = _page(records)
    assert "data range 1; cpu (1 pairs)" in html or "data range 1; cpu (1 pair" in html
    assert "and 5 other settings" in html


def test_a_metric_of_a_later_version():
    records = [replace(made_up(i), metrics={"sharpness": float(i)}) for i in range(3)]
    assert "<h3>sharpness</h3>" in _page(records)


def test_the_budget_of_pictures():
    low, high = page.CASE_BYTES
    assert page.budget_of("", 1) == high
    assert page.budget_of("", 50) == page.PAGE_BYTES // 50
    assert page.budget_of("", 10_000) == low
    # With the default number of pairs, twice over where others fail, all is within the page.
    block = "x" * 6_000_000
    assert len(block) + 100 * page.budget_of(block, 100) <= page.PAGE_BYTES


# ---- charts


def _numbers(html: str) -> list[float]:
    return [float(x) for x in re.findall(r"-?[\d.]+", html)]


@pytest.mark.parametrize(
    "values",
    [
        [0.5],
        [0.0],
        [1.0] * 7,
        [math.inf],
        [math.inf, 30.0, 31.0],
        [1e-300, 1e300],
        [-1.0, 1.0, 0.3],
        [1.0, 1.0 + 1e-15],
        list(np.random.default_rng(0).gamma(2, 3, 5000)),
    ],
)
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_charts_stay_in_their_frame(values, better):
    limits = [Threshold("psnr", "under", v) for v in (0.3, 30.5, 1e9)]
    bars, line = charts.histogram(values, limits), charts.curve(values, limits, better=better)
    for bar in bars.bars:
        assert charts.LEFT - 1 <= bar.x <= bar.x + bar.width <= charts.RIGHT + 1
        assert charts.TOP - 0.1 <= bar.y <= bar.y + bar.height <= charts.BOTTOM + 0.1
    told = [int(bar.label.rpartition(": ")[2].split()[0].replace(",", "")) for bar in bars.bars]
    assert sum(told) == len(values)
    points = np.array(_numbers(line.points)).reshape(-1, 2)
    assert (np.diff(points[:, 0]) >= 0).all()
    assert points[:, 0].min() >= charts.LEFT
    assert points[:, 0].max() <= charts.RIGHT
    assert points[:, 1].min() >= charts.TOP - 0.1
    assert points[:, 1].max() <= charts.BOTTOM + 0.1
    # The worst is at the left: low is low on the page, which is a large y.
    assert (np.diff(points[:, 1]) <= 0.01).all() if better == "higher" else True
    for tick in (*bars.x_ticks, *line.x_ticks):
        assert charts.LEFT - 0.1 <= tick.at <= charts.RIGHT + 0.1
    assert len(bars.x_ticks) <= 15


def test_ticks_of_a_narrow_range_differ():
    ticks = charts.Scale(26.5455, 26.5498, 0, 1).ticks(4)
    assert [t.label for t in ticks] == ["26.546", "26.547", "26.548", "26.549"]


def test_ticks_are_round():
    assert [t.label for t in charts.Scale(0.13, 0.97, 0, 1).ticks(4)] == [
        "0.2",
        "0.4",
        "0.6",
        "0.8",
    ]


# ---- pictures


def _pair(image: Image.Image) -> Pair:
    samples = np.asarray(image)
    return Pair(
        reference_path="a", distorted_path="b", reference=samples,
        distorted=samples[:, ::-1].copy(), data_range=255, sample_type="uint8",
    )  # fmt: skip


def _opened(uri: str) -> Image.Image:
    head, _, data = uri.partition(",")
    assert head == "data:image/webp;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def _size(found: Pictures) -> int:
    return sum(len(uri) for uri in (found.reference, found.distorted, found.heat))


def test_small_pictures_are_exact():
    pair = _pair(picture(3))
    found = draw(pair, np.zeros((128, 192), np.float32), budget=300_000)
    assert found.exact
    assert np.array_equal(np.asarray(_opened(found.reference)), pair.reference)
    assert np.array_equal(np.asarray(_opened(found.distorted)), pair.distorted)
    # SSIM 0 is a difference of 1: the last colour of the legend.
    last = pictures.colour_stops()[-1]
    assert "#{:02x}{:02x}{:02x}".format(*np.asarray(_opened(found.heat))[0, 0]) == last


@pytest.mark.parametrize("budget", [24_000, 170_000, 450_000])
def test_pictures_keep_to_their_budget(budget):
    """Noise, which no codec makes small, as large as a page ever gets."""
    noise = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
    ssim_map = np.random.default_rng(1).random((1080, 1920), np.float32)
    found = draw(_pair(Image.fromarray(noise)), ssim_map, budget=budget)
    assert _size(found) <= budget
    assert not found.exact
    assert found.width / found.height == pytest.approx(16 / 9, rel=0.02)
    assert _opened(found.reference).size == (found.width, found.height)


def test_a_pair_of_one_row():
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (1, 3000, 3), np.uint8))
    found = draw(_pair(image), np.zeros((1, 3000), np.float32), budget=1000)
    assert found.height == 1


def test_sixteen_bits_and_grey_are_drawn():
    deep = np.linspace(0, 65535, 64 * 64).reshape(64, 64, 1).astype(np.uint16)
    pair = replace(_pair(picture(1)), reference=deep, distorted=deep, data_range=65535)
    found = draw(pair, np.ones((64, 64), np.float32), budget=100_000)
    assert np.asarray(_opened(found.reference)).max() == 255
