"""Fills the :class:`~qxmonitor.panel.Panel`: as-of reads through Arrow into dense arrays, no step per firm.

States: a cell with an accepted row is VALUE; without one it is LATE when a return was expected of this firm, was due by
the as-of time and is not here, else EXPECTED_ABSENT. For customs and bonded files nobody expects every firm in every
month: a missing firm is absent once the month has brought anything at all, and late only while it has brought nothing.
A cell is FAILED when a row of it is here but was refused, and none was accepted, whoever was expected.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from adbc_driver_postgresql import dbapi

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.release import release_calendar
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.period import months as months_between
from qxmonitor.warehouse import sheets, sql
from qxmonitor.warehouse.asof import frozen, rows
from qxmonitor.warehouse.bonded import border_lists
from qxmonitor.warehouse.core import FOREVER, Warehouse, fetch

Grid = npt.NDArray[np.bool_]

FLAGS = (
    "above_scale", "hightech_firm", "advanced_mfg", "hightech_mfg", "specialised", "doubling", "listed",
    "rd_institution", "key_firm",
)  # fmt: skip
_FIRM_COLUMNS = ["name", "group", "chain", "node", "industry", "ownership", *FLAGS, "since", "until", "leader"]
_SOURCES = {"output_return": "returns", "finance_return": "returns", "self_report": "self_report"}
_FORMS = {"output_return": "b204_1", "finance_return": "b203", "self_report": "self_report"}
_WIDEST = "finance_return"
_HEAD = {"entity", "known_at", "file_id", "sheet", "row", "subject", "period"}
_OUTPUT_ITEM = "output"


def read_panel(
    wh: Warehouse,
    last: Period,
    *,
    months: int,
    known_at: datetime | None = None,
    recorded_at: datetime | None = None,
) -> Panel:
    """The panel of all sources for the months up to ``last``.

    Args:
        wh: an open warehouse.
        last: the last month.
        months: how many months, ``last`` included.
        known_at: as known then; None is newest, and judges lateness by the settings' clock.
        recorded_at: as recorded then; None is newest. Freeze with :meth:`Warehouse.newest_recorded`.
    """
    columns = months_between(last - (months - 1), last)
    window = (columns[0], last, known_at, recorded_at)
    times = (known_at or FOREVER, recorded_at or FOREVER)
    spans = (*times, str(columns[0]), str(last))

    with wh.adbc() as connection, wh.adbc() as another, ThreadPoolExecutor(1) as beside:
        frozen(connection)
        frozen(another, like=connection)
        # The two returns are most of what is read: one is read beside all the rest, in the same state of the database.
        wider = beside.submit(lambda: fetch(another, _single(another, _WIDEST), *spans))
        register = rows(connection, "register_entry", *window)
        granted = rows(connection, "authorisation", *window)
        wide = {form: fetch(connection, _single(connection, form), *spans) for form in _FORMS if form != _WIDEST}
        sums = {
            "bonded": ("bonded_inv101", fetch(connection, sql.query("panel_bonded"), *spans, *border_lists())),
            "power": ("power", fetch(connection, sql.query("panel_power"), *spans)),
        }
        lines = fetch(connection, sql.query("panel_trade"), *spans)
        stock = fetch(connection, sql.query("bonded_stock_lines"), *spans).to_pandas()
        invested = rows(connection, "investment_project", *window)
        published = rows(connection, "published_trade", *window)
        downloads = fetch(connection, sql.query("panel_downloads"), *spans)
        told, visited = (rows(connection, table, *window) for table in ("task_progress", "visit"))
        listed = fetch(connection, sql.query("panel_detail"), *spans)
        refused = fetch(connection, sql.query("panel_failed"), *spans)
        here = fetch(connection, sql.query("panel_months_here"), *times).to_pandas()
        parameters = rows(connection, "monthly_parameter", *window).to_pandas()
        chains = rows(connection, "chain_node", *window).to_pandas()
        reference = rows(connection, "reference_point", *window).to_pandas()
        origin = fetch(connection, sql.query("origin")).to_pylist()
        firms = _firms(register)
        axes = Axes(firms.index, columns, known_at or wh.settings.now())
        values: dict[str, npt.NDArray[np.float64]] = {}
        yearly = sheets.rd(axes, connection, times, values)
        wide[_WIDEST] = wider.result()

    states: dict[str, npt.NDArray[np.uint8]] = {}
    in_scope = axes.span(firms["since"], firms["until"]) & firms["above_scale"].to_numpy(bool)[:, None]
    any_grant, authorised = _grants(granted, axes)
    for table, form in _FORMS.items():
        found = axes.fill(wide[table], _SOURCES[table], values)
        states[form] = axes.states(form, found, any_grant if form == "self_report" else in_scope, refused)
    found, trade = sheets.trade(axes, lines, values)
    laid = {"customs_monthly": found, "bonded_stock": sheets.stock(axes, stock, values)}
    laid |= {form: axes.fill(table, source, values) for source, (form, table) in sums.items()}
    for form, found in laid.items():
        states[form] = axes.states(form, found, in_scope & ~axes.arrived(form, here), refused)
    states["investment"] = sheets.sheet_states(axes, axes.arrived("investment", here), axes.due("investment"))
    for form in ("tasks", "visits"):  # nobody is late with what a town does not keep
        arrived = axes.arrived(form, here)
        states[form] = sheets.sheet_states(axes, arrived, axes.due(form) & arrived.any())
    states["rd_yearly"] = np.where(yearly, DatumState.VALUE, DatumState.EXPECTED_ABSENT).astype(np.uint8)
    return Panel(
        months=columns,
        firms=firms,
        values=values,
        states=states,
        authorised=authorised,
        reference=reference[["series", "name", "frequency", "unit", "source", "period", "value"]],
        chains=chains[["chain", "chain_name", "node", "node_name", "upstream"]],
        known_at=axes.now,
        simulated=bool(origin) and origin[0]["value"] == "simulated",
        parameters=parameters[["period", "parameter", "scope", "value"]],
        trade=trade,
        projects=sheets.projects(invested, columns, firms["group"]),
        tasks=sheets.tasks(told, columns),
        detail=sheets.detail(listed, columns),
        visits=sheets.visits(visited, columns, firms["group"]),
        published=sheets.published(published, downloads, columns),
    )


def _single(connection: dbapi.Connection, table: str) -> str:
    """The as-of query of a return's measures alone."""
    measures = [name for name in connection.adbc_get_table_schema(table).names if name not in _HEAD]
    return sql.query("panel_single", table=table, columns=", ".join(measures))


