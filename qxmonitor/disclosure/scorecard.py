"""The scorecard of clusters as one reader may see it: a function of figures cleared for that reader, as printed.

Made of the register and of customs aggregates alone, never of returns. A figure withheld from the reader counts as
missing, so a score tells nothing that the reader's own table does not; two readers may see different scores, and the
table says what each stands on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qxmonitor.catalog.scorecards import Component, Scorecard
from qxmonitor.disclosure.cleared import Cleared
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.values import Figures, missing, number
from qxmonitor.indicators.scoring import score
from qxmonitor.period import Period

_OTHER = "other"


@dataclass(frozen=True)
class Part:
    """A component's name, and the figure it stands on; empty where it is withheld or missing."""

    name: Cleared
    figure: Cleared


@dataclass(frozen=True)
class ClusterScore:
    """One cluster: score and rank with the ends of its interval (``…`` without a score), and the weight known in %."""

    name: Cleared
    score: Cleared
    rank: Cleared
    best: Cleared
    worst: Cleared
    known: Cleared
    parts: tuple[Part, ...]


def cluster_scores(gate: Gate, figures: Figures, card: Scorecard, period: Period) -> tuple[ClusterScore, ...]:
    """Every cluster the figures know, best first, those without a score last.

    Args:
        gate: the reader's.
        figures: cleared for the reader.
        card: the clusters' scorecard.
        period: the month.
    """
    chains = [chain for chain in figures.entities("chain") if chain != _OTHER]
    if not chains:
        return ()
    cells = [[_cell(gate, figures, part, chain, period) for part in card.components] for chain in chains]
    values = np.array([[np.nan if cell.number is None else cell.number for cell in row] for row in cells])
    found = score(chains, values, card)
    order = np.lexsort((np.array(chains), np.nan_to_num(found.rank, nan=np.inf)))
    return tuple(_told(gate, card, chains[at], cells[at], period, {
        "score": found.score[at], "rank": found.rank[at], "best": found.best[at], "worst": found.worst[at],
        "known": found.known[at] * 100.0,
    }) for at in order.tolist())  # fmt: skip


def _cell(gate: Gate, figures: Figures, part: Component, chain: str, period: Period) -> Cleared:
    """The component's figure; a ratio of two is worked out of them as printed, in per cent."""
    top = figures.get(part.indicator or part.id, period, "chain", chain, part.source)
    if part.over is None:
        return top
    bottom = figures.get(part.over, period, "chain", chain, part.source)
    ref = f"{period}|{part.id}|chain|{chain}|{part.source}"
    if top.number is None or bottom.number is None or not bottom.number > 0:
        return missing(gate.reader, part.source, ref)
    return number(100.0 * top.number / bottom.number, 1, "%", gate.reader, part.source, ref)


def _told(
    gate: Gate, card: Scorecard, chain: str, cells: list[Cleared], period: Period, figures: dict[str, float]
) -> ClusterScore:
    def say(key: str, digits: int, unit: str = "") -> Cleared:
        ref = f"{period}|cluster_{key}|chain|{chain}|register"
        value = figures[key]
        if not np.isfinite(value):
            return missing(gate.reader, "register", ref)
        return number(value, digits, unit, gate.reader, "register", ref)

    return ClusterScore(
        gate.entity("chain", chain), say("score", 1, "分"), say("rank", 0), say("best", 0), say("worst", 0),
        say("known", 0, "%"),
        tuple(Part(gate.word(part, "name"), cell) for part, cell in zip(card.components, cells, strict=True)),
    )  # fmt: skip
