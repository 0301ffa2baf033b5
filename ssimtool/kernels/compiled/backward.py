"""Backward pass: the gradients of 1 − SSIM and of the errors, and what they are gradients of.

The slopes of each window (`slopes`) are blurred by the adjoint (`adjoint`), along the rows first,
and then applied to the samples of the window. The windows that several areas need are counted in
the area of their first sample.
"""

from __future__ import annotations

from ssimtool.kernels.compiled.adjoint import blur_along, blur_rows_up, fold_columns, mark_windows
from ssimtool.kernels.compiled.forward import errors_of_rows, new_scratch
from ssimtool.kernels.compiled.instructions import LANES
from ssimtool.kernels.compiled.layout import add_samples, continue_lines, join, largest_sample
from ssimtool.kernels.compiled.moments import columns_of_tile, windows_of_row
from ssimtool.kernels.compiled.rows import plane_of, set_centre, tile_of
from ssimtool.kernels.compiled.slope_lines import new_lines
from ssimtool.kernels.compiled.slopes import (
    Weighed,
    count_of,
    slopes_of_samples,
    slopes_of_windows,
)
from ssimtool.kernels.compiled.stages import clear_line, copy_line, move_losses
from ssimtool.kernels.compiled.tasks import next_task
from ssimtool.kernels.compiled.vectors import SHARED
from ssimtool.kernels.compiling import SOURCES, entry, formula, plain


@formula
def columns_of_windows(plan, columns):
    """Return the column of windows that is sample 0 of the slopes, how many later the tile begins,
    and how many the tile has.

    Where planes are computed together, the tile leaves out columns that have no windows, but for as
    many as let the same windows be computed together as in one plane."""
    left, end = columns[2] + plan.margin - plan.size + 1, columns[3] + plan.margin
    if plan.group == 1:
        return left, 0, end - left
    later = max(-left, 0) // SHARED * SHARED
    return left, later, min(end, plan.columns) - left - later


@formula
def slopes_of_row(window, plan, slopes, tile, r, columns, scratch, own, slot, owned):
    """Write the slopes of the windows of row r of those of `columns_of_tile`, blurred along the row
    by the adjoint, into one slot of split lines. `owned` is that of `slopes_of_windows`."""
    pitch, count, raw, slots = plan.pitch, count_of(slopes), own.raw, own.slots
    first, _, outer, end = columns
    later = columns_of_windows(plan, columns)[1] * plan.channels * LANES
    windows_of_row(window, plan, tile, r, scratch, 0)
    slopes_of_windows(
        scratch.blurred, pitch, LANES * tile.positions, window, scratch.split_centre, own.inside,
        slopes.sign, slopes.both, raw, later, owned, own.losses, own.peaks,
    )  # fmt: skip
    if plan.group == 1:
        continue_lines(raw, count, pitch, tile.part, (plan.size - 1) * plan.channels)
    for line in range(count):
        at = line * pitch
        blur_along(raw, at, pixels_of(plan, tile, columns), window, plan, slots, slot + at)
    for piece in range(plan.group if plan.border >= 2 else 0):
        first_sample = piece * tile.part
        fold_columns(slots, slot, count, plan, first_sample, tile.part, outer, first, end)


@formula
def pixels_of(plan, tile, columns):
    """Return the number of positions of a split line that hold pixels."""
    return tile.positions if plan.group == 1 else (columns[3] - columns[2]) * plan.channels


@plain
def write_row(sides, window, plan, slopes, tile, row, columns, lines, at, scratch, factors):
    """Write the gradients of a row of pixels, from split lines of slopes from `at` on."""
    c, pitch, line, centre = plan.channels, plan.pitch, scratch.line, scratch.centre
    first, last, outer, _ = columns
    for k in range(count_of(slopes)):
        join(lines, at + k * pitch, tile.part, line, k * pitch)
    for piece in range(min(plan.group, len(sides.planes_x) - tile.plane)):
        plane, own = tile.plane + piece, piece * tile.part
        square, absolute = slopes.square[plane], slopes.absolute[plane]
        of_first = Weighed(factors, square, absolute, slopes.sign)
        of_second = Weighed(factors, square, absolute, -slopes.sign)
        x = sides.planes_x[plane] + row * sides.step_x + first * c
        y = sides.planes_y[plane] + row * sides.step_y + first * c
        common = sides, x, y, (last - first) * c, line, own + (first - outer) * c
        to = slopes.first_planes[plane] + row * slopes.first_step + first * c
        slopes_of_samples(*common, 2, pitch, window, centre, own, of_first, slopes.first, to)
        if slopes.both is not None:
            to = slopes.second_planes[plane] + row * slopes.second_step + first * c
            slopes_of_samples(*common, 3, pitch, window, centre, own, of_second, slopes.second, to)


@plain
def begin_area(sides, plan, slopes, plane, low, high, columns, scratch, own):
    """Write what all rows of an area share: the centre, where windows are, and the factors."""
    c = plan.channels
    left, later, windows = columns_of_windows(plan, columns)
    tile = tile_of(plan, plane, windows * c, (windows + plan.size - 1) * c)
    set_centre(sides, plan, tile, low, high, columns[0], columns[1], scratch)
    start = left + later
    begin, stop = max(start, 0) - start, min(columns[3] + plan.margin, plan.columns) - start
    own_begin, own_stop = max(columns[0] - start, begin), min(columns[1] - start, stop)
    for line in (own.raw, own.losses, own.peaks):
        clear_line(line, 0, len(line))
    clear_line(own.totals, 0, len(own.totals))
    mark_windows(
        begin * c, stop * c, own_begin * c, own_stop * c, plan, tile, scratch.line, own.inside
    )
    for piece in range(plan.group):
        of_plane = plane_of(sides, tile, piece)
        for j in range((columns[1] - columns[0]) * c):
            own.factors[piece * tile.part + j] = slopes.structure[of_plane, j % c]
    return tile


