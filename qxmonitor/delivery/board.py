"""The receipts board as a workbook for the statistics office: a summary per form, then a row per firm.

Colours repeat what the words say, so that a black-and-white print loses nothing. Texts are written as texts whatever
they begin with.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xlsxwriter

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.office import office
from qxmonitor.delivery.xlsx import OPTIONS
from qxmonitor.period import Period

WORDS = {
    DatumState.VALUE: "已报", DatumState.EXPECTED_ABSENT: "不需报", DatumState.LATE: "逾期未报",
    DatumState.WITHHELD: "不展示", DatumState.FAILED: "退回待改",
}  # fmt: skip
NOT_DUE = "未到期"
"""Said of what is missing while the form is not due."""
_COLOURS = {
    DatumState.VALUE: ("#E2EFDA", "#375623"),
    DatumState.EXPECTED_ABSENT: ("#F2F2F2", "#7F7F7F"),
    DatumState.LATE: ("#FCE4D6", "#C00000"),
    DatumState.WITHHELD: ("#EDEDED", "#595959"),
    DatumState.FAILED: ("#FFF2CC", "#7F6000"),
}
_HEAD = ("序号", "统一社会信用代码", "企业名称", "产业链")
_SUMMARY = ("报表", "报送期限", "应报（家）", "已报（家）", "逾期未报（家）", "退回待改（家）", "上报率")


@dataclass(frozen=True)
class FormSummary:
    """One form of the month.

    Attributes:
        name: what the calendar calls it.
        due: its due day, None for a month without a return.
        by_firm: whether each firm owes one; of customs and bonded files nobody knows who should be in them.
        open_: whether returns of the month are not due yet, so that a missing one is no remark.
        counts: firms in each of the five states, in their order.
    """

    name: str
    due: date | None
    by_firm: bool
    open_: bool
    counts: tuple[int, ...]

    @property
    def expected(self) -> int:
        """Firms of which a return is, or would be, wanted by now."""
        return sum(self.counts) - self.counts[DatumState.EXPECTED_ABSENT]


@dataclass(frozen=True)
class Board:
    """What the workbook shows.

    Attributes:
        period: the month.
        at: as known at this moment.
        simulated: whether the firms are.
        forms: k forms.
        firms: n × (code, name, chain).
        states: (n, k) :class:`~qxmonitor.calendar.DatumState` codes.
        since: (n, k) arrival, or the moment from which a late return is late.
    """

    period: Period
    at: datetime
    simulated: bool
    forms: tuple[FormSummary, ...]
    firms: tuple[tuple[str, str, str], ...]
    states: npt.NDArray[np.uint8]
    since: npt.NDArray[np.object_]


def board_xlsx(board: Board) -> bytes:
    """The board as .xlsx; the same board gives the same bytes."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, OPTIONS)
    title = f"{office().town}企业报表收表情况（{board.period.label}）"
    book.set_properties(
        {"title": title, "author": office().issuer, "created": board.at.replace(tzinfo=None, microsecond=0)}
    )
    base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
    grid = base | {"border": 1, "border_color": "#BFBFBF"}
    formats = {
        "title": book.add_format(base | {"bold": True, "font_size": 14}),
        "note": book.add_format(base | {"font_color": "#595959"}),
        "head": book.add_format(grid | {"bold": True, "text_wrap": True, "align": "center", "bg_color": "#DDE6F0"}),
        "text": book.add_format(grid),
        "middle": book.add_format(grid | {"align": "center"}),
        "share": book.add_format(grid | {"align": "center", "num_format": "0.0%"}),
    }
    marks = [
        book.add_format(grid | {"align": "center", "bg_color": _COLOURS[state][0], "font_color": _COLOURS[state][1]})
        for state in DatumState
    ]
    page = book.add_worksheet(f"{board.period} 收表情况")
    page.write_string(0, 0, title, formats["title"])
    mark = f"　{office().simulated_label}" if board.simulated else ""
    page.write_string(1, 0, f"截至 {board.at:%Y年%m月%d日 %H:%M}　限统计渠道内使用{mark}", formats["note"])
    first = _summary(page, board, formats, marks)
    _firms(page, board, formats, marks, first)
    page.freeze_panes(first + 1, 3)
    page.set_paper(9)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(first)
    book.close()
    return out.getvalue()


def _summary(page: Any, board: Board, formats: dict[str, Any], marks: list[Any]) -> int:
    """The summary per form; returns the row of the table's head below it."""
    # It stands in the columns of the table below: the name over 信用代码, the figures over 名称 and the forms.
    for place, text in enumerate(_SUMMARY, start=1):
        page.write_string(3, place, text, formats["head"])
    row = 4
    for form in board.forms:
        counts = form.counts
        page.write_string(row, 1, form.name, formats["text"])
        due = f"{form.due:%Y年%m月%d日}" if form.due else "本月不需报"
        page.write_string(row, 2, due, formats["middle"])
        settled = form.due is not None and form.by_firm and not form.open_ and form.expected
        if settled:
            page.write_number(row, 3, form.expected, formats["middle"])
            page.write_number(row, 7, counts[DatumState.VALUE] / form.expected, formats["share"])
        else:
            page.write_string(row, 3, NOT_DUE if form.due and form.open_ else "—", formats["middle"])
            page.write_string(row, 7, "—", formats["middle"])
        for place, state in ((4, DatumState.VALUE), (5, DatumState.LATE), (6, DatumState.FAILED)):
            page.write_number(row, place, counts[state], marks[state] if counts[state] else formats["middle"])
        row += 1
    return row + 1


def _firms(page: Any, board: Board, formats: dict[str, Any], marks: list[Any], head: int) -> None:
    names = [*_HEAD, *(form.name for form in board.forms)]
    for place, text in enumerate(names):
        page.write_string(head, place, text, formats["head"])
    page.set_row(head, 32)
    for row, (firm, states, since) in enumerate(
        zip(board.firms, board.states.tolist(), board.since.tolist(), strict=True), start=head + 1
    ):
        page.write_number(row, 0, row - head, formats["middle"])
        for place, text in enumerate(firm, start=1):
            page.write_string(row, place, text, formats["text"])
        for place, (state, moment) in enumerate(zip(states, since, strict=True), start=len(_HEAD)):
            form = board.forms[place - len(_HEAD)]
            page.write_string(row, place, _words(form, DatumState(state), moment), marks[state])
    page.autofilter(head, 0, head + len(board.firms), len(names) - 1)
    for place, width in enumerate((6, 23, 34, 12, *(17 for _ in board.forms))):
        page.set_column(place, place, width)


def _words(form: FormSummary, state: DatumState, moment: datetime | None) -> str:
    """``已报 11月12日``; a late return's day is the first on which it was late."""
    if state is DatumState.EXPECTED_ABSENT and form.due is not None and form.open_:
        return NOT_DUE
    if pd.isna(moment) or state not in (DatumState.VALUE, DatumState.LATE):
        return WORDS[state]
    return f"{WORDS[state]} {moment.month}月{moment.day}日" + ("起" if state is DatumState.LATE else "")
