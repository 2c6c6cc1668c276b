"""What befalls the town: the shock of early 2020, risk events at the fixed prevalence, and those staged to be seen.

Without further word a town has what real ones have, so that whoever scores a rule on it scores it at the fixed
prevalence (``series``). A demonstration stages further events in the newest months, so many of each kind.

Events begin where a fair rule can see them: none in the months whose base or whose own figure the 2020 shock bends, a
fall that would begin in February begins in January (the two are judged together), and months without a return count
for nothing in a silence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.errors import QxError
from qxmonitor.period import Period, months
from qxmonitor.simulate import series
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.population import Population

Flags = npt.NDArray[np.bool_]

TOWN_SHOCK = {"2020-02": -0.45, "2020-03": -0.2, "2020-04": -0.08}
"""Mean loss of output in the months of the shock, festival apart."""

_BENT = {*TOWN_SHOCK, "2020-01", "2020-05", "2021-01", "2021-02", "2021-03", "2021-04"}
RECENT = 5
"""How many of the last months hold the beginnings of what is staged."""
SILENCES = 0.02
"""Firms a year that send no return for one to three months."""
STAGED = ("output_drop", "stop", "silence", "lead_shock")
"""What can be staged: falls, stops and silences of single firms; a lead firm's fall and its suppliers' after it."""
PLAIN_NOISE = 0.10
"""One-step noise (log) up to which a firm's staged fall can be seen by anybody."""

_LATEST = 2
"""Months by which the last supplier feels its lead firm's shock."""
_KINDS = {"fall": "output_drop", "stop": "stop", "drift": "drift", "lead": "output_drop", "supplier": "supplier_drop"}
_KEY_CAST = (
    ("output_drop", -0.6, "both"),
    ("output_drop", -0.45, "none"),
    ("stop", -1.0, "gxj"),
    ("silence", 0.0, "none"),
    ("output_drop", -0.25, "expired"),
    ("silence", 0.0, "swj"),
    ("output_drop", -0.5, "both"),
)
"""Staged events of key firms: type, size and the kind of authorisation of the firm they befall."""


@dataclass(frozen=True)
class Event:
    """What befalls one firm.

    Attributes:
        type: ``output_drop``, ``stop``, ``drift``, ``silence``, or ``supplier_drop``: the echo of a lead firm's shock.
        firm: row number of the population.
        start, end: first and last month.
        size: change of output in the end, −1 for a stop, 0 for a silence.
        cause: row of the lead firm whose shock it is (its own too), None for every other event.
    """

    type: str
    firm: int
    start: Period
    end: Period
    size: float
    cause: int | None = None


def staged_for_show(firms: int) -> dict[str, int]:
    """How many events of each kind a demonstration of so many firms stages: a case for every reader and chain."""
    others = round(firms * 0.01)
    return {"output_drop": 11 + others, "stop": 2 + others, "silence": 2 + others, "lead_shock": 1}


