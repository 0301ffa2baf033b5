"""`ssimtool compare` with several distorted images: a batch of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ssimtool.cli.outcome import Style, job_summary_path
from ssimtool.cli.terminal import view_of_stdout
from ssimtool.devices import usable_cores
from ssimtool.output import warn

if TYPE_CHECKING:
    from ssimtool.readers.align import Reading
    from ssimtool.readers.regions import RegionOfInterest
    from ssimtool.settings import CompareSettings


def compare_several(
    reference: str,
    distorted: tuple[str, ...],
    settings: CompareSettings,
    reading: Reading,
    region: RegionOfInterest,
    style: Style,
) -> int:
    """Compare each distorted image with the reference, and return the exit code.

    Raises:
        OutputError: an output cannot be written.
        UnavailableError: a device or a backend is not present.
    """
    from ssimtool.batch.interrupt import interruptible
    from ssimtool.batch.many import MEMORY
    from ssimtool.batch.pair_reader import Resources
    from ssimtool.batch.request import BatchRequest, PairSource, Terminal
    from ssimtool.batch.run import run
    from ssimtool.batch.sinks import Target
    from ssimtool.cli.progress import pair_progress
    from ssimtool.reports.view import View

    request = BatchRequest(
        source=PairSource(reference=reference, several=distorted),
        reading=reading,
        region=region,
        settings=settings,
        quiet=style.quiet,
        debug=style.debug,
    )
    target = Target(
        outputs=style.outputs,
        table=False,
        several=True,
        view=view_of_stdout(View(names=settings.metrics, requested=style.requested, csv=style.csv)),
        resume=False,
        overwrite=True,
        job_summary=job_summary_path(one.format for one in style.outputs),
    )
    resources = Resources(jobs=usable_cores(), memory=MEMORY, warm=False)
    return run(request, target, resources, Terminal(interruptible, pair_progress, warn))
