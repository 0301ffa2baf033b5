"""Metrics by name: the built-in ones, and those of other packages, found through entry points.

Entry points are loaded when they are needed. Importing importlib.metadata takes 31 ms and the scan
of 75 distributions 3 ms, a quarter of `list metrics`. Only help, completion, `list metrics` and
names that are not built in spend this time.
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
    """One entry point: its distribution, and its object or the reason why it did not load."""

    distribution: str
    entry_point: str
    content: object = None
    problem: str | None = None


@cache
def installed_plugins() -> tuple[Plugin, ...]:
    """Load every entry point of the group, ordered by distribution and name."""
    from importlib.metadata import entry_points

    points = sorted(entry_points(group=GROUP), key=lambda p: (_distribution_of(p), p.name))
    return tuple(_loaded(point) for point in points)


def _loaded(point: EntryPoint) -> Plugin:
    distribution = _distribution_of(point)
    try:
        return Plugin(distribution, point.name, point.load())
    except Exception as error:  # noqa: BLE001  # another package's module may raise anything
        return Plugin(distribution, point.name, problem=error_words(error))


def _distribution_of(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "an unknown distribution"


def plugin_words(row: Metric, what: str) -> str:
    """Return a message that says what a metric of a plug-in did, and what to do."""
    whose = " ".join([str(row.distribution), *(f"({package})" for package in row.packages)])
    return (
        f"the metric {row.name} of plug-in {whose} {what}; leave {row.name} out, or "
        "report it to the authors of the plug-in"
    )


def error_words(error: BaseException) -> str:
    """Return the type and the message of an exception on one line.

    >>> error_words(ValueError("two\\nlines"))
    'ValueError: two lines'
    """
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def known_metric(name: str) -> Metric | None:
    """Return the row of a metric, built in or of a plug-in; None if no installed package has it."""
    return METRICS.get(name) or plugin_metrics().rows.get(name)


def find_metric(name: str) -> Metric:
    """Return the row of a metric, built in or of a plug-in.

    Raises:
        ValueError: the metric is unknown or not installed. The message lists the known metrics, or
            gives the command that installs this one.

    >>> find_metric("psnr").unit
    'dB'
    """
    row = known_metric(name)
    if row is None:
        raise ValueError(unknown_metric(name))
    return row


def known_metrics() -> dict[str, Metric]:
    """Return all metrics that can be computed: built-in ones, then those of plug-ins by name."""
    return METRICS | {k: v for k, v in plugin_metrics().rows.items() if k not in METRICS}


def unknown_metric(name: str) -> str:
    """Return the reason why a metric is not available, as a message."""
    plugins = plugin_metrics()
    if name in plugins.missing:
        row = plugins.missing[name]
        return f"{name} needs {', '.join(row.packages)}: {row.install}"
    if name in plugins.refused:
        return plugins.refused[name]
    words = [f"{name!r} is not one of {', '.join(known_metrics())}", *plugins.broken]
    return "; ".join(words)


def with_implied(names: Iterable[str]) -> tuple[str, ...]:
    """Return metrics in order, each once, with those that are reported together with them.

    >>> with_implied(["mse", "ssim"])
    ('mse', 'ssim', 'ssim_loss')
    """
    return tuple(dict.fromkeys(n for name in names for n in (name, *find_metric(name).implies)))


class MetricNames:
    """Names of all metrics. Plug-ins are loaded only to look up a name that is not built in."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and known_metric(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(known_metrics())

    def __len__(self) -> int:
        return len(known_metrics())


METRIC_NAMES = MetricNames()


@dataclass(frozen=True)
class PluginMetrics:
    """Metrics of plug-ins. Those in `rows` can be computed; those in `missing` lack a package.

    `refused` maps the name of a metric to the reason why it is refused. `broken` holds a message
    for each plug-in that provides no row.
    """

    rows: Mapping[str, Metric]
    missing: Mapping[str, Metric]
    refused: Mapping[str, str]
    broken: tuple[str, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """All problems with plug-ins, one line each."""
        return (*self.broken, *self.refused.values())


@cache
def plugin_metrics() -> PluginMetrics:
    """Return the metrics of all installed plug-ins."""
    rows: dict[str, Metric] = {}
    refused: dict[str, str] = {}
    broken: list[str] = []
    for plugin in installed_plugins():
        try:
            plugin_rows = _rows_of(plugin)
        except (TypeError, ValueError) as error:
            broken.append(f"plug-in {plugin.distribution}: {error}")
            continue
        for row in plugin_rows:
            other = METRICS.get(row.name) or rows.get(row.name)
            if other is None:
                rows[row.name] = row
            else:
                owner = other.distribution or "ssimtool"
                refused[row.name] = (
                    f"plug-in {row.distribution}: its metric {row.name} is refused, because "
                    f"{owner} already has this name; uninstall one of them"
                )
    for name in refused:
        rows.pop(name, None)
    absent = {k: v for k, v in rows.items() if not all(map(find_spec, v.packages))}
    return PluginMetrics(
        {k: rows[k] for k in sorted(rows) if k not in absent}, absent, refused, tuple(broken)
    )


def _rows_of(plugin: Plugin) -> tuple[Metric, ...]:
    """Return the rows of an entry point.

    Raises:
        ValueError: the entry point could not be loaded.
        TypeError: its object is neither a row nor a tuple of rows.
    """
    if plugin.problem is not None:
        raise ValueError(f"{plugin.entry_point} could not be loaded: {plugin.problem}")
    content = plugin.content
    rows = (content,) if isinstance(content, Metric) else content
    if not isinstance(rows, tuple) or not all(isinstance(row, Metric) for row in rows):
        raise TypeError(
            f"{plugin.entry_point} is neither a ssimtool.catalog.Metric nor a tuple of them"
        )
    return tuple(replace(row, distribution=plugin.distribution) for row in rows)
