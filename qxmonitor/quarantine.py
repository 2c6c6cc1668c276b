"""The quarantine as the office works with it: a workbook of reasons, and decisions on identity and on files."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from pathlib import Path, PurePath
from typing import Any

import pandas as pd
import xlsxwriter

from qxmonitor import rulings
from qxmonitor.delivery.files import printed, write_private
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.errors import QxError
from qxmonitor.feeds.csvfile import column_letter
from qxmonitor.identity import customs_code_valid, normalise_name, org_code_check, uscc_valid
from qxmonitor.period import Period
from qxmonitor.warehouse import Warehouse, decided, store

Row = dict[str, Any]

HEADINGS = {
    "file": "文件", "sha256": "文件指纹", "feed": "来源", "sheet": "工作表", "row": "行", "field": "指标",
    "subject": "企业", "period": "报告期", "rule": "规则", "reason": "原因", "raw": "单元格内容", "fixable": "可办理",
}  # fmt: skip
VALUE_FREE = ("file", "sha256", "feed", "sheet", "row", "field", "rule", "reason", "fixable")
"""What operators may see: where and why, never whose or what; names of files and sheets may say whose."""

_SHEET = r"^(?:[A-Za-z0-9 \-]{0,8}|(?:工作)?表 ?[0-9]{0,3}|第[0-9]+张工作表)$"
"""Names of sheets that speak of nobody: Sheet1, B204-1, 表1."""

_FIXABLE = {
    "identity.unmatched": "身份：fix identity，或待名录更新", "identity.name": "身份：fix identity",
    "detail.unit": "单位：fix unit", "detail.unit_missing": "单位：fix unit",
    "approved.unit": "单位：fix unit", "approved.unit_missing": "单位：fix unit",
    "detail.unknown": "映射：fix mapping", "approved.unknown": "映射：fix mapping",
}  # fmt: skip
_REFILE = "重新报送"
"""A value changes only by a re-filed return."""

_PLAIN = {
    "in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False,
}  # fmt: skip


def listing(wh: Warehouse) -> pd.DataFrame:
    """Every rejected line with each of its reasons, live, and what can be done about it: ``fixable``."""
    frame = store.read_quarantine(wh)
    return frame.assign(fixable=frame["rule"].map(_FIXABLE).fillna(_REFILE).astype("str"))


def export(
    wh: Warehouse,
    out: Path,
    *,
    feed: str | None = None,
    period: Period | None = None,
    rule: str | None = None,
    value_free: bool = False,
) -> Row:
    """Write the quarantine as a workbook that only its owner reads, one row a reason.

    Args:
        wh: an open warehouse.
        out: the file.
        feed: only of this feed.
        period: only of this month.
        rule: only of this rule.
        value_free: leave out cells' contents, firms and months.

    Raises:
        QxError: the file cannot be written.
    """
    frame = listing(wh)
    for column, wanted in (("feed", feed), ("period", period), ("rule", rule)):
        if wanted is not None:
            frame = frame[frame[column].astype("str") == str(wanted)]
    columns = list(VALUE_FREE if value_free else HEADINGS)
    try:
        write_private(out, _workbook((_nameless(frame) if value_free else frame)[columns]))
    except OSError as error:
        raise QxError(f"无法写入 {out}：{error.strerror}") from None
    return {"path": str(out), "rows": len(frame)}


def _nameless(frame: pd.DataFrame) -> pd.DataFrame:
    """Files by their fingerprint, as in the linked Data Docs; no sheet's name that may be a firm's or hold a month."""
    plain = frame["sheet"].fillna("").astype("str").str.contains(_SHEET)
    return frame.assign(
        file="文件 " + frame["sha256"].str.slice(0, 12), sheet=frame["sheet"].where(plain, "（名称不列）")
    )


def _workbook(frame: pd.DataFrame) -> bytes:
    out = BytesIO()
    book = xlsxwriter.Workbook(out, _PLAIN)
    sheet = book.add_worksheet("隔离清单")
    bold = book.add_format({"bold": True})
    for place, name in enumerate(frame.columns):
        sheet.write_string(0, place, HEADINGS[name], bold)
        values = frame[name].tolist()
        for line, value in enumerate(values, start=1):
            if name == "row":
                sheet.write_number(line, place, int(value))
            elif isinstance(value, str) and value:
                sheet.write_string(line, place, value)
        sheet.set_column(place, place, 40 if name in ("file", "reason", "fixable") else 16)
    sheet.freeze_panes(1, 0)
    sheet.repeat_rows(0)
    printed(sheet)
    sheet.autofilter(f"A1:{column_letter(len(frame.columns) - 1)}{len(frame) + 1}")
    book.close()
    return out.getvalue()


def fix_identity(
    wh: Warehouse, subject: str, uscc: str, *, who: str, why: str, known_at: datetime | None = None
) -> Row:
    """Decide which firm a name or code means; ``uscc`` empty or ``-`` revokes.

    Raises:
        QxError: not such a subject or credit code, no such firm, no name or reason, or a time to come.
    """
    who, why = _said(who, why)
    uscc = uscc.strip().upper().removeprefix("-")
    if uscc and not uscc_valid(pd.Series([uscc], dtype="str")).item():
        raise QxError("统一社会信用代码校验不通过")
    return decided.decide_identity(wh, _subject(subject), uscc, who=who, why=why, known_at=_past(wh, known_at))


def fix_unit(
    wh: Warehouse, file: str, item: str, unit: str, *, who: str, why: str, known_at: datetime | None = None
) -> Row:
    """Decide the unit of an item, or of all items (``*``), of one file; see :func:`qxmonitor.rulings.fix_unit`.

    Raises:
        QxError: as there; no name or reason, or a time to come.
    """
    who, why = _said(who, why)
    return rulings.fix_unit(wh, file, item, unit, who=who, why=why, known_at=_past(wh, known_at))


def fix_mapping(
    wh: Warehouse, feed: str, heading: str, meaning: str, *, who: str, why: str, known_at: datetime | None = None
) -> Row:
    """Decide what an unknown heading of a form means; see :func:`qxmonitor.rulings.fix_mapping`.

    Raises:
        QxError: as there; no name or reason, or a time to come.
    """
    who, why = _said(who, why)
    return rulings.fix_mapping(wh, feed, heading, meaning, who=who, why=why, known_at=_past(wh, known_at))


def flag(wh: Warehouse, name: str, kind: decided.Kind, *, who: str, why: str, known_at: datetime | None = None) -> Row:
    """Withdraw a file, named by sha256 or path, or let it count again.

    Raises:
        QxError: no such file or several, no name or reason, or a time to come.
    """
    who, why = _said(who, why)
    found = decided.content(wh, name)
    when = _past(wh, known_at) or wh.settings.now()
    row = decided.flag(wh, found["sha256"], kind, who=who, why=why, known_at=when)
    return row | {"file": PurePath(found["path"]).name}


def _subject(text: str) -> str:
    kind, _, rest = text.strip().partition(":")
    given = pd.Series([rest], dtype="str")
    if kind == "name" and (plain := normalise_name(given).fillna("").item()):
        return f"name:{plain}"
    code = rest.strip().upper()
    check = {"customs": customs_code_valid, "org": org_code_check}.get(kind)
    if check is None or not check(pd.Series([code], dtype="str")).item():
        raise QxError("对象须写作 name:名称、customs:海关编码 或 org:组织机构代码，见 qxmonitor list matches")
    return f"{kind}:{code}"


def _said(who: str, why: str) -> tuple[str, str]:
    who, why = one_line(who), one_line(why, 500)
    if not who or not why:
        raise QxError("须写明由谁决定（--who）和理由（--why）")
    return who, why


def _past(wh: Warehouse, known_at: datetime | None) -> datetime | None:
    if known_at is not None and known_at > wh.settings.now():
        raise QxError("生效时间不能晚于现在")
    return known_at
