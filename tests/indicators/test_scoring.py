"""Scores by hand, and what must hold of every one: weights, order, a better figure, intervals that hold the rank."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from qxmonitor.catalog.scorecards import Component, Scorecard, scorecards
from qxmonitor.indicators.scoring import Scores, classes, points, score

NAN = float("nan")


def component(key: str, weight: float, **more: object) -> Component:
    return Component.model_validate({"id": key, "name": key, "weight": weight, "source": "register", "error": 0} | more)


def card(*parts: Component, **more: object) -> Scorecard:
    given = {"least_share": 0.5, "marks": (0.1, 0.9), "sureness": 60, "draws": 200, "seed": 1, "interval": 0.9}
    return Scorecard.model_validate(given | more | {"components": parts})


FIXED = card(component("a", 0.5, low=0, high=10), component("b", 0.3, low=0, high=1, down_good=True),
             component("c", 0.2, low=1, high=100, log=True), least_share=0.5)  # fmt: skip


def test_values_by_hand_with_direction_logarithm_and_missing_weight_taken_out() -> None:
    values = np.array([[5.0, 0.25, 10.0], [20.0, NAN, 1.0], [NAN, 0.0, 100.0], [NAN, NAN, 50.0], [5.0, 0.25, -3.0]])
    found = score(["p", "q", "r", "s", "t"], values, FIXED)
    assert found.points[0].tolist() == pytest.approx([50.0, 75.0, 50.0])
    assert found.score[0] == pytest.approx(0.5 * 50 + 0.3 * 75 + 0.2 * 50)
    assert found.score[1] == pytest.approx((0.5 * 100 + 0.2 * 0) / 0.7)  # above the upper mark: 100, not 200
    assert found.score[2] == pytest.approx(100.0) and found.known[2] == pytest.approx(0.5)  # just enough
    assert np.isnan(found.score[3]) and np.isnan(found.rank[3]) and np.isnan(found.best[3])  # 0.2 known
    assert found.score[4] == pytest.approx((0.5 * 50 + 0.3 * 75) / 0.8)  # no logarithm of a loss: missing
    assert found.rank[[2, 1, 4, 0]].tolist() == [1, 2, 3, 4]


def test_marks_are_quantiles_so_that_an_outlier_moves_nobody() -> None:
    one = component("a", 1.0)
    column = np.arange(11.0)
    plain = points(column, one, (0.1, 0.9))
    assert plain.tolist() == pytest.approx([0, 0, 12.5, 25, 37.5, 50, 62.5, 75, 87.5, 100, 100])
    column[-1] = 1e12
    assert points(column, one, (0.1, 0.9)).tolist() == pytest.approx(plain.tolist())
    assert points(np.array([3.0, 3.0, NAN]), one, (0.1, 0.9)).tolist()[:2] == [50.0, 50.0]  # all alike


def test_equals_share_a_rank_and_sure_weights_give_narrow_intervals() -> None:
    values = np.array([[1.0, 0.5], [1.0, 0.5], [0.0, 0.0], [2.0, 1.0]])
    sure = card(component("a", 0.5), component("b", 0.5), sureness=1e9)
    found = score(list("wxyz"), values, sure)
    assert found.rank.tolist() == [2, 2, 4, 1]
    assert found.best.tolist() == found.worst.tolist() == [2, 2, 4, 1]


def test_an_unsure_figure_widens_the_interval_and_a_missing_one_does_too() -> None:
    values = np.column_stack([np.linspace(0, 1, 9), np.linspace(0, 1, 9)])
    exact, rough = (
        score(list("abcdefghi"), values, card(component("a", 0.5, error=e), component("b", 0.5, error=e), sureness=1e9))
        for e in (0.0, 0.3)
    )
    assert (exact.best == exact.worst).all()
    assert (rough.worst - rough.best).sum() > 0
    values[4, 1] = NAN
    gap = score(list("abcdefghi"), values, card(component("a", 0.5), component("b", 0.5), sureness=1e9))
    assert gap.worst[4] - gap.best[4] >= 2 and gap.best[0] == gap.worst[0]
    assert gap.best[4] <= gap.rank[4] <= gap.worst[4]


def test_classes_by_rank_and_who_straddles() -> None:
    rank = np.array([*range(1, 11), NAN])
    found = Scores(np.zeros((11, 1)), np.ones(11), rank, rank, rank - (rank == 3), rank + (rank == 9))
    shares = {"A": 0.2, "B": 0.6, "C": 0.9, "D": 1.0}
    assert classes(found, shares, 10) == ["A", "A", "A/B", "B", "B", "B", "C", "C", "C/D", "D", ""]
    assert classes(found, shares, 11) == [""] * 11


figures = st.lists(
    st.tuples(*(st.one_of(st.none(), st.floats(-100, 100, allow_subnormal=False)) for _ in range(3))),
    min_size=1, max_size=9,
)  # fmt: skip
LOOSE = card(component("a", 0.5), component("b", 0.3, down_good=True), component("c", 0.2), draws=100)


def _table(rows: list[tuple[float | None, ...]]) -> np.ndarray:
    return np.array([[NAN if v is None else v for v in row] for row in rows], dtype=float)


@settings(max_examples=40, deadline=None)
@given(figures, st.randoms(use_true_random=False))
def test_the_order_of_firms_changes_nothing(rows: list[tuple[float | None, ...]], order: object) -> None:
    table, keys = _table(rows), [f"k{at}" for at in range(len(rows))]
    mixed = list(range(len(rows)))
    order.shuffle(mixed)  # type: ignore[attr-defined]
    one, two = score(keys, table, LOOSE), score([keys[at] for at in mixed], table[mixed], LOOSE)
    for name in ("points", "known", "score", "rank", "best", "worst"):
        np.testing.assert_array_equal(getattr(one, name)[mixed], getattr(two, name))


@settings(max_examples=50, deadline=None)
@given(figures, st.data())
def test_a_better_component_never_lowers_the_own_score_or_rank(
    rows: list[tuple[float | None, ...]], data: st.DataObject
) -> None:
    table = _table(rows)
    there = [tuple(at) for at in np.argwhere(np.isfinite(table)).tolist()]
    if not there:
        return
    at, column = data.draw(st.sampled_from(there))
    before = score([str(i) for i in range(len(rows))], table, LOOSE)
    better = table.copy()
    better[at, column] += data.draw(st.floats(0, 300)) * (-1 if column == 1 else 1)
    after = score([str(i) for i in range(len(rows))], better, LOOSE)
    if np.isfinite(before.score[at]):
        assert after.score[at] >= before.score[at] - 1e-7
    low, high = np.nan_to_num(after.score), np.nan_to_num(before.score)
    assert ((low >= 0) & (low <= 100 + 1e-9)).all() and ((high >= 0) & (high <= 100 + 1e-9)).all()
    ranked = np.isfinite(after.rank)
    assert ((after.best <= after.rank) & (after.rank <= after.worst))[ranked].all()
    assert (after.worst[ranked] <= ranked.sum()).all()


def test_shipped_weights_add_up_and_a_wrong_card_is_refused_with_its_reason() -> None:
    for one in (scorecards().firm, scorecards().cluster):
        assert sum(part.weight for part in one.components) == pytest.approx(1.0)
    with pytest.raises(ValidationError, match=r"权重之和应为 1，现为 0\.9"):
        card(component("a", 0.5), component("b", 0.4))
    with pytest.raises(ValidationError, match="source"):
        component("a", 0.5, source="returns")
