"""What ``test_against_oracle`` leaves out, once more in plain loops and decimals: to 1e-9, sharing no arithmetic.

Register counts, large groups, targets, reference growth, the stress index, contributions, firms' scores and steps, the
climate score and indices (the seasonal adjustment itself is shared; it has tests of its own), and the lag scan.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from decimal import Decimal, getcontext
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qxmonitor.catalog.climate import climate
from qxmonitor.catalog.ladder import ladder
from qxmonitor.catalog.scorecards import scorecards
from qxmonitor.catalog.targets import targets
from qxmonitor.indicators import compute, contributions
from qxmonitor.indicators.ladder import measures, place, yearly
from qxmonitor.indicators.lead import scan
from qxmonitor.indicators.scoring import score
from qxmonitor.indicators.seasonal import adjust
from qxmonitor.indicators.stress import RATIOS, WEIGHTS, stress
from qxmonitor.indicators.view import View
from qxmonitor.period import Period
from tests.indicators.oracle import Oracle, shift
from tests.indicators.test_composite import slow_index
from tests.indicators.town import FORM_OF, Town, firm, random_town, usccs

getcontext().prec = 80
Number = float | None
MONTHS = ("2021-01", "2021-02", "2021-12", "2022-04")
close = pytest.approx


def value_of(frame: pd.DataFrame, key: str, kind: str, entity: str, period: str, source: str) -> Number:
    mine = frame[
        (frame["indicator"] == key) & (frame["entity_kind"] == kind) & (frame["entity"] == entity)
        & (frame["period"] == period) & (frame["source"] == source)
    ]  # fmt: skip
    return None if mine.empty or mine["state"].iloc[0] != "value" else float(mine["value"].iloc[0])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_register_counts_large_groups_and_targets(seed: int) -> None:
    town = random_town(seed)
    frame = compute(town.panel(), [Period(p) for p in MONTHS])
    for p in MONTHS:
        oracle = Oracle(town, p)
        entities = [e for e in oracle.entities() if e[0] in ("node", "chain", "industry", "town")]
        year = p[:4]
        for kind, entity, members in entities:
            here = [c for c in members if oracle.registered(c)]
            above = [c for c in here if town.firms[c]["above_scale"]]
            mine = [town.firms[c] for c in members if town.firms[c]["above_scale"]]
            want = {f"firms_{name}": sum(town.firms[c][flag] for c in here) if here else None for name, flag in (
                ("above_scale", "above_scale"), ("hightech", "hightech_firm"), ("listed", "listed"),
                ("specialised", "specialised"))}  # fmt: skip
            want["rd_institution_share"] = (
                sum(town.firms[c]["rd_institution"] for c in above) / len(above) if above else None
            )
            want["firms_entered"] = sum(f"{year}-01" <= (f["since"] or "") <= p for f in mine)
            want["firms_exited"] = sum(
                f["until"] is not None and f"{year}-01" <= shift(f["until"], 1) <= p for f in mine
            )
            for key, number in want.items():
                assert value_of(frame, key, kind, entity, p, "register") == (
                    None if number is None else close(number)
                ), key
        groups: dict[str, float] = defaultdict(float)
        reported = 0
        for code, f in town.firms.items():
            trailing = oracle.ttm(code)
            if trailing is not None:
                reported += 1
                groups[f["group"]] += trailing
        for limit in (100, 50, 10):
            told = value_of(frame, f"groups_over_{limit}yi", "town", "town", p, "returns")
            if told is not None:
                assert told == sum(total > limit * 1e5 for total in groups.values())
        for target in targets().targets:
            measure = target.measure
            if measure is None or measure.chain is not None:
                continue
            kind, entity = ("industry", measure.industry) if measure.industry else ("town", "town")
            number = value_of(frame, measure.indicator, kind, str(entity), p, measure.source)
            share = value_of(frame, f"target.{target.id}", "town", "town", p, measure.source)
            start = Decimal(target.baseline or 0)
            current = None if number is None else Decimal(number) / Decimal(target.per)
            if current is not None and target.unit == "%":  # points above or below, as a fraction
                want_share: Decimal | None = (current - Decimal(target.goal)) / 100
            elif current is None or (measure.indicator == "value_added_ytd" and p > target.end):
                want_share = None  # a year's sum after the year its goal is of
            else:
                want_share = (current - start) / (Decimal(target.goal) - start)
            assert share == (None if want_share is None else close(float(want_share), rel=1e-9, abs=1e-12)), target.id


def test_reference_series_grow_on_their_own_year_before() -> None:
    dice, town = random.Random(3), random_town(3)
    points = {
        (series, str(month)): dice.choice([None, 0.0, -3.0, dice.uniform(1, 900)])
        for series in ("R1", "R2") for month in town.months
    }  # fmt: skip
    town.reference = [
        {"series": s, "name": f"省:{s}", "frequency": "月", "unit": "亿元", "source": "x", "period": p, "value": v}
        for (s, p), v in points.items() if v is not None
    ]  # fmt: skip
    frame = compute(town.panel(), town.months[-14:])
    for series in ("R1", "R2"):
        for month in map(str, town.months[-14:]):
            now, then = points[series, month], points.get((series, shift(month, -12)))
            assert value_of(frame, "reference_value", "reference", series, month, "reference") == now
            january = points.get((series, shift(month, -1))), points.get((series, shift(month, -13)))
            if month.endswith("-02") and None not in (*january, now, then):
                now, then = now + january[0], then + january[1]  # type: ignore[operator]
            grown = month.endswith("-01") or now is None or then is None or then <= 0
            want = None if grown else now / then - 1  # type: ignore[operator]
            told = value_of(frame, "reference_growth", "reference", series, month, "reference")
            assert told == (None if want is None else close(want, rel=1e-9, abs=1e-12)), (series, month)


def test_the_stress_index_by_counting_peers() -> None:
    dice = np.random.default_rng(4)
    ratios = {name: dice.normal(size=(9, 2)).round(1) for name in RATIOS}
    for values in ratios.values():
        values[dice.random(values.shape) < 0.3] = np.nan
    found = stress(ratios)
    for month in range(2):
        for who in range(9):
            total, weight = 0.0, 0.0
            for dimension, counts in WEIGHTS.items():
                said = []
                for name, ratio in RATIOS.items():
                    if ratio.dimension != dimension:
                        continue
                    peers = [
                        x if ratio.bad == "low" else -x for x in ratios[name][:, month].tolist() if not math.isnan(x)
                    ]
                    own = ratios[name][who, month]
                    if math.isnan(own):
                        continue
                    own = own if ratio.bad == "low" else -own
                    below, ties = sum(x < own for x in peers), sum(x == own for x in peers)
                    said.append(-math.log((below + ties / 2) / len(peers)))
                total += counts * (sum(said) / len(said) if said else 1.0)
                weight += counts
            assert found.value[who, month] == close(total / weight, rel=1e-9)


@pytest.mark.parametrize("basis", ["month", "cumulative"])
@pytest.mark.parametrize("seed", range(2))
def test_contributions_in_decimals(seed: int, basis: Any) -> None:
    town = random_town(seed, count=20)
    for p in ("2021-02", "2022-04"):
        oracle, pairs = Oracle(town, p), {}
        for code in town.firms:
            column = "ytd" if basis == "cumulative" or p.endswith("-02") else "m"
            pair = [oracle.get("returns", code, f"output_{ly}{column}") for ly in ("", "ly_")]
            if None not in pair:
                pairs[code] = [round(Decimal(str(x)) * 100_000) for x in pair]
        base = sum(then for _, then in pairs.values())
        for by in ("firm", "chain", "industry", "town"):
            want: dict[str, list[int]] = defaultdict(lambda: [0, 0])
            for code, (now, then) in pairs.items():
                f = town.firms[code]
                digits = "".join(ch for ch in f["industry"] if ch.isdigit())[:2]
                entity = {"firm": code, "chain": f["chain"] or "other", "industry": digits or "other", "town": "town"}[
                    by
                ]
                want[entity][0] += now
                want[entity][1] += then
            frame = contributions(town.panel(), [Period(p)], by=by, basis=basis)
            assert set(frame["entity"]) == set(want)
            for row in frame.to_dict("records"):
                now, then = want[str(row["entity"])]
                assert row["change"] == close(float(Decimal(now - then) / 100_000), rel=1e-9, abs=1e-9)
                points = Decimal(now - then) / Decimal(base) if base > 0 else None
                assert (
                    math.isnan(row["points"])
                    if points is None
                    else row["points"] == close(float(points), rel=1e-9, abs=1e-12)
                )


# -- firms' steps and scores ------------------------------------------------------------------------------------------


def slow_year(town: Town, code: str, p: str) -> tuple[Number, str, str]:
    """A firm's figure of a year in 千元, where from, and of which month."""
    rules = ladder()

    def own(name: str, month: str) -> Number:
        return town.forms["self_report"].get((code, month), {}).get(name)

    for back in range(rules.recent_months):
        month = shift(p, -back)
        now = own("output_ytd", month)
        if month not in map(str, town.months) or now is None:
            continue
        december, then = own("output_ytd", f"{int(month[:4]) - 1}-12"), own("output_ly_ytd", month)
        whole = now if month.endswith("-12") else None if december is None or then is None else now + december - then
        if whole is None or whole <= 0:
            whole = now * 12 / int(month[5:]) if int(month[5:]) >= rules.annualise_from else None
        if whole is not None and whole > 0:
            return whole, "self_report", month
        break
    oracle = Oracle(town, p)
    last = shift(p, -int(p[5:]))
    parts = [[oracle.cumulative(c, "export_rmb", month) for c in town.firms] for month in (p, last, shift(p, -12))]
    known = [any(x is not None for x in part) for part in parts]
    if not known[0] or not (p.endswith("-12") or all(known[1:])):
        return None, "", ""
    at = list(town.firms).index(code)
    now, before, then = (part[at] or 0.0 for part in parts)
    total = (now if p.endswith("-12") else now + before - then) / 1000
    return (total, "customs", p) if total > 0 else (None, "", "")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("p", ["2021-05", "2021-12", "2022-04"])
