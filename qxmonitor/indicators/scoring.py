"""Scores of firms or clusters, and ranks told with what is uncertain about them; n subjects × k components.

Points follow 功效系数法: 0 to 100 between two marks that are fixed or robust quantiles of those present. Raising one's
own figure moves the marks by no more than the figure itself, so a better component never lowers the own score. What
is missing is taken out and the weights of the rest add up to one again, as long as enough weight is known.

Ranks are drawn: weights from a Dirichlet distribution round the catalogue's, figures with their standard errors, and
for a missing figure one of those that others have. Draws hang on the subjects' keys in sorted order, so the order they
come in changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.catalog.scorecards import Component, Scorecard
from qxmonitor.indicators.view import Bools, Floats

_CLOSE = 1e-9


@dataclass(frozen=True)
class Scores:
    """Of n subjects.

    Attributes:
        points: (n, k), 0–100, NaN where the figure is missing.
        known: (n,) share of the weight that stands on figures.
        score: (n,), 0–100, NaN where too little is known.
        rank: (n,), 1 is best, NaN without a score; equals share the better rank.
        best, worst: (n,) ends of the rank's interval.
    """

    points: Floats
    known: Floats
    score: Floats
    rank: Floats
    best: Floats
    worst: Floats


def score(keys: Sequence[str], values: Floats, card: Scorecard) -> Scores:
    """Score and rank.

    Args:
        keys: n different names.
        values: (n, k) figures of the card's components, NaN where there is none.
        card: components, weights and draws.
    """
    order = np.argsort(np.asarray(keys, dtype=str), kind="stable")
    back = np.argsort(order, kind="stable")
    found = _score(_scaled(values[order], card.components), card)
    return Scores(*(part[back] for part in found))


def points(column: Floats, component: Component, marks: tuple[float, float], given: Floats | None = None) -> Floats:
    """Points of one component.

    Args:
        column: figures already on their scale (see :func:`score`), any shape; NaN stays.
        component: its fixed marks and direction.
        marks: the quantiles that stand in for marks not fixed.
        given: (n,) the figures marks are taken from; those of ``column`` where left out.
    """
    low, high = _marks(column if given is None else given, component, marks)
    room = high - low  # nought where all are alike: half the points for being like them
    share: Floats = (column - low) / room if room > 0 else 0.5 + 0.5 * np.sign(column - low)
    kept: Floats = 100.0 * np.clip(share, 0.0, 1.0)
    return 100.0 - kept if component.down_good else kept


def classes(scores: Scores, shares: Mapping[str, float], least: int) -> list[str]:
    """The support class of each subject by rank: ``A``, ``A/B`` where its interval straddles a boundary, or empty."""
    ranked = np.isfinite(scores.rank)
    count = int(ranked.sum())
    if count < least:
        return [""] * len(ranked)
    letters = list(shares)
    bounds = np.array(list(shares.values())) * count + _CLOSE
    first, last = (np.searchsorted(bounds, np.where(ranked, end, 1.0)) for end in (scores.best, scores.worst))
    return [
        "/".join(letters[a : b + 1]) if there else ""
        for there, a, b in zip(ranked.tolist(), first.tolist(), last.tolist(), strict=True)
    ]


def _scaled(values: Floats, components: Sequence[Component]) -> Floats:
    """Figures on the scale they are compared on; one that has no logarithm counts as missing."""
    scaled = np.array(values, dtype=np.float64)
    scaled[~np.isfinite(scaled)] = np.nan
    for at, part in enumerate(components):
        if part.log:
            column = scaled[:, at]
            scaled[:, at] = np.log(column, out=np.full_like(column, np.nan), where=column > 0)
    return scaled


def _marks(given: Floats, component: Component, marks: tuple[float, float]) -> tuple[float, float]:
    if component.low is not None and component.high is not None:
        ends = np.array([component.low, component.high], dtype=np.float64)
        low, high = np.log(ends) if component.log else ends
        return float(low), float(high)
    there = given[np.isfinite(given)]
    if not there.size:
        return 0.0, 0.0
    low, high = np.quantile(there, marks)
    return float(low), float(high)


def _score(scaled: Floats, card: Scorecard) -> tuple[Floats, ...]:
    weights = np.array([part.weight for part in card.components])
    table = np.stack(
        [points(scaled[:, at], part, card.marks) for at, part in enumerate(card.components)], axis=1
    ).reshape(scaled.shape)
    there = np.isfinite(table)
    known: Floats = (there * weights).sum(axis=1)
    enough: Bools = np.asarray(known >= card.least_share - _CLOSE, dtype=bool)
    total: Floats = (np.where(there, table, 0.0) * weights).sum(axis=1)
    result = np.divide(total, known, out=np.full_like(total, np.nan), where=enough & (known > 0))
    rank, best, worst = (np.full(len(scaled), np.nan) for _ in range(3))
    if enough.any():
        rank[enough] = _ranks(result[enough][None, :])[0]
        ranks = _ranks(_draw(scaled[enough], scaled, table, card))
        tail = (1.0 - card.interval) / 2.0
        low, high = np.quantile(ranks, (tail, 1.0 - tail), axis=0, method="inverted_cdf")
        best[enough], worst[enough] = np.minimum(low, rank[enough]), np.maximum(high, rank[enough])
    return table, known, result, rank, best, worst


def _draw(mine: Floats, scaled: Floats, table: Floats, card: Scorecard) -> Floats:
    """Scores of r ranked subjects in d draws, (d, r)."""
    rng = np.random.default_rng(card.seed)
    weights = rng.dirichlet(card.sureness * np.array([part.weight for part in card.components]), card.draws)
    used: Bools = np.asarray(np.isfinite(table).any(axis=0), dtype=bool)
    weights = weights[:, used] / weights[:, used].sum(axis=1, keepdims=True)
    total = np.zeros((card.draws, len(mine)))
    for at, component in enumerate(card.components):  # a handful of components, all subjects and draws at once
        noise = rng.standard_normal(total.shape)
        pick = rng.random(total.shape)
        if not used[at]:
            continue
        drawn = points(mine[:, at] + component.error * noise, component, card.marks, scaled[:, at])
        others = table[np.isfinite(table[:, at]), at]
        drawn = np.where(np.isnan(drawn), others[(pick * len(others)).astype(np.intp)], drawn)
        total += drawn * weights[:, used[:at].sum()][:, None]
    return total


def _ranks(values: Floats) -> npt.NDArray[np.float64]:
    """Ranks along each row, the largest is 1; equals share the better one. (d, r) → (d, r)."""
    order = np.argsort(-values, axis=1, kind="stable")
    falling = np.take_along_axis(values, order, axis=1)
    place = np.broadcast_to(np.arange(1.0, values.shape[1] + 1.0), values.shape).copy()
    place[:, 1:][falling[:, 1:] == falling[:, :-1]] = 0.0
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, np.maximum.accumulate(place, axis=1), axis=1)
    return ranks
