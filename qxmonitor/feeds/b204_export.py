"""Form 2: B204-1 工业产销总值及主要产品产量 as the reporting platform exports it, one firm a row, monthly.

Columns of this year's and last year's month and 1—本月; no January, February without a month of its own. Sheets of
classes and products in the same workbook are read with it (:mod:`qxmonitor.feeds.b204_detail`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qxmonitor.errors import Refused
from qxmonitor.feeds import b204_detail, platform
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.grid import gather

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED, FORM = "b204_1", "export"


def matches(opened: Opened) -> bool:
    """Whether a sheet's header names firms and items of B204-1."""
    return platform.matches(opened, FEED)


def read(opened: Opened) -> Batch:
    """Read the export.

    Raises:
        Refused: see :func:`qxmonitor.feeds.platform.read`.
    """
    totals = platform.read(opened, FEED, FORM)
    return _together(totals, b204_detail.read(opened)) if b204_detail.has_list(opened) else totals


def _together(totals: Batch, details: Batch) -> Batch:
    """One file's totals and details as one batch.

    Raises:
        Refused: simulated and real firms in one file.
    """
    origins = {batch.origin for batch in (totals, details)} - {None}
    if len(origins) > 1:
        raise Refused("文件里既有模拟企业又有真实企业，整份不收")
    both = (totals, details)
    unread = [{note for note in batch.notes if note.endswith("未读取")} for batch in both]
    notes = [note for batch in both for note in batch.notes if not note.endswith("未读取")]
    return replace(
        totals,
        period=totals.period or details.period,
        tables=totals.tables | details.tables,
        lines=gather([batch.lines for batch in both], ["sheet", "row"]),
        rejects=gather([batch.rejects for batch in both], REJECT_COLUMNS),
        control=gather([batch.control for batch in both], ["sheet", "row", "text"]),
        cells=totals.cells | details.cells,
        factors=totals.factors | details.factors,
        origin=next(iter(origins), None),
        notes=[*dict.fromkeys(notes), *sorted(unread[0] & unread[1])],
    )