def test_a_firms_year_and_its_steps(seed: int, p: str) -> None:
    town = random_town(seed, count=24)
    for key, row in town.forms["self_report"].items():  # sizes round the steps
        row |= {name: None if v is None else v * 20 for name, v in row.items() if name.startswith("output")}
        assert key in town.authorised
    panel, rules, oracle = town.panel(), ladder(), Oracle(town, p)
    view = View(panel, [Period(p)])
    found, want = yearly(view, rules), {code: slow_year(town, code, p) for code in town.firms}
    for at, code in enumerate(panel.firms.index):
        number, source, month = want[code]
        assert (None if math.isnan(found.figure[at]) else found.figure[at]) == (
            None if number is None else close(number, rel=1e-9)
        )
        assert found.month[at] == month
        assert (rules.figures[found.which[at]].source if found.which[at] >= 0 else "") == source
    told = {(row["step"], row["entity"]): row for row in place(view, rules).to_dict("records")}
    open_ends = [s.threshold for s in rules.steps if s.upto is None and not s.below_scale]
    for step in rules.steps:
        for code, (number, _, _) in want.items():
            f = town.firms[code]
            digits = "".join(ch for ch in f["industry"] if ch.isdigit())[:2]
            industrial = not digits or rules.divisions[0] <= int(digits) <= rules.divisions[1]
            fits = oracle.registered(code) and (not step.below_scale or (not f["above_scale"] and industrial))
            ends = [e for e in open_ends if e > step.threshold] if step.upto is None and not step.below_scale else []
            upper = step.threshold * step.upto if step.upto is not None else min(ends, default=math.inf)
            stands = fits and number is not None and step.near * step.threshold <= number < upper
            assert ((step.id, code) in told) == stands, (step.id, code, number)
            if stands and number is not None:
                row = told[step.id, code]
                assert row["gap"] == close(step.threshold - number, rel=1e-9, abs=1e-6)
                assert row["state"] == ("reached" if number >= step.threshold else "near")


