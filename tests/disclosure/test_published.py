"""Published customs figures: anyone's, worked by hand; our own beside them only where our own may be seen."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from qxmonitor.catalog.readers import readers
from qxmonitor.disclosure import Figures, Gate
from qxmonitor.disclosure.beside import comparison_view
from qxmonitor.disclosure.published import published_beside, published_view
from qxmonitor.period import Period
from tests.delivery import town

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")


def place(indicator: str, entity: str, value: float | None, period: str = "2026-10", state: str = "") -> dict[str, Any]:
    return {
        "period": period, "indicator": f"public_{indicator}", "entity_kind": "place", "entity": entity,
        "source": "customs_public", "value": value, "state": state or ("late" if value is None else "value"),
        "coverage": 1.0, "groups": 0, "top2": None, "hidden_groups": 0,
    }  # fmt: skip


def own(indicator: str, value: float, groups: int = 30) -> dict[str, Any]:
    return {
        "period": "2026-10", "indicator": indicator, "entity_kind": "town", "entity": "town", "source": "customs",
        "value": value, "state": "value", "coverage": 1.0, "groups": groups, "top2": 0.3, "hidden_groups": groups,
    }  # fmt: skip


PLACES = [
    place("trade_rmb_ytd", "town", 51.05e8), place("trade_rmb_growth_ytd", "town", 0.088),
    place("trade_rmb_ratio_ytd", "town", 0.0795), place("trade_rmb_m", "town", 4.5e8),
    place("export_rmb_ytd", "town", 43.65e8), place("export_rmb_growth_ytd", "town", -0.02),
    place("trade_rmb_ytd", "city", 14000e8), place("trade_rmb_growth_ytd", "city", 0.101),
    place("trade_rmb_ytd", "nation", 400000e8), place("trade_rmb_growth_ytd", "nation", 0.05),
    place("export_rmb_growth_ytd", "nation", 0.06),
    place("trade_rmb_ytd", "town", None, "2026-11"),
]  # fmt: skip
OWN = [own("trade_rmb_ytd", 49.55e8), own("trade_rmb_growth_ytd", 0.083), own("export_rmb_growth_ytd", 0.01)]


def cleared(reader: str, rows: list[dict[str, Any]], purpose: str = "monitoring") -> tuple[Gate, Figures]:
    gate = Gate(reader, purpose, authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS)
    frame = pd.DataFrame(rows)
    return gate, gate.clear(frame.assign(top2=frame["top2"].astype(float)))


def test_the_town_beside_the_places_above_it() -> None:
    """8.8 − 10.1 = −1.3 points of the city, 8.8 − 5.0 = +3.8 of the nation; the province is not published."""
    view = published_view(*cleared("leaders", PLACES), OCTOBER)
    assert view is not None and view.town is not None and not view.behind and not view.overdue and not view.january
    assert [cell.text for cell in view.town.figures] == ["51.05", "8.8", "43.65", "-2.0", "…", "…"]
    assert [(line.name.text, line.figures[0].text, line.above.text) for line in view.others] == [
        ("全市", "14000.00", "-1.3"), ("全国", "400000.00", "3.8"),
    ]  # fmt: skip
    assert {cell.source for cell in view.town.figures} == {"customs_public"}


def test_a_month_not_yet_published_shows_the_newest_and_says_so() -> None:
    view = published_view(*cleared("leaders", PLACES), NOVEMBER)
    assert view is not None and (view.month.text, view.behind, view.overdue) == ("2026年10月", True, True)
    due = [row | {"state": "expected-absent"} if row["period"] == "2026-11" else row for row in PLACES]
    view = published_view(*cleared("leaders", due), NOVEMBER)
    assert view is not None and (view.behind, view.overdue) == (True, False)
    assert published_view(*cleared("leaders", PLACES), Period("2027-12")) is None
    assert published_view(*cleared("leaders", OWN), OCTOBER) is None


def test_ours_beside_the_published_with_the_difference() -> None:
    """51.05 − 49.55 = 1.50; 8.8 − 8.3 = 0.5 points; 51.05/1.088 − 51.05/1.083 = 46.921 − 47.138 = −0.22."""
    trade, export = published_beside(*cleared("leaders", PLACES + OWN), OCTOBER)
    gap = trade.pair.gap
    assert gap is not None and gap.points is not None and gap.base is not None
    assert (gap.level.text, gap.points.text, gap.base.text, trade.ratio.text) == ("1.50", "0.5", "-0.22", "8.0")
    assert trade.pair.own is not None and trade.pair.own.ytd.text == "49.55" and gap.late is None
    assert export.pair.gap is None, "ours has no level"
    assert gap.level.ref.startswith("2026-10|gap_published.trade|town|town|customs")


@pytest.mark.parametrize("reader", [entry.id for entry in readers().readers if entry.purposes[0] != "operations"])
def test_published_figures_are_anyones_and_ours_are_not(reader: str) -> None:
    purpose = readers().reader(reader).purposes[0]
    few = [own("trade_rmb_ytd", 49.55e8, groups=1), own("trade_rmb_growth_ytd", 0.083, groups=1)]
    gate, figures = cleared(reader, PLACES + few, purpose)
    view = published_view(gate, figures, OCTOBER)
    assert view is not None and view.town is not None and view.town.figures[0].text == "51.05"
    pair = published_beside(gate, figures, OCTOBER)[0].pair
    assert (pair.gap is not None) == (reader == "swj"), "one group's total, and with it the difference"
    view = comparison_view(gate, figures, OCTOBER)
    assert view is not None and [line.town.text for line in view.lines] == ["8.8", "-2.0"]


def test_in_the_comparison_the_published_rate_is_the_towns_and_a_terminal_stands_first() -> None:
    rows = [*PLACES, *OWN]
    reference = pd.DataFrame({"series": ["N"], "name": ["中国:进出口金额:人民币:累计同比"], "unit": ["%"]})
    gate = Gate(
        "leaders", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS, reference=reference
    )
    point = own("reference_value", 5.3) | {"entity_kind": "reference", "entity": "N", "source": "reference"}
    frame = pd.DataFrame([*rows, point])
    view = comparison_view(gate, gate.clear(frame.assign(top2=frame["top2"].astype(float))), OCTOBER)
    assert view is not None
    assert [(line.town.text, line.province.text, line.nation.text, line.above_nation.text) for line in view.lines] == [
        ("8.8", "…", "5.3", "3.5"), ("-2.0", "…", "6.0", "-8.0"),
    ]  # fmt: skip
    without = [row for row in rows if row["entity"] != "town" or row["source"] != "customs_public"]
    view = comparison_view(*cleared("leaders", without), OCTOBER)
    assert view is not None and [line.town.text for line in view.lines] == ["8.3", "1.0"], (
        "ours where none is published"
    )
