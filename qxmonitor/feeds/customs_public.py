"""Published customs statistics as the online query hands them out (csv, also saved as a workbook): no firm in them.

GB18030 as a rule, UTF-8 with its mark or UTF-16 after a trip through a spreadsheet; thousands commas, a trailing empty
column, leading zeros lost (贸易方式 110 for 0110, 商品编码 3011000 for 03011000). A download is broken down by what was
asked for, so partner, mode and place of registration may be missing: the figure is then the total over them.

The query is asked for imports or for exports and does not print which. The file must say it, in a column or above the
header; a direction is never guessed.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.codes import codes, commodity
from qxmonitor.errors import Refused
from qxmonitor.feeds import csvfile, numbers
from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.feeds.grid import Grid, Lines, Row, gather, grids
from qxmonitor.feeds.trade import countries, translate
from qxmonitor.period import Period

if TYPE_CHECKING:
    from qxmonitor.feeds.opening import Opened

FEED = FORM = "customs_public"

COLUMNS: dict[str, tuple[str, ...]] = {
    "period": ("数据年月", "统计年月", "年月"),
    "flow": ("进出口类型", "进出口标志", "进出口", "贸易流向"),
    "hs": ("商品编码", "HS编码", "税号"),
    "hs_name": ("商品名称",),
    "partner": ("贸易伙伴编码",),
    "partner_name": ("贸易伙伴名称", "贸易伙伴"),
    "mode": ("贸易方式编码",),
    "mode_name": ("贸易方式名称", "贸易方式"),
    "district": ("注册地编码",),
    "district_name": ("注册地名称", "注册地"),
    "quantity": ("第一数量",),
    "unit": ("第一计量单位", "第一单位", "第一数量单位"),
    "quantity2": ("第二数量",),
    "unit2": ("第二计量单位", "第二单位", "第二数量单位"),
    "usd": ("美元", "美元值", "金额(美元)"),
    "rmb": ("人民币", "人民币值", "金额(人民币)"),
}
"""Field → the headings it goes by."""

LABELS = {field: names[0] for field, names in COLUMNS.items()}
_HEADINGS = {name.upper(): field for field, names in COLUMNS.items() for name in names}
_FIRMS = ("企业名称", "社会信用代码", "统一社会信用代码", "海关编码", "收发货人")
_ONE_WAY = re.compile(r"(?<!进)出口|进口")
_SHORT_HS = re.compile(r"[1-9][0-9]{6}")
_FIGURES = ("quantity", "quantity2", "usd", "rmb")


def matches(opened: Opened) -> bool:
    """Whether a file is such a download: its headings near the top of a sheet, and none that names a firm."""
    return opened.kind != "xml" and any(_header(sheet) is not None for sheet in grids(opened))


def read(opened: Opened) -> Batch:
    """Read the download; in a workbook every sheet that is one.

    Raises:
        Refused: no heading line, a column missing or doubled, or no word on whether these are imports or exports.
    """
    pages = [_Page(sheet, header) for sheet in grids(opened) if (header := _header(sheet)) is not None]
    if not pages:
        if opened.kind == "csv":
            csvfile.read(opened.text)  # a quote left open hides the header too; say that
        raise Refused("找不到海关统计数据的表头")
    if len({page.simulated for page in pages}) > 1:
        raise Refused("文件里既有模拟数据又有真实数据，整份不收")
    table = pd.concat([page.table for page in pages], ignore_index=True)
    frames = [page.lines.frames() for page in pages]
    return Batch(
        feed=FEED,
        form=FORM,
        period=Period(table["period"].mode().max()) if len(table) else None,
        tables={"trade_total": table},
        lines=pd.concat([lines for lines, _, _ in frames], ignore_index=True),
        rejects=gather([rejects for _, rejects, _ in frames], REJECT_COLUMNS),
        control=gather([control for _, _, control in frames], ["sheet", "row", "text"]),
        cells={key: letter for page in pages for key, letter in page.cells.items()},
        origin="simulated" if pages[0].simulated else None,
        notes=[*_notes(table), *dict.fromkeys(note for page in pages for note in page.notes)],
    )


class _Page:
    """One sheet of the download."""

    def __init__(self, sheet: Grid, header: Row) -> None:
        self.sheet = sheet.sheet
        self.places = _places(header.texts)
        above = [text for row in sheet.head if row.number < header.number for text in row.texts]
        self.simulated = any("模拟数据" in text for text in above)
        self.flow = _direction(above)
        if self.flow is None and "flow" not in self.places:
            raise Refused("文件没有写明是进口还是出口：请在表头上方加一行注明，或在下载时带上进出口类型一列")
        self.body = sheet.body(header, [self.places["period"], self.places["hs"]])
        self.lines = Lines(self.sheet, self.body)
        self.lines.totals_and_footers(self.body, [0, self.places["period"], self.places["hs"]], header)
        self.cells = {f"{self.sheet}|{field}": csvfile.column_letter(at) for field, at in self.places.items()}
        self.notes: list[str] = []
        self.table = self._rows()

    def _rows(self) -> pd.DataFrame:
        lines, places, body = self.lines, self.places, self.body
        columns = {field: body.text(place) for field, place in places.items()}
        index = pd.RangeIndex(len(body.rows))
        blank = pd.Series("", index=index, dtype="str")
        lines.reject(body.wide, "整行", "row.columns", "列数多于表头，数字里的千位逗号可能没有加引号")
        shifted = body.wide.copy()

        months = numbers.parse_months(body.column(places["period"]))
        period = pd.Series(months.values, index=index, dtype="str")
        self._reject(period, shifted, "period", "period.unreadable", "数据年月不是有效的年月（多月合计不收）", columns)
        flow = pd.Series(self.flow, index=index, dtype="str")
        if "flow" in places:
            flow = translate(columns["flow"], codes().flow)
            self._reject(flow, shifted, "flow", "customs.flow", "进出口类型不认识，或进出口合在一行", columns)
        hs = translate(columns["hs"], _commodity)
        self._reject(hs, shifted, "hs", "customs.hs", "商品编码不是 8 位，或章号不存在", columns)
        mode = self._either("mode", columns, blank)
        if mode is not blank:
            told = mode
            mode = translate(told, codes().mode_name).where(told != "", "")
            self._reject(mode, shifted, "mode", "customs.mode", "贸易方式不在代码表中", {"mode": told})
        partner, strange = countries(self._either("partner", columns, blank))
        strange = strange & partner.str.fullmatch(r"[0-9]+").to_numpy(dtype=bool)
        named = columns.get("partner_name", blank)
        partner = partner.where(~(strange & (named != "").to_numpy(dtype=bool)), named)

        figures: dict[str, npt.NDArray[np.float64]] = {}
        for field in _FIGURES:
            figures[field] = np.full(len(index), np.nan)
            if field in places:
                parsed = numbers.parse_numbers(body.column(places[field]))
                bad = parsed.unreadable & ~shifted
                lines.reject(bad, LABELS[field], "number.unreadable", "数字无法识别", columns[field])
                figures[field] = parsed.values
                if field in ("usd", "rmb"):
                    empty = np.isnan(parsed.values) & ~parsed.unreadable & ~shifted
                    lines.reject(empty, LABELS[field], "number.missing", "没有金额", blank)
        good = lines.data
        self._say(good, columns["hs"], partner)
        table = pd.DataFrame(
            {
                "sheet": pd.Series(self.sheet, index=index, dtype="str"),
                "row": body.rows,
                "period": period,
                "flow": flow,
                "hs": hs,
                "partner": partner,
                "mode": mode,
                "district": self._either("district", columns, blank).str.removesuffix(".0"),
                "quantity": figures["quantity"],
                "unit": _filled(columns.get("unit", blank)),
                "quantity2": figures["quantity2"],
                "unit2": _filled(columns.get("unit2", blank)),
                "usd": figures["usd"],
                "rmb": figures["rmb"],
            }
        )
        kept: pd.DataFrame = table[good].reset_index(drop=True)
        return kept

    def _reject(
        self,
        found: pd.Series,
        shifted: npt.NDArray[np.bool_],
        field: str,
        rule: str,
        reason: str,
        columns: dict[str, pd.Series],
    ) -> None:
        missing = found.isna().to_numpy(dtype=bool) & ~shifted
        self.lines.reject(missing, LABELS[field], rule, reason, columns[field])

    def _either(self, field: str, columns: dict[str, pd.Series], blank: pd.Series) -> pd.Series:
        """The code, or where there is none the name."""
        code, name = columns.get(field), columns.get(f"{field}_name")
        if code is None or name is None:
            return next((column for column in (code, name) if column is not None), blank)
        return code.where(code != "", name)

    def _say(self, good: npt.NDArray[np.bool_], hs: pd.Series, partner: pd.Series) -> None:
        if mended := int((hs.str.fullmatch(_SHORT_HS.pattern).to_numpy(dtype=bool) & good).sum()):
            self.notes.append(f"商品编码补回表格软件丢掉的前导 0，共 {mended} 行")
        known = translate(partner, codes().country)
        if unknown := int((known.isna() & (partner != "") & good).sum()):
            self.notes.append(f"贸易伙伴不在代码表中，照原文收下，共 {unknown} 行")


def _filled(column: pd.Series) -> pd.Series:
    return column.mask(column == "")


def _commodity(text: str) -> str | None:
    """Eight digits; seven are a code of chapters 01 to 09 that lost its zero, since no code has seven."""
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix(".0")
    found = commodity("0" + plain if _SHORT_HS.fullmatch(plain) else plain)
    return found if found is not None and len(found) == 8 else None


def _direction(above: list[str]) -> str | None:
    """The direction the lines above the header speak of, where they speak of one only."""
    told = {word for text in above for word in _ONE_WAY.findall(unicodedata.normalize("NFKC", text))}
    return {"进口": "I", "出口": "E"}[told.pop()] if len(told) == 1 else None


def _header(sheet: Grid) -> Row | None:
    """The heading line among the first twenty rows."""
    for row in sheet.head[:20]:
        plain = [_plain(text) for text in row.texts]
        fields = {_HEADINGS.get(text) for text in plain}
        published = fields & {"partner", "mode", "district", "hs_name"} or "第一计量单位" in plain
        if {"period", "hs"} <= fields and fields & {"usd", "rmb"} and published and not set(_FIRMS) & set(plain):
            return row
    return None


def _places(headings: list[str]) -> dict[str, int]:
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        field = _HEADINGS.get(_plain(heading))
        if field is None:
            continue
        if field in places:
            raise Refused(f"表头有两列都是“{LABELS[field]}”")
        places[field] = place
    return places


def _plain(heading: str) -> str:
    return "".join(unicodedata.normalize("NFKC", heading).split()).upper()


def _notes(table: pd.DataFrame) -> list[str]:
    unverified = codes().unverified_modes | {mode.code for mode in codes().statistical_modes if not mode.verified}
    found = sorted(unverified.intersection(table["mode"].unique()))
    notes = [f"贸易方式 {'、'.join(found)} 的含义尚未核实"] if found else []
    if (months := table["period"].nunique()) > 1:
        notes.append(f"一份文件里有 {months} 个月的数据")
    return notes
