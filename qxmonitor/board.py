"""The receipts board: for every firm, form and month whether the return is here, not expected, late or refused.

For the statistics office alone, whose business it is who has reported. It holds no figure: states, days and files. The
states are the panel's own, so the board and the indicators never disagree; what is ``withheld`` is a matter of readers
and not of receipts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.board import Board, FormSummary, board_xlsx
from qxmonitor.delivery.files import write_private
from qxmonitor.errors import QxError
from qxmonitor.panel import Panel
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.warehouse import Warehouse, asof, sql
from qxmonitor.warehouse.panel import read_panel

TABLES = {
    "b204_1": "output_return", "b203": "finance_return", "self_report": "self_report",
    "customs_monthly": "trade_line", "bonded_inv101": "bonded_line",
}  # fmt: skip
"""Forms a firm answers for and the table of their rows; a sheet of the whole town is nobody's to be late with."""

COLUMNS = ["entity", "name", "form", "period", "state", "due", "since", "file"]
_WORDS = np.array([state.word for state in DatumState])


def rows(wh: Warehouse, periods: Sequence[Period], *, known_at: datetime | None = None) -> pd.DataFrame:
    """One row a firm, form and month.

    Args:
        wh: an open warehouse.
        periods: the months, consecutive and ascending.
        known_at: as known then; lateness is judged by that moment.

    Returns:
        :data:`COLUMNS`: ``due`` is the day by whose end the return is due (None where none is expected in the month),
        ``since`` the arrival of the newest file of a value, or the moment from which a late one is late.
    """
    recorded_at = wh.newest_recorded()
    panel = read_panel(wh, periods[-1], months=len(periods), known_at=known_at, recorded_at=recorded_at)
    here = _arrivals(wh, periods, known_at, recorded_at)
    return _laid_out(panel, here)


def _laid_out(panel: Panel, here: pd.DataFrame) -> pd.DataFrame:
    """The panel's states as rows, each with its days and file."""
    firms, months = panel.firms, panel.months
    count = len(firms)
    parts = []
    for form in TABLES:
        states = panel.states[form]
        calendar = release_calendar().feed(form)
        dues = pd.Series([calendar.due(p) if calendar.returns_in(p) else None for p in months])
        late_since = pd.to_datetime(dues, utc=True)
        days = [calendar.due_date(p).isoformat() if calendar.returns_in(p) else None for p in months]
        parts.append(
            pd.DataFrame(
                {
                    "entity": np.tile(firms.index.to_numpy(object), len(months)),
                    "name": np.tile(firms["name"].to_numpy(object), len(months)),
                    "form": form,
                    "period": np.repeat(np.array(months, dtype=object), count),
                    "state": _WORDS[states.T.ravel()],
                    "due": np.repeat(np.array(days, dtype=object), count),
                    "late_since": late_since.repeat(count).to_numpy(),
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True).astype({"period": "str"})
    frame = frame.merge(here, on=["entity", "form", "period"], how="left", validate="m:1")
    arrived = frame["since"].where(frame["state"] == DatumState.VALUE.word)
    late = pd.to_datetime(frame["late_since"], utc=True).where(frame["state"] == DatumState.LATE.word)
    since = arrived.fillna(late).dt.tz_convert(SHANGHAI)
    file = frame["file"].where(frame["state"] == DatumState.VALUE.word)
    return frame.assign(since=since, file=file)[COLUMNS]


def _arrivals(
    wh: Warehouse, periods: Sequence[Period], known_at: datetime | None, recorded_at: datetime | None
) -> pd.DataFrame:
    """Entity, form and period of what is here, with the newest file's arrival and path."""
    paths = wh.frame(sql.query("file_paths")).set_index("file_id")["file"]
    parts = []
    for form, table in TABLES.items():
        found = asof.read(wh, table, first=periods[0], last=periods[-1], known_at=known_at, recorded_at=recorded_at)
        newest = found.sort_values(["known_at", "file_id"]).drop_duplicates(["entity", "period"], keep="last")
        parts.append(newest[["entity", "period", "known_at", "file_id"]].assign(form=form))
    here = pd.concat(parts, ignore_index=True)
    here = here.assign(file=here["file_id"].map(paths), since=pd.to_datetime(here["known_at"], utc=True))
    return here[["entity", "form", "period", "since", "file"]]


def write(wh: Warehouse, period: Period, out: Path, *, known_at: datetime | None = None) -> dict[str, Any]:
    """Write one month's board as a workbook: a row a firm, a column a form, a summary on top.

    Args:
        wh: an open warehouse.
        period: the month.
        out: the file, ``.xlsx``; replaced if it is there.
        known_at: as known then.

    Returns:
        path, period, firms, and how many returns are late or failed.

    Raises:
        QxError: another suffix, no such folder, or no firm is registered.
    """
    if out.suffix.lower() != ".xlsx":
        raise QxError("看板只写 .xlsx 文件")
    if not out.parent.is_dir():
        raise QxError(f"文件夹不存在：{out.parent}")
    found = rows(wh, [period], known_at=known_at)
    if found.empty:
        raise QxError("名录中还没有企业，无法列出看板")
    chain = asof.read(wh, "register_entry", known_at=known_at).set_index("subject")["chain"]
    names = asof.read(wh, "chain_node", known_at=known_at).drop_duplicates("chain").set_index("chain")["chain_name"]
    chain = chain.map(names).fillna(chain)
    content = board_xlsx(_board(found, chain, period, known_at or wh.settings.now(), _simulated(wh)))
    write_private(out, content)
    state = found["state"]
    return {
        "path": str(out), "period": str(period), "firms": int(found["entity"].nunique()),
        "late": int((state == DatumState.LATE.word).sum()), "failed": int((state == DatumState.FAILED.word).sum()),
    }  # fmt: skip


def _simulated(wh: Warehouse) -> bool:
    origin = wh.arrow(sql.query("origin")).to_pylist()
    return bool(origin) and origin[0]["value"] == "simulated"


def _board(found: pd.DataFrame, chains: pd.Series, period: Period, at: datetime, simulated: bool) -> Board:
    """What the workbook shows; firms with most trouble first, then by name."""
    forms = list(dict.fromkeys(found["form"]))
    by_form = [found[found["form"] == form] for form in forms]  # each with all firms, in one order
    firms = by_form[0].set_index("entity")["name"]
    state = np.stack([part["state"].to_numpy(str) for part in by_form], axis=1)
    since = np.stack([part["since"].to_numpy(object) for part in by_form], axis=1)
    trouble = np.isin(state, [DatumState.LATE.word, DatumState.FAILED.word]).sum(axis=1)
    expected = (state != DatumState.EXPECTED_ABSENT.word).any(axis=1)
    order = np.lexsort([firms.to_numpy(str), ~expected, -trouble])
    chain = chains.reindex(firms.index).fillna("")
    calendar = release_calendar()
    codes = np.select([state == kind.word for kind in DatumState], list(DatumState)).astype(np.uint8)
    return Board(
        period=period,
        at=at.astimezone(SHANGHAI),
        simulated=simulated,
        forms=tuple(
            FormSummary(
                name=calendar.feed(form).name,
                due=calendar.feed(form).due_date(period) if calendar.feed(form).returns_in(period) else None,
                by_firm=calendar.feed(form).family == "statistics",
                open_=calendar.feed(form).due(period) > at,
                counts=tuple(int((codes[:, place] == kind).sum()) for kind in DatumState),
            )
            for place, form in enumerate(forms)
        ),
        firms=tuple(zip(firms.index[order], firms.iloc[order], chain.iloc[order], strict=True)),
        states=codes[order],
        since=since[order],
    )