def quantile(values: list[float], share: float) -> Decimal:
    ordered = sorted(Decimal(v) for v in values)
    place_ = Decimal(str(share)) * (len(ordered) - 1)
    low = int(place_)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place_ - low)


@pytest.mark.parametrize("seed", range(4))
def test_scores_points_and_ranks_in_decimals(seed: int) -> None:
    town, card = random_town(seed, count=24), scorecards().firm
    table = measures(View(town.panel(), [Period("2022-04")]), ladder())[[part.id for part in card.components]]
    found = score(table.index.to_list(), table.to_numpy(float), card)
    points: dict[tuple[str, str], Decimal] = {}
    for part in card.components:
        figures = {str(code): float(v) for code, v in table[part.id].items() if math.isfinite(v)}
        if part.log:
            figures = {code: math.log(v) for code, v in figures.items() if v > 0}
        if not figures:
            continue
        fixed = part.low is not None and part.high is not None
        low, high = (
            [Decimal(part.low or 0), Decimal(part.high or 0)] if fixed
            else [quantile(list(figures.values()), mark) for mark in card.marks]
        )  # fmt: skip
        for code, number in figures.items():
            value = Decimal(number)
            if high > low:
                share = min(max((value - low) / (high - low), Decimal(0)), Decimal(1))
            else:
                share = Decimal("0.5") + Decimal("0.5") * ((value > low) - (value < low))
            points[part.id, code] = 100 * (1 - share if part.down_good else share)
    scores: dict[str, Decimal] = {}
    for at, code in enumerate(table.index):
        parts = [(Decimal(str(p.weight)), points[p.id, code]) for p in card.components if (p.id, code) in points]
        known = sum(weight for weight, _ in parts)
        assert found.known[at] == close(float(known), abs=1e-9)
        if known >= Decimal(str(card.least_share)):
            scores[code] = sum(weight * point for weight, point in parts) / known
        for column, part in enumerate(card.components):
            told = found.points[at, column]
            if (part.id, code) in points:
                assert told == close(float(points[part.id, code]), rel=1e-9, abs=1e-7)
            else:
                assert math.isnan(told)
    for at, code in enumerate(table.index):
        if code not in scores:
            assert math.isnan(found.score[at])
            continue
        assert found.score[at] == close(float(scores[code]), rel=1e-9)
        better = sum(other - scores[code] > Decimal("1e-9") for other in scores.values())
        equal = sum(abs(other - scores[code]) <= Decimal("1e-9") for other in scores.values())
        assert better + 1 <= found.rank[at] <= better + equal
        assert found.best[at] <= found.rank[at] <= found.worst[at]