def _firms(register: pa.Table) -> pd.DataFrame:
    """Registered firms by USCC; a firm without a group is its own."""
    frame: pd.DataFrame = register.to_pandas().set_index("subject").sort_index().rename_axis("uscc")
    own = pd.Series(frame.index, frame.index, dtype=frame["name"].dtype)
    group = frame["group_name"].where(frame["group_name"].fillna("") != "", own)
    frame = frame.assign(group=group, chain=frame["chain"].fillna(""), node=frame["node"].fillna(""))
    return frame[_FIRM_COLUMNS].astype(dict.fromkeys(FLAGS, bool))


def _grants(granted: pa.Table, axes: Axes) -> tuple[Grid, Grid]:
    """Where a firm's authorisation covers a month: for any item, and for output."""
    anything, output = np.zeros(axes.shape, bool), np.zeros(axes.shape, bool)
    frame = granted.to_pandas()
    codes = axes.codes(granted["subject"])
    covers = axes.span(frame["since"], frame["until"])
    known = codes >= 0
    named = frame["items"].fillna("").astype(str).str.split("、").explode() == _OUTPUT_ITEM
    has_output = named.groupby(level=0).any().reindex(frame.index, fill_value=False).to_numpy(bool)
    np.logical_or.at(anything, codes[known], covers[known])
    np.logical_or.at(output, codes[known & has_output], covers[known & has_output])
    return anything, output


