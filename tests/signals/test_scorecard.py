"""Scorecards: a story worked by hand, and what intervals and curves must do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qxmonitor.signals.scorecard import Cases, Verified, card, curve, tally

WINTER = np.array([True, True, True, False, False, False, False, False])


def _cases(*each: tuple[int, int, int]) -> Cases:
    entity, start, end = (np.array(side, dtype=np.int64) for side in zip(*each, strict=True))
    return Cases(entity, start, end)


def test_a_story_by_hand() -> None:
    level = np.array(
        [
            [0, 0, 0, 0, 2, -1, 2, 0],  # case months 3–5: one alert over an unjudged month, told one month late
            [1, 0, 0, 0, 0, 0, 1, 0],  # no case: two false alerts, the first in January
            [0, 0, 0, 0, 0, 0, 0, 0],  # case month 6: missed
            [-1] * 8,  # case months 2–3: nothing was judged, so it does not count
        ],
        dtype=np.int8,
    )
    counts = tally(level, _cases((0, 3, 5), (2, 6, 6), (3, 2, 3)), WINTER, lead=0, within=1)
    told = card(counts, 8).figures
    assert (told["alerts"], told["true_alerts"], told["cases"], told["caught"]) == (3, 1, 2, 1)
    assert told["precision"] == pytest.approx(1 / 3, abs=1e-4)
    assert told["recall"] == 0.5 and told["delay"] == 1.0
    # quiet judged months: firm 0 months 0 1 2 7, firm 1 all eight, firm 2 months 0–5
    assert told["false_share"] == pytest.approx(2 / 18, abs=1e-4)
    assert told["false_share_jan_mar"] == pytest.approx(1 / 9, abs=1e-4)
    # quiet months with an alert 2 / 18; case months: firm 0 months 3 4 6, firm 2 months 6 7, two of them with one
    assert told["noise_to_signal"] == pytest.approx((2 / 18) / (2 / 5), abs=1e-4)
    assert told["alerts_a_month"] == pytest.approx(3 / 8)


def _none() -> Cases:
    return _cases((0, 99, 99))


def test_what_people_found_decides_by_hand() -> None:
    level = np.array(
        [
            [0, 1, 1, 0, 0, 0, 1, 0],  # looked at in month 2 and true; in month 6 nobody looked
            [0, 0, 1, 0, 0, 0, 0, 0],  # false in month 1, and this one lies in the window of it
            [0, 0, 0, 0, 1, 0, 0, 0],  # explained
            [0, 0, 0, 1, 0, 1, 0, 0],  # true in month 3, false in month 5 though the window of the true one holds it
            [0, 0, 0, 0, 0, 0, 1, 0],  # another rule's finding stands beside it
        ],
        dtype=np.int8,
    )
    true = _cases((0, 2, 2), (3, 3, 3))
    verified = Verified(true, _cases((4, 6, 6)), _cases((1, 1, 1), (3, 5, 5)), _cases((2, 4, 4)), whole=False)
    told = card(tally(level, true, WINTER, lead=0, within=2, verified=verified), 8).figures
    assert {name: told[name] for name in ("alerts", "true_alerts", "verified", "explained", "unverified")} == {
        "alerts": 7, "true_alerts": 3, "verified": 6, "explained": 1, "unverified": 1,
    }  # fmt: skip
    assert (told["precision"], told["recall"], told["cases"]) == (0.5, 1.0, 2)
    # 40 months less the windows of two cases (2–4 and 3–5) and of what stands beside (6–7), and the unseen month
    assert told["false_share"] == pytest.approx(3 / 31, abs=1e-4), "the one in a case's window is false all the same"
    assert told["false_share_most"] == pytest.approx(4 / 32, abs=1e-4)


def test_where_cases_are_known_whole_what_people_found_outranks_them() -> None:
    level = np.array([[0, 1, 0, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0, 0]], dtype=np.int8)
    outcome = _cases((0, 1, 2), (1, 3, 3))
    verified = Verified(_none(), _none(), _cases((0, 1, 1)), _none(), whole=True)
    told = card(tally(level, outcome, WINTER, lead=0, within=0, verified=verified), 8).figures
    assert (told["alerts"], told["true_alerts"], told["verified"], told["unverified"]) == (3, 1, 1, 0)
    assert told["recall"] == 1.0, "it was told of, whatever the visit found"


def test_told_before_it_begins_counts_within_the_lead() -> None:
    level = np.array([[0, 0, 1, 0, 0, 0, 0, 0]], dtype=np.int8)
    early = card(tally(level, _cases((0, 4, 5)), WINTER, lead=2, within=0), 8).figures
    late = card(tally(level, _cases((0, 4, 5)), WINTER, lead=1, within=0), 8).figures
    assert (early["recall"], early["delay"], early["precision"]) == (1.0, -2.0, 1.0)
    assert (late["recall"], late["delay"], late["precision"]) == (0.0, None, 0.0)


@given(hnp.arrays(np.int8, (5, 8), elements=st.integers(-1, 4)))
def test_the_interval_holds_the_figure_and_shares_are_shares(level: np.ndarray) -> None:
    told = card(tally(level, _cases((0, 2, 3), (1, 5, 6)), WINTER, lead=1, within=1), 8).figures
    for name in ("precision", "recall", "false_share"):
        value, low, high = (told[f"{name}{end}"] for end in ("", "_lo", "_hi"))
        if value is not None and low is not None and high is not None:
            assert 0 <= low <= high <= 1 and 0 <= value <= 1
    assert told["true_alerts"] <= told["alerts"] and told["caught"] <= told["cases"]


def test_the_same_tallies_give_the_same_card() -> None:
    counts = tally(np.ones((6, 8), dtype=np.int8), _cases((0, 2, 3)), WINTER, lead=0, within=1)
    assert card(counts, 8) == card(counts, 8)


def test_the_curve_by_hand_and_never_falling() -> None:
    measure = np.array([[0, 1, 2, 3, 4, 5, 6, 7], [0, 0, 0, 0, 0, 0, 0, 6.5]])
    judged = np.ones(measure.shape, dtype=bool)
    shares = np.array([0.0, 1 / 15, 2 / 15, 1.0])
    caught, marks = curve(measure, judged, _cases((1, 7, 7)), shares, lead=0, within=0)
    # fifteen quiet months, the highest 7, 6, 5: the case's 6.5 passes once one quiet month may cry
    assert marks.tolist() == [7, 6, 5, 0] and caught.tolist() == [0, 1, 1, 1]
