"""A panel looked at for the months asked: every formula reads firms × asked months arrays through it.

Months outside the panel read as NaN, so a formula never has to know how far back the panel goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.release import FeedCalendar, release_calendar
from qxmonitor.errors import QxError
from qxmonitor.panel import Panel
from qxmonitor.period import Period

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.intp]

PER_FIRM = frozenset({"b204_1", "b203", "self_report", "rd_yearly"})
"""Forms every firm in scope owes; the others come for the whole town, and a firm without a line did nothing."""

_SHEETS = {"customs_monthly": "customs.", "bonded_inv101": "bonded.", "bonded_stock": "stock.", "power": "power."}


class View:
    """n firms × q asked months of a panel.

    Args:
        panel: what is known.
        periods: the months asked, each within the panel; sorted and made unique.

    Raises:
        QxError: a month asked lies outside the panel.
    """

    def __init__(self, panel: Panel, periods: Sequence[Period]) -> None:
        self.panel = panel
        self.periods = tuple(sorted({Period(p) for p in periods}))
        position = {month: index for index, month in enumerate(panel.months)}
        outside = [p for p in self.periods if p not in position]
        if outside:
            raise QxError(f"所求月份不在已读数据的月份范围内：{'、'.join(outside)}")
        self.columns = np.array([position[p] for p in self.periods], dtype=np.intp)
        self.n, self.q = len(panel.firms), len(self.periods)
        self.month = np.array([p.month for p in self.periods], dtype=np.intp)
        self.january, self.february = self.month == 1, self.month == 2
        self._taken: dict[tuple[str, tuple[int, ...]], Floats] = {}
        self._year_to_date: dict[str, Floats] = {}
        self._expected: dict[str, Bools] = {}
        self.memo: dict[tuple[str, ...], Any] = {}
        self.earliest = self.columns.copy()
        """The first column of the panel looked at for each asked month so far, (q,); below 0 lies before the panel."""

    def at(self, periods: Sequence[Period]) -> View:
        """The same panel looked at for other months; a trace listens there as well."""
        return View(self.panel, periods)

    # -- figures ---------------------------------------------------------------------------------------------

    def take(self, name: str, shift: int = 0) -> Floats:
        """A measure ``shift`` months before each asked month, (n, q); do not write into it."""
        return self._pick(name, self.panel.values.get(name), self.columns - shift)

    def december(self, name: str) -> Floats:
        """A measure at the end of the year before each asked month, (n, q)."""
        return self._pick(name, self.panel.values.get(name), self.columns - self.month)

    def year_to_date(self, name: str, shift: int = 0) -> Floats:
        """Sum of a sheet's measure from January, ``shift`` months before each asked month, (n, q).

        NaN for everybody when any month from January on has not arrived or lies before the panel; a firm
        without a line in an arrived month adds nothing, and one without any line is NaN.
        """
        if name not in self._year_to_date:
            self._year_to_date[name] = self._accumulate(name)
        return self._pick("ytd:" + name, self._year_to_date[name], self.columns - shift)

    def arrived(self, form: str, shift: int = 0) -> Bools:
        """Whether the sheet of a month ``shift`` before each asked one is here at all, (q,)."""
        self._look_back(self.columns - shift)
        return self._column(self._arrived(form), self.columns - shift)

    def _accumulate(self, name: str) -> Floats:
        values = self._measure(name)
        return self.accumulate(values, next(form for form, stem in _SHEETS.items() if name.startswith(stem)))

    def accumulate(self, values: Floats, form: str) -> Floats:
        """Sums from January of any rows over the whole panel, (r, m) → (r, m); NaN as in :meth:`year_to_date`."""
        arrived = self._arrived(form)
        total = np.full(values.shape, np.nan)
        complete = False
        for j, month in enumerate(self.panel.months):
            first = month.month == 1
            complete = bool(arrived[j]) and (first or complete)
            if complete:
                before = np.full(len(values), np.nan) if first else total[:, j - 1]
                both = np.nan_to_num(before) + np.nan_to_num(values[:, j])
                total[:, j] = np.where(np.isnan(before) & np.isnan(values[:, j]), np.nan, both)
        return total

    def pick(self, values: Floats, shift: int = 0) -> Floats:
        """The asked months (or those ``shift`` before) of any rows over the whole panel, (r, m) → (r, q).

        They may be sums of a year up to the month.
        """
        columns = self.columns - shift
        self._look_back(columns, year=True)
        taken = values[:, np.maximum(columns, 0)]
        taken[:, columns < 0] = np.nan
        return taken

    def note(self, name: str, shift: int = 0) -> None:
        """Say that a sheet's lines of the year up to the asked months are looked at; a trace listens."""

    def _arrived(self, form: str) -> Bools:
        """Months of the panel of which a sheet has brought anything, (m,); worked out once."""
        if ("arrived", form) not in self.memo:
            self.memo["arrived", form] = self._look_whether_arrived(form)
        found: Bools = self.memo["arrived", form]
        return found

    def _look_whether_arrived(self, form: str) -> Bools:
        here = np.zeros(len(self.panel.months), dtype=bool)
        for name, values in self.panel.values.items():
            if form in _SHEETS and name.startswith(_SHEETS[form]):
                here |= np.isfinite(values).any(axis=0)
        if form in self.panel.states:
            here |= (self.panel.states[form] == DatumState.VALUE).any(axis=0)
        return here

    def _measure(self, name: str) -> Floats:
        """A measure over the whole panel; derived flows are added up line by line."""
        if name.startswith("customs.trade_"):
            currency = name.removeprefix("customs.trade_")
            parts = np.stack([self._measure(f"customs.import_{currency}"), self._measure(f"customs.export_{currency}")])
            return np.where(np.isnan(parts).all(axis=0), np.nan, np.nan_to_num(parts).sum(axis=0))
        empty = np.full((self.n, len(self.panel.months)), np.nan)
        return self.panel.values.get(name, empty)

    def _pick(self, name: str, values: Floats | None, columns: npt.NDArray[np.intp]) -> Floats:
        self._look_back(columns, year=name.startswith("ytd:"))
        key = (name, tuple(columns.tolist()))
        if key not in self._taken:
            whole = self._measure(name) if values is None else values
            taken = whole[:, np.maximum(columns, 0)].astype(np.float64)
            taken[:, columns < 0] = np.nan
            taken[~np.isfinite(taken)] = np.nan
            self._taken[key] = taken
        return self._taken[key]

    def _look_back(self, columns: npt.NDArray[np.intp], *, year: bool = False) -> None:
        """Note that columns are looked at, with ``year`` those from January on as well."""
        since_january = (self.panel.months[0].month - 1 + columns) % 12 if year else 0
        self.earliest = np.minimum(self.earliest, columns - since_january)

    @staticmethod
    def _column(values: Bools, columns: npt.NDArray[np.intp]) -> Bools:
        return np.where(columns >= 0, values[np.maximum(columns, 0)], False)

    # -- who is in scope, and what state the forms are in ------------------------------------------------------

    def flag(self, name: str) -> Bools:
        """A yes/no column of the register, (n,)."""
        if name not in self.panel.firms:
            return np.zeros(self.n, dtype=bool)
        return self.panel.firms[name].fillna(value=False).to_numpy(dtype=bool)

    @cached_property
    def registered(self) -> Bools:
        """The firm is on the register in the month, (n, q)."""
        return self.panel.registered[:, self.columns]

    @cached_property
    def authorised(self) -> Bools:
        """Readers already see the firm's own output by name, (n, q)."""
        return self.panel.authorised[:, self.columns]

    def state(self, form: str) -> Bytes:
        """The state of the form, (n, q); a form the panel does not hold is expected-absent everywhere."""
        if form not in self.panel.states:
            return np.full((self.n, self.q), DatumState.EXPECTED_ABSENT, dtype=np.uint8)
        return self.panel.states[form][:, self.columns]

    def in_scope(self, form: str) -> Bools:
        """The firm owes this form at all in the month, whatever the calendar says, (n, q)."""
        if form == "self_report":
            return self.authorised
        if form in PER_FIRM:
            return self.registered & self.flag("above_scale")[:, None]
        return np.zeros((self.n, self.q), dtype=bool)

    def expected(self, form: str) -> Bools:
        """The denominator of coverage: the form is here, late or refused, or owed and not yet due, (n, q)."""
        if form not in self._expected:
            calendar = _calendar(form)
            owed = np.array([calendar is None or calendar.returns_in(p) for p in self.periods], dtype=bool)
            present = self.state(form) != DatumState.EXPECTED_ABSENT
            self._expected[form] = present | (self.in_scope(form) & owed[None, :])
        return self._expected[form]

    def calendar_empty(self, form: str, basis: str) -> Bools:
        """Months in which the calendar gives an indicator of this basis no figure at all, (q,)."""
        calendar = _calendar(form)
        if basis == "growth":
            silent = [calendar is not None and not calendar.returns_in(p) for p in self.periods]
            no_growth: Bools = np.array(silent, dtype=bool) | self.january
            return no_growth
        if calendar is None or basis == "stock":
            return np.zeros(self.q, dtype=bool)
        has = calendar.month_column_in if basis == "month" else calendar.returns_in
        return np.array([not has(p) for p in self.periods], dtype=bool)


def chain_codes(firms: pd.DataFrame) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Each firm's chain as a code into sorted chain ids; firms of no chain are ``other``."""
    names = firms["chain"].astype(object)
    names = names.where(names.notna() & (names != ""), "other").astype(str)
    codes, labels = pd.factorize(names, sort=True)
    return codes.astype(np.intp), [str(label) for label in labels]


def group_codes(firms: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Each firm's group as a code: legal entities of one group share it, a firm of no group is its own."""
    own = pd.Series(firms.index, index=firms.index, dtype=object)
    names = firms["group"].astype(object)
    names = names.where(names.notna() & (names != ""), own).astype(str)
    codes, _ = pd.factorize(names, sort=True)
    return codes.astype(np.intp)


def _calendar(form: str) -> FeedCalendar | None:
    try:
        return release_calendar().feed(form)
    except KeyError:
        return None