# -- climate ----------------------------------------------------------------------------------------------------------


def smooth_town(years: int = 4) -> Town:
    """Ten firms that grow with season and noise for whole years, so that an index can be made."""
    dice, codes = random.Random(8), usccs(10)
    town = random_town(8, count=1, last=f"{2018 + years}-12", width=12 * years)
    town.firms = {code: firm(code, chain="C01", node="N1") for code in codes}
    town.forms, town.lines, town.late, town.failed = {s: {} for s in FORM_OF}, [], set(), set()
    for code in codes:
        size = dice.uniform(5_000, 50_000)
        level = {
            str(p): size * 1.005**n * (1 + 0.1 * math.sin(p.month)) * dice.uniform(0.9, 1.1)
            for n, p in enumerate(town.months)
        }  # fmt: skip
        for p in town.months:
            so_far = [level[f"{p.year}-{m:02d}"] for m in range(1, p.month + 1)]
            last = [level.get(f"{p.year - 1}-{m:02d}") or size for m in range(1, p.month + 1)]
            if p.month > 1:
                row: dict[str, Number] = {}
                for stem, factor in (("output", 1.0), ("sales", 0.97), ("export", 0.4), ("power", 0.01)):
                    wobble = factor * dice.uniform(0.98, 1.02)
                    row |= {f"{stem}_ytd": sum(so_far) * wobble, f"{stem}_ly_ytd": sum(last) * wobble}
                    if p.month > 2:
                        row |= {f"{stem}_m": so_far[-1] * wobble, f"{stem}_ly_m": last[-1] * wobble}
                town.forms["returns"][code, str(p)] = row
                revenue = sum(so_far)
                town.forms["finance"][code, str(p)] = {
                    "revenue": revenue, "revenue_ly": sum(last), "profit": revenue * dice.uniform(-0.01, 0.1),
                    "receivables": revenue / 4, "receivables_ly": revenue / 5,
                }  # fmt: skip
            usd = so_far[-1] * dice.uniform(0.1, 0.3)
            town.forms["customs"][code, str(p)] = {
                "import_usd": usd, "import_rmb": usd * 7, "export_usd": usd * 2, "export_rmb": usd * 14
            }  # fmt: skip
            town.lines.append(
                {"firm": code, "month": str(p), "flow": "I", "mode": "0110", "partner": "日本", "chapter": "85",
                 "usd": usd, "rmb": usd * 7}
            )  # fmt: skip
    return town


