"""Scorers that know nothing of what they score: area under the curve, precision at the top, F1 of change points."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MARGIN = 5
"""How many places a change point may be off."""
WORST = 0.05
"""Share of rows whose precision is told."""


def auc(score: Floats, label: Flags) -> float:
    """Area under the ROC curve: how often a labelled row has the higher score, ties half (Mann & Whitney 1947).

    >>> auc(np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, False, True, False]))
    0.875
    """
    hit = int(label.sum())
    rank = pd.Series(score).rank(method="average").to_numpy(dtype=np.float64)
    pairs = hit * (len(label) - hit)
    return float((rank[label].sum() - hit * (hit + 1) / 2) / pairs) if pairs else float("nan")


def precision_at(score: Floats, label: Flags, share: float = WORST) -> float:
    """Labelled rows among the ``share`` with the highest scores; of a tie at the edge, its mean.

    >>> precision_at(np.array([5.0, 4.0, 4.0, 1.0]), np.array([True, True, False, False]), 0.5)
    0.75
    """
    count = max(1, round(share * len(score)))
    edge = np.sort(score)[-count]
    above, tied = score > edge, score == edge
    left = count - int(above.sum())
    return float((label[above].sum() + left * label[tied].mean()) / count)


def change_point_f1(
    found: Iterable[int], annotations: Mapping[str, Collection[int]], margin: int = MARGIN
) -> tuple[float, float, float]:
    """F1, precision and recall of change points against several annotators (van den Burg & Williams 2020).

    Index 0 counts as found and as marked by everybody. Precision is against the union of all marks, recall the mean
    over annotators; a mark is found by at most one place, within ``margin``.

    >>> change_point_f1([], {"a": [50], "b": []})
    (0.8571428571428571, 1.0, 0.75)
    """
    places = {0, *found}
    marks = [{0, *marked} for marked in annotations.values()]
    precision = _matched(set().union(*marks), places, margin) / len(places)
    recall = float(np.mean([_matched(mine, places, margin) / len(mine) for mine in marks]))
    return 2 * precision * recall / (precision + recall), precision, recall


def _matched(marks: set[int], found: set[int], margin: int) -> int:
    """How many marks have a place of their own within the margin, the nearest first come."""
    left, matched = set(found), 0
    for mark in sorted(marks):
        near = sorted((abs(mark - place), place) for place in left if abs(mark - place) <= margin)
        if near:
            left.remove(near[0][1])
            matched += 1
    return matched