@plain
def fill_slots(sides, window, plan, slopes, tile, rows, top, columns, scratch, own):
    """Write the slopes of some rows of windows, one slot each; slot 0 is that of row `top`.

    `rows` are the first that has no slot, the one before which to end, those between which windows
    are computed, and those between which they are counted. Return the first row that has no slot
    now."""
    done, until, start, bottom, low, high = rows
    kind = own.raw.dtype.type
    step = count_of(slopes) * plan.pitch
    left, later, windows = columns_of_windows(plan, columns)
    c, needed = plan.channels, (windows + plan.size - 1) * plan.channels
    while done < until:
        slot = (done - top) * step
        if done < start or done >= bottom:
            clear_line(own.slots, slot, step)
            done += 1
        else:
            columns_of_tile(
                sides, window, plan, tile, done, done - start, bottom, (left + later) * c, needed,
                scratch,
            )  # fmt: skip
            count = min(SHARED, bottom - done)
            for r in range(count):
                at = slot + r * step
                owned = kind(2) if low <= done + r < high else kind(3)
                slopes_of_row(window, plan, slopes, tile, r, columns, scratch, own, at, owned)
            move_losses(own.losses, LANES * tile.positions, own.totals)
            done += count
    return done


@plain
def gradients_of_area(sides, window, plan, slopes, plane, low, high, columns, scratch, own):
    """Write the gradients of rows `low` to `high` and some columns.

    `columns` are the first and last of them, and those with the columns beyond the edges."""
    step, before = count_of(slopes) * plan.pitch, plan.margin - plan.size + 1
    tile = begin_area(sides, plan, slopes, plane, low, high, columns, scratch, own)
    n = pixels_of(plan, tile, columns)
    start, bottom, done = max(low + before, 0), min(high + plan.margin, plan.rows), low + before
    for row in range(low, high, plan.chunk):
        top, until = row + before, min(row + plan.chunk, high)
        if row > low:  # keep the slots that are still needed
            copy_line(own.slots, plan.chunk * step, (done - top) * step, own.slots, 0)
        rows = done, until + plan.margin, start, bottom, low, high
        done = fill_slots(sides, window, plan, slopes, tile, rows, top, columns, scratch, own)
        for pixel in range(row, until, SHARED):
            at = (pixel - row) * step
            blur_rows_up(
                own.slots, pixel, at, step, n, window, plan, own.upper, own.lower, own.blurred
            )
            for r in range(min(SHARED, until - pixel)):
                write_row(
                    sides, window, plan, slopes, tile, pixel + r, columns, own.blurred, r * step,
                    scratch, own.factors,
                )  # fmt: skip
    return tile


@plain
def add_totals(sides, plan, tile, area, columns, own, totals):
    """Add 1 − SSIM of the windows of an area, and keep the largest distance from the centre."""
    n = columns_of_windows(plan, columns)[2] * plan.channels
    for piece in range(min(plan.group, len(sides.planes_x) - tile.plane)):
        at, plane = piece * tile.part, tile.plane + piece
        add_samples(own.totals, at, at + n, tile.part, totals.sums[plane, area])
        peak = own.peaks.dtype.type(0)
        totals.peaks[plane, area] = largest_sample(own.peaks, at, at + n, tile.part, peak)


def _backward(stamp):
    def backward(queue, most, sides, window, plan, slopes, totals):
        """Compute at most `most` tasks of the queue, each some rows and columns of `plan.group`
        planes, and write the gradients of their samples, and their totals."""
        if stamp == "":
            return
        scratch, own = new_scratch(window, plan), new_lines(window, plan, slopes)
        tiles = max(1, plan.width * plan.channels // plan.tile)
        for _ in range(most):
            task = next_task(queue)
            if task < 0:
                break
            plane, area = task // (plan.bands * tiles) * plan.group, task % (plan.bands * tiles)
            band, part = area // tiles, area % tiles
            low, high = band * plan.band, min((band + 1) * plan.band, plan.height)
            begin, end = part * plan.width // tiles, (part + 1) * plan.width // tiles
            columns = begin, end, begin, end
            if plan.border >= 2:  # the columns beyond the edges repeat others
                left = plan.margin if begin == 0 else 0
                right = plan.margin if end == plan.width else 0
                columns = begin, end, begin - left, end + right
            tile = gradients_of_area(
                sides, window, plan, slopes, plane, low, high, columns, scratch, own
            )
            add_totals(sides, plan, tile, area, columns, own, totals)
            if len(totals.errors) > 0 and part == 0:
                for each in range(plane, min(plane + plan.group, len(sides.planes_x))):
                    both = errors_of_rows(sides, plan, each, low, high, None)
                    totals.errors[each, area, 0], totals.errors[each, area, 1] = both

    return entry(backward)


backward = _backward(SOURCES)
