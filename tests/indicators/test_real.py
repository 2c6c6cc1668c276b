"""Real growth and value added: loops in plain floats on random towns, values by hand, and what is missing."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pandas as pd
import pytest

from qxmonitor.indicators import compute
from qxmonitor.indicators.real import missing
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import Period, months
from tests.indicators.test_decompose import full_town
from tests.indicators.town import Town, firm, usccs

REAL = ("output_real_growth", "output_real_growth_ytd", "value_added_ytd", "value_added_real_ytd",
        "value_added_real_growth_ytd")  # fmt: skip
Parameters = dict[tuple[str, str, str], float]
ASKED = [Period(p) for p in ("2021-12", "2022-01", "2022-02", "2022-04")]


def with_parameters(panel: Panel, known: Parameters) -> Panel:
    rows = [{"period": p, "parameter": name, "scope": scope, "value": v} for (name, scope, p), v in known.items()]
    return replace(panel, parameters=pd.DataFrame(rows, columns=["period", "parameter", "scope", "value"]))


def figures(panel: Panel, asked: list[Period]) -> pd.DataFrame:
    frame = compute(panel, asked)
    return frame[frame["indicator"].isin(REAL)].set_index(["indicator", "period", "entity"])


class Loops:
    """Everything firm by firm and month by month."""

    def __init__(self, town: Town, known: Parameters) -> None:
        self.town, self.known = town, known

    def at(self, name: str, code: str, month: Period) -> float | None:
        industry = str(self.town.firms[code]["industry"])[:2]
        return self.known.get((name, industry, str(month)), self.known.get((name, "全镇", str(month))))

    def slot(self, name: str, code: str, month: Period) -> float | None:
        own = self.at(name, code, month)
        if month.month != 2 or month - 1 not in self.town.months:
            return own
        january = self.at(name, code, month - 1)
        return own if own is None or january is None else (own + january) / 2

    def form(self, code: str, month: Period, name: str) -> float | None:
        return self.town.forms["returns"].get((code, str(month)), {}).get(name)

    def summed(self, code: str, period: Period, measure: str, weigh: tuple[tuple[str, int, int], ...]) -> float | None:
        """Σ of slots × Π parameter^power, ``weigh`` holds (name, power, months back)."""
        if self.form(code, period, measure) is None or Period(f"{period.year}-01") not in self.town.months:
            return None
        told, total = 0.0, 0.0
        for month in months(Period(f"{period.year}-02"), period):
            value = self.form(code, month, measure)
            if value is None:
                continue
            part = value - told
            told = value
            for name, power, back in weigh:
                if part == 0.0:
                    break
                factor = self.slot(name, code, month - back) if month - back in self.town.months else None
                if factor is None:
                    return None
                part *= (factor / 100) ** power
            total += part
        return total

    def town_value(self, key: str, period: Period) -> tuple[float | None, int]:
        rate, price, then = ("value_added_rate", 1, 0), ("producer_price", -1, 0), ("value_added_rate", 1, 12)
        top = bottom = 0.0
        count = 0
        for code in self.town.firms:
            if period.month == 1:
                continue
            a: float | None
            wanted = [self.form(code, period, "output_ytd")]
            b: float | None = 1.0
            if key == "value_added_ytd":
                a = self.summed(code, period, "output_ytd", (rate,))
            elif key == "value_added_real_ytd":
                a = self.summed(code, period, "output_ytd", (rate, price))
            elif key == "value_added_real_growth_ytd":
                a = self.summed(code, period, "output_ytd", (rate, price))
                b = self.summed(code, period, "output_ly_ytd", (then,))
                if b is None and self.form(code, period, "output_ly_ytd") is not None:
                    return None, 0
            elif key == "output_real_growth_ytd":
                a, b = self.summed(code, period, "output_ytd", (price,)), self.form(code, period, "output_ly_ytd")
            else:
                column = "ytd" if period.month == 2 else "m"
                index = self.slot("producer_price", code, period)
                now = self.form(code, period, f"output_{column}")
                a = None if now is None or index is None else now / index * 100
                wanted = [now]
                b = self.form(code, period, f"output_ly_{column}")
            if a is None and wanted != [None]:
                return None, 0
            if a is not None and b is not None:
                top, bottom, count = top + a, bottom + b, count + 1
        if not count:
            return None, 0
        if not key.endswith(("growth", "growth_ytd")):
            return top, count
        return (top / bottom - 1 if bottom > 0 else None), count


@pytest.mark.parametrize("seed", range(4))
def test_the_town_agrees_with_plain_loops(seed: int) -> None:
    town, _ = full_town(seed)
    r = random.Random(seed)
    known: Parameters = {}
    for month in town.months:
        for name, middle in (("value_added_rate", 22.0), ("producer_price", 101.0)):
            for scope in ("全镇", "39", "24"):
                if r.random() < (0.9 if scope == "全镇" and seed % 2 else 1.0):
                    known[name, scope, str(month)] = round(middle + r.uniform(-2, 2), 1)
    frame = figures(with_parameters(town.panel(), known), ASKED)
    loops, told = Loops(town, known), 0
    for key in REAL:
        for period in ASKED:
            row = frame.loc[(key, str(period), "town")]
            want, count = loops.town_value(key, period)
            if row["state"] == "value":
                told += 1
                assert want is not None
                assert math.isclose(row["value"], want, rel_tol=1e-9, abs_tol=1e-9), (key, period)
            else:
                assert math.isnan(row["value"])
                assert want is None or count < 0.8 * len(town.firms)
    assert told >= 5


def one_firm() -> Town:
    """Output 1—2月 200, 1—3月 320; a year ago 180 and 290."""
    code = usccs(1)[0]
    town = Town(months(Period("2025-01"), Period("2026-03")), {code: firm(code, industry="3921")}, {"returns": {}})
    town.forms["returns"][code, "2026-02"] = {"output_ytd": 200.0, "output_ly_ytd": 180.0}
    town.forms["returns"][code, "2026-03"] = {
        "output_m": 120.0, "output_ytd": 320.0, "output_ly_m": 110.0, "output_ly_ytd": 290.0,
    }  # fmt: skip
    return town


BY_HAND: Parameters = {
    ("producer_price", "全镇", "2026-01"): 96.0, ("producer_price", "全镇", "2026-02"): 104.0,
    ("producer_price", "全镇", "2026-03"): 125.0, ("value_added_rate", "全镇", "2026-02"): 25.0,
    ("value_added_rate", "39", "2026-03"): 20.0, ("value_added_rate", "全镇", "2026-03"): 90.0,
    ("value_added_rate", "全镇", "2025-02"): 20.0, ("value_added_rate", "全镇", "2025-03"): 20.0,
}  # fmt: skip


def test_values_by_hand() -> None:
    frame = figures(with_parameters(one_firm().panel(), BY_HAND), [Period("2026-02"), Period("2026-03")])
    value = frame["value"].xs("town", level="entity")
    assert value["value_added_ytd", "2026-02"] == pytest.approx(50.0)  # 200 × 25 %
    assert value["value_added_ytd", "2026-03"] == pytest.approx(74.0)  # + 120 × 20 %, its industry's
    assert value["value_added_real_ytd", "2026-03"] == pytest.approx(50.0 + 24.0 / 1.25)  # (96 + 104) ÷ 2 = 100
    assert value["value_added_real_growth_ytd", "2026-03"] == pytest.approx(69.2 / (290 * 0.2) - 1)
    assert value["output_real_growth", "2026-02"] == pytest.approx(200 / 180 - 1)
    assert value["output_real_growth", "2026-03"] == pytest.approx(120 / 1.25 / 110 - 1)
    assert value["output_real_growth_ytd", "2026-03"] == pytest.approx((200 + 96) / 290 - 1)


@pytest.mark.parametrize(
    ("without", "empty"),
    [
        (("producer_price", "全镇", "2026-02"), set(REAL) - {"value_added_ytd", "output_real_growth"}),
        (("producer_price", "全镇", "2026-03"), set(REAL) - {"value_added_ytd"}),
        (("value_added_rate", "全镇", "2026-02"), {key for key in REAL if key.startswith("value_added")}),
        (("value_added_rate", "全镇", "2025-03"), {"value_added_real_growth_ytd"}),
    ],
)
def test_what_is_missing_is_not_made_up(without: tuple[str, str, str], empty: set[str]) -> None:
    known = {key: value for key, value in BY_HAND.items() if key != without}
    panel = with_parameters(one_firm().panel(), known)
    frame = figures(panel, [Period("2026-03")]).xs("town", level="entity")
    assert {key for key, _ in frame.index[frame["state"] != "value"]} == empty
    assert frame.loc[frame["state"] != "value", "value"].isna().all()
    told = missing(View(panel, [Period("2026-03")]))
    assert told == (() if without[2].startswith("2025") else (without[0],))


def test_impossible_parameters_are_no_parameters() -> None:
    for key, wrong in ((("value_added_rate", "全镇", "2026-02"), 225.0), (("producer_price", "全镇", "2026-03"), 0.0)):
        frame = figures(with_parameters(one_firm().panel(), BY_HAND | {key: wrong}), [Period("2026-03")])
        assert frame.loc[("value_added_real_ytd", "2026-03", "town"), "state"] == "expected-absent"


def test_prices_that_did_not_move_leave_real_growth_nominal() -> None:
    town, _ = full_town(1)
    known = {("producer_price", "全镇", str(month)): 100.0 for month in town.months}
    frame = compute(with_parameters(town.panel(), known), ASKED).set_index(["indicator", "period", "entity"])["value"]
    for period in ("2022-02", "2022-04"):
        for real, nominal in (("output_real_growth", "output_growth"), ("output_real_growth_ytd", "output_growth_ytd")):
            assert frame[real, period, "town"] == pytest.approx(frame[nominal, period, "town"], rel=1e-9)
