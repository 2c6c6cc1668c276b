"""Form 6, the enterprise monthly sheet that customs hands the town (进出口企业月度数据, csv or workbook).

GB18030 as a rule, thousands commas inside quotes, a trailing empty column, a 合计 line at the end. A trip through
a spreadsheet eats leading zeros (贸易方式 110 for 0110). Several lines a firm and month are normal: one for each
direction, mode, commodity and partner. The firm is told by its credit code, else its customs code, else its name.

A month is told several times: 快讯 (preliminary), 月报 (monthly), 修正 (corrected), 年鉴 (final). A column 数据版本
says which, else a line above the header or the worksheet's name, else it is the monthly one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor import identity
from qxmonitor.catalog.codes import VINTAGES, Vintage, codes
from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, numbers
from qxmonitor.feeds.base import REJECT_COLUMNS, TOTAL_COLUMNS, WHOSE, Batch
from qxmonitor.feeds.grid import Body, Grid, Row, gather, grids
from qxmonitor.feeds.trade import SHORT_HS, Rejects, countries, mended_commodity
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
    "vintage": ("数据版本", "数据性质", "版本", "数据状态"),
    "rmb": ("人民币值", "人民币", "人民币金额", "金额(人民币)", "贸易额(人民币)"),
}
"""Field → the headings it goes by; a money heading may end in its unit, ``美元值(千美元)``."""

LABELS = {field: names[0] for field, names in COLUMNS.items()}
_HEADINGS = {name.upper(): field for field, names in COLUMNS.items() for name in names}
_SCALES = {"": 1.0, "千": 1e3, "万": 1e4, "百万": 1e6, "亿": 1e8}
_MONEY_UNIT = re.compile(r"\((百万|千|万|亿)?(?:美元|元|人民币元|元人民币|人民币)\)$")
_SAID_UNIT = {
    "usd": re.compile(r"(百万|千|万|亿)?美元"),
    "rmb": re.compile(r"(百万|千|万|亿)?(?:人民币元|元人民币|人民币|元)"),
}
_CONTROL = re.compile(
    r"\s*(?:合\s*计|总\s*计|小\s*计|本页合计|注[:：]|备\s*注|说明[:：]|数据来源|资料来源|填表人|制表人|联系人)"
)
_TOTAL = re.compile(r"\s*[合总]\s*计")
_SAID = {
    "preliminary": "本表是快讯数，月报到后以月报为准",
    "corrected": "本表是修正数，压过同月的快讯和月报",
    "final": "本表是年鉴终值，压过同月的其他版本",
}
"""What a receipt says of a vintage that is not the usual one."""


def matches(opened: Opened) -> bool:
    """Whether a file is this form: some line near the top of a sheet bears the form's headings."""
    return opened.kind != "xml" and any(_header(sheet) is not None for sheet in grids(opened))


def read(opened: Opened) -> Batch:
    """Read the sheet; in a workbook every sheet that is one.

    Raises:
        Refused: no heading line, a mandatory column missing or doubled, a title that contradicts itself about the
            vintage, or simulated and real firms mixed.
    """
    pages = [_Page(sheet, header) for sheet in grids(opened) if (header := _header(sheet)) is not None]
    if not pages:
        if opened.kind == "csv":
            csvfile.read(opened.text)  # a quote left open hides the header too; say that
        raise Refused("找不到海关企业月度表的表头")
    table = pd.concat([page.table for page in pages], ignore_index=True)
    return Batch(
        feed=FEED,
        form=FORM,
        period=Period(table["period"].mode().max()) if len(table) else None,
        tables={"trade_line": table},
        lines=pd.concat([page.counted for page in pages], ignore_index=True),
        rejects=gather([page.rejects.frame() for page in pages], [*REJECT_COLUMNS, *WHOSE]),
        control=gather([page.control_lines for page in pages], ["sheet", "row", "text"]),
        cells={key: letter for page in pages for key, letter in page.cells.items()},
        origin=identity.origin(table["subject"]),
        notes=[*_notes(table), *dict.fromkeys(note for page in pages for note in page.notes)],
        totals=gather([page.totals for page in pages], TOTAL_COLUMNS),
        factors={f"{p.sheet}|{name}": scale for p in pages for name, scale in p.scales.items() if scale != 1},
    )


