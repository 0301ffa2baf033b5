"""Summary of a step of GitHub Actions: a file that each step appends to."""

from __future__ import annotations

from ssimtool.output import writing

# GitHub shows no larger summary of a step:
# https://docs.github.com/actions/reference/workflow-commands
JOB_SUMMARY_BYTES = 1 << 20
REST = b"\nThe rest exceeds the size limit of a job summary.\n"


def append_job_summary(path: str, text: str) -> None:
    """Append text to the summary of a CI job; leave out lines beyond its size limit.

    Raises:
        OutputError: the summary cannot be written.
    """
    with writing(path), open(path, "ab") as file:
        data, room = text.encode("utf-8", "backslashreplace"), JOB_SUMMARY_BYTES - file.tell()
        if len(data) > room:
            cut = data[: max(0, room - len(REST))]
            data = cut[: cut.rfind(b"\n") + 1] + REST
        file.write(data if len(data) <= room else b"")