class Axes:
    """The panel's rows and columns, and what can be laid out on them."""

    def __init__(self, firms: pd.Index, columns: tuple[Period, ...], now: datetime) -> None:
        self.columns, self.now = columns, now
        self.shape = (len(firms), len(columns))
        self._firms = pa.array(firms.to_numpy(object), pa.string())
        self._months = pa.array([str(period) for period in columns], pa.string())

    def months(self, periods: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Column number of each month, −1 for one that is not on the panel."""
        return _positions(periods, self._months)

    def arrived(self, form: str, here: pd.DataFrame) -> npt.NDArray[np.bool_]:
        """(months,): whether a feed has brought anything of the month; ``here``: form and period of what it has."""
        mine = here.loc[here["form"] == form, "period"].to_numpy(str)
        return np.isin(np.array(self.columns, dtype=str), mine)

    def due(self, form: str) -> npt.NDArray[np.bool_]:
        """(months,): whether the calendar wants the form for the month, and by now."""
        calendar = release_calendar().feed(form)
        return np.array([calendar.returns_in(p) and calendar.due(p) <= self.now for p in self.columns], bool)

    def codes(self, entities: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Row number of each firm, −1 for one that is not on the panel."""
        return _positions(entities, self._firms)

    def span(self, since: pd.Series, until: pd.Series) -> Grid:
        """(rows, months): whether each month lies between since and until, both included; null is open."""
        months = np.array([period.ordinal for period in self.columns])
        first = _ordinals(since).fillna(-np.inf).to_numpy(np.float64)
        last = _ordinals(until).fillna(np.inf).to_numpy(np.float64)
        return (first[:, None] <= months) & (months <= last[:, None])

    def fill(self, table: pa.Table, source: str, values: dict[str, npt.NDArray[np.float64]]) -> Grid:
        """Lay a table of one row per entity and period out as arrays; returns where there was a row.

        A measure that nobody told is one NaN seen from everywhere, which takes no memory.
        """
        codes = self.codes(table["entity"])
        months = self.months(table["period"])
        there = (codes >= 0) & (months >= 0)
        place = (codes[there], months[there])
        for name in table.column_names:
            if name not in _HEAD:
                told = table[name].to_numpy().astype(np.float64)[there]
                grid = np.broadcast_to(np.nan, self.shape)
                if np.isfinite(told).any():
                    grid = np.full(self.shape, np.nan)
                    grid[place] = told
                values[f"{source}.{name}"] = grid
        found = np.zeros(self.shape, bool)
        found[place] = True
        return found

    def states(self, form: str, found: Grid, expected: Grid, refused: pa.Table) -> npt.NDArray[np.uint8]:
        """The state of each cell of a form; ``refused``: entity, period and form of rows that were."""
        state = np.full(self.shape, DatumState.EXPECTED_ABSENT, np.uint8)
        state[expected & self.due(form)] = DatumState.LATE
        mine = refused.filter(pc.equal(refused["form"], form))
        codes, months = self.codes(mine["entity"]), self.months(mine["period"])
        there = (codes >= 0) & (months >= 0)
        state[codes[there], months[there]] = DatumState.FAILED
        state[found] = DatumState.VALUE
        return state


def _positions(keys: pa.ChunkedArray, among: pa.Array) -> npt.NDArray[np.int64]:
    found = pc.index_in(keys.cast(pa.string()), value_set=among)
    return np.asarray(pc.fill_null(found, -1), dtype=np.int64)


def _ordinals(periods: pd.Series) -> pd.Series:
    """Months since year 0 of ``YYYY-MM`` texts; null stays null."""
    text = periods.astype("str")
    year = pd.to_numeric(text.str.slice(0, 4), errors="coerce")
    return year * 12 + pd.to_numeric(text.str.slice(5, 7), errors="coerce") - 1