class _Page:
    """One sheet: its rows, and where each line of it ends."""

    def __init__(self, sheet: Grid, header: Row) -> None:
        self.sheet = sheet.sheet
        self.places, self.scales = _places(header.texts)
        for field in _SAID_UNIT.keys() & self.places.keys():  # decided by the office, for this file
            if said := sheet.rulings.unit(LABELS[field]):
                self.scales[field] = money_scale(field, said) or self.scales[field]
        above = [text for row in sheet.head if row.number < header.number for text in row.texts]
        self.vintage = _stated([sheet.sheet, *above])
        self.body = sheet.body(header, [self.places[field] for field in ("period", "flow", "mode", "hs")])
        self.rejects = Rejects(self.sheet, self.body.rows, LABELS)
        self.cells = {f"{self.sheet}|{field}": csvfile.column_letter(place) for field, place in self.places.items()}
        self.control = _controls(self.body, self.places, header.texts)
        self.notes: list[str] = []
        self.totals = pd.DataFrame(columns=TOTAL_COLUMNS)
        self.table = self._rows()
        self.counted = pd.DataFrame(
            {"sheet": pd.Series(self.sheet, index=range(len(self.body.rows)), dtype="str"), "row": self.body.rows}
        )
        self.control_lines = pd.DataFrame(
            {"sheet": self.sheet, "row": self.body.rows[self.control], "text": _control_text(self.body, self.control)}
        )

    def _rows(self) -> pd.DataFrame:
        body, rejects, places = self.body, self.rejects, self.places
        columns = {field: body.text(place) for field, place in places.items()}
        index = pd.RangeIndex(len(body.rows))
        blank = pd.Series("", index=index, dtype="str")
        wide = ~self.control & body.wide
        rejects.add(wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号", blank)
        data = ~self.control & ~wide

        months = numbers.parse_months(body.column(places["period"]))
        period = pd.Series(months.values, index=index, dtype="str")
        no_month = data & period.isna().to_numpy(dtype=bool)
        rejects.add(no_month, LABELS["period"], "period.unreadable", "数据年月不是有效的年月", columns["period"])
        flow = rejects.decode(columns["flow"], data, "flow", "customs.flow", "进出口标志不认识", codes().flow)
        mode = rejects.decode(columns["mode"], data, "mode", "customs.mode", "贸易方式不在代码表中", codes().mode)
        hs = rejects.decode(
            columns["hs"], data, "hs", "customs.hs", "商品编码不是 8 位或 10 位，或章号不存在", mended_commodity
        )
        vintage = rejects.decode(
            columns.get("vintage", blank), data, "vintage", "customs.vintage", "数据版本不认识", self._vintage
        )
        who = identity.resolve(columns.get("uscc"), columns.get("customs"), None, columns.get("name"))
        rejects.whose = {"subject": who["subject"], "period": period}
        nobody = data & who["subject"].isna().to_numpy(dtype=bool)
        rejects.add(nobody, who["field"], who["rule"], who["reason"], who["raw"])

        figures: dict[str, npt.NDArray[np.float64]] = {}
        unreadable = np.zeros(len(index), dtype=bool)
        for field in ("quantity", "usd", "rmb"):
            if field not in places:
                figures[field] = np.full(len(index), np.nan)
                continue
            parsed = numbers.parse_numbers(body.column(places[field]))
            rejects.add(data & parsed.unreadable, LABELS[field], "number.unreadable", "数字无法识别", columns[field])
            figures[field] = numbers.scaled(parsed.values, self.scales.get(field, 1.0))
            unreadable |= data & parsed.unreadable
        empty = data & ~unreadable & np.isnan(figures["usd"]) & np.isnan(figures["rmb"])
        rejects.add(empty, LABELS["usd"], "number.missing", "美元值和人民币值都没有", blank)

        if not (unreadable.any() or wide.any()):
            self.totals = _totals(body, self.sheet, self.control, data, figures, places, self.scales)
            self.notes += _total_notes(self.totals)
        good = data & ~rejects.rows
        if mended := int((good & columns["hs"].str.fullmatch(SHORT_HS.pattern).to_numpy(dtype=bool)).sum()):
            self.notes.append(f"商品编码补回表格软件丢掉的前导 0，共 {mended} 行")
        partner, strange = countries(columns.get("partner", blank))
        if unknown := int((strange & good).sum()):
            self.notes.append(f"国别（地区）不在代码表中，照原文收下，共 {unknown} 行")
        unit = columns.get("unit", blank)
        table = pd.DataFrame(
            {
                "sheet": pd.Series(self.sheet, index=index, dtype="str"),
                "row": body.rows,
                "subject": who["subject"],
                "period": period,
                "flow": flow,
                "mode": mode,
                "hs": hs,
                "partner": partner,
                "quantity": figures["quantity"],
                "unit": unit.mask(unit == ""),
                "usd": figures["usd"],
                "rmb": figures["rmb"],
                "vintage": vintage,
            }
        )[good].reset_index(drop=True)
        return table

    def _vintage(self, text: str) -> str | None:
        """The vintage a cell states; an empty one leaves it to the title."""
        try:
            return codes().vintage(text) if text else self.vintage
        except ValueError:
            return None


def _stated(titles: list[str]) -> Vintage:
    """The vintage that the sheet's name and the lines above the header state; monthly where they state none.

    Raises:
        Refused: they contradict one another.
    """
    try:
        return codes().vintage("。".join(titles)) or "monthly"
    except ValueError:
        raise Refused("表头上方关于数据版本（快讯、修正、年鉴）的说明互相矛盾") from None


def _header(sheet: Grid) -> Row | None:
    """The heading line among the first twenty rows."""
    for row in sheet.head[:20]:
        fields = {_field(text)[0] for text in row.texts}
        if {"flow", "hs"} <= fields and fields & {"usd", "rmb"} and fields & {"customs", "uscc", "name"}:
            return row
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


def money_field(heading: str) -> str | None:
    """``usd`` or ``rmb``, if a heading is that of a column of money; its unit in brackets does not matter."""
    field, _ = _field(heading)
    return field if field in _SAID_UNIT else None


def money_scale(field: str, unit: str) -> float | None:
    """What figures in a unit are multiplied by to be US dollars or yuan; None when it does not measure the field."""
    found = _SAID_UNIT[field].fullmatch(unit) if unit else None
    return _SCALES[found[1] or ""] if found else None


def _places(headings: list[str]) -> tuple[dict[str, int], dict[str, float]]:
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


def _controls(body: Body, places: dict[str, int], headings: list[str]) -> npt.NDArray[np.bool_]:
    """Lines that are totals, footers or the header again, told by their first words or by a heading's own text."""
    mask = np.zeros(len(body.rows), dtype=bool)
    looked = {0, *(places[field] for field in ("period", "customs", "uscc", "name", "flow") if field in places)}
    for place in sorted(looked):
        column = body.text(place)
        distinct = column.drop_duplicates()
        words = distinct[distinct.str.match(_CONTROL)]
        if len(words):
            mask |= column.isin(words).to_numpy(dtype=bool)
    again = (body.text(places["flow"]) == headings[places["flow"]]) & (
        body.text(places["hs"]) == headings[places["hs"]]
    )
    return mask | again.to_numpy(dtype=bool)


def _control_text(body: Body, control: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """What a control line says: the words of its first cell, and nothing of a contact person."""
    if not control.any():
        return np.array([], dtype=object)
    first = pd.Series("", index=np.flatnonzero(control), dtype="str")
    for place in range(body.width):
        open_ = first == ""
        if not open_.any():
            break
        first = first.mask(open_, body.text(place)[control])
    text = first.str.slice(0, 80)
    personal = text.str.contains(r"人[:：]|电话|联系|手机|\d{7,}", regex=True)
    return text.mask(personal, "（经办人信息，不保留）").to_numpy(dtype=object)


def _notes(table: pd.DataFrame) -> list[str]:
    notes = [_SAID[vintage] for vintage in VINTAGES if vintage in _SAID and (table["vintage"] == vintage).any()]
    unverified = sorted(codes().unverified_modes.intersection(table["mode"].unique()))
    if unverified:
        notes.append(f"监管方式 {'、'.join(unverified)} 的含义尚未核实")
    if (months := table["period"].nunique()) > 1:
        notes.append(f"一份文件里有 {months} 个月的数据")
    return notes


def _totals(
    body: Body,
    sheet: str,
    control: npt.NDArray[np.bool_],
    data: npt.NDArray[np.bool_],
    figures: dict[str, npt.NDArray[np.float64]],
    places: dict[str, int],
    scales: dict[str, float],
) -> pd.DataFrame:
    """The printed total beside the sum of all lines, rejected ones included, and the rounding allowed."""
    total = control.copy()
    total &= np.any([body.text(place).str.match(_TOTAL).to_numpy(dtype=bool) for place in places.values()], axis=0)
    if total.sum() != 1:
        return pd.DataFrame(columns=TOTAL_COLUMNS)
    rows = []
    for field in ("usd", "rmb"):
        printed, own = float(figures[field][total][0]), float(np.nansum(figures[field][data]))
        slack = max(scales.get(field, 1.0) * max(1.0, 0.005 * int(data.sum())), 1e-9 * abs(own))
        rows.append((sheet, int(body.rows[total][0]), field, printed, own, slack))
    found = pd.DataFrame(rows, columns=TOTAL_COLUMNS)
    return found[found["printed"].notna()].reset_index(drop=True)


def _total_notes(totals: pd.DataFrame) -> list[str]:
    off = totals[(totals["printed"] - totals["summed"]).abs() > totals["slack"]]
    return [f"合计行的{LABELS[field]}与各行之和不符" for field in off["column"]]