def plan_events(
    town: Population, first: Period, last: Period, seed: int, staged: Mapping[str, int] | None = None, *,
    exactly: bool = False,
) -> list[Event]:  # fmt: skip
    """All events of a town, at most one a firm; firms that enter or leave are spared.

    Args:
        town: the population.
        first: first month of returns.
        last: last month of returns.
        seed: the town's seed.
        staged: how many events of each kind of :data:`STAGED` begin in the last months, as far as there are firms for
            them; the rest of the town's events comes at the fixed prevalence.
        exactly: refuse where there are not firms enough.

    Raises:
        QxError: there is no such kind, or not firms enough for what is asked ``exactly``.
    """
    wanted = staged or {}
    if strange := sorted(set(wanted) - set(STAGED)):
        raise QxError(f"没有这种事件：{'、'.join(strange)}（可选：{'、'.join(STAGED)}）")
    firms = town.firms
    steady = (
        firms["above_scale"] & (firms["until"] == "") & (firms["since"] < str(first)) & ~firms["form_firm"]
    ).to_numpy(copy=True)
    giants = np.argsort(-firms["size"].to_numpy(dtype=float), kind="stable")[: max(2, len(town) // 50)]
    steady[giants] = False  # one of them falling would drown every other story of the town
    events = _stage(town, steady.copy(), first, last, np.random.default_rng([seed, 2]), wanted)
    if exactly:
        _enough(events, wanted)
    steady[[event.firm for event in events]] = False
    events += _at_prevalence(town, steady, first, last, np.random.default_rng([seed, 6]))
    return sorted(events, key=lambda e: (e.start, e.firm))


def _enough(events: Sequence[Event], wanted: Mapping[str, int]) -> None:
    """Refuse when fewer were staged than wanted.

    Raises:
        QxError: so many of a kind, and why no more.
    """
    there = Counter(event.type for event in events if event.cause is None)
    there["lead_shock"] = len({event.cause for event in events if event.cause is not None})
    short = "；".join(
        f"{kind} 要 {count} 起，只安排得下 {there[kind]} 起" for kind, count in wanted.items() if there[kind] < count
    )
    if short:
        raise QxError(f"这个镇合适的企业不够：{short}。请增加企业数（--firms）或另选种子（--seed）")


def shock_periods(first: Period, last: Period) -> list[Period]:
    """Months of the run that the town-wide shock of 2020 touches."""
    return [p for p in months(first, last) if p in TOWN_SHOCK]


# -- at the fixed prevalence ---------------------------------------------------------------------------------------


def _at_prevalence(
    town: Population, steady: Flags, first: Period, last: Period, rng: np.random.Generator
) -> list[Event]:
    """Falls, stops, drifts and lead firms' shocks as the scored series have them, and silences."""
    axis = months(Period(f"{first.year - 1:04d}-01"), last)
    ripe = np.array([at >= series.JUDGED_FROM and p not in _BENT for at, p in enumerate(axis)])
    may = steady[:, None] & ripe
    chain, lead = _supply(town, steady, rng)
    shocks = int(series.SHOCKS * ripe.sum() / 12 + rng.random())
    merged = np.ones(len(town), dtype=np.bool_)
    planted = series.befall(axis, merged, chain, lead, may, rng, shocks=shocks, latest=_LATEST)
    events = [
        Event(
            _KINDS[e.kind], e.firm, axis[e.start], axis[e.end], -round(e.size, 3),
            int(lead[e.firm]) if e.kind in ("lead", "supplier") else None,
        )
        for e in planted
    ]  # fmt: skip
    may[[event.firm for event in events]] = False
    due = (rng.random(may.shape) < SILENCES / 11) & may & np.array([p.month != 1 for p in axis])
    for firm in np.flatnonzero(due.any(axis=1)):
        start = axis[int(due[firm].argmax())]
        events.append(Event("silence", int(firm), start, min(start + int(rng.integers(0, 3)), last), 0.0))
    return events


def _supply(
    town: Population, steady: Flags, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lead firms and their suppliers: of each chain the largest key firm with two or more on the nodes above its own.

    Returns:
        For each firm the number of its set and the row of its lead firm (its own for the lead firm), −1 for none.
    """
    chain, node, key = (town.column(name) for name in ("chain", "node", "key"))
    above = {n.code: n.upstream.split("、") for nodes in words.NODES.values() for n in nodes if n.upstream}
    number, lead = np.full((2, len(town)), -1, dtype=np.int64)
    most = min(series.SUPPLIERS, max(3, len(town) // 20))
    by_size = np.argsort(-town.firms["size"].to_numpy(dtype=float), kind="stable")
    for label in words.CHAINS:
        for firm in by_size[(steady & key.astype(bool) & (chain == label))[by_size]]:
            fit = np.flatnonzero(steady & (lead < 0) & np.isin(node, above.get(node[firm], ())))
            if len(fit) >= 2:
                taken = np.append(rng.permutation(fit)[:most], firm)
                number[taken], lead[taken] = number.max() + 1, firm
                break
    return number, lead


# -- staged --------------------------------------------------------------------------------------------------------


def _stage(
    town: Population, free: Flags, first: Period, last: Period, rng: np.random.Generator, wanted: Mapping[str, int]
) -> list[Event]:
    """Events of the last months: key firms of every kind, then every chain, then others, while any are wanted."""
    key, chain, kind = (town.column(name) for name in ("key", "chain", "authorisation"))
    is_key = key.astype(bool)
    plain = town.temper.one_step <= PLAIN_NOISE
    left = dict(wanted)
    order = rng.permutation(len(town))
    newest = last if last.month != 1 else last - 1
    events: list[Event] = []

    def plant(type_: str, size: float, candidates: Flags) -> None:
        if left.get(type_, 0) <= 0:
            return
        fit = free & candidates & (plain | (type_ != "output_drop"))
        start = _begin(newest - int(rng.integers(0, 2 if type_ == "silence" else RECENT)), type_, first, last)
        firm = next((int(i) for i in order if fit[i]), None)
        if firm is not None:
            left[type_] -= 1
            free[firm] = False
            events.append(Event(type_, firm, start, last, size))

    if left.get("lead_shock", 0) > 0:
        number, lead = _supply(town, free & plain, rng)
        for chosen in rng.permutation(number.max() + 1)[: left["lead_shock"]]:
            members = np.flatnonzero(number == chosen)
            events += _shock(members, lead[members], first, newest, last, rng)
            free[members] = False
    plant("stop", -1.0, is_key & (chain == "C06"))
    for type_, size, holds in _KEY_CAST:
        plant(type_, size, is_key & (kind == holds) & (chain != "C06"))
    for label in sorted({c for c in chain if c}):
        plant("output_drop", _size(rng), ~is_key & (chain == label))
    for anybody in (~is_key, np.ones_like(is_key)):
        for type_ in STAGED[:3]:
            for _ in range(left.get(type_, 0)):
                plant(type_, {"output_drop": _size(rng), "stop": -1.0, "silence": 0.0}[type_], anybody)
    return events


def _shock(
    members: npt.NDArray[np.int64], lead: npt.NDArray[np.int64], first: Period, newest: Period, last: Period,
    rng: np.random.Generator,
) -> list[Event]:  # fmt: skip
    """A lead firm's fall that has reached all its suppliers by the newest month."""
    events = []
    for firm, cause in zip(members.tolist(), lead.tolist(), strict=True):
        late = 0 if firm == cause else int(rng.integers(1, _LATEST + 1))
        share = 1.0 if firm == cause else float(rng.uniform(*series.ECHO))
        type_ = "output_drop" if firm == cause else "supplier_drop"
        start = _begin(newest - (_LATEST + 1 - late), type_, first, last)
        events.append(Event(type_, firm, start, last, -round(series.LEAD_FALL * share, 3), cause))
    return events


def _begin(start: Period, type_: str, first: Period, last: Period) -> Period:
    """The month in which an event begins that would begin in ``start``."""
    if type_ == "silence":
        start = start + 1 if start.month == 1 and start < last else start
    elif start.month == 2:
        start = start - 1
    return max(start, first)


def _size(rng: np.random.Generator) -> float:
    return -0.25 if rng.random() < 0.2 else -round(float(rng.uniform(0.45, 0.8)), 2)