@pytest.mark.slow
def test_the_climate_score_and_indices() -> None:
    town, rules = smooth_town(), climate()
    slots = [p for p in town.months if p.month != 1]
    frame = compute(town.panel(), town.months)

    def series(key: str, source: str) -> list[Number]:
        mine = frame[(frame["indicator"] == key) & (frame["entity_kind"] == "town") & (frame["source"] == source)]
        known = {p: v for p, v, s in zip(mine["period"], mine["value"], mine["state"], strict=True) if s == "value"}
        return [known.get(str(p)) for p in slots]

    for at, p in enumerate(slots):
        marks = []
        for lamp in rules.lamps.components:
            number = series(lamp.indicator, lamp.source)[at]
            if number is not None:
                shown = round(number * lamp.entry.display.multiply, lamp.entry.decimals)
                rising = lamp.bounds[0] > lamp.bounds[-1]
                marks.append(1 + sum(shown >= b if rising else shown <= b for b in lamp.bounds))
        told = series("climate_score", "returns")[at]
        if len(marks) < rules.lamps.scale.least * len(rules.lamps.components):
            assert told is None
        else:
            assert told == math.floor(sum(marks) * rules.lamps.scale.components / len(marks) + 0.5), p

    def levels(stem: str, source: str) -> list[Number]:
        month, year, growth = (series(f"{stem}_{kind}", source) for kind in ("m", "ytd", "growth"))
        plain = [y / 2 if p.month == 2 and y is not None else m for p, m, y in zip(slots, month, year, strict=True)]
        if source == "returns":  # linked: each slot of a later year is that of the year before times the growth
            linked: dict[Period, Number] = {}
            for p, own, rate in zip(slots, plain, growth, strict=True):
                before = linked.get(p - 12)
                linked[p] = own if before is None or rate is None else before * (1 + rate)
            plain = [linked[p] for p in slots]
        values = np.array([[math.nan if v is None else v for v in plain]])
        return [None if math.isnan(v) else v for v in adjust(tuple(slots), values).adjusted[0].tolist()]

    scale: dict[str, list[Fraction | None]] = {}
    for group in rules.groups:
        told_series = [
            levels(s.indicator.removesuffix("_m"), s.source) if s.kind == "level" else series(s.indicator, s.source)
            for s in group.series
        ]  # fmt: skip
        exact = [[None if v is None else Fraction(v) for v in line] for line in told_series]
        rates, weights = [s.kind == "rate" for s in group.series], [Fraction(s.weight) for s in group.series]
        scale[group.id], breadth = slow_index(exact, rates, weights, Fraction(str(rules.least)))
        for at, want in enumerate(breadth):
            told = series(f"climate_diffusion_{group.id}", "returns")[at]
            assert told == (None if want is None else close(float(want), rel=1e-9)), (group.id, slots[at])
    base = rules.base(town.months[0])
    chain = scale["coincident"]
    first = [v for v, p in zip(chain, slots, strict=True) if v is not None and p.year == base]
    mean = sum(first) / len(first)
    for at, want in enumerate(chain):
        told = series("climate_coincident", "returns")[at]
        assert told == (None if want is None else close(float(100 * want / mean), rel=1e-9)), slots[at]


def test_the_lag_scan_in_loops() -> None:
    dice = random.Random(2)
    x = [dice.gauss(0, 1) if dice.random() > 0.1 else math.nan for _ in range(40)]
    y = [math.nan, *(0.7 * v + dice.gauss(0, 0.3) if not math.isnan(v) else math.nan for v in x[:-1])]
    found = scan(np.array(x), np.array(y), 4, 0.95, 20)
    for lag in range(5):
        pairs = [(a, b) for a, b in zip(x[: 40 - lag], y[lag:], strict=True) if not (math.isnan(a) or math.isnan(b))]
        assert found.pairs[lag] == len(pairs)
        mean = [sum(p[i] for p in pairs) / len(pairs) for i in (0, 1)]
        top = sum((a - mean[0]) * (b - mean[1]) for a, b in pairs)
        bottom = math.sqrt(math.prod(sum((p[i] - mean[i]) ** 2 for p in pairs) for i in (0, 1)))
        assert found.correlation[lag] == close(top / bottom, rel=1e-9)
        assert found.low[lag] < found.correlation[lag] < found.high[lag]
