"""The one shape indicators see: dense firms × months arrays for one as-of time.

Pure data, no database: the warehouse fills it, indicators and signals only read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.period import Period

TRADE_COLUMNS = ["firm", "month", "flow", "mode", "partner", "chapter", "usd", "rmb"]
PROJECT_COLUMNS = ["month", "thing", "group", "ytd", "ytd_ly", "tech_upgrade"]
TASK_COLUMNS = ["month", "clause", "state", "percent"]
VISIT_COLUMNS = ["month", "group", "appeal", "state"]
PUBLISHED_COLUMNS = ["month", "place", "item", "value", "base", "growth", "told", "known_at"]
DETAIL_COLUMNS = ["month", "kind", "code", "name", "unit", "firms", "ytd", "both_ytd", "both_ly"]


def no_trade() -> pd.DataFrame:
    """A panel's ``trade`` without a line."""
    return pd.DataFrame({name: [] for name in TRADE_COLUMNS}).astype({"firm": np.int64, "month": np.int64})


def no_lines(columns: list[str]) -> pd.DataFrame:
    """Lines of some sheet by month, none of them there."""
    return pd.DataFrame({name: [] for name in columns}).astype({"month": np.int64})


def no_projects() -> pd.DataFrame:
    """A panel's ``projects`` without a project."""
    return no_lines(PROJECT_COLUMNS)


def no_tasks() -> pd.DataFrame:
    """A panel's ``tasks`` without a line."""
    return no_lines(TASK_COLUMNS)


def no_visits() -> pd.DataFrame:
    """A panel's ``visits`` without a line."""
    return no_lines(VISIT_COLUMNS)


def no_detail() -> pd.DataFrame:
    """A panel's ``detail`` without a line."""
    return no_lines(DETAIL_COLUMNS)


def no_published() -> pd.DataFrame:
    """A panel's ``published`` without a figure."""
    return no_lines(PUBLISHED_COLUMNS)


