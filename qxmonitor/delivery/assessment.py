"""The growth ladder and the evaluation of firms as a workbook for one department: ladder, scores, what is said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from math import ceil
from typing import Any

import pandas as pd
import xlsxwriter

from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.docx import len_
from qxmonitor.delivery.xlsx import OPTIONS
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.period import Period

_LADDER = (
    "序号", "统一社会信用代码", "企业名称", "梯队", "状态", "年度数（万元）", "门槛（万元）",
    "差距（万元）", "完成（%）", "来源", "理由",
)  # fmt: skip
_SCORE = ("名次", "名次区间", "统一社会信用代码", "企业名称", "得分", "类别", "已知权重（%）")
_PLACE = ("当期没有企业达到或接近各梯队，或没有可用数据", "当期没有可评分的企业")


@dataclass(frozen=True)
class Sheet:
    """What stands around the tables: for whom, of when, what is to be said, and the components' names."""

    period: Period
    reader: str
    known_at: datetime | None
    mark: str
    notes: tuple[str, ...]
    components: tuple[str, ...]


def assessment_xlsx(sheet: Sheet, steps: pd.DataFrame, scores: pd.DataFrame) -> bytes:
    """Write the workbook; the same rows give the same bytes.

    Args:
        sheet: what stands around the tables.
        steps: as ``assessment.LADDER``; money in 千元.
        scores: as ``assessment.SCORE``, followed by the points of the components.
    """
    out = BytesIO()
    book = xlsxwriter.Workbook(out, OPTIONS)
    made = sheet.known_at or release_calendar().released_at(sheet.period)
    book.set_properties(
        {"title": f"{sheet.reader}企业梯队与评价", "author": office().issuer, "created": made.replace(tzinfo=None)}
    )
    page = _Book(book, sheet)
    page.table("成长梯队", _LADDER, (6, 22, 32, 18, 9, 14, 14, 14, 10, 10, 72), _ladder_rows(steps), _PLACE[0])
    heads = (*_SCORE, *sheet.components, "理由")
    widths = (7, 10, 22, 32, 8, 8, 10, *(9 for _ in sheet.components), 48)
    page.table("综合评价", heads, widths, _score_rows(scores, len(sheet.components)), _PLACE[1])
    page.words("说明")
    book.close()
    return out.getvalue()


def _ladder_rows(steps: pd.DataFrame) -> list[list[Any]]:
    return [
        [at, row["entity"], row["name"], row["step"], row["state"], *(_tenth(row[key]) for key in _MONEY),
         _rounded(100.0 * row["share"]), row["source"] or "—", row["reason"]]
        for at, row in enumerate(steps.to_dict("records"), start=1)
    ]  # fmt: skip


_MONEY = ("figure", "threshold", "gap")


def _score_rows(scores: pd.DataFrame, components: int) -> list[list[Any]]:
    rows = []
    for row in scores.to_dict("records"):
        ranked = pd.notna(row["rank"])
        span = f"{int(row['best'])}—{int(row['worst'])}" if ranked else "—"
        points = [_rounded(value) for value in list(row.values())[-components:]]
        rows.append([int(row["rank"]) if ranked else None, span, row["entity"], row["name"], _rounded(row["score"]),
                     row["class"] or "—", _rounded(100.0 * row["known"]), *points, row["reason"]])  # fmt: skip
    return rows


def _tenth(thousand: Any) -> float | None:
    """千元 as whole 万元."""
    return None if pd.isna(thousand) else float(round(thousand / 10.0)) + 0.0


def _rounded(value: Any) -> float | None:
    return None if pd.isna(value) else round(float(value), 1) + 0.0


class _Book:
    """The workbook's pages, all of one look."""

    def __init__(self, book: Any, sheet: Sheet) -> None:
        base = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
        grid = base | {"border": 1, "border_color": "#BFBFBF"}
        self._book, self._sheet = book, sheet
        self._title = book.add_format(base | {"bold": True, "font_size": 14})
        self._note = book.add_format(base | {"font_color": "#595959", "text_wrap": True})
        self._plain = book.add_format(base | {"font_color": "#595959"})
        self._head = book.add_format(grid | {"bold": True, "text_wrap": True, "align": "center", "bg_color": "#DDE6F0"})
        self._text = book.add_format(grid | {"text_wrap": True})
        self._short = book.add_format(grid | {"align": "center"})
        self._whole = book.add_format(grid | {"num_format": "#,##0"})
        self._tenth = book.add_format(grid | {"num_format": "#,##0.0"})
        self._none = book.add_format(grid | {"align": "right"})

    def _page(self, name: str) -> Any:
        page = self._book.add_worksheet(name)
        mark = f"【{self._sheet.mark}】" if self._sheet.mark else ""
        page.write_string(0, 0, f"{self._sheet.period.label}企业梯队与评价·{name}{mark}", self._title)
        page.write_string(1, 0, f"供{self._sheet.reader}使用，不得外传；不含联网直报数，口径见“说明”。", self._plain)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        return page

    def table(
        self, name: str, heads: Sequence[str], widths: Sequence[float], rows: Sequence[Sequence[Any]], empty: str
    ) -> None:
        """One table with its head at row 4; a missing figure is a dash."""
        page = self._page(name)
        page.set_row(3, 28.0)
        for at, (text, width) in enumerate(zip(heads, widths, strict=True)):
            page.write_string(3, at, text, self._head)
            page.set_column(at, at, width)
        for line, row in enumerate(rows, start=4):
            lines = max(ceil(2.1 * len_(c) / w) for c, w in zip(row, widths, strict=True) if isinstance(c, str))
            page.set_row(line, 14.0 * lines)
            for at, cell in enumerate(row):
                whole = heads[at] in ("序号", "名次") or "万元" in heads[at]
                if isinstance(cell, str):
                    short = widths[at] <= 10
                    page.write_string(line, at, one_line(cell, None), self._short if short else self._text)
                elif cell is None:
                    page.write_string(line, at, "—", self._none)
                else:
                    page.write_number(line, at, cell, self._whole if whole else self._tenth)
        if not rows:
            page.write_string(4, 0, empty, self._plain)
        page.freeze_panes(4, 4)
        page.repeat_rows(3)

    def words(self, name: str) -> None:
        """What is to be said of both tables."""
        page = self._page(name)
        page.set_column(0, 0, 110)
        for line, text in enumerate(self._sheet.notes, start=3):
            page.write_string(line, 0, f"{line - 2}．{text}", self._note)
            page.set_row(line, 15.0 * ceil(2.1 * len_(text) / 110.0))
