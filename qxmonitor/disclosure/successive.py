"""Two issues laid side by side: what their difference would show, and what is held back so that it shows nothing.

A reader who keeps every issue knows last month's cumulative figure as it was given. This month's cumulative figure
less this month's own less that one is what late and re-filed returns of earlier months changed, be it one firm's.
So outside the statistical channel earlier months stay as they were given, and a month's own figure is held back for
a chain (or the town) when fewer groups than the threshold, or two that dominate, stand behind that difference; the
cumulative figure stays, since with the month unknown it tells the sum of both only. What is held back among the
chains is known as a sum, so that sum must be safe as well. A trailing figure, once held back, stays so for a year.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.office import Thresholds, office
from qxmonitor.catalog.permitted_use import Family, permitted_use
from qxmonitor.panel import Panel
from qxmonitor.period import Period

TOWN = "town"
_KEY = ["period", "indicator", "entity_kind", "entity", "source"]
_AGGREGATES = ("chain", TOWN)
_NOTHING = 1e-6
"""Thousand yuan, kWh or dollars; less is the rounding of sums."""

Part = tuple[str, str, str]
"""source, family, month | cumulative | trailing"""


def outside(figures: pd.DataFrame, given: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The indicator frame as readers outside the statistical channel may have it: earlier months as they were given.

    Args:
        figures: as known now.
        given: what was given out, of months before and the month itself.
        period: the month of the issue, whose own figures are those of now.
    """
    if given.empty:
        return figures
    earlier = given[given["period"] < str(period)]
    there = pd.MultiIndex.from_frame(earlier[_KEY].astype(str))
    now = pd.MultiIndex.from_frame(figures[_KEY].astype(str))
    kept = figures[~now.isin(there)]
    wanted = earlier[earlier["period"] >= str(figures["period"].astype(str).min())]
    columns = [name for name in figures.columns if name in wanted.columns]
    return pd.concat([_plain(kept), _plain(wanted[columns])], ignore_index=True)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    words = [name for name in (*_KEY, "state") if name in frame]
    return frame.astype(dict.fromkeys(words, "str"))


@dataclass(frozen=True)
class Changes:
    """What changed in some measures between a panel that was issued from and the panel of now.

    Attributes:
        rows: measure, chain, group, delta (signed, never 0), unknown (a firm behind it that readers do not know by
            name); one a measure, chain and group.
    """

    rows: pd.DataFrame

    def safe(self, chains: Iterable[str] | None, limits: Thresholds) -> bool:
        """Whether the sum of the changes of some chains (None: of the town) may be known."""
        mine = self.rows if chains is None else self.rows[self.rows["chain"].isin(set(chains))]
        if mine.empty:
            return True
        groups = mine.groupby(["measure", "group"], as_index=False).agg(
            delta=("delta", "sum"), unknown=("unknown", "any")
        )
        groups = groups[groups["delta"].abs() > _NOTHING]
        return all(_enough(rows, limits) for _, rows in groups.groupby("measure"))

    def held_back(self, hidden: set[str], limits: Thresholds) -> set[str]:
        """The chains (and the town) whose own month must stay unknown, with those hidden already among them."""
        there = sorted(self.rows["chain"].unique())
        if not self.safe(None, limits):
            return {*there, TOWN}
        sizes = self.rows.groupby("chain")["group"].nunique()
        found = {chain for chain in there if not self.safe([chain], limits)}
        if not found:
            return found
        for chain in sorted(set(there) - found - hidden, key=lambda chain: (sizes[chain], chain)):
            if self.safe(found | hidden, limits):
                break
            found.add(chain)
        return found


def _enough(rows: pd.DataFrame, limits: Thresholds) -> bool:
    sizes = np.sort(rows["delta"].abs().to_numpy())[::-1]
    unknown = int(rows["unknown"].sum())
    return bool(
        len(sizes) >= limits.groups
        and sizes[:2].sum() <= limits.dominance * sizes.sum()
        and (unknown == 0 or unknown >= limits.groups)
    )


def changes(then: Panel, now: Panel, names: Iterable[str], month: Period, *, year: bool = False) -> Changes:
    """What changed in a month of some measures, by chain and group; a firm that moved counts in both its chains.

    Args:
        then: the panel that was issued from.
        now: the panel of now.
        names: of panel values.
        month: which column.
        year: the sum from January to the month, for measures that have no cumulative column.
    """
    parts = []
    for name in names:
        old, new = (_column(panel, name, month, year) for panel in (then, now))
        sides = [_side(then, old, -1.0), _side(now, new, 1.0)]
        firms = pd.concat([side for side in sides if len(side)] or sides[:1])
        net = firms.groupby(["firm", "chain"], as_index=False).agg(
            delta=("delta", "sum"), group=("group", "last"), unknown=("unknown", "last")
        )
        parts.append(net[net["delta"].abs() > _NOTHING].assign(measure=name))
    rows = (
        pd.concat(parts, ignore_index=True)
        if parts
        else pd.DataFrame(columns=["measure", "chain", "group", "delta", "unknown"])
    )
    summed = rows.groupby(["measure", "chain", "group"], as_index=False).agg(
        delta=("delta", "sum"), unknown=("unknown", "any")
    )
    return Changes(summed[summed["delta"].abs() > _NOTHING].reset_index(drop=True))


def _column(panel: Panel, name: str, month: Period, year: bool) -> npt.NDArray[np.float64]:
    values = panel.values.get(name)
    if values is None or month not in panel.months:
        return np.full(len(panel.firms), np.nan)
    at = panel.months.index(month)
    if not year:
        found: npt.NDArray[np.float64] = values[:, at]
        return found
    window = values[:, max(at - month.month + 1, 0) : at + 1]
    return np.where(np.isnan(window).all(axis=1), np.nan, np.nansum(window, axis=1))


