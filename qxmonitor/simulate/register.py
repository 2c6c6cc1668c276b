"""企业名录: firms, self-report authorisations and the chain map, issued before the first return and every January.

Each issue names the firms known by then; 退出年月 appears in the January after a firm has left. Contacts are invented
and made so that nobody can mistake them for a person; they exist to be dropped at the door.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from qxmonitor.period import Period
from qxmonitor.simulate import codes
from qxmonitor.simulate import vocabulary as words
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.tables import IDENTITY_FIELD
from qxmonitor.simulate.truth import Blemish, Document
from qxmonitor.simulate.workbooks import Book, rows_of

FIRM_HEADER = (
    "统一社会信用代码", "企业名称", "曾用名", "海关注册编码", "所属集团", "行业代码", "产业链", "链节点", "经济类型",
    "规上", "高新技术企业", "先进制造业", "高技术制造业", "专精特新", "倍增企业", "境内上市", "研发机构", "重点企业",
    "挂点领导", "纳入年月", "退出年月", "联系人", "联系电话",
)  # fmt: skip
AUTHORISATION_HEADER = ("统一社会信用代码", "企业名称", "授权事项", "授权部门", "起始年月", "终止年月")
CHAIN_HEADER = ("产业链代码", "产业链名称", "节点代码", "节点名称", "上游节点")


def write_all(world: World) -> None:
    """Land every issue of the register that the run needs."""
    for number, day in enumerate(issue_days(world)):
        world.landing.put(day, _issue(world, day, spoilt=number in (0, 2)))


def issue_days(world: World) -> list[date]:
    """The day before the first return arrives, every 10th of January, and the July 5th of a mid-year entry."""
    opening = world.day(world.first, 5)
    days = {opening}
    since = set(world.town.firms["since"])
    for year in range(world.first.year, world.last.year + 2):
        days.add(date(year, 1, 10))
        if f"{year:04d}-07" in since:
            days.add(date(year, 7, 5))
    return sorted(day for day in days if day >= opening)


def _issue(world: World, day: date, *, spoilt: bool) -> Document:
    book = Book("企业名录", day)
    sheets = (_firms(world, day, book, spoilt=spoilt), _authorisations(world, day, book), _chain_map(book))
    blemishes = [Blemish("企业名录", sheets[0] + 3, IDENTITY_FIELD, "uscc_check_digit")] if spoilt else []
    return Document(
        name=f"企业名录_{day.isoformat()}.xlsx",
        feed="register",
        form="workbook",
        period=None,
        content=book.content(),
        rows_read=sum(sheets),
        blemishes=blemishes,
    )


def _firms(world: World, day: date, book: Book, *, spoilt: bool) -> int:
    """The sheet of firms; a spoilt one ends with a firm whose code was copied wrongly. Returns its rows."""
    firms = world.town.firms[world.town.listed_at(Period.of(day))]
    page = book.sheet("企业名录")
    page.set_column(0, 0, 22)
    page.set_column(1, 2, 32)
    page.set_column(3, len(FIRM_HEADER) - 1, 12)
    page.set_row(0, 26)
    page.merge_range(0, 0, 0, len(FIRM_HEADER) - 1, "清溪镇重点企业名录（模拟数据）", book.title)
    page.write_string(1, 0, f"截至{day.year}年{day.month}月{day.day}日；本名录为模拟数据，企业均属虚构。", book.note)
    flags = {
        "above_scale": firms["above_scale"],
        "hightech": firms["hightech_year"] <= day.year,
        "advanced": firms["advanced"],
        "hightech_mfg": firms["hightech_mfg"],
        "specialised": firms["specialised"],
        "doubling": firms["doubling"],
        "listed": firms["listed"],
        "rd": firms["rd_year"] <= day.year,
        "key": firms["key"],
    }
    until = firms["until"].where(firms["until"] < str(Period.of(day)), "")
    contact = [f"{i + 1:04d}" for i in firms.index]
    columns = [
        firms["uscc"], firms["name"], firms["former"], firms["customs"], firms["group"], firms["industry"],
        firms["chain"], firms["node"], firms["ownership"], *(np.where(f, "是", "否") for f in flags.values()),
        firms["leader"], _as_printed(list(firms["since"])), _as_printed(list(until)),
        [f"联系人{c}" for c in contact], [f"0000-000{c}" for c in contact],
    ]  # fmt: skip
    lines = [list(line) for line in zip(*columns, strict=True)]
    if spoilt:
        code, name = world.strangers[-1]
        lines.append([codes.spoil(code), name, *[""] * 7, "否", *["否"] * 8, "", "", "", "", ""])
    with rows_of(page, 2) as write:
        write(list(FIRM_HEADER), book.header)
        for line in lines:
            write(line, book.text)
    page.freeze_panes(3, 2)
    return len(lines)


def _authorisations(world: World, day: date, book: Book) -> int:
    table = world.town.authorisations
    table = table[table["since"] <= str(Period.of(day))]
    firms = world.town.firms
    page = book.sheet("自报授权")
    page.set_column(0, 0, 22)
    page.set_column(1, 2, 36)
    page.set_column(3, 5, 18)
    page.merge_range(0, 0, 0, len(AUTHORISATION_HEADER) - 1, "重点企业自报授权（模拟数据）", book.title)
    listed = table["firm"].isin(np.flatnonzero(world.town.listed_at(Period.of(day))))
    table = table[listed]
    columns = (
        firms["uscc"].iloc[table["firm"]], firms["name"].iloc[table["firm"]], table["items"], table["readers"],
        table["since"], table["until"],
    )  # fmt: skip
    with rows_of(page, 1) as write:
        write(list(AUTHORISATION_HEADER), book.header)
        for line in zip(*columns, strict=True):
            write(list(line), book.text)
    return len(table)


def _chain_map(book: Book) -> int:
    page = book.sheet("产业链图谱")
    page.set_column(0, 4, 18)
    page.merge_range(0, 0, 0, len(CHAIN_HEADER) - 1, "产业链图谱（模拟数据）", book.title)
    lines = [
        [chain, title, node.code, node.name, node.upstream]
        for chain, title in words.CHAINS.items()
        for node in words.NODES[chain]
    ]
    with rows_of(page, 1) as write:
        write(list(CHAIN_HEADER), book.header)
        for line in lines:
            write(line, book.text)
    return len(lines)


def _as_printed(periods: list[str]) -> list[str]:
    """Every fifth month in the other spelling (``2020年1月``)."""
    return [Period(p).label if p and i % 5 == 4 else p for i, p in enumerate(periods)]