@dataclass(frozen=True)
class Panel:
    """n firms × m months as known at one moment.

    Attributes:
        months: the m columns, consecutive.
        firms: n rows, index = USCC sorted; register columns: name, group (own USCC if none), chain ('' if none),
            node, industry, ownership, the flags (bool), key_firm, since, until, leader.
        values: ``"<source>.<measure>"`` → (n, m), NaN where there is no number: ``returns.output_m`` …,
            ``self_report.output_m`` …, ``customs.import_usd`` …, ``bonded.tickets`` …, ``stock.usd`` …,
            ``power.power_m`` …, and ``rd.rd_expense`` … of the yearly form, in every month of the year after.
        states: per form (``b204_1``, ``b203``, ``self_report``, ``customs_monthly``, ``bonded_inv101``,
            ``bonded_stock``, ``power``, ``investment``, ``rd_yearly``, ``tasks``, ``visits``) the
            :class:`~qxmonitor.calendar.DatumState` codes (n, m); of investment, tasks and visits the same for all
            firms.
        authorised: (n, m), the firm has a valid self-report authorisation for output.
        reference: series, name, frequency, unit, source, period, value.
        chains: chain, chain_name, node, node_name, upstream.
        parameters: period, parameter, scope, value of the months, as handed down from above; None where not read.
        trade: :data:`TRADE_COLUMNS`: the customs sheets added up by firm (row of ``firms``), month (column), flow
            (I, E), supervision mode, partner and HS chapter; dollars and yuan, NaN where a sheet has none.
        projects: :data:`PROJECT_COLUMNS`: investment projects by month (column); group is that of the owner, or what
            is known of it; thousand yuan from January, and of the same months last year.
        tasks: :data:`TASK_COLUMNS`: the plan's tasks as departments report them, a line a task, department and month;
            state ``done``, ``on_track``, ``not_started``, ``behind`` or missing; percent 0–100 or NaN.
        visits: :data:`VISIT_COLUMNS`: visits by month of the visit; group is that of the firm, or what is known of
            it; appeal whether the firm had one, state ``open``, ``working``, ``closed``, ``declined`` or missing.
        detail: :data:`DETAIL_COLUMNS`: output by 4-digit class (kind ``industry``) and by product since January, over
            all firms; money in 千元, quantities in their unit; ``both`` over the firms that have both years.
        published: :data:`PUBLISHED_COLUMNS`: published imports and exports by month, place as printed and item
            (``export_rmb_ytd``); yuan or dollars, ``base`` of last year as restated with it, growth in per cent;
            told by a ``table``, by a ``download`` added up, or by one that is ``short`` of refused lines, since when.
    """

    months: tuple[Period, ...]
    firms: pd.DataFrame
    values: dict[str, npt.NDArray[np.float64]]
    states: dict[str, npt.NDArray[np.uint8]]
    authorised: npt.NDArray[np.bool_]
    reference: pd.DataFrame
    chains: pd.DataFrame
    known_at: datetime
    simulated: bool
    parameters: pd.DataFrame | None = None
    trade: pd.DataFrame = field(default_factory=no_trade)
    projects: pd.DataFrame = field(default_factory=no_projects)
    tasks: pd.DataFrame = field(default_factory=no_tasks)
    visits: pd.DataFrame = field(default_factory=no_visits)
    detail: pd.DataFrame = field(default_factory=no_detail)
    published: pd.DataFrame = field(default_factory=no_published)

    @cached_property
    def registered(self) -> npt.NDArray[np.bool_]:
        """The firm is on the register in the month (since ≤ month ≤ until; blank is open), (n, m)."""
        months = np.array([month.ordinal for month in self.months], dtype=np.float64)
        since = _ordinals(self.firms["since"]).fillna(-np.inf).to_numpy()[:, None] <= months
        until = _ordinals(self.firms["until"]).fillna(np.inf).to_numpy()[:, None] >= months
        both: npt.NDArray[np.bool_] = since & until
        return both

    def window(self, last: Period, months: int) -> Panel:
        """The panel as it would have been read at the same moment up to an earlier month.

        Args:
            last: the last month, within the panel.
            months: how many, ``last`` included; none lies before the panel.

        Raises:
            ValueError: the window does not lie within the panel.
        """
        end = last.ordinal - self.months[0].ordinal + 1
        begin = end - months
        if begin < 0 or end > len(self.months):
            raise ValueError(f"{last} and {months - 1} months before it do not lie within the panel")
        span = slice(begin, end)
        kept, handed = self.months[span], self.parameters
        if handed is not None:
            handed = handed[handed["period"].between(str(kept[0]), str(kept[-1]))].reset_index(drop=True)
        return replace(
            self,
            months=kept,
            values={name: grid[:, span] for name, grid in self.values.items()},
            states={name: grid[:, span] for name, grid in self.states.items()},
            authorised=self.authorised[:, span],
            parameters=handed,
            trade=_within(self.trade, span),
            projects=_within(self.projects, span),
            tasks=_within(self.tasks, span),
            visits=_within(self.visits, span),
            detail=_within(self.detail, span),
            published=_within(self.published, span),
        )


def _ordinals(periods: pd.Series) -> pd.Series:
    """Months as :attr:`Period.ordinal`; NaN for a blank."""
    texts = periods.astype(object)
    texts = texts.where(texts.notna() & (texts != ""), None)
    known = {text: float(Period(str(text)).ordinal) for text in texts.dropna().unique()}
    return texts.map(known).astype(np.float64)


def _within(rows: pd.DataFrame, span: slice) -> pd.DataFrame:
    """Rows whose month (a column number) lies in the span, counted from its beginning."""
    kept = rows[(rows["month"] >= span.start) & (rows["month"] < span.stop)].reset_index(drop=True)
    found: pd.DataFrame = kept.assign(month=kept["month"] - span.start)
    return found