def _side(panel: Panel, values: npt.NDArray[np.float64], sign: float) -> pd.DataFrame:
    chains = panel.firms["chain"].astype("str")
    known = np.asarray(panel.authorised).any(axis=1)
    frame = pd.DataFrame(
        {
            "firm": panel.firms.index.to_numpy(), "chain": chains.mask(chains == "", "other").to_numpy(),
            "group": panel.firms["group"].to_numpy(), "delta": sign * values, "unknown": ~known,
        }
    )  # fmt: skip
    return frame[np.isfinite(values)]


@dataclass(frozen=True)
class Successive:
    """What one issue holds back because of those before it; ask :meth:`held_back` part by part.

    Attributes:
        period: the issue's month.
        limits: thresholds of a safe aggregate.
        stored: what earlier issues held back: (part, period, entity).
        by_part: the changes that stand behind the issue's own month.
    """

    period: Period
    limits: Thresholds
    stored: frozenset[tuple[Part, str, str]] = frozenset()
    by_part: dict[Part, list[Changes]] = field(default_factory=dict)

    def held_back(self, part: Part, period: str, hidden: set[str]) -> set[str]:
        """Entities held back in a part and month, beside those hidden there anyway."""
        if period != self.period:
            return {entity for stored, month, entity in self.stored if stored == part and month == period}
        found: set[str] = set()
        for change in self.by_part.get(part, []):
            found |= change.held_back(hidden | found, self.limits)
        if part[2] == "trailing":
            year = {str(self.period - back) for back in range(1, 12)}
            found |= {entity for stored, month, entity in self.stored if stored == part and month in year}
        return found


def successive(
    now: Panel, period: Period, given: pd.DataFrame, before: Panel | None, same: Panel | None,
    limits: Thresholds | None = None,
) -> Successive:  # fmt: skip
    """What the issue of a month must hold back.

    Args:
        now: the panel it is made from.
        period: its month.
        given: what was given out before.
        before: the panel of the last issue given out of an earlier month; None without one in twelve months.
        same: the panel of the last issue given out of this very month; None for a first issue.
        limits: default those of ``office.yml``.
    """
    thresholds = limits or office().thresholds
    by_part: dict[Part, list[Changes]] = {}

    def add(part: Part, found: Changes) -> None:
        if len(found.rows):
            by_part.setdefault(part, []).append(found)

    sources = {str(name).partition(".")[0] for name in now.values}
    for family in permitted_use().families:
        for source in sorted(sources):
            names, year = _names(now, source, family)
            if not names:
                continue
            if before is not None:
                then, month = before, before.months[-1]
                # Until February the month and the cumulative figure are one and the same.
                if period.month > 2 and month[:4] == period[:4]:
                    add((source, family.id, "month"), changes(then, now, names, month, year=year))
                for base in (month, period - 12, Period(f"{period.year - 1}-12")) if family.trailing else ():
                    add((source, family.id, "trailing"), changes(then, now, names, base, year=year))
            if same is not None:
                for kind in ("month", "cumulative", "trailing"):
                    add((source, family.id, kind), changes(same, now, names, period, year=year))
    return Successive(period, thresholds, _stored(given), by_part)


def _names(panel: Panel, source: str, family: Family) -> tuple[list[str], bool]:
    """The panel's values a family's cumulative figures are sums of, and whether they are single months."""
    cumulative = [f"{source}.{measure}{ly}_ytd" for measure in family.measures for ly in ("", "_ly")]
    if there := [name for name in cumulative if name in panel.values]:
        return there, False
    return [name for measure in family.measures if (name := f"{source}.{measure}") in panel.values], True


def _stored(given: pd.DataFrame) -> frozenset[tuple[Part, str, str]]:
    rows = given[given["withheld"].astype(bool)] if len(given) else given
    found = set()
    for source, indicator, period, entity in zip(
        *(rows[name].astype(str) for name in ("source", "indicator", "period", "entity")), strict=True
    ):
        for part in permitted_use().parts(indicator):
            family, _, kind = part.rpartition(".")
            found.add(((source, family, kind), period, entity))
    return frozenset(found)


def to_give(
    frame: pd.DataFrame, held: frozenset[tuple[Part, str, str]], given: pd.DataFrame, period: Period
) -> pd.DataFrame:
    """The rows an approved issue gives: its month's aggregates, and earlier ones that nobody was given before.

    Args:
        frame: as :func:`outside` makes it.
        held: what the issue holds back: (part, period, entity).
        given: what was given out before.
        period: the issue's month.
    """
    rows = _plain(frame[frame["entity_kind"].isin(_AGGREGATES)])
    rows = rows[~rows["indicator"].str.startswith("target.")]
    there = pd.MultiIndex.from_frame(given[_KEY].astype(str))
    new = ~pd.MultiIndex.from_frame(rows[_KEY]).isin(there) | (rows["period"] == str(period)).to_numpy()
    rows = rows[new & (rows["period"] <= str(period)).to_numpy()]
    parts = {
        name: [part.rpartition(".") for part in permitted_use().parts(name)] for name in rows["indicator"].unique()
    }
    withheld = [
        any(((source, family, kind), period, entity) in held for family, _, kind in parts[indicator])
        for source, indicator, period, entity in zip(
            *(rows[name] for name in ("source", "indicator", "period", "entity")), strict=True
        )
    ]
    return rows.assign(withheld=withheld)
