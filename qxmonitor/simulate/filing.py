"""Who files what when: the world of one town and month that all writers share.

Kept in one place so that a firm that is silent is silent in every return, dirt never meets a planted event, and every
day of arrival follows the release calendar.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period, months
from qxmonitor.simulate import codes, names
from qxmonitor.simulate.events import Event
from qxmonitor.simulate.model import Economy
from qxmonitor.simulate.population import Population
from qxmonitor.simulate.tables import KINDS
from qxmonitor.simulate.truth import Landing

if TYPE_CHECKING:
    from qxmonitor.simulate.bonded import Inventory

DIRT_RATE = 0.006
"""Share of rows of a tabular form that carry rejected dirt."""


@dataclass
class World:
    """Everything a writer needs.

    Attributes:
        quiet: (firms, months of the axis) False in and right before a firm's planted event.
        strangers: USCC and name of firms nobody registered, used one after another.
        inventories: the bonded centre's approved documents, each with its month, for what follows from them.
    """

    town: Population
    economy: Economy
    events: list[Event]
    first: Period
    last: Period
    seed: int
    landing: Landing
    quiet: npt.NDArray[np.bool_]
    strangers: list[tuple[str, str]] = field(default_factory=list)
    inventories: list[tuple[Period, Inventory]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        town: Population,
        economy: Economy,
        events: list[Event],
        span: tuple[Period, Period],
        seed: int,
        landing: Landing,
    ) -> World:
        """Put the parts together."""
        quiet = np.ones((len(town), len(economy.axis)), dtype=bool)
        for event in events:
            quiet[event.firm, economy.at(event.start) - 1 : economy.at(event.end) + 1] = False
        rng = np.random.default_rng([seed, 4])
        strangers = [
            (codes.uscc(f"MD{serial:06d}"), f"清溪{brand}科技有限公司")
            for serial, brand in enumerate(names.brands(rng, 400))
        ]
        return cls(town, economy, events, *span, seed, landing, quiet, strangers)

    @property
    def months(self) -> tuple[Period, ...]:
        return months(self.first, self.last)

    def rng(self, stream: int, period: Period | None = None) -> np.random.Generator:
        """The random stream of one writer and month, independent of every other."""
        return np.random.default_rng([self.seed, stream, period.ordinal if period else 0])

    def returns_in(self, feed: str, period: Period) -> bool:
        return release_calendar().feed(feed).returns_in(period)

    def month_column_in(self, feed: str, period: Period) -> bool:
        return release_calendar().feed(feed).month_column_in(period)

    def day(self, period: Period, day: int) -> date:
        """A day of the month after ``period``."""
        return (period + 1).first_day.replace(day=day)

    def export_day(self, period: Period) -> date:
        """The day the platform's B204-1 export for a month is drawn: the 10th to the 12th of the next month."""
        return self.day(period, 10 + int(self.rng(41, period).integers(0, 3)))

    def filing(self, period: Period) -> npt.NDArray[np.bool_]:
        """Firms that send their returns for this month, sooner or later."""
        return self.town.reporting(period) & ~self.economy.silent[:, self.economy.at(period)]

    def soilable(self, period: Period) -> npt.NDArray[np.bool_]:
        """Firms whose rows may carry rejected dirt: no key firms, no firm forms, nobody near an event."""
        firms = self.town.firms
        plain = ~(firms["key"] | firms["form_firm"]).to_numpy(dtype=bool)
        return plain & self.quiet[:, self.economy.at(period)]

    def stranger(self, rng: np.random.Generator) -> tuple[str, str]:
        return self.strangers[int(rng.integers(0, len(self.strangers)))]

    def printed_names(self, rng: np.random.Generator) -> npt.NDArray[np.object_]:
        """Names as firms write them: some with parentheses of the other width, some still the old name."""
        current, former = self.town.column("name"), self.town.column("former")
        draw = rng.random(len(self.town))
        swapped = np.array([names.parentheses_swapped(name) for name in current], dtype=object)
        return np.where((former != "") & (draw < 0.2), former, np.where(draw > 0.95, swapped, current))

    def contacts(self) -> dict[str, int]:
        return {code: i + 1 for i, code in enumerate(self.town.column("uscc"))}


def dirt_plan(
    world: World, feed: str, rows_a_month: float, stream: int, kinds: tuple[str, ...] = KINDS
) -> dict[Period, list[str]]:
    """Which kinds of rejected dirt each month's export carries: each kind at least once where the run is long enough.

    Args:
        world: the town.
        feed: its release calendar says which months have a return.
        rows_a_month: rows of one export.
        stream: random stream of the feed.
        kinds: kinds this form can carry.
    """
    rng = world.rng(stream)
    held = [p for p in world.months if world.returns_in(feed, p)]
    if not held:
        return {}
    rows = rows_a_month * len(held)
    total = min(max(len(kinds), round(DIRT_RATE * rows)), max(1, round(rows / 20)))
    plan: dict[Period, list[str]] = {p: [] for p in held}
    for turn in range(total):
        plan[held[int(rng.integers(0, len(held)))]].append(kinds[turn % len(kinds)])
    return plan
