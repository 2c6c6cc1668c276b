"""A lead firm's fall that has reached its suppliers 龙头企业冲击: one notice of the chain, for all of them.

The lead firm's own expectation must speak, by the rule that is followed (产值下降), and within :data:`WITHIN` months
after its fall began the firms upstream of it must lie lower, together, than the other firms of the town do in that
month (:func:`~qxmonitor.signals.detect.together`), two of them visibly. From then on the notice stands until the lead
firm is back, or its fall has become usual. Lead firms and suppliers are as :func:`~qxmonitor.signals.inhibit.supply`
has them. What strikes everybody is told by the totals, not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.catalog.rules import Rule, Watch
from qxmonitor.indicators.view import Bools, Floats, View, chain_codes
from qxmonitor.period import Period
from qxmonitor.signals.conditions import NOT_JUDGED, Levels, reached
from qxmonitor.signals.detect.linked import LOW, together
from qxmonitor.signals.detect.told import LASTS
from qxmonitor.signals.expectation import Seen, Texts
from qxmonitor.signals.inhibit import Supply, supply

BEFORE = LASTS - 1
"""Months before a judged one that must be looked at: a fall stands no longer."""
WITHIN = 5
"""Months after a lead firm's fall began in which it may reach its suppliers; in the month itself it has not yet."""
FEWEST, VISIBLY = 3, 2
"""Suppliers that must be judged in a month, and how many of them must lie visibly low (:data:`LOW`)."""
NAMED = 12
"""Suppliers named: first those whose own fall stands since the lead firm's began, and each time the lowest first."""
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Reach:
    """Of l lead firms × c months.

    Attributes:
        strength: standard deviations by which the suppliers lie lower than the others; NaN where nobody can tell.
        may: the lead firm's fall stands, and is as old as one that is reaching its suppliers.
        stands: it has reached them, and the lead firm is not back.
        unknown: it stood when the lead firm was last judged, and the month says nothing of the lead firm.
    """

    strength: Floats
    may: Bools
    stands: Bools
    unknown: Bools


def reach(supplied: Supply, seen: Seen, mark: float) -> Reach:
    """Whether falls of lead firms have reached their suppliers, month by month.

    Args:
        supplied: lead firms and their suppliers, rows of the panel.
        seen: what is told of firms; at least one of them.
        mark: strength from which it has.
    """
    row = np.minimum(np.searchsorted(seen.rows, supplied.lead), len(seen.rows) - 1)
    ready = seen.ready[row] & (seen.rows[row] == supplied.lead)[:, None]
    stood, since = ready & seen.told.stands[row], seen.told.since[row]
    p, sets = np.where(seen.ready, seen.told.p, np.nan), supplied.members[:, seen.rows]
    enough = (sets @ seen.ready.astype(np.float64) >= FEWEST) & (sets @ low(seen).astype(np.float64) >= VISIBLY)
    strength = together(p, sets)
    age = seen.columns - since
    may = stood & (age >= 1) & (age <= WITHIN)
    opens = may & (enough & (np.nan_to_num(strength, nan=-np.inf) >= mark))[supplied.set]
    stands, unknown = np.zeros(stood.shape, dtype=bool), np.zeros(stood.shape, dtype=bool)
    standing, began = np.zeros(len(row), dtype=bool), np.full(len(row), -1)
    for at, column in enumerate(seen.columns):
        standing &= column - began < LASTS
        unknown[:, at] = standing & ~ready[:, at]
        goes_on = standing & stood[:, at] & (since[:, at] == began)
        standing = np.where(ready[:, at], goes_on | opens[:, at], standing)
        began = np.where(opens[:, at], since[:, at], began)
        stands[:, at] = standing & ready[:, at]
    return Reach(strength[supplied.set], may, stands, unknown)


def low(seen: Seen) -> Bools:
    """Firms and months that lie visibly low: at most :data:`LOW` of quiet months do."""
    with np.errstate(invalid="ignore"):
        return np.asarray(seen.ready & (seen.told.p <= LOW) & (seen.told.gap < 0))


