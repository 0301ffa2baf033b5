"""Metrics by name: ours, and those of other packages, which come by entry points.

Entry points are loaded when they are needed. Importing importlib.metadata takes 31 ms and the scan
of 75 distributions 3 ms, a quarter of `list metrics`. Only help, completion, `list metrics` and
names that are not built in pay for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ssimtool.catalog import METRICS, Metric

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "ssimtool.metrics"


@dataclass(frozen=True)
class Plugin:
    """One entry point: the distribution that brings it, and its object or why there is none."""

    distribution: str
    entry_point: str
    content: object = None
    problem: str | None = None


@cache
def installed_plugins() -> tuple[Plugin, ...]:
    """Load every entry point of the group, ordered by distribution and name."""
    from importlib.metadata import entry_points

    found = sorted(entry_points(group=GROUP), key=lambda point: (_brought_by(point), point.name))
    return tuple(_loaded(point) for point in found)


def _loaded(point: EntryPoint) -> Plugin:
    distribution = _brought_by(point)
    try:
        return Plugin(distribution, point.name, point.load())
    except Exception as error:  # noqa: BLE001  # whatever the module of somebody else raises
        return Plugin(distribution, point.name, problem=error_words(error))


def _brought_by(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"


def plugin_words(row: Metric, what: str) -> str:
    """A sentence on what a plug-in's metric did, and what to do."""
    whose = " ".join([str(row.distribution), *(f"({package})" for package in row.packages)])
    return (
        f"the metric {row.name} of plug-in {whose} {what}; leave {row.name} out, or "
        "tell the authors of the plug-in"
    )


def error_words(error: BaseException) -> str:
    """The type and the message of an exception on one line.

    >>> error_words(ValueError("two\\nlines"))
    'ValueError: two lines'
    """
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def known_metric(name: str) -> Metric | None:
    """The row of a metric, built in or of a plug-in; None where nothing installed has it."""
    return METRICS.get(name) or plugin_metrics().rows.get(name)


def find_metric(name: str) -> Metric:
    """The row of a metric, built in or of a plug-in.

    Raises:
        ValueError: there is none; the message names what there is, or the command that installs it.

    >>> find_metric("psnr").unit
    'dB'
    """
    row = known_metric(name)
    if row is None:
        raise ValueError(unknown_metric(name))
    return row


def known_metrics() -> dict[str, Metric]:
    """All metrics that can be computed here: ours, then those of plug-ins by name."""
    return METRICS | {k: v for k, v in plugin_metrics().rows.items() if k not in METRICS}


def unknown_metric(name: str) -> str:
    """The reason why there is no metric of this name."""
    plugins = plugin_metrics()
    if name in plugins.missing:
        row = plugins.missing[name]
        return f"{name} needs {', '.join(row.packages)}: {row.install}"
    if name in plugins.refused:
        return plugins.refused[name]
    words = [f"{name!r} is not one of {', '.join(known_metrics())}", *plugins.broken]
    return "; ".join(words)


def with_implied(names: Iterable[str]) -> tuple[str, ...]:
    """Metrics in order, each once, with those that are reported along with them.

    >>> with_implied(["mse", "ssim"])
    ('mse', 'ssim', 'ssim_loss')
    """
    return tuple(dict.fromkeys(n for name in names for n in (name, *find_metric(name).implies)))


class MetricNames:
    """The names of all metrics; plug-ins are only looked up for a name that is not built in."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and known_metric(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(known_metrics())

    def __len__(self) -> int:
        return len(known_metrics())


METRIC_NAMES = MetricNames()


@dataclass(frozen=True)
class PluginMetrics:
    """The metrics of plug-ins: `rows` can be computed, `missing` lack a package.

    `refused` gives the reason by the name of a metric, `broken` are plug-ins without any row.
    """

    rows: Mapping[str, Metric]
    missing: Mapping[str, Metric]
    refused: Mapping[str, str]
    broken: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """All that is wrong with plug-ins, a line each."""
        return (*self.broken, *self.refused.values())


@cache
def plugin_metrics() -> PluginMetrics:
    """The metrics of all installed plug-ins."""
    rows: dict[str, Metric] = {}
    refused: dict[str, str] = {}
    broken: list[str] = []
    for plugin in installed_plugins():
        try:
            brought = _rows_of(plugin)
        except (TypeError, ValueError) as error:
            broken.append(f"plug-in {plugin.distribution}: {error}")
            continue
        for row in brought:
            other = METRICS.get(row.name) or rows.get(row.name)
            if other is None:
                rows[row.name] = row
            else:
                owner = other.distribution or "ssimtool"
                refused[row.name] = (
                    f"plug-in {row.distribution}: its metric {row.name} is refused, the name is "
                    f"taken by {owner}; uninstall one of them"
                )
    for name in refused:
        rows.pop(name, None)
    absent = {k: v for k, v in rows.items() if not all(map(find_spec, v.packages))}
    return PluginMetrics(
        {k: rows[k] for k in sorted(rows) if k not in absent}, absent, refused, tuple(broken)
    )


def _rows_of(plugin: Plugin) -> tuple[Metric, ...]:
    """The rows of an entry point.

    Raises:
        ValueError: it could not be loaded.
        TypeError: it gives anything but rows.
    """
    if plugin.problem is not None:
        raise ValueError(f"{plugin.entry_point} could not be loaded: {plugin.problem}")
    content = plugin.content
    rows = (content,) if isinstance(content, Metric) else content
    if not isinstance(rows, tuple) or not all(isinstance(row, Metric) for row in rows):
        raise TypeError(f"{plugin.entry_point} is no ssimtool.catalog.Metric and no tuple of them")
    return tuple(replace(row, distribution=plugin.distribution) for row in rows)
