"""Scorers against independent ones: counted pairs, counted rows, marks matched by trying every way."""

from __future__ import annotations

from itertools import permutations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.evaluation.scores import auc, change_point_f1, precision_at

ROWS = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=25)


@given(ROWS.filter(lambda rows: 0 < sum(hit for _, hit in rows) < len(rows)))
def test_auc_counts_pairs(rows: list[tuple[int, bool]]) -> None:
    score, label = np.array([s for s, _ in rows], dtype=float), np.array([hit for _, hit in rows])
    pairs = [(1.0 if a > b else 0.5 if a == b else 0.0) for a, x in rows if x for b, y in rows if not y]
    assert abs(auc(score, label) - sum(pairs) / len(pairs)) < 1e-12
    assert abs(auc(score, label) + auc(-score, label) - 1) < 1e-12


@given(st.lists(st.booleans(), min_size=20, max_size=60))
def test_precision_of_untied_scores_counts_the_first_rows(label: list[bool]) -> None:
    score = -np.arange(len(label), dtype=float)
    count = round(0.05 * len(label))
    assert precision_at(score, np.array(label)) == sum(label[:count]) / count


@given(
    st.sets(st.integers(1, 30), max_size=4), st.lists(st.sets(st.integers(1, 30), max_size=3), min_size=1, max_size=3)
)
def test_f1_against_every_way_of_matching(found: set[int], marked: list[set[int]]) -> None:
    places = [0, *found]

    def most(marks: set[int]) -> int:
        """The largest matching of marks and places, each once, within five."""
        mine, best = [0, *marks], 0
        small, large = sorted((mine, places), key=len)
        for way in permutations(large, len(small)):
            best = max(best, sum(abs(a - b) <= 5 for a, b in zip(small, way, strict=True)))
        return best

    union = set().union(*marked)
    f1, precision, recall = change_point_f1(found, {str(n): marks for n, marks in enumerate(marked)})
    assert recall <= np.mean([most(m) / (len(m) + 1) for m in marked]) + 1e-12
    assert precision <= most(union) / len(places) + 1e-12
    assert abs(f1 - 2 * precision * recall / (precision + recall)) < 1e-12


def test_the_published_figure_of_never_saying_anything() -> None:
    people = {"6": [119, 203, 215], "7": [], "8": [119, 203], "9": [119, 203, 213], "13": [120, 202, 212]}
    assert round(change_point_f1([], people)[0], 3) == 0.588  # van den Burg & Williams (2020), businv, default
