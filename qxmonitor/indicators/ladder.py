"""A firm's figure of a year from what may be used of it, its place on the growth ladder, and what it is scored by.

Runs on a panel cut down to what a reader may use (``disclosure.permitted``): returns are not in it. The figure of a
year is, in this order: the trailing twelve months of the firm's own reports (this year so far, last year whole, less
the same months of last year as the newest report states them); this year so far at its monthly mean, from a month of
the year on; the customs' exports of the trailing twelve months, which the year's revenue can only exceed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.ladder import Ladder, LadderFigure, Step
from qxmonitor.indicators.view import Codes, Floats, View
from qxmonitor.period import Period

TRAILING, ANNUALISED, SHEETS = "近12个月", "按本年月平均折年", "近12个月海关月度表合计"
COLUMNS = [
    "entity", "step", "state", "figure", "at_least", "source", "measure", "basis", "month", "threshold", "gap", "share",
]  # fmt: skip
"""Of :func:`place`: money in 千元; state is ``reached``, ``near``, ``doubling`` or ``unknown``."""

_INNOVATION = ("hightech_firm", "specialised", "rd_institution")
_YUAN = 1e-3
"""元 in 千元."""


@dataclass(frozen=True)
class Yearly:
    """Of n firms: the figure of a year in 千元 (NaN: none), which of the ladder's figures, how made, of which month."""

    figure: Floats
    which: Codes
    basis: npt.NDArray[np.object_]
    month: npt.NDArray[np.object_]


@dataclass(frozen=True)
class _Newest:
    """A view of the last few months and, of each firm, which of them is the newest with its own report."""

    view: View
    column: Codes

    def take(self, name: str) -> Floats:
        """A measure of each firm's newest report, (n,)."""
        return self._of(self.view.take(name))

    def december(self, name: str) -> Floats:
        """The same at the end of the year before that report."""
        return self._of(self.view.december(name))

    def _of(self, grid: Floats) -> Floats:
        found: Floats = np.take_along_axis(grid, self.column[:, None], axis=1)[:, 0]
        return found

    @property
    def month(self) -> npt.NDArray[np.object_]:
        return np.array([str(p) for p in self.view.periods], dtype=object)[self.column]

    @property
    def number(self) -> npt.NDArray[np.intp]:
        """1–12."""
        return self.view.month[self.column]


def _newest(view: View, recent: int, name: str) -> _Newest:
    recently = view.at([view.periods[-1] - back for back in range(recent)])
    there = np.isfinite(recently.take(name))
    return _Newest(recently, (recently.q - 1 - np.argmax(there[:, ::-1], axis=1)).astype(np.intp))


def yearly(view: View, rules: Ladder) -> Yearly:
    """The figure of a year of every firm.

    Args:
        view: of what the reader may use, in the month it is told in.
        rules: which figures, in which order.
    """
    n = view.n
    figure, which = np.full(n, np.nan), np.full(n, -1, dtype=np.intp)
    basis, month = np.full(n, "", dtype=object), np.full(n, "", dtype=object)
    for at, entry in enumerate(rules.figures):
        maker = _own if entry.source == "self_report" else _sheets
        found, how, when = maker(view, rules, entry)
        new = np.isnan(figure) & np.isfinite(found) & (found > 0)
        figure[new], which[new], basis[new], month[new] = found[new], at, how[new], when[new]
    return Yearly(figure, which, basis, month)


_Made = tuple[Floats, npt.NDArray[np.object_], npt.NDArray[np.object_]]


def _own(view: View, rules: Ladder, entry: LadderFigure) -> _Made:
    stem = f"{entry.source}.{entry.measure}"
    newest = _newest(view, rules.recent_months, f"{stem}_ytd")
    now = newest.take(f"{stem}_ytd")
    whole = newest.number == 12
    trailing = np.where(whole, now, now + newest.december(f"{stem}_ytd") - newest.take(f"{stem}_ly_ytd"))
    annualised = np.where(newest.number >= rules.annualise_from, now * 12.0 / newest.number, np.nan)
    use = np.isfinite(trailing) & (trailing > 0)
    basis = np.where(use, TRAILING, ANNUALISED).astype(object)
    return np.where(use, trailing, annualised), basis, newest.month


def _sheets(view: View, rules: Ladder, entry: LadderFigure) -> _Made:
    period, name = view.periods[-1], f"{entry.source}.{entry.measure}"
    parts = [view.year_to_date(name, shift)[:, 0] for shift in (0, period.month, 12)]
    here = [bool(np.isfinite(part).any()) for part in parts]
    now, last, then = (np.nan_to_num(part) for part in parts)
    total = now if period.month == 12 else now + last - then
    complete = here[0] and (period.month == 12 or all(here[1:]))
    n = len(total)
    made = total * _YUAN if complete else np.full(n, np.nan)
    return made, np.full(n, SHEETS, dtype=object), np.full(n, str(period), dtype=object)


