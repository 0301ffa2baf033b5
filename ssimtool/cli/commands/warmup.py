"""`ssimtool warmup`: compile the kernels ahead."""

from __future__ import annotations

from ssimtool.cli.options import shared as o
from ssimtool.errors import EXIT_OK, OutputError, UnavailableError
from ssimtool.output import put_stdout, warn


def command(quiet: o.QuietOption = False) -> int:
    """Compile the kernels for this processor ahead, as when building a container.

    Examples:
      ssimtool warmup
      ssimtool warmup -q
      NUMBA_CACHE_DIR=/k ssimtool warmup
    """
    from ssimtool.devices import numba_loads

    if not numba_loads():
        raise UnavailableError("Numba cannot be imported: there are no kernels to compile")
    from ssimtool.kernels.warming import compilations
    from ssimtool.scoring.environment import kernel_cache

    if kernel_cache()["folder"] is None:
        raise OutputError(
            "cannot keep the compiled kernels: no cache folder is writable; set NUMBA_CACHE_DIR to "
            "one that is"
        )
    for name, work in compilations():
        if not quiet:
            warn(f"compiling {name}")
        work()
    import ssimtool.readers.images.compiled.unfilter  # noqa: F401  # compiled by its import

    facts = kernel_cache()
    size = facts["bytes"] / 1e6
    put_stdout(f"{facts['compiled kernels']} kernels, {size:.1f} MB, in {facts['folder']}\n")
    return EXIT_OK
