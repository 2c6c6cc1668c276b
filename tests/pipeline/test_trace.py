"""From a figure back to the cells, checked by opening the files with another library."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import openpyxl
import pytest

from qxmonitor import pipeline
from qxmonitor.errors import QxError
from qxmonitor.look import listing
from qxmonitor.trace import trace
from qxmonitor.warehouse import Warehouse
from tests.pipeline.conftest import Town

pytestmark = pytest.mark.slow


@pytest.fixture
def told(open_town: Any, town: Town) -> Iterator[Warehouse]:
    with open_town() as wh:
        pipeline.ingest(wh, [town.landing])
        pipeline.run(wh, town.last)
        yield wh


def test_cells_add_up_to_the_figure_and_say_what_stands_in_the_file(told: Warehouse, town: Town) -> None:
    figure = f"output_m:town:town:{town.last}"
    cells = trace(told, figure)
    [value] = [
        row["value"] for row in listing(told, "indicators", entity="town", indicator="output_m", period=town.last)
    ]
    assert {cell["field"] for cell in cells} == {"output_m"}
    assert math.isclose(sum(cell["value"] for cell in cells), value, rel_tol=1e-12)
    for cell in cells:
        book = openpyxl.load_workbook(cell["file"], read_only=True)
        printed = book[cell["sheet"]][cell["cell"]].value
        lines = " ".join(str(c.value) for row in book[cell["sheet"]].iter_rows(max_row=8) for c in row if c.value)
        book.close()
        unit = 10 if re.search("计量单位[:：] *万元", lines) else 1
        assert (
            float(str(printed).translate(str.maketrans("０１２３４５６７８９", "0123456789"))) * unit == cell["value"]
        )

    growth = trace(told, f"output_growth:town:town:{town.last}")
    assert {cell["field"] for cell in growth} == {"output_m", "output_ly_m"}
    tickets = trace(told, f"bonded_tickets:town:town:{town.last}")
    assert tickets and all(cell["file"].endswith(".xml") for cell in tickets)
    trade = trace(told, f"import_usd_ytd:town:town:{town.last}")
    assert {cell["period"] for cell in trade} == {f"2025-{month:02d}" for month in range(1, 6)}

    for wrong in (
        "output_m:town",
        "nothing:town:town:2025-05",
        "output_m:town:town:2025-13",
        "firms_listed:town:town:2025-05",
    ):
        with pytest.raises(QxError):
            trace(told, wrong)
