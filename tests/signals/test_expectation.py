"""产值下降 on own expectation: panels by hand, what it says of short histories, and that a month knows no later one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qxmonitor.calendar import festival_share
from qxmonitor.catalog.rules import Rule, rules
from qxmonitor.panel import Panel
from qxmonitor.period import Period, months
from qxmonitor.signals import judge
from qxmonitor.signals.expectation import history, unjudged
from tests.indicators.town import Town, firm, usccs

SPAN = months(Period("2019-01"), Period("2022-12"))
FIRST = 12
"""Returns begin a year after the series: their 上年同期 tells the year before."""
RULE = rules().rule("output_drop")
WATCH = RULE.watching("firm", "returns")


def drawn(count: int, noise: float, seed: int = 1) -> np.ndarray:
    """Monthly output, thousand yuan, of firms that lose half of each day of the festival's window."""
    rng = np.random.default_rng(seed)
    share = np.array([festival_share(p) for p in SPAN])
    return 30_000 * np.exp(rng.normal(0, noise, (count, len(SPAN))) + np.log1p(-0.5 * share * 21 / 30.4))


def town(output: np.ndarray, base: np.ndarray | None = None) -> Town:
    """Returns from 2020 on; NaN is no return. ``base``: what they say of 上年同期, by default what was."""
    base = np.concatenate([np.full((len(output), 12), np.nan), output[:, :-12]], axis=1) if base is None else base
    forms: dict[str, Any] = {s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")}
    codes = usccs(len(output))
    for i, code in enumerate(codes):
        for j, p in enumerate(SPAN):
            if p.month == 1 or j < FIRST or np.isnan(output[i, j]):
                continue
            row = {"output_m": output[i, j], "output_ly_m": base[i, j]}
            if p.month == 2:
                row = {"output_ytd": output[i, j - 1 : j + 1].sum(), "output_ly_ytd": base[i, j - 1 : j + 1].sum()}
            forms["returns"][code, str(p)] = {k: None if np.isnan(v) else float(v) for k, v in row.items()}
    return Town(SPAN[FIRST:], {c: firm(c, chain="C01") for c in codes}, forms)


def levels(panel: Panel, periods: tuple[Period, ...] = SPAN[FIRST:], source: str = "returns") -> pd.DataFrame:
    """Levels, firms × months; NaN where not judged."""
    frame = judge(panel, periods, {"output_drop"})
    frame = frame[frame["source"] == source]
    table = frame.pivot_table(index="entity", columns="period", values="level").astype(float)
    return table.reindex(index=sorted(panel.firms.index), columns=[str(p) for p in periods])


def at(frame: pd.DataFrame, code: str, period: str) -> tuple[int, dict[str, Any]]:
    (row,) = frame[(frame["entity"] == code) & (frame["period"] == period)].to_dict("records")
    return int(row["level"]), json.loads(row["evidence"])


def test_a_fall_is_told_against_what_the_months_before_it_foretell() -> None:
    """Output of 3,000 万元 a month with a noise of 2 % falls by 45 % in September 2021, and is back in March 2022."""
    output = drawn(1, 0.02)
    output[0, 32:38] *= 0.55
    (code,) = usccs(1)
    panel = town(output).panel()
    frame = judge(panel, panel.months, {"output_drop"})
    assert {p: at(frame, code, p)[0] for p in ("2021-08", "2021-12", "2022-02", "2022-03", "2022-06")} == {
        "2021-08": 0, "2021-12": 3, "2022-02": 3, "2022-03": 0, "2022-06": 0
    }  # fmt: skip
    proof = at(frame, code, "2021-12")[1]
    assert proof["usual"] == pytest.approx(30_000, rel=0.03)
    assert proof["low"] < proof["usual"] < proof["high"] < 1.1 * proof["usual"]
    assert proof["gap"] == pytest.approx(-0.45, abs=0.03)
    assert proof["size"] == pytest.approx(-0.45, abs=0.03)
    assert proof["gap"] == pytest.approx(proof["current"] / proof["usual"] - 1, abs=1e-6)
    assert (proof["begun"], proof["base"]) == ("2021-09", pytest.approx(output[0, 23]))
    february = at(frame, code, "2022-02")[1]
    assert february["basis"] == "1-2"
    assert february["usual"] == pytest.approx(output[0, 24:26].sum(), rel=0.08)


def test_what_is_said_is_what_was_found() -> None:
    output = drawn(1, 0.02)
    output[0, 32:] *= 0.6
    (code,) = usccs(1)
    panel = town(output).panel()
    frame = judge(panel, panel.months, {"output_drop"})
    proof = at(frame, code, "2021-11")[1]
    wan = [f"{proof[key] / 10:,.0f}万元" for key in ("current", "usual")]
    assert proof["told"].startswith(f"当月工业总产值{wan[0]}，按自身此前各月应为{wan[1]}（八成把握在")
    assert f"低{-proof['gap']:.1%}；约自2021年9月起突然走低，近三个月平均低{-proof['size']:.1%}" in proof["told"]
    assert "一百个月里不足0.01次低到这样（提示线0.1次，且低5%以上）" in proof["limit"]
    for text in frame.loc[frame["level"] > 0, "evidence"]:
        one = json.loads(text)
        assert ("提示延续" in one["limit"]) == (one["p"] > RULE.mark)
    assert (at(frame, code, "2022-08")[0] > 0, at(frame, code, "2022-11")[0]) == (True, 0), "a year makes it usual"


def test_quiet_firms_are_left_in_peace_and_falls_are_told() -> None:
    """200 firms with a noise of 5 %: a fall of 40 % is told in its second month."""
    output = drawn(200, 0.05)
    quiet = levels(town(output).panel())
    judged = quiet.notna().to_numpy()
    assert not judged[:, :12].any() and judged[:, 13:24].all() and not judged[:, [12, 24]].any()
    assert (quiet.to_numpy() > 0).sum() <= 0.003 * judged.sum()
    fallen = output.copy()
    fallen[:, 32:] *= 0.6
    told = levels(town(fallen).panel())
    assert (told["2021-10"] >= 1).mean() >= 0.95
    assert (told["2021-10"] >= 2).mean() >= 0.9
    pd.testing.assert_frame_equal(told.loc[:, :"2021-08"], quiet.loc[:, :"2021-08"])


def test_a_festival_that_moves_is_no_fall() -> None:
    """New Year's Day: 25 January 2020, 12 February 2021, 1 February 2022."""
    table = levels(town(drawn(150, 0.03, seed=2)).panel())
    winter = table[[c for c in table if c[5:] in ("02", "03")]]
    assert (winter.to_numpy() > 0).sum() <= 1


def test_gaps_are_not_judged_and_break_nothing() -> None:
    output = drawn(3, 0.02)
    output[:, 32:] *= 0.6
    output[0, 33] = output[1, 20:23] = np.nan
    output[2, 34] = 0.0
    table = levels(town(output).panel())
    a, b, c = (table.loc[code] for code in sorted(usccs(3)))
    assert np.isnan(a["2021-10"]) and a["2021-11"] >= 2
    assert b["2021-11"] >= 2
    assert np.isnan(c["2021-11"]) and c["2021-12"] >= 2, "a month of nought is 停产's to tell"


def test_a_firm_is_judged_from_its_second_year_on() -> None:
    """One begins with the town, one in March 2021; the third says nothing of the year before."""
    output = drawn(3, 0.02)
    output[1, :26] = np.nan
    base = np.concatenate([np.full((3, 12), np.nan), drawn(3, 0.02)[:, :-12]], axis=1)
    base[2] = np.nan
    panel = town(output, base).panel()
    table = levels(panel)
    first = [str(row.first_valid_index()) for _, row in table.iterrows()]
    codes = sorted(usccs(3))
    assert dict(zip(codes, first, strict=True)) == dict(zip(usccs(3), ["2021-02", "2022-03", "2021-11"], strict=True))
    rows = [list(panel.firms.index).index(code) for code in usccs(3)]
    ask = ("2020-12", "2022-02", "2021-10")
    said = [unjudged(panel, RULE, WATCH, row, Period(p)) for row, p in zip(rows, ask, strict=True)]
    assert said[0].startswith("历史不足：自2020年2月起报，满一年（2021年2月）后")
    assert said[1].startswith("历史不足：自2021年3月起报，满一年（2022年3月）后")
    assert said[2] == "历史不足：此前有数的报告期只有19个，满20个后按自身预期判断"
    assert unjudged(panel, RULE, WATCH, rows[0], Period("2021-01")) == ""


def test_a_firm_that_is_another_one_is_not_judged() -> None:
    """It takes over another firm in June 2021: 上年同期 is restated, and its own past no measure."""
    output = drawn(1, 0.02)
    base = np.concatenate([np.full((1, 12), np.nan), output[:, :-12]], axis=1)
    output[:, 29:] *= 0.7
    base[:, 29:] *= 0.7
    panel = town(output, base).panel()
    table = levels(panel)
    assert table.loc[:, "2021-06":"2022-05"].isna().all(axis=None)
    assert (table.loc[:, "2022-06":] == 0).all(axis=None)
    why = unjudged(panel, RULE, WATCH, 0, Period("2021-08"))
    assert why.startswith("上年同期数与上年所报相差超过10%")


def test_the_history_is_the_returns_and_their_last_year() -> None:
    output = np.arange(1.0, 49.0)[None] * 1000
    known = history(town(output).panel(), SPAN[-1], "returns", "output_m")
    assert known.axis == SPAN
    expected = output.copy()
    expected[:, 0::12] = np.nan
    expected[:, 1::12] += output[:, 0::12]
    np.testing.assert_array_equal(known.values, expected)
    assert not known.usable[:, :25].any() and known.usable[:, 25:].all()


def test_a_month_knows_nothing_of_later_ones_nor_of_its_company() -> None:
    output = drawn(12, 0.08, seed=3)
    output[::3, 30:] *= 0.5
    output[np.random.default_rng(4).random(output.shape) < 0.05] = np.nan
    whole = levels(town(output).panel())
    assert (whole.to_numpy() > 0).any()
    changed = output.copy()
    changed[:, 36:] = changed[:, 36:] * 7 + 5
    later = levels(town(changed).panel())
    pd.testing.assert_frame_equal(later.loc[:, :"2021-12"], whole.loc[:, :"2021-12"])
    panel = town(output).panel()
    order = list(np.random.default_rng(5).permutation(len(panel.months)))
    pieces = pd.concat([judge(panel, [panel.months[k]], {"output_drop"}) for k in order])
    joint = judge(panel, panel.months, {"output_drop"})
    keys = ["period", "entity"]
    pd.testing.assert_frame_equal(
        pieces.sort_values(keys).reset_index(drop=True), joint.sort_values(keys).reset_index(drop=True)
    )
    alone = town(output[:1]).panel()
    pd.testing.assert_frame_equal(levels(alone), whole.loc[levels(alone).index])


def test_each_month_sees_as_far_back_as_by_itself() -> None:
    """With ``look_back`` a month comes out of a long panel as out of one that ends with it and begins no earlier."""
    output = drawn(20, 0.08, seed=6)
    output[::4, 30:] *= 0.6
    panel = town(output).panel()
    asked = panel.months[20:]
    every = {rule.id for rule in rules().rules}
    joint = judge(panel, asked, every, look_back=14)
    alone = pd.concat([judge(panel.window(p, 14), [p], every) for p in asked])
    keys = ["rule", "source", "entity_kind", "period", "entity"]
    at_once, apart = (
        frame[frame["rule"] != RULE.id].sort_values(keys).reset_index(drop=True) for frame in (joint, alone)
    )
    pd.testing.assert_frame_equal(at_once, apart)
    own = joint[joint["rule"] == RULE.id].reset_index(drop=True)
    assert (own["level"] > 0).any()
    pd.testing.assert_frame_equal(own, judge(panel, asked, {RULE.id}), check_dtype=True)
    later = panel.window(panel.months[-1], 36)
    pd.testing.assert_frame_equal(
        own[own["period"] >= "2022-02"].reset_index(drop=True), judge(later, later.months[24:], {RULE.id})
    )


def test_a_firms_own_copy_is_judged_likewise() -> None:
    output = drawn(2, 0.02)
    output[0, 32:] *= 0.6
    one = town(output)
    one.forms["self_report"] = dict(one.forms["returns"])
    own, returns = (levels(one.panel(), source=source) for source in ("self_report", "returns"))
    pd.testing.assert_frame_equal(own, returns)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"mark": None}, "须写 mark"), ({"mark": 0.2}, "0.05"), ({"indicator": "output_growth"}, "企业当月数"),
        ({"watch": [{"leave": 0.1}]}, "解除阈值"), ({"watch": [{"leave": None}]}, "须写"),
        ({"judge": "growth_below", "mark": None, "watch": [{"leave": None}]}, "汇总数"),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(change: dict[str, Any], why: str) -> None:
    said = RULE.model_dump()
    watch = said["watch"][0] | (change.pop("watch", [{}])[0])
    with pytest.raises(ValueError, match=why):
        Rule.model_validate(said | change | {"watch": [watch]})


def test_the_fixed_rule_is_there_to_compare_and_silent() -> None:
    assert [(rule.id, rule.active) for rule in rules().rules if rule.id in ("output_drop", "yoy_drop")] == [
        ("output_drop", RULE.active), ("yoy_drop", False)
    ]  # fmt: skip