def judged(
    asked: View, seen: Seen, rule: Rule, watch: Watch, entities: Sequence[str]
) -> tuple[Levels, dict[str, Floats | Texts]]:
    """Levels and evidence of chains for the months asked, ``(k, q)`` each.

    Args:
        asked: the months asked, all of one year.
        seen: what the rule that is followed tells of firms, of :data:`BEFORE` months before those as well.
        rule: of judge ``lead_reach``.
        watch: its entry.
        entities: the chains.
    """
    assert rule.strength is not None, rule.id
    shape = (len(entities), asked.q)
    level = np.full(shape, NOT_JUDGED)
    fields: dict[str, Floats | Texts] = {name: np.full(shape, np.nan) for name in ("strength", "size")}
    fields |= {name: np.full(shape, None, dtype=object) for name in ("begun", "leads", "suppliers", "told", "limit")}
    firms = asked.panel.firms
    supplied = supply(firms, asked.panel.chains)
    if not len(supplied.lead) or not len(seen.rows):
        return level, fields
    code, labels = chain_codes(firms)
    place = {label: at for at, label in enumerate(entities)}
    chain = np.array([place.get(label, -1) for label in labels])[code]
    found = reach(supplied, seen, rule.strength)
    at = seen.place(asked.periods)
    stands, unknown, known = (np.zeros(shape, dtype=bool) for _ in range(3))
    for whole, part in ((stands, found.stands), (unknown, found.unknown), (known, np.isfinite(found.strength))):
        np.logical_or.at(whole, chain[supplied.lead], part[:, at])
    level[(known & ~unknown) | stands] = 0
    strength = np.where(found.may[:, at], found.strength[:, at], np.nan)
    np.fmax.at(fields["strength"], chain[supplied.lead], strength)
    for number, month in np.argwhere(stands):
        mine = np.asarray(chain == number)
        leads = np.flatnonzero(found.stands[:, at[month]] & mine[supplied.lead])
        proof = _proof(seen, supplied, leads, int(at[month]), mine, firms.index.to_numpy(dtype=object))
        steps = reached(np.array([proof["size"]]), watch.levels.steps(), "below")
        level[number, month] = max(int(steps[0]), 1)
        said = limit(float(fields["strength"][number, month]), rule.strength)
        proof = {**proof, "limit": said}
        for name, value in proof.items():
            fields[name][number, month] = value
    return level, fields


def _proof(
    seen: Seen, supplied: Supply, leads: Ints, at: int, chain: Bools, codes: Texts
) -> Mapping[str, float | str]:  # fmt: skip
    """Evidence of one chain and month: who leads, who is reached, and what share of the chain's output is missing."""
    rows = np.searchsorted(seen.rows, supplied.lead[leads])
    among = np.asarray(supplied.members[supplied.set[leads]].any(axis=0))[seen.rows]
    since, began = seen.told.since[:, at], int(seen.told.since[rows, at].min())
    watched = among & seen.ready[:, at]
    hit = watched & (low(seen)[:, at] | (since >= began))
    lost = hit.copy()
    lost[rows] = True
    now = seen.known.values[seen.rows, seen.columns[at]]
    usual = np.where(seen.ready[:, at], seen.told.expected[:, at], 0.0)
    missing = float(np.where(lost, usual - now, 0.0).sum())
    whole = float(usual[chain[seen.rows]].sum())
    first = np.flatnonzero(hit)[np.lexsort((seen.told.p[hit, at], since[hit] < began))][:NAMED]
    month = seen.known.axis[began]
    fell = float((usual[rows] - now[rows]).sum() / usual[rows].sum())
    told = words(len(rows), month, fell, int(watched.sum()), int(hit.sum()), missing, missing / whole)
    return {
        "size": -missing / whole, "begun": str(month), "leads": "、".join(codes[seen.rows[rows]]),
        "suppliers": "、".join(codes[seen.rows[first]]), "told": told,
    }  # fmt: skip


def words(leads: int, began: Period, fell: float, watched: int, hit: int, missing: float, share: float) -> str:
    """What is told of a shock, without a name.

    Args:
        leads: how many lead firms.
        began: month in which the first of them fell.
        fell: share they are short of in this month.
        watched: their suppliers that are judged.
        hit: those of them that lie low.
        missing: what all of them are short of, thousand yuan.
        share: the same by what the chain should have made.
    """
    who = f"{leads}家龙头企业" if leads > 1 else "龙头企业"
    return (
        f"{who}约自{began.label}起走低，本期比应有水平低{fell:.1%}；上游{watched}家配套企业中{hit}家同期明显偏低"
        f"（平稳时约{LOW * watched:.0f}家）；合计少{missing / 10:,.0f}万元，占本链应有产值的{share:.1%}"
    )


def limit(strength: float, mark: float) -> str:
    """The mark a shock is held against; a strength below it, or none, is of one that stands on."""
    if not strength >= mark:
        return "此前已达提示线，龙头企业尚未恢复，提示延续"
    return f"上游企业比其他企业偏低{strength:.1f}个标准差（提示线{mark:g}个标准差）"
