"""The decomposition against a slow oracle in Decimal, its identities, and a town worked out by hand."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qxmonitor.indicators import compute
from qxmonitor.indicators.contribute import contributions
from qxmonitor.indicators.decompose import PARTS, decompose
from qxmonitor.period import Period, months
from tests.indicators.town import Town, firm, random_town, usccs

LAST = Period("2022-04")
ASKED = [Period(p) for p in ("2021-12", "2022-01", "2022-02", "2022-03", "2022-04")]
Before = dict[str, dict[str, Any]]


def full_town(seed: int, count: int = 16) -> tuple[Town, Before]:
    """Nearly all returns here: entries, exits, moves, restatements, blanks, zeros, negatives, a few missing returns."""
    r = random.Random(seed)
    span = months(LAST - 17, LAST)
    firms, before = {}, {}
    for code in usccs(count):
        since = r.choice([None, None, None, None, "2021-07", "2022-01"])
        until = r.choice([None, None, None, None, "2021-12"])
        chain, industry = r.choice(["C01", "C02", ""]), r.choice(["3921", "2451", "39", ""])
        firms[code] = firm(code, chain=chain, industry=industry, since=since, until=until)
        if since is None:
            moved = r.random() < 0.3
            before[code] = firms[code] | {"chain": "C02" if moved else chain, "industry": "2452" if moved else industry}
    town = Town(span, firms, {s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")})
    for code, f in firms.items():
        scale = r.choice([50, 5_000, 700_000])
        for period in span:
            p = str(period)
            if period.month == 1 or not (f["since"] or "") <= p <= (f["until"] or "9999"):
                continue
            dice = r.random()
            if dice < 0.04:
                r.choice([town.late, town.failed]).add(("b204_1", code, p))
                continue
            row: dict[str, float | None] = {}
            for name in ("output_m", "output_ytd", "output_ly_m", "output_ly_ytd"):
                value: float | None = round(r.uniform(1, scale), r.choice([0, 2]))
                odd = r.random()
                value = None if odd < 0.02 else 0.0 if odd < 0.05 else -1.5 if odd < 0.07 else value
                row[name] = None if period.month == 2 and name.endswith("_m") else value
            town.forms["returns"][code, p] = row
    return town, before


def frame_of(before: Before) -> pd.DataFrame:
    return pd.DataFrame.from_dict(before, orient="index")


def number(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(repr(float(value))).quantize(Decimal("0.00001"))


def place(row: dict[str, Any], level: str) -> str:
    if level == "town":
        return "town"
    return (str(row[level])[:2] if level == "industry" else str(row[level])) or "other"


def oracle(town: Town, before: Before | None, period: Period, basis: str, level: str) -> dict[str, dict[str, Decimal]]:
    """Entity → parts, firm by firm; and how many returns were there and were wanted."""
    out: dict[str, dict[str, Decimal]] = {}
    column = "ytd" if basis == "cumulative" or period.month == 2 else "m"

    def add(entity: str, part: str, value: Decimal | int) -> None:
        cell = out.setdefault(entity, {})
        cell[part] = cell.get(part, Decimal(0)) + value

    def owed(code: str, p: str, in_scope: bool) -> bool:
        f = town.firms[code]
        registered = (f["since"] or "") <= p <= (f["until"] or "9999")
        marked = any(("b204_1", code, p) in marks for marks in (town.late, town.failed))
        here = (code, p) in town.forms["returns"]
        if in_scope:
            return here or marked or (registered and f["above_scale"])
        return here or ("b204_1", code, p) in town.failed

    for code, f in town.firms.items():
        then_row = f if before is None else before.get(code, f)
        here, there = place(f, level), place(then_row, level)
        out.setdefault(here, {})
        out.setdefault(there, {})
        today, last = str(period), str(period - 12)
        now = number(town.forms["returns"].get((code, today), {}).get(f"output_{column}"))
        restated = number(town.forms["returns"].get((code, today), {}).get(f"output_ly_{column}"))
        filed = number(town.forms["returns"].get((code, last), {}).get(f"output_{column}"))
        owed_now = owed(code, today, in_scope=True)
        owed_then = owed(code, last, before is None or (code in before and before[code]["above_scale"]))
        add(here, "wanted_now", int(owed_now or now is not None))
        add(there, "wanted_then", int(owed_then or filed is not None))
        if now is not None:
            add(here, "level", now)
            add(here, "has_now", 1)
            if restated is not None:
                add(here, "comparable_base", restated)
                add(here, "comparable_change", now - restated)
        if filed is not None:
            add(there, "base", filed)
            add(there, "has_then", 1)
        if now is not None and filed is not None:
            middle = filed if restated is None else restated
            add(here, "same", now - middle)
            add(here, "revision", middle - filed)
            if here != there:
                add(here, "reclassified", filed)
                add(there, "reclassified", -filed)
        elif now is not None:
            add(here, "unreported" if owed_then else "entry", now)
        elif filed is not None:
            add(there, "unreported" if owed_now else "exit", -filed)
            add(there, "unreported_base", filed if owed_now else Decimal(0))
    return out


@pytest.mark.parametrize("seed", range(4))
def test_every_part_agrees_with_plain_loops(seed: int) -> None:
    town, before = full_town(seed)
    panel, told = town.panel(), 0
    for known in (before, None):
        for basis in ("month", "cumulative"):
            for level in ("town", "chain", "industry"):
                frame = decompose(
                    panel, ASKED, basis=basis, level=level, before=None if known is None else frame_of(known)
                )
                rows = frame.set_index(["period", "entity"])
                for period in ASKED:
                    want = oracle(town, known, period, basis, level)
                    assert set(rows.loc[str(period)].index) == set(want)
                    for entity, cells in want.items():
                        row = rows.loc[(str(period), entity)]
                        zero = Decimal(0)
                        short_now = cells.get("has_now", zero) < Decimal("0.8") * cells["wanted_now"] or (
                            not cells["wanted_now"]
                        )
                        short_then = cells.get("has_then", zero) < Decimal("0.8") * cells["wanted_then"] or (
                            not cells["wanted_then"]
                        )
                        if period.month == 1 or short_now or short_then:
                            assert row["state"] != "value"
                            assert row["reason"]
                            assert np.isnan(row["base"])
                            continue
                        told += 1
                        assert row["state"] == "value"
                        for part in (
                            "base",
                            "level",
                            "comparable_base",
                            "comparable_change",
                            "unreported_base",
                            *PARTS,
                        ):
                            assert number(row[part]) == cells.get(part, zero), (period, entity, part)
                        base = cells.get("base", zero)
                        if base > 0:
                            growth = (cells.get("level", zero) - base) / base
                            assert row["growth"] == pytest.approx(float(growth), rel=1e-9, abs=1e-9)
                        else:
                            assert np.isnan(row["growth"])
                            assert row["reason"] == "base_not_positive"
    assert told > 60


cells = st.one_of(st.none(), st.floats(-1e7, 1e9, allow_nan=False).map(lambda x: round(x, 2)), st.just(0.0))


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(cells, cells, cells, st.sampled_from(["C01", "C02", ""]), st.sampled_from(["C01", "C02", ""])),
        min_size=1, max_size=12,
    )
)  # fmt: skip
def test_parts_add_up_to_the_last_cent_and_chains_to_the_town(rows: list[tuple[Any, ...]]) -> None:
    codes = usccs(len(rows))
    firms = {code: firm(code, chain=row[3]) for code, row in zip(codes, rows, strict=True)}
    town = Town(months(LAST - 12, LAST), firms, {"returns": {}})
    for code, (now, restated, filed, *_) in zip(codes, rows, strict=True):
        town.forms["returns"][code, str(LAST)] = {"output_ytd": now, "output_ly_ytd": restated}
        town.forms["returns"][code, str(LAST - 12)] = {"output_ytd": filed}
    before = frame_of({code: firm(code, chain=row[4]) for code, row in zip(codes, rows, strict=True)})
    panel = town.panel()
    whole = decompose(panel, [LAST], before=before).iloc[0]
    chains = decompose(panel, [LAST], before=before, level="chain")
    for row in (whole, *(row for _, row in chains.iterrows())):
        if row["state"] == "value":
            cents = [round(row[name] * 100_000) for name in ("level", "base", *PARTS)]
            assert cents[0] - cents[1] == sum(cents[2:])
            if row["base"] > 0:
                assert sum(row[part] / row["base"] for part in PARTS) == pytest.approx(
                    row["growth"], rel=1e-9, abs=1e-9
                )
    assert whole["state"] != "value" or whole["reclassified"] == 0.0
    if whole["state"] == "value" and (chains["state"] == "value").all():
        for name in ("base", "level", *PARTS):
            assert sum(round(value * 100_000) for value in chains[name]) == round(whole[name] * 100_000)


def by_hand() -> tuple[Town, Before]:
    """a stays (100 → 130, restated 110), b moves C01 → C02 (50 → 60), c enters (40), d leaves (20), e is late (30)."""
    codes = dict(zip("abcdefghijkl", usccs(12), strict=True))
    firms = {code: firm(code, chain="C01") for code in codes.values()}
    firms[codes["b"]]["chain"] = "C02"
    firms[codes["c"]]["since"] = "2022-01"
    firms[codes["d"]]["until"] = "2021-12"
    town = Town(months(LAST - 12, LAST), firms, {"returns": {}})
    now = {"a": (130.0, 110.0), "b": (60.0, 50.0), "c": (40.0, 35.0)} | dict.fromkeys("fghijkl", (10.0, 10.0))
    then = {"a": 100.0, "b": 50.0, "d": 20.0, "e": 30.0} | dict.fromkeys("fghijkl", 10.0)
    for key, (level, restated) in now.items():
        town.forms["returns"][codes[key], str(LAST)] = {"output_ytd": level, "output_ly_ytd": restated}
    for key, filed in then.items():
        town.forms["returns"][codes[key], str(LAST - 12)] = {"output_ytd": filed}
    town.late.add(("b204_1", codes["e"], str(LAST)))
    before = {code: dict(row) for key, code in codes.items() if key != "c" for row in [firms[code]]}
    before[codes["b"]]["chain"] = "C01"
    return town, before


def test_a_town_worked_out_by_hand() -> None:
    town, before = by_hand()
    row = decompose(town.panel(), [LAST], before=frame_of(before)).iloc[0]
    parts = {"same": 30.0, "entry": 40.0, "exit": -20.0, "reclassified": 0.0, "unreported": -30.0, "revision": 10.0}
    assert (row["base"], row["level"]) == (270.0, 300.0)
    assert {part: row[part] for part in PARTS} == parts
    assert row["unreported_base"] == 30.0
    assert row["growth"] == pytest.approx(30 / 270)
    assert row["comparable_growth"] == pytest.approx(35 / 265)
    chains = decompose(town.panel(), [LAST], before=frame_of(before), level="chain").set_index("entity")
    assert chains.loc["C01", "reclassified"] == -50.0
    assert chains.loc["C02", "reason"] == "base_short"  # it had nobody a year ago


def test_growth_on_the_comparable_basis_is_the_published_one_and_members_add_up_to_it() -> None:
    for seed in range(3):
        town, before = full_town(seed)
        panel = town.panel()
        frame = compute(panel, ASKED)
        for basis, indicator in (("month", "output_growth"), ("cumulative", "output_growth_ytd")):
            mine = frame[
                (frame["indicator"] == indicator) & (frame["source"] == "returns") & (frame["state"] == "value")
            ]
            published = mine[mine["entity_kind"] == "town"].set_index("period")["value"]
            told = decompose(panel, ASKED, basis=basis, before=frame_of(before)).set_index("period")
            told = told[told["state"] == "value"]["comparable_growth"].dropna()
            assert told.to_numpy() == pytest.approx(published.loc[told.index].to_numpy(), rel=1e-9, abs=1e-12)
            for by in ("firm", "chain", "industry"):
                sums = contributions(panel, ASKED, by=by, basis=basis).groupby("period")["points"].sum()
                assert sums.loc[published.index].to_numpy() == pytest.approx(published.to_numpy(), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_wild_panels_and_short_histories_never_tell_a_wrong_sum(seed: int) -> None:
    town = random_town(seed)
    panel = town.panel()
    frame = decompose(panel, town.months, level="chain", basis="month")
    early = frame["period"] < str(town.months[12])
    assert (frame.loc[early & ~frame["period"].str.endswith("-01"), "reason"] == "no_history").all()
    assert not frame.duplicated(["period", "entity"]).any()
    known = frame[frame["state"] == "value"]
    assert (known["level"] - known["base"]).to_numpy() == pytest.approx(known[list(PARTS)].sum(axis=1).to_numpy())
    assert frame.loc[frame["state"] != "value", ["base", "level", *PARTS, "growth"]].isna().all(axis=None)


def test_an_absurd_figure_is_not_told() -> None:
    town, before = by_hand()
    for code in list(town.firms)[:1]:
        town.forms["returns"][code, str(LAST)]["output_ytd"] = 1e30
    frame = decompose(town.panel(), [LAST], before=frame_of(before), level="chain").set_index("entity")
    assert (frame.loc["C01", "state"], frame.loc["C01", "reason"]) == ("failed", "too_large")
    assert np.isnan(frame.loc["C01", "same"])
    assert contributions(town.panel(), [LAST]).empty
