"""Form 6, the enterprise monthly sheet that customs hands the town (进出口企业月度数据, csv).

GB18030 as a rule, thousands commas inside quotes, a trailing empty column, a 合计 line at the end. A trip through
a spreadsheet eats leading zeros (贸易方式 110 for 0110). Several lines a firm and month are normal: one for each
direction, mode, commodity and partner. The firm is told by its credit code, else its customs code, else its name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.codes import codes, commodity
from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, numbers
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE, Batch
from qxmonitor.feeds.csvfile import SHEET
from qxmonitor.period import Period

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED = FORM = "customs_monthly"

COLUMNS: dict[str, tuple[str, ...]] = {
    "period": ("数据年月", "年月", "统计年月", "报告期", "统计月份"),
    "customs": ("海关编码", "海关注册编码", "海关代码", "企业海关编码", "经营单位编码", "收发货人编码", "收发货人代码"),
    "uscc": ("社会信用代码", "统一社会信用代码", "信用代码", "企业社会信用代码"),
    "name": ("企业名称", "单位名称", "经营单位名称", "收发货人名称", "收发货人"),
    "flow": ("进出口标志", "进出口", "进出口标记", "进出口类型"),
    "mode": ("贸易方式", "监管方式", "贸易方式编码", "监管方式编码", "贸易方式代码", "监管方式代码"),
    "mode_name": ("贸易方式名称", "监管方式名称"),
    "hs": ("商品编码", "HS", "HS编码", "HS码", "商品代码", "税号", "商品编号"),
    "partner": ("国别(地区)", "国别", "贸易伙伴", "贸易伙伴名称", "国家(地区)", "最终目的国(地区)"),
    "quantity": ("数量", "第一数量", "法定数量"),
    "unit": ("单位", "计量单位", "第一单位", "第一计量单位", "数量单位"),
    "usd": ("美元值", "美元", "美元金额", "金额(美元)", "贸易额(美元)"),
    "rmb": ("人民币值", "人民币", "人民币金额", "金额(人民币)", "贸易额(人民币)"),
}
"""Field → the headings it goes by; a money heading may end in its unit, ``美元值(千美元)``."""

LABELS = {field: names[0] for field, names in COLUMNS.items()}
_HEADINGS = {name.upper(): field for field, names in COLUMNS.items() for name in names}
_SCALES = {"": 1.0, "千": 1e3, "万": 1e4, "百万": 1e6, "亿": 1e8}
_MONEY_UNIT = re.compile(r"\((百万|千|万|亿)?(?:美元|元|人民币元|元人民币|人民币)\)$")
_CONTROL = re.compile(
    r"\s*(?:合\s*计|总\s*计|小\s*计|本页合计|注[:：]|备\s*注|说明[:：]|数据来源|资料来源|填表人|制表人|联系人)"
)
_TOTAL = re.compile(r"\s*[合总]\s*计")


def matches(opened: Opened) -> bool:
    """Whether a file is this form: some line near its top bears the form's headings."""
    return opened.kind == "csv" and _header(csvfile.head(opened.text, 20)) is not None


