"""The town beside province and nation: worked by hand, gaps kept, and nothing compared that its reader may not see."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from qxmonitor.catalog.comparison import comparison, plain_name
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.beside import comparison_view
from qxmonitor.period import Period
from tests.delivery import town

NAMES = {
    "P1": "广东：规模以上工业增加值:累计同比",
    "N1": "中国:规模以上工业增加值:累计同比",
    "N2": "中国:全社会用电量:当月值",
}


def row(period: str, indicator: str, kind: str, entity: str, source: str, value: float) -> dict[str, object]:
    return {
        "period": period, "indicator": indicator, "entity_kind": kind, "entity": entity, "source": source,
        "value": value, "state": "value", "coverage": 1.0, "groups": 30, "top2": 0.3, "hidden_groups": 30,
    }  # fmt: skip


FRAME = pd.DataFrame(
    [
        row("2026-10", "value_added_real_growth_ytd", "town", "town", "returns", 0.0512),
        row("2026-10", "reference_value", "reference", "P1", "reference", 4.1),
        row("2026-09", "reference_value", "reference", "N1", "reference", 6.2),
        row("2026-09", "value_added_real_growth_ytd", "town", "town", "returns", 0.049),
        row("2026-09", "power_growth", "town", "town", "returns", -0.013),
        row("2026-10", "power_growth", "town", "town", "returns", 0.02),
        row("2026-09", "reference_value", "reference", "N2", "reference", 64_000.0),
        row("2026-09", "reference_growth", "reference", "N2", "reference", 0.034),
    ]
)  # fmt: skip


@pytest.fixture
def gate() -> Callable[..., Gate]:
    """A gate over the frame's own pattern."""

    def make(reader: str, purpose: str = "monitoring", names: dict[str, str] = NAMES) -> Gate:
        reference = pd.DataFrame({"series": list(names), "name": list(names.values()), "unit": "%"})
        return Gate(
            reader, purpose, authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS, reference=reference
        )

    return make


def test_growth_beside_growth(gate: Callable[..., Gate]) -> None:
    mine = gate("leaders")
    view = comparison_view(mine, mine.clear(FRAME), Period("2026-10"))
    assert view is not None
    industry, power = view.lines
    cells = [industry.month, industry.town, industry.province, industry.above_province]
    assert [cell.text for cell in cells] == ["2026年10月", "5.1", "4.1", "1.0"]
    # The nation has no October yet: a gap, not September's figure.
    assert (industry.nation.text, industry.above_nation.text) == ("…", "…")
    # Nobody has October of power use, so the newest month that both have; its growth is worked out, not printed.
    cells = [power.month, power.town, power.province, power.nation, power.above_nation]
    assert [cell.text for cell in cells] == ["2026年9月", "-1.3", "…", "3.4", "-4.7"]
    assert power.above_nation.unit == "个百分点"


def test_what_a_reader_may_not_see_is_not_compared(gate: Callable[..., Gate]) -> None:
    mine = gate("banks")
    assert comparison_view(mine, mine.clear(FRAME), Period("2026-10")) is None


def test_without_series_there_is_no_table(gate: Callable[..., Gate]) -> None:
    mine = gate("leaders", names={"X": "中国:制造业PMI"})
    assert comparison_view(mine, mine.clear(FRAME), Period("2026-10")) is None
    assert not comparison().names("中国:制造业PMI")


def test_names_are_met_in_their_plain_form() -> None:
    assert comparison().names("广东：用电量： 当月值")
    assert all(plain_name(name) == name for row in comparison().rows for name in (*row.province, *row.nation))
