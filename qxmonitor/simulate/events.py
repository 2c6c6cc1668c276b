"""What befalls the town: the shock of early 2020 and the planted risk events an alert must find.

Events are planted where a fair rule can see them: none starts in the months whose base or whose own figure the 2020
shock bends, a fall that would begin in February begins in January (the two are judged together), and months without
a return count for nothing in a silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from qxmonitor.period import Period, months
from qxmonitor.simulate.population import Population

TOWN_SHOCK = {"2020-02": -0.45, "2020-03": -0.2, "2020-04": -0.08}
"""Mean loss of output in the months of the shock, festival apart."""

_BENT = {*TOWN_SHOCK, "2020-01", "2020-05", "2021-01", "2021-02", "2021-03", "2021-04"}
RECENT = 5
"""How many of the last months hold the events that the newest briefing should speak of."""

_KEY_PLAN = (
    ("output_drop", -0.6, "both"),
    ("output_drop", -0.45, "none"),
    ("stop", -1.0, "gxj"),
    ("silence", 0.0, "none"),
    ("output_drop", -0.25, "expired"),
    ("silence", 0.0, "swj"),
    ("output_drop", -0.5, "both"),
)
"""Recent events of key firms: type, size and the kind of authorisation of the firm they befall."""


@dataclass(frozen=True)
class Event:
    """One planted event; ``firm`` is a row number of the population."""

    type: str
    firm: int
    start: Period
    end: Period
    size: float


def plan_events(town: Population, first: Period, last: Period, seed: int) -> list[Event]:
    """Plant events: key firms of every kind and every chain in the last months, others scattered before.

    Args:
        town: the population; firms that enter or leave are spared.
        first: first month of returns.
        last: last month of returns.
        seed: the town's seed.
    """
    rng = np.random.default_rng([seed, 2])
    firms = town.firms
    steady = (
        firms["above_scale"] & (firms["until"] == "") & (firms["since"] < str(first)) & ~firms["form_firm"]
    ).to_numpy(copy=True)
    giants = np.argsort(-firms["size"].to_numpy(dtype=float), kind="stable")[: max(2, len(town) // 50)]
    steady[giants] = False  # one of them falling would drown every other story of the town
    key, chain, kind = (firms[c].to_numpy(dtype=object) for c in ("key", "chain", "authorisation"))
    order = rng.permutation(len(town))
    taken: set[int] = set()
    events: list[Event] = []

    def plant(type_: str, size: float, candidates: npt.NDArray[np.bool_], *, recent: bool) -> None:
        firm = next((int(i) for i in order if candidates[i] and steady[i] and int(i) not in taken), None)
        span = _span(rng, type_, first, last, recent=recent)
        if firm is not None and span is not None:
            taken.add(firm)
            events.append(Event(type_, firm, *span, size))

    is_key = key.astype(bool)
    plant("stop", -1.0, is_key & (chain == "C06"), recent=True)
    for type_, size, wanted in _KEY_PLAN:
        plant(type_, size, is_key & (kind == wanted) & (chain != "C06"), recent=True)
    for label in sorted({c for c in chain if c}):
        plant("output_drop", _size(rng), ~is_key & (chain == label), recent=True)
    for turn in range(round(len(town) * 0.03)):
        type_ = ("output_drop", "stop", "silence")[turn % 3]
        plant(type_, _size(rng) if type_ == "output_drop" else _plain_size(type_), ~is_key, recent=True)
    for turn in range(max(3, round(is_key.sum() * 0.3))):
        type_ = ("output_drop", "output_drop", "stop", "silence")[turn % 4]
        plant(type_, _size(rng) if type_ == "output_drop" else _plain_size(type_), is_key, recent=False)
    for turn in range(max(3, round(len(town) * 0.06))):
        type_ = ("output_drop", "stop", "silence", "output_drop")[turn % 4]
        plant(type_, _size(rng) if type_ == "output_drop" else _plain_size(type_), ~is_key, recent=False)
    return sorted(events, key=lambda e: (e.start, e.firm))


def shock_periods(first: Period, last: Period) -> list[Period]:
    """Months of the run that the town-wide shock of 2020 touches."""
    return [p for p in months(first, last) if p in TOWN_SHOCK]


def _size(rng: np.random.Generator) -> float:
    return -0.25 if rng.random() < 0.2 else -round(float(rng.uniform(0.45, 0.8)), 2)


def _plain_size(type_: str) -> float:
    return -1.0 if type_ == "stop" else 0.0


def _span(
    rng: np.random.Generator, type_: str, first: Period, last: Period, *, recent: bool
) -> tuple[Period, Period] | None:
    """First and last month of an event; None where the run has no room for it."""
    length = {"output_drop": (4, 9), "stop": (2, 5), "silence": (1, 4)}[type_]
    months_long = int(rng.integers(*length))
    if recent:
        newest = last if last.month != 1 else last - 1
        start = newest - int(rng.integers(0, 2 if type_ == "silence" else RECENT))
        end = last
    else:
        latest = last - RECENT - months_long - 1
        earliest = first + 4
        if latest < earliest:
            return None
        start = Period.from_ordinal(int(rng.integers(earliest.ordinal, latest.ordinal + 1)))
        while start in _BENT:
            start = start + 1
        end = start + (months_long - 1)
    if type_ == "silence":
        start = start + 1 if start.month == 1 and start < last else start
        end = max(start, end)
    elif start.month in (1, 2):
        start = Period(f"{start.year:04d}-01")
    if not recent and type_ != "silence" and end.month in (1, 2):
        end = Period(f"{end.year:04d}-03")
    return (max(start, first), end) if max(start, first) <= end <= last else None
