"""The decomposition of growth as a workbook for the statistics office: the parts, then who pulled how much.

It names firms with figures of their returns and goes no further than the office's own desk. Texts are written as texts
whatever they begin with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from io import BytesIO
from typing import Any

import xlsxwriter

from qxmonitor.catalog.office import office
from qxmonitor.delivery.xlsx import OPTIONS
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.period import Period

_BASES = {"month": "当月", "cumulative": "累计"}
_KINDS = {"chain": "产业链", "industry": "行业（两位代码）", "firm": "企业"}


def growth_xlsx(
    period: Period, basis: str, parts: Sequence[dict[str, Any]], pulls: Sequence[dict[str, Any]], *, simulated: bool
) -> bytes:
    """Write the parts, and a sheet for each kind of contribution; the same rows give the same bytes.

    Args:
        period: the month.
        basis: ``month`` or ``cumulative``.
        parts: name, amount (千元 or None), points (percentage points or None), firms, reason.
        pulls: entity_kind, entity, name, amount, points.
        simulated: whether the figures are.
    """
    out = BytesIO()
    book = xlsxwriter.Workbook(out, OPTIONS)
    book.set_properties(
        {"title": "增速分解", "author": office().issuer, "created": datetime.combine(period.first_day, time())}
    )
    label = f"（{office().simulated_label}）" if simulated else ""
    head = f"{period.label}　{_BASES[basis]}　限统计渠道内使用{label}"
    rows = [[part["name"], part["firms"], part["amount"], part["points"], part["reason"]] for part in parts]
    _sheet(book, "增速分解", head, ("项目", "企业数（家）", "金额（千元）", "影响增速（百分点）", "说明"), rows)
    for kind, name in _KINDS.items():
        mine = [[p["entity"], p["name"], p["amount"], p["points"]] for p in pulls if p["entity_kind"] == kind]
        if mine:
            _sheet(book, f"{name}拉动", head, ("代码", name, "增减额（千元）", "拉动（百分点）"), mine)
    book.close()
    return out.getvalue()


def _sheet(book: Any, title: str, head: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    base = {"font_name": "宋体", "font_size": 11}
    bold, text = book.add_format(base | {"bold": True, "bottom": 1}), book.add_format(base)
    money, rate = book.add_format(base | {"num_format": "#,##0.00"}), book.add_format(base | {"num_format": "0.00"})
    sheet = book.add_worksheet(title)
    sheet.write_string(0, 0, head, text)
    for at, word in enumerate(columns):
        sheet.write_string(1, at, word, bold)
    for number, row in enumerate(rows, start=2):
        for at, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, at, one_line(value), text)
            elif value is not None:
                form = rate if "百分点" in columns[at] else money if "千元" in columns[at] else text
                sheet.write_number(number, at, value, form)
    sheet.set_column(0, len(columns) - 1, 22)
    sheet.freeze_panes(2, 1)
