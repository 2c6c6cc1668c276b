"""The B204-1 firm form: one firm a workbook, items down the rows, a block of particulars on top, two header rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from qxmonitor.period import Period
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.truth import Document, Figures, number
from qxmonitor.simulate.workbooks import Book

SHEET = "B204-1"
_ITEMS = (
    ("output", "工业总产值(当年价格)", "01"),
    ("sales", "工业销售产值(当年价格)", "03"),
    ("export", "  其中：出口交货值", "04"),
    ("power", "企业用电量(万千瓦时)", "05"),
)
PRODUCTS = {
    "C01": ("印制电路板(万平方米)", "光电子器件(万只)"),
    "C02": ("电力电缆(千米)", "交流电动机(千瓦)"),
    "C03": ("玩具(万个)",),
    "C04": ("输送机械(台)",),
    "C05": ("家具(件)",),
    "C06": ("医疗仪器设备(台)",),
    "": ("纸制品(吨)",),
}
_FULL_WIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")
_FIRST = 9
"""1-based row of the first item."""


def firm_form(
    world: World, period: Period, firm: int, name: str, figures: npt.NDArray[np.float64], rng: np.random.Generator
) -> Document:
    """One filled-in form.

    Args:
        world: the town.
        period: the month.
        firm: row number of the firm.
        name: as it writes itself.
        figures: its sixteen figures in the order of ``b204.COLUMNS``.
        rng: the stream of the month.
    """
    code = world.town.column("uscc")[firm]
    book = Book("B204-1", world.day(period, 8), in_order=False)
    page = book.sheet(SHEET)
    page.set_column(0, 0, 30)
    page.set_column(1, 1, 8)
    page.set_column(2, 5, 16)
    page.merge_range(0, 0, 0, 5, "工业产销总值及主要产品产量", book.title)
    contact = firm + 1
    top = (
        ("表  号：B204-1表", "制定机关：国家统计局"),
        (f"统一社会信用代码：{code}", "文  号：（模拟数据）"),
        (f"单位详细名称：{name}", f"{period.year}年{period.month:02d}月"),
        (f"填表人：填表人{contact:04d}", f"联系电话：0000-{contact:07d}"),
        ("", "计量单位：千元"),
    )
    for row, (left, right) in enumerate(top, start=1):
        if left:
            page.write_string(row, 0, left, book.note)
        page.write_string(row, 4, right, book.note)
    page.merge_range(6, 0, 7, 0, "指标名称", book.header)
    page.merge_range(6, 1, 7, 1, "代码", book.header)
    page.merge_range(6, 2, 6, 3, "本年", book.header)
    page.merge_range(6, 4, 6, 5, "上年同期", book.header)
    for column, text in enumerate(("本月", "1—本月", "本月", "1—本月"), start=2):
        page.write_string(7, column, text, book.header)
    empty = rng.choice(np.array(["", "-", "—"], dtype=object), size=16)
    full_width = rng.random(16) < 0.02
    for line, (measure, item, item_code) in enumerate(_ITEMS):
        row = _FIRST - 1 + line
        page.write_string(row, 0, item, book.text)
        page.write_string(row, 1, item_code, book.middle)
        for column in range(4):
            place = 4 * line + column
            value = float(figures[place])
            if value != value:
                if empty[place]:
                    page.write_string(row, 2 + column, empty[place], book.middle)
                else:
                    page.write_blank(row, 2 + column, None, book.middle)
            elif full_width[place]:
                text = (f"{value:.2f}" if measure == "power" else f"{value:.0f}").translate(_FULL_WIDTH)
                page.write_string(row, 2 + column, text, book.text)
            else:
                page.write_number(row, 2 + column, value, book.hundredth if measure == "power" else book.whole)
    products = PRODUCTS[world.town.firms["chain"].iloc[firm]]
    for line, product in enumerate(products):
        row = _FIRST - 1 + len(_ITEMS) + line
        page.write_string(row, 0, product, book.text)
        page.write_string(row, 1, f"{10 + line}", book.middle)
        cumulative = figures[[1, 3]]
        page.write_number(row, 3, float(np.round(cumulative[0] / 90)), book.whole)
        page.write_number(row, 5, float(np.round(cumulative[1] / 90)), book.whole)
    columns = [f"{m}_{s}" for m, _, _ in _ITEMS for s in ("m", "ytd", "ly_m", "ly_ytd")]
    printed = [_FIRST, code, str(period), *map(number, figures.tolist())]
    return Document(
        name=f"B204-1_{period.replace('-', '')}_{code}.xlsx",
        feed="b204_1",
        form="firm",
        period=period,
        content=book.content(),
        rows_read=len(_ITEMS) + len(products),
        figures=[Figures(SHEET, ["row", "entity", "period", *columns], "千元", [printed])],
    )
