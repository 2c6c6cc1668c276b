"""Output below the totals of B204-1: by 4-digit class of GB/T 4754 (行业小类) and by product (主要产品产量).

A line is a class or a product by the part of the form it stands in or the column that names it; where neither tells,
by its unit: money makes a class, any other unit a product. Money becomes 千元; a quantity stays as printed, with its
unit. A line of which this cannot be said is rejected, never guessed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.items import items, plain
from qxmonitor.feeds import headings, numbers
from qxmonitor.feeds.grid import Lines, Row
from qxmonitor.feeds.rulings import Rulings

TABLE = "output_detail"
INDUSTRY, PRODUCT = "industry", "product"
SPANS = {"m": "本月", "ytd": "1—本月", "ly_m": "上年同期本月", "ly_ytd": "上年同期1—本月"}
COLUMNS = ["sheet", "row", "subject", "period", "kind", "code", "name", "unit", *SPANS]

_LEAD = r"^(?:其中[:：]?|#+|[一二三四五六七八九十]+[、.]|\([一二三四五六七八九十0-9]+\)|[0-9]{1,2}[、.])+"
_BRACKET = r"^(.+)\(([^()]+)\)$"
_CLASS = r"^[A-Z]?([0-9]{4})$"

Mask = npt.NDArray[np.bool_]


def is_list(header: Row) -> bool:
    """Whether a header names classes or products, so that a line is not a firm but one of its parts.

    A firm's own class may stand in a list of totals as well; then other totals stand beside it.
    """
    words = items().detail
    single = {found[0] for text in header.texts if len(found := headings.parts(text)) == 1}
    if single & (words.words("product_name") | words.words("product_code")):
        return True
    names = items().names_of("b204_1")
    known = (headings.item_of(word, names) for text in header.texts for word in headings.parts(text))
    said = {item[0].id for item in known if item}
    return bool(single & (words.words("class_code") | words.words("class_name"))) and said <= {"output"}


def bare(texts: pd.Series) -> pd.Series:
    """Texts half-width, without spaces and without numbering or 其中 in front."""
    plain_texts = texts.str.normalize("NFKC").str.replace(r"\s+", "", regex=True)
    return plain_texts.str.replace(_LEAD, "", regex=True)


def settle(
    lines: Lines,
    mask: Mask,
    said: pd.Series,
    code: pd.Series,
    name: pd.Series,
    unit: pd.Series,
    cells: Mapping[str, pd.Series],
    money_unit: str,
    rulings: Rulings,
) -> pd.DataFrame:
    """The lines of ``mask`` as rows; what cannot be one is rejected.

    Args:
        lines: all lines below the header.
        mask: those that are classes or products.
        said: ``industry``, ``product`` or '' where form and header do not say which.
        code: as printed.
        name: as printed, perhaps with the unit in brackets behind it.
        unit: as printed in a column of its own, '' where none is.
        cells: ``m``, ``ytd``, ``ly_m``, ``ly_ytd`` → the figures; a span that is not printed is missing.
        money_unit: of money without a unit; '' where such a line cannot be read.
        rulings: what was decided; a line's unit by its name.

    Returns:
        ``row``, ``kind``, ``code``, ``name``, ``unit`` and the four spans, indexed by position among the lines.
    """
    code, name = bare(code).str.upper(), bare(name)
    unit = rulings.units_of(name, bare(unit))
    bracket = name.str.extract(_BRACKET)
    kinds = {text: items().units.kind(plain(text)) for text in unit.unique()}
    inside = bracket[1].fillna("")
    measured = inside.map({text: is_unit(text) for text in inside.unique()}).to_numpy(bool)
    own = unit.where(unit != "", inside.where(measured, ""))
    name = name.where(~measured | ((unit != "") & (unit != inside)).to_numpy(bool), bracket[0])
    kinds |= {text: items().units.kind(plain(text)) for text in own.unique()}
    money = (own.map(kinds) == "money").to_numpy(bool)
    none = (own == "").to_numpy(bool)
    classed = code.str.fullmatch(_CLASS).to_numpy(bool)
    open_ = (said == "").to_numpy(bool)
    industry = (said == INDUSTRY).to_numpy(bool) | (open_ & classed & (money | none))
    product = (said == PRODUCT).to_numpy(bool) | (open_ & ~industry & ~none & ~money)

    def refuse(which: Mask, field: str, rule: str, reason: str, raw: pd.Series | None = None) -> None:
        lines.reject(mask & which & ~lines.rejected, field, rule, reason, raw)

    refuse(~industry & ~product, "指标名称", "detail.unknown", "不是已知指标，也认不出是行业还是产品", name)
    refuse(industry & ~none & ~money, "计量单位", "detail.unit", "分行业产值的计量单位不是金额单位", own)
    if not money_unit:
        reason = "本行和表头上都没有注明计量单位，表上其他金额却不是千元"
        refuse(industry & none, "计量单位", "detail.unit_missing", reason)
    refuse(product & none, "计量单位", "detail.unit_missing", "产品没有注明计量单位")
    refuse(
        (code == "").to_numpy(bool) & (name == "").to_numpy(bool), "指标名称", "detail.nameless", "没有代码也没有名称"
    )
    label = pd.Series(np.where(industry, "行业产值", "产品产量"), index=code.index, dtype="str")
    taken = mask & ~lines.rejected
    figures: dict[str, npt.NDArray[np.float64]] = {}
    factor = own.map({text: _factor(text or money_unit) for text in own.unique()}).to_numpy(np.float64)
    for span, words in SPANS.items():
        if span not in cells:
            figures[span] = np.full(len(code), np.nan)
            continue
        parsed = numbers.parse_numbers(cells[span])
        field = label + f"（{words}）"
        lines.reject(taken & parsed.errors, field, "number.error", "单元格是 Excel 错误值", cells[span])
        lines.reject(
            taken & parsed.unreadable & ~parsed.errors, field, "number.unreadable", "数字无法识别", cells[span]
        )
        figures[span] = np.where(money | industry, numbers.scaled(parsed.values, factor), parsed.values)
    bare_class = code.str.extract(_CLASS)[0].fillna(code)
    lost_zero = bare_class.str.fullmatch("[6-9][0-9]{2}")  # 0610 that went through a spreadsheet
    bare_class = bare_class.where(~lost_zero, "0" + bare_class)
    rows = pd.DataFrame(
        {
            "row": lines.rows,
            "kind": np.where(industry, INDUSTRY, PRODUCT),
            "code": code.where(~industry, bare_class),
            "name": name,
            "unit": own.where(~(money | industry), headings.FORM_UNITS["money"]),
            **figures,
        }
    )
    return rows[mask & lines.data].astype({"kind": "str"})


def is_unit(text: str) -> bool:
    """Whether a word is a unit: of money, power or persons, or of a quantity."""
    return items().units.kind(text) is not None or bool(items().detail.quantity_unit.fullmatch(text))


def _factor(unit: str) -> float:
    """Factor of money to 千元; 1 for any other unit."""
    units = items().units
    word = plain(unit)
    return units.factor(word) if units.kind(word) == "money" else 1.0
