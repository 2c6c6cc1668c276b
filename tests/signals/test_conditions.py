"""Rules of conditions: worked months, and what must hold whatever the figures."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qxmonitor.catalog.rules import rules
from qxmonitor.signals import judge
from qxmonitor.signals.conditions import against_peers, beyond, persisted, reached
from tests.indicators.town import random_town

STEPS = (0.2, 0.3, 0.4, 0.6)
MEASURES = hnp.arrays(np.float64, (3, 14), elements=st.floats(-1, 1) | st.just(float("nan")))


def _levels(measure: np.ndarray, steps: tuple[float, ...], leave: float, months: int, out_of: int) -> np.ndarray:
    raw = reached(measure, steps, "above")
    return persisted(raw, np.isfinite(measure), beyond(measure, leave, "above"), months, out_of)


def test_two_of_three_months_raise_and_only_the_leaving_mark_ends() -> None:
    measure = np.array([[0.25, 0.05, 0.35, 0.25, np.nan, 0.15, 0.15, 0.05, 0.15, 0.25]])
    # raw 1 0 2 1 – 0 0 0 0 1; the third month has two of three; 0.15 holds at blue, 0.05 lets go, 0.15 stays quiet
    assert _levels(measure, STEPS, 0.1, 2, 3).tolist() == [[0, 0, 1, 1, -1, 1, 1, 0, 0, 0]]


def test_one_bad_month_of_one_needs_no_memory() -> None:
    measure = np.array([[0.25, 0.15, 0.65, 0.31]])
    assert _levels(measure, STEPS, 0.2, 1, 1).tolist() == [[1, 0, 4, 2]]


def test_peers_by_hand_and_only_with_enough_of_them() -> None:
    values = np.array([[v] for v in (0.0, 1, 2, 3, 4, 5, 6, 7, 100)] + [[5.0], [6.0]])
    chain = np.array([0] * 9 + [1] * 2)
    stands = against_peers(values, chain)
    # median 4, absolute distances 4 3 2 1 0 1 2 3 96: their median 2
    np.testing.assert_allclose(stands[:9, 0], (values[:9, 0] - 4) / (2 * 1.4826))
    assert np.isnan(stands[9:]).all()


@given(MEASURES, st.floats(0.01, 0.15), st.integers(1, 3), st.integers(0, 2))
def test_higher_marks_never_say_more(measure: np.ndarray, more: float, months: int, extra: int) -> None:
    low = _levels(measure, STEPS, 0.1, months, months + extra)
    high = _levels(measure, tuple(step + more for step in STEPS), 0.1, months, months + extra)
    assert (high <= low).all()
    assert ((low == -1) == np.isnan(measure)).all()


@given(hnp.arrays(np.float64, (3, 14), elements=st.floats(0.1, 0.19)), st.booleans())
def test_inside_the_band_nothing_flaps(band: np.ndarray, alarmed: bool) -> None:
    first = np.full((3, 1), 0.35 if alarmed else 0.0)
    levels = _levels(np.concatenate([first, band], axis=1), STEPS, 0.1, 1, 1)
    assert (levels[:, 1:] == (1 if alarmed else 0)).all()


@given(MEASURES)
def test_more_months_needed_never_says_more(measure: np.ndarray) -> None:
    one, two, three = (_levels(measure, STEPS, 0.2, k, 3) for k in (1, 2, 3))
    assert (three <= two).all() and (two <= one).all()


def test_every_rule_judges_a_whole_town_and_says_why() -> None:
    panel = random_town(0, count=60).panel()
    everything = {rule.id for rule in rules().rules}
    verdicts = judge(panel, panel.months[-6:], everything)
    assert not verdicts.duplicated(["period", "rule", "entity_kind", "entity", "source"]).any()
    tested = {rule.id for rule in rules().rules if rule.test is not None}
    said = verdicts[verdicts["rule"].isin(tested)]
    assert {"receivables_squeeze", "loss", "leverage", "peer_lag", "breadth_collapse", "bonded_overdue"} <= set(
        said["rule"]
    )
    for row in said.sample(min(len(said), 200), random_state=1).to_dict("records"):
        proof = json.loads(row["evidence"])
        assert proof["told"] and proof["limit"].startswith("提示线") and np.isfinite(proof["value"])


def test_inactive_rules_give_no_verdicts_unless_asked() -> None:
    panel = random_town(0).panel()
    active = {rule.id for rule in rules().rules if rule.active}
    assert set(judge(panel, panel.months[-2:])["rule"]) <= active
    assert active == {"output_drop", "total_drop", "lead_firm_shock", "stop", "silence", "bonded_overdue"}


def test_a_month_judged_alone_is_as_judged_among_others() -> None:
    panel = random_town(2).panel()
    everything = {rule.id for rule in rules().rules}
    alone = judge(panel, panel.months[-1:], everything)
    among = judge(panel, panel.months[-8:], everything)
    among = among[among["period"] == str(panel.months[-1])].reset_index(drop=True)
    assert alone.sort_values([*alone]).to_dict("list") == among.sort_values([*among]).to_dict("list")
