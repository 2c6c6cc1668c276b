"""The revision report as a workbook for the statistics office: firms' figures, the register, and what moved with them.

It names firms with figures of their returns and goes no further than the office's own desk. Texts are written as texts
whatever they begin with.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, time
from io import BytesIO
from typing import Any

import xlsxwriter

from qxmonitor.catalog.office import office
from qxmonitor.delivery.xlsx import OPTIONS
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.disclosure.vocabulary import SOURCE_NAMES
from qxmonitor.period import SHANGHAI, Period

Row = dict[str, Any]

KINDS = {
    "refiled": "首报后更正", "late": "新收", "withdrawn": "撤回", "reinstated": "恢复", "identity": "身份或登记变化",
    "restated": "上年同期重述",
}  # fmt: skip
"""Kind of a change → how it is called."""

LEVELS = {"town": "全镇", "chain": "产业链", "firm": "企业"}
_SOURCES = SOURCE_NAMES | {"power": "供电局", "rd": "研发年报", "stock": "保税库存"}


def place(row: Row, side: str) -> str:
    """Where a side of a change stands, as ``file sheet!C5``; empty where it stands nowhere."""
    if row[f"{side}_file"] is None:
        return ""
    spot = row[f"{side}_cell"] or f"第{row[f'{side}_row']}行"
    sheet = row[f"{side}_sheet"]
    return f"{row[f'{side}_file']} {f'{sheet}!' if sheet else ''}{spot}"


_FIRM: dict[str, Callable[[Row], Any]] = {
    "变动类别": lambda row: KINDS[row["kind"]],
    "统一社会信用代码": lambda row: row["entity"],
    "企业": lambda row: row["name"],
}
_AMOUNTS: dict[str, Callable[[Row], Any]] = {
    "单位": lambda row: row["unit"],
    "原数": lambda row: row["before"],
    "现数": lambda row: row["after"],
    "变动": lambda row: row["change"],
    "变动幅度（%）": lambda row: row["percent"],
}
_PLACES: dict[str, Callable[[Row], Any]] = {
    "原出处": lambda row: place(row, "before"),
    "现出处": lambda row: place(row, "after"),
}
_SHEETS: dict[str, tuple[str, dict[str, Callable[[Row], Any]]]] = {
    "figure": (
        "报表数变动",
        _FIRM
        | {"月份": lambda row: row["period"], "来源": lambda row: _SOURCES.get(row["source"], row["source"]),
           "指标": lambda row: row["label"]}
        | _AMOUNTS
        | {"占全镇（%）": lambda row: row["effect"], "上年本企业原报": lambda row: row["filed"]}
        | _PLACES,
    ),
    "register": (
        "登记变动",
        _FIRM
        | {"登记项": lambda row: row["label"], "原登记": lambda row: row["before"], "现登记": lambda row: row["after"],
           "占全镇累计产值（%）": lambda row: row["effect"]}
        | _PLACES,
    ),
    "indicator": (
        "指标变动",
        {"层级": lambda row: LEVELS[row["entity_kind"]], "代码": lambda row: row["entity"],
         "名称": lambda row: row["name"], "来源": lambda row: _SOURCES.get(row["source"], row["source"]),
         "指标": lambda row: row["label"]}
        | _AMOUNTS
        | {"影响": lambda row: row["effect"]},
    ),
}  # fmt: skip
"""What → sheet and columns."""


def revisions_xlsx(period: Period, since: datetime, until: datetime, rows: Sequence[Row], simulated: bool) -> bytes:
    """Write a summary, and a sheet for each kind of row; the same rows give the same bytes.

    Args:
        period: the month.
        since: the earlier knowledge time.
        until: the later.
        rows: as the revision report gives them.
        simulated: whether the figures are.
    """
    out = BytesIO()
    book = xlsxwriter.Workbook(out, OPTIONS)
    created = datetime.combine(period.first_day, time())
    book.set_properties({"title": "数据修订报告", "author": office().issuer, "created": created})
    times = "至".join(f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}" for moment in (since, until))
    label = f"（{office().simulated_label}）" if simulated else ""
    head = f"{period.label}　所知时点 {times}　限统计渠道内使用，不得外传{label}"
    kinds = Counter(row["kind"] for row in rows if row["what"] == "figure")
    firms = {kind: len({row["entity"] for row in rows if row["kind"] == kind}) for kind in KINDS}
    summary = [[word, firms[kind], kinds[kind]] for kind, word in KINDS.items()]
    summary += [["指标变动：" + LEVELS[level], None, sum(
        row["what"] == "indicator" and row["entity_kind"] == level for row in rows)] for level in LEVELS]  # fmt: skip
    _sheet(book, "汇总", head, ("类别", "企业数（家）", "变动（项）"), summary)
    for what, (title, columns) in _SHEETS.items():
        mine = [[give(row) for give in columns.values()] for row in rows if row["what"] == what]
        if mine:
            _sheet(book, title, head, tuple(columns), mine)
    book.close()
    return out.getvalue()


def _sheet(book: Any, title: str, head: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    base = {"font_name": "宋体", "font_size": 11}
    bold, text = book.add_format(base | {"bold": True, "bottom": 1}), book.add_format(base)
    number = book.add_format(base | {"num_format": "#,##0.####"})
    sheet = book.add_worksheet(title)
    sheet.write_string(0, 0, head, text)
    for at, word in enumerate(columns):
        sheet.write_string(1, at, word, bold)
    for line, row in enumerate(rows, start=2):
        for at, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(line, at, one_line(value), text)
            elif value is not None:
                sheet.write_number(line, at, value, number)
    for at, word in enumerate(columns):
        sheet.set_column(
            at, at, 48 if "出处" in word else 24 if word in ("统一社会信用代码", "企业", "指标", "名称") else 15
        )
    sheet.freeze_panes(2, 0)
    sheet.autofilter(1, 0, 1 + len(rows), len(columns) - 1)
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