def read(opened: Opened) -> Batch:
    """Read the sheet.

    Raises:
        Refused: no heading line, a mandatory column missing or doubled, or simulated and real firms mixed.
    """
    records = csvfile.read(opened.text)
    header = _header(records)
    if header is None:
        raise Refused("找不到海关企业月度表的表头")
    places, scales = _places(records.cells.iloc[header])
    body = records.cells.iloc[header + 1 :].reset_index(drop=True)
    lines, widths = records.lines[header + 1 :], records.widths[header + 1 :]

    control = _controls(body, places)
    columns = {field: body[place] for field, place in places.items()}
    wide = ~control & (widths > records.widths[header])
    rejects = _Rejects(lines)
    blank = pd.Series("", index=body.index, dtype="str")
    rejects.add(wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号", blank)
    data = ~control & ~wide

    months = numbers.parse_months(columns["period"])
    period = pd.Series(months.values, index=body.index, dtype="str")
    no_month = data & period.isna().to_numpy(dtype=bool)
    rejects.add(no_month, LABELS["period"], "period.unreadable", "数据年月不是有效的年月", columns["period"])
    flow = rejects.decode(columns["flow"], data, "flow", "customs.flow", "进出口标志不认识", codes().flow)
    mode = rejects.decode(columns["mode"], data, "mode", "customs.mode", "贸易方式不在代码表中", codes().mode)
    hs = rejects.decode(columns["hs"], data, "hs", "customs.hs", "商品编码不是 8 位或 10 位，或章号不存在", commodity)
    who = identity.resolve(columns.get("uscc"), columns.get("customs"), None, columns.get("name"))
    nobody = data & who["subject"].isna().to_numpy(dtype=bool)
    rejects.add(nobody, who["field"], who["rule"], who["reason"], who["raw"])

    figures: dict[str, npt.NDArray[np.float64]] = {}
    unreadable = np.zeros(len(body), dtype=bool)
    for field in ("quantity", "usd", "rmb"):
        if field not in columns:
            figures[field] = np.full(len(body), np.nan)
            continue
        parsed = numbers.parse_numbers(columns[field])
        rejects.add(data & parsed.unreadable, LABELS[field], "number.unreadable", "数字无法识别", columns[field])
        figures[field] = parsed.values * scales.get(field, 1.0)
        unreadable |= data & parsed.unreadable
    empty = data & ~unreadable & np.isnan(figures["usd"]) & np.isnan(figures["rmb"])
    rejects.add(empty, LABELS["usd"], "number.missing", "美元值和人民币值都没有", blank)

    good = data & ~rejects.rows
    unit = columns.get("unit", blank)
    table = pd.DataFrame(
        {
            "sheet": pd.Series(SHEET, index=body.index, dtype="str"),
            "row": lines,
            "subject": who["subject"],
            "period": period,
            "flow": flow,
            "mode": mode,
            "hs": hs,
            "partner": columns.get("partner", blank),
            "quantity": figures["quantity"],
            "unit": unit.mask(unit == ""),
            "usd": figures["usd"],
            "rmb": figures["rmb"],
        }
    )[good].reset_index(drop=True)
    notes = _notes(table)
    if not (unreadable.any() or wide.any()):
        notes += _check_total(body, control, data, figures, places, scales)
    return Batch(
        feed=FEED,
        form=FORM,
        period=Period(table["period"].mode().max()) if len(table) else None,
        tables={"trade_line": table},
        lines=pd.DataFrame({"sheet": pd.Series(SHEET, index=range(len(lines)), dtype="str"), "row": lines}),
        rejects=rejects.frame(who["subject"], period),
        control=pd.DataFrame({"sheet": SHEET, "row": lines[control], "text": _control_text(body[control])}),
        cells={f"{SHEET}|{field}": csvfile.column_letter(place) for field, place in places.items()},
        origin=identity.origin(table["subject"]),
        notes=notes,
    )


class _Rejects:
    """Gathers rejects as masks over the lines below the header."""

    def __init__(self, lines: npt.NDArray[np.int64]) -> None:
        self.lines = lines
        self.rows = np.zeros(len(lines), dtype=bool)
        self.parts: list[pd.DataFrame] = []

    def add(
        self,
        mask: npt.NDArray[np.bool_],
        field: str | pd.Series,
        rule: str | pd.Series,
        reason: str | pd.Series,
        raw: pd.Series,
    ) -> None:
        if not mask.any():
            return
        self.rows |= mask
        given = {"field": field, "rule": rule, "reason": reason, "raw": raw}
        chosen = {
            key: value[mask].to_numpy() if isinstance(value, pd.Series) else value for key, value in given.items()
        }
        self.parts.append(pd.DataFrame({"sheet": SHEET, "row": self.lines[mask], **chosen})[REJECT_COLUMNS])

    def decode(
        self,
        column: pd.Series,
        data: npt.NDArray[np.bool_],
        field: str,
        rule: str,
        reason: str,
        word: Callable[[str], str | None],
    ) -> pd.Series:
        """Translate a column of few distinct words; what does not translate is rejected."""
        positions, distinct = pd.factorize(column)
        known = pd.array([word(str(text)) for text in distinct] or [None], dtype="str")
        found = pd.Series(known.take(positions), index=column.index)
        self.add(data & found.isna().to_numpy(dtype=bool), LABELS[field], rule, reason, column)
        return found

    def frame(self, subject: pd.Series, period: pd.Series) -> pd.DataFrame:
        if not self.parts:
            return pd.DataFrame(columns=[*REJECT_COLUMNS, *WHOSE])
        rejects = pd.concat(self.parts, ignore_index=True)
        at = np.searchsorted(self.lines, rejects["row"].to_numpy())
        return rejects.assign(subject=subject.to_numpy(object)[at], period=period.to_numpy(object)[at])


def _header(records: csvfile.Records) -> int | None:
    """Position of the heading line among the first twenty records."""
    for position in range(min(20, len(records))):
        fields = {_field(text)[0] for text in records.cells.iloc[position]}
        if {"flow", "hs"} <= fields and fields & {"usd", "rmb"} and fields & {"customs", "uscc", "name"}:
            return position
    return None


def _field(heading: str) -> tuple[str | None, float]:
    """The field of a heading and the factor its unit stands for."""
    plain = "".join(unicodedata.normalize("NFKC", heading).split()).upper()
    if plain in _HEADINGS:
        return _HEADINGS[plain], 1.0
    unit = _MONEY_UNIT.search(plain)
    if unit and _HEADINGS.get(plain[: unit.start()]) in {"usd", "rmb"}:
        return _HEADINGS[plain[: unit.start()]], _SCALES[unit[1] or ""]
    return None, 1.0


def _places(headings: pd.Series) -> tuple[dict[str, int], dict[str, float]]:
    places: dict[str, int] = {}
    scales: dict[str, float] = {}
    for place, heading in enumerate(headings):
        field, scale = _field(heading)
        if field is None:
            continue
        if field in places:
            raise Refused(f"表头有两列都是“{LABELS[field]}”")
        places[field], scales[field] = place, scale
    if "mode" not in places and "mode_name" in places:
        places["mode"] = places["mode_name"]
    missing = [LABELS[field] for field in ("period", "flow", "mode", "hs") if field not in places]
    if missing:
        raise Refused(f"表头缺少必需的列：{'、'.join(missing)}")
    return places, scales


def _controls(body: pd.DataFrame, places: dict[str, int]) -> npt.NDArray[np.bool_]:
    """Lines that are totals or footers: told by their first words, or a total's word under any text heading."""
    mask = np.zeros(len(body), dtype=bool)
    looked = {0, *(places[field] for field in ("period", "customs", "uscc", "name", "flow") if field in places)}
    for place in sorted(looked):
        distinct = body[place].drop_duplicates()
        words = distinct[distinct.str.match(_CONTROL)]
        if len(words):
            mask |= body[place].isin(words).to_numpy(dtype=bool)
    return mask


def _control_text(rows: pd.DataFrame) -> npt.NDArray[np.object_]:
    """What a control line says: the words of its first cell, and nothing of a contact person."""
    first = rows.where(rows != "").bfill(axis=1).iloc[:, 0] if len(rows) else pd.Series([], dtype="str")
    text = first.astype("str").str.slice(0, 80)
    personal = text.str.contains(r"人[:：]|电话|联系|手机", regex=True)
    return text.mask(personal, "（经办人信息，不保留）").to_numpy(dtype=object)


def _notes(table: pd.DataFrame) -> list[str]:
    notes = []
    unverified = sorted(codes().unverified_modes.intersection(table["mode"].unique()))
    if unverified:
        notes.append(f"监管方式 {'、'.join(unverified)} 的含义尚未核实")
    if (months := table["period"].nunique()) > 1:
        notes.append(f"一份文件里有 {months} 个月的数据")
    return notes


def _check_total(
    body: pd.DataFrame,
    control: npt.NDArray[np.bool_],
    data: npt.NDArray[np.bool_],
    figures: dict[str, npt.NDArray[np.float64]],
    places: dict[str, int],
    scales: dict[str, float],
) -> list[str]:
    """Compares the printed total with the sum of all lines, rejected ones included, up to the printing's rounding."""
    total = control.copy()
    total[control] = body[control][list(places.values())].apply(lambda cells: cells.str.match(_TOTAL)).any(axis=1)
    if total.sum() != 1:
        return []
    notes = []
    for field in ("usd", "rmb"):
        printed, own = figures[field][total][0], float(np.nansum(figures[field][data]))
        slack = max(scales.get(field, 1.0) * max(1.0, 0.005 * int(data.sum())), 1e-9 * abs(own))
        if not np.isnan(printed) and abs(printed - own) > slack:
            notes.append(f"合计行的{LABELS[field]}与各行之和不符")
    return notes
