"""The layouts of a table, from wide to stacked."""

from __future__ import annotations

import pytest

from ssimtool.reports.grids import Grid, Names, rendered

NUMBERS = ("-1.23457e-05", "0.98765432", "123456")


def _grid() -> Grid:
    table = Grid(("Term", "Value", "Unit", "Weight"), right=(1, 3), less=(2,))
    for name, number in zip(("MSE", "SSIM loss", "KL"), NUMBERS, strict=True):
        table.add_row(name, number, "squared sample", "0.125")
    table.add_row()
    table.add_row("Loss", "42")
    return table


LAYOUTS = {  # width: whether it shows the unit, and a rule
    200: (True, True),
    60: (True, True),
    48: (True, True),
    47: (True, True),  # gaps of one blank
    34: (False, True),
    28: (False, False),  # stacked
    24: (False, False),
    5: (False, False),
}


@pytest.mark.parametrize("width", LAYOUTS)
def test_each_width_has_its_layout(width):
    text = rendered(_grid(), width=width, colour=False)
    unit, rule = LAYOUTS[width]
    assert max(map(len, text.splitlines())) <= max(width, 24)
    assert (("squared sample" in text), ("───" in text)) == (unit, rule)
    assert set(NUMBERS) | {"42"} < set(text.split())
    assert text.split().count("0.125") == 3


def test_a_stacked_table():
    assert rendered(_grid(), width=24, colour=False).splitlines() == [
        "", "MSE", "  Value -1.23457e-05", "  Weight 0.125", "SSIM loss", "  Value 0.98765432",
        "  Weight 0.125", "KL", "  Value 123456", "  Weight 0.125", "Loss", "  Value 42", "",
    ]  # fmt: skip


def test_names_are_stacked_rather_than_broken():
    names = Names([("source", "a doi:10.1109/TIP.2003.819861"), ("unit", "-")])
    side_by_side = ["source  a doi:10.1109/TIP.2003.819861", "unit    -"]
    stacked = ["source", "  a doi:10.1109/TIP.2003.819861", "unit", "  -"]
    for width, lines in ((None, side_by_side), (37, side_by_side), (33, stacked)):
        assert rendered(names, width=width, colour=False).splitlines() == lines
    broken = Names([("path", "x" * 100)])
    assert rendered(broken, width=60, colour=False).startswith("path  xxx")
    assert rendered(broken, width=None, colour=False) == f"path  {'x' * 100}\n"
