"""龙头企业冲击 on panels by hand: a lead firm falls, its suppliers follow, and others do not."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qxmonitor.catalog.rules import rules
from qxmonitor.panel import Panel
from qxmonitor.signals import judge, links
from qxmonitor.signals.inhibit import supply
from tests.signals.test_expectation import SPAN, drawn, town

RULE = "lead_firm_shock"
LEAD, SUPPLIERS, REST = 0, range(1, 9), 40
FELL = SPAN.index("2021-09")  # type: ignore[arg-type]
COUNT = 9 + REST


def shocked(
    lead: float = 0.5, echo: float = 0.7, lag: int = 1, back: int = 8, others: float = 1.0, silent: int | None = None
) -> Panel:  # fmt: skip
    """Nine firms of a chain, the lead firm on its last node; output falls to a share and is back some months later."""
    output = drawn(COUNT, 0.04, seed=3)
    output[LEAD, FELL : FELL + back] *= lead
    output[1:9, FELL + lag : FELL + back] *= echo
    output[9:, FELL + lag : FELL + back] *= others
    if silent is not None:
        output[LEAD, FELL + silent] = np.nan
    made = town(output)
    for at, code in enumerate(sorted(made.firms)):
        made.firms[code] |= {"chain": "C01" if at < 9 else "C02", "node": "top" if at == LEAD else "low",
                             "key_firm": at == LEAD}  # fmt: skip
    made.chains = {"C01": "光电", "C02": "电气"}
    made.upstream = {("C01", "top"): "low", ("C01", "low"): "", ("C02", "low"): ""}
    return made.panel()


def told(panel: Panel, **more: Any) -> dict[str, tuple[int, dict[str, Any]]]:
    frame = judge(panel, more.get("periods", panel.months), {RULE})
    mine = frame[frame["entity"] == "C01"]
    return {r.period: (int(r.level), json.loads(r.evidence)) for r in mine.itertuples()}


@pytest.fixture(scope="module")
def panel() -> Panel:
    return shocked()


def test_a_shock_is_told_once_it_has_reached_the_suppliers_and_until_the_lead_firm_is_back(panel: Panel) -> None:
    said = told(panel)
    levels = {month: level for month, (level, _) in said.items()}
    assert [month for month, level in levels.items() if level] == [
        "2021-10", "2021-11", "2021-12", "2022-02", "2022-03", "2022-04"
    ]  # fmt: skip
    assert levels["2021-09"] == levels["2022-05"] == 0 and "2022-01" not in levels
    proof = said["2021-10"][1]
    codes = sorted(panel.firms.index)
    assert proof["leads"] == codes[LEAD] and proof["begun"] == "2021-09" and proof["strength"] >= 4.0
    assert set(proof["suppliers"].split("、")) == {codes[at] for at in SUPPLIERS}
    # Of nine like firms one has lost half and eight three tenths.
    assert proof["size"] == pytest.approx(-(0.5 + 8 * 0.3) / 9, abs=0.03)
    assert "上游8家配套企业中8家同期明显偏低（平稳时约0家）" in proof["told"]
    assert said["2021-10"][0] == 4


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"echo": 1.0}, "the lead firm alone"),
        ({"lead": 1.0}, "suppliers alone"),
        ({"others": 0.7}, "everybody"),
        ({"lag": 7}, "too late to be due to it"),
    ],
)
def test_what_is_no_shock_of_a_lead_firm(change: dict[str, float], why: str) -> None:
    assert not any(level for level, _ in told(shocked(**change)).values()), why


def test_a_month_says_the_same_alone_as_among_others(panel: Panel) -> None:
    whole = told(panel)
    for month in ("2021-10", "2022-03", "2022-05"):
        at = panel.months.index(month)  # type: ignore[arg-type]
        assert told(panel, periods=[panel.months[at]]) == {month: whole[month]}
    both = judge(panel, panel.months, {RULE, "output_drop"})
    pd.testing.assert_frame_equal(
        both[both["rule"] == "output_drop"].reset_index(drop=True), judge(panel, panel.months, {"output_drop"})
    )


def test_a_lead_firm_that_is_late_leaves_the_month_unjudged_and_the_notice_standing() -> None:
    said = told(shocked(silent=2))
    assert "2021-11" not in said and said["2021-10"][0] > 0 and said["2021-12"][0] > 0


def test_suppliers_are_those_of_the_links_and_the_key_firms_beside_them() -> None:
    rng = np.random.default_rng(2)
    nodes = ["", "a", "b", "c", "d"]
    chains = pd.DataFrame(
        [(c, n, u) for c in ("C1", "C2") for n, u in (("a", ""), ("b", "a"), ("c", "b、a"), ("d", "x"))],
        columns=["chain", "node", "upstream"],
    )
    firms = pd.DataFrame(
        {"chain": rng.choice(["", "C1", "C2"], 60), "node": rng.choice(nodes, 60), "key_firm": rng.random(60) < 0.3},
        index=[f"F{at:02d}" for at in range(60)],
    )
    found = supply(firms, chains)
    pairs = {
        (firms.index[lead], firms.index[one])
        for lead, which in zip(found.lead, found.set, strict=True)
        for one in np.flatnonzero(found.members[which])
        if not firms["key_firm"].iloc[one]
    }
    linked = links(firms, chains)
    assert pairs == set(linked.loc[linked["cause_kind"] == "firm", ["cause", "entity"]].itertuples(index=False))
    assert len(pairs) > 20
    assert any(firms["key_firm"].iloc[np.flatnonzero(mine)].any() for mine in found.members)


def test_another_rule_to_follow_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = rules().rule(RULE)
    followed = rules().rule("output_drop")
    before = rule.version
    monkeypatch.setitem(followed.__dict__, "mark", 0.002)
    assert rule.version != before
