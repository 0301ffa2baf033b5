"""Arguments shared by `loss` and `latents`."""

from __future__ import annotations

from typing import Annotated

import typer

LogvarArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="LOGVAR", help="Log-variance of the posterior (.npy), same shape as MU."
    ),
]