def place(view: View, rules: Ladder) -> pd.DataFrame:
    """Who stands on or near a step, and every firm of the doubling plan.

    Returns:
        :data:`COLUMNS`, by step in the catalogue's order, largest first. ``gap`` is what is missing to the threshold
        (negative above it); of a figure that the true one can only exceed it is the most that is missing. A firm
        above several steps without an upper end is told at the highest; below, at the next it comes near.
    """
    panel, found = view.panel, yearly(view, rules)
    frame = pd.DataFrame(
        {
            "entity": panel.firms.index, "figure": found.figure, "which": found.which, "basis": found.basis,
            "month": found.month,
        }
    )  # fmt: skip
    here = view.registered[:, 0]
    frame = _told(frame, rules.figures)
    below = ~view.flag("above_scale") & _industrial(panel.firms, rules.divisions)
    tables = [
        _step(frame[here & (below | (not step.below_scale))], step, _next(step, rules.steps)) for step in rules.steps
    ]
    tables.append(_doubling(view, frame, here & view.flag("doubling"), rules))
    return pd.concat(tables, ignore_index=True)[COLUMNS]


def _industrial(firms: pd.DataFrame, divisions: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Firms of these divisions, and those of none known."""
    found = firms["industry"].astype("str").str.extract(r"(\d{2})\d{0,2}(?!\d)", expand=False)
    number = pd.to_numeric(found, errors="coerce")
    kept: npt.NDArray[np.bool_] = (number.isna() | number.between(*divisions)).to_numpy(dtype=bool)
    return kept


def _told(frame: pd.DataFrame, figures: Sequence[LadderFigure]) -> pd.DataFrame:
    which = frame["which"].to_numpy()
    for column in ("source", "measure", "at_least"):
        words = np.array([*(getattr(entry, column) for entry in figures), None], dtype=object)
        frame[column] = words[which]
    return frame


def _next(step: Step, steps: Sequence[Step]) -> float:
    """Where the next open step begins: whoever is above that is told there."""
    above = [s.threshold for s in steps if s.threshold > step.threshold and s.upto is None]
    return min(above, default=np.inf) if step.upto is None and not step.below_scale else np.inf


def _step(frame: pd.DataFrame, step: Step, above: float) -> pd.DataFrame:
    figure = frame["figure"]
    upper = step.threshold * step.upto if step.upto is not None else above
    mine = frame[(figure >= step.near * step.threshold) & (figure < upper)].copy()
    mine["step"], mine["threshold"] = step.id, step.threshold
    mine["state"] = np.where(mine["figure"] >= step.threshold, "reached", "near")
    mine["gap"], mine["share"] = step.threshold - mine["figure"], mine["figure"] / step.threshold
    return mine.sort_values(["figure", "entity"], ascending=[False, True])


def _doubling(view: View, frame: pd.DataFrame, members: npt.NDArray[np.bool_], rules: Ladder) -> pd.DataFrame:
    rule = rules.doubling
    base = np.full(len(frame), np.nan)
    if rule.base_year is not None:
        december = Period(f"{rule.base_year:04d}-12")
        if december in view.panel.months:
            base = view.at([december]).take("self_report.output_ytd")[:, 0]
    own = frame["source"].eq("self_report").to_numpy(dtype=bool)
    goal = np.where(base > 0, base * rule.times, np.nan)
    told = frame.assign(
        step="doubling", threshold=goal, figure=frame["figure"].where(own), state=np.where(own, "doubling", "unknown"),
    )  # fmt: skip
    told.loc[~own, ["source", "measure", "at_least"]] = None
    told.loc[~own, ["basis", "month"]] = ""
    told["gap"], told["share"] = told["threshold"] - told["figure"], told["figure"] / told["threshold"]
    return told[members].sort_values(["figure", "entity"], ascending=[False, True])


def measures(view: View, rules: Ladder) -> pd.DataFrame:
    """What firms are scored by, from a view of a panel cut down to what the reader may use, in the month told.

    Returns:
        index USCC; ``output_growth``, ``export_growth`` and ``trade_growth`` since January (fractions),
        ``output_scale`` (千元 a year), ``output_per_head`` (千元 a year and person), ``innovation`` (share of the
        register's three marks, of firms on the register). NaN where there is no figure.
    """
    newest = _newest(view, rules.recent_months, "self_report.output_ytd")
    own = [at for at, entry in enumerate(rules.figures) if entry.source == "self_report"]
    found = yearly(view, rules)
    scale = np.where(np.isin(found.which, own), found.figure, np.nan)
    marks = np.mean([view.flag(name) for name in _INNOVATION], axis=0)
    trade = [view.year_to_date("customs.trade_rmb", shift)[:, 0] for shift in (0, 12)]
    table = pd.DataFrame(
        {
            "output_growth": _growth(newest, "output"), "output_scale": scale,
            "output_per_head": _ratio(scale, newest.take("self_report.employees")),
            "export_growth": _growth(newest, "export"), "trade_growth": _ratio(*trade) - 1.0, "innovation": marks,
        },
        index=view.panel.firms.index,
    )  # fmt: skip
    return table[view.registered[:, 0]]


def _growth(newest: _Newest, item: str) -> Floats:
    return _ratio(newest.take(f"self_report.{item}_ytd"), newest.take(f"self_report.{item}_ly_ytd")) - 1.0


def _ratio(top: Floats, bottom: Floats) -> Floats:
    found: Floats = np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0)
    return found
