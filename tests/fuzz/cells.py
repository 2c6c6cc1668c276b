"""Changes to what stands in a sheet: cells, headings, rows, columns, whole sheets.

Each change takes the sheets and the columns that hold persons, works in place, and says whether persons still stand
only where a heading or a label names them, so that a reader can be asked to drop them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from tests.fuzz.seeds import Seed, Sheets

GARBAGE: tuple[Any, ...] = (
    "-", "—", "…", "······", "(1,234)", "（1，234）", "１２３．４", "1,23", "1,234.5", "12元", "12.5%", "3e400", "-0",
    "+5", "1e5", "10²", "NaN", "Infinity", "-Infinity", "1_000", "0x1F", "٣٤", "Ⅷ", "#REF!", "#N/A", "#DIV/0!",
    "TRUE", "是", "否", "无", "合计", "其中:", "2026 00 10", "202613", "2026-02-30", "2026年13月", "1899-12-30",
    "9999-12-31", "千元", "万元", "亿元", "美元", "=1+1", "@SUM(1)", "'0123", " ", "\u3000", "\u200b", "\ufeff",
    "\u202e倒", "\U00020bb7", "a\nb", 'a"b', "a,b", "a;b", "a\tb", "<a>", "&amp;", "%s", "{0}", "\\", "'; drop",
    "甲" * 400, "9" * 40, "1" + "0" * 320, "0." + "0" * 320 + "1", "x" * 3000,
    0, -1, 1.5, 1e308, -1e308, 5e-324, 1e16, 2**53 + 1, 0.1, 46_000, 46_000.5, True, False, date(2026, 10, 1),
    datetime(2026, 10, 31, 23, 59, 59), date(1900, 1, 1), date(9999, 12, 31),  # noqa: DTZ001 a cell has no zone
)  # fmt: skip
FOOTERS = (
    "填表人：填表人0001", "联系电话：0000-0000001", "单位负责人：负责人0002 填表人：填表人0002 联系电话：0000-0000002",
    "数据来源：某局", "注：本表为模拟数据", "合计", "总 计（千元）", "小计:", "说明", "制表人 张",
    "备注：联系人0003，电话0000-0000003",
)  # fmt: skip
_WEDGES = "；;:：（）()[]、，,千万亿元%年月本上"

Change = Callable[[random.Random, Sheets, list[set[int]]], bool]


def _page(rng: random.Random, sheets: Sheets) -> tuple[int, list[list[Any]]]:
    number = rng.randrange(len(sheets))
    return number, sheets[number][1]


def _free(rng: random.Random, rows: list[list[Any]], guarded: set[int]) -> tuple[int, int] | None:
    """A cell that is no person's."""
    for _ in range(8):
        at = rng.randrange(len(rows)) if rows else 0
        if rows and rows[at]:
            place = rng.randrange(len(rows[at]))
            if place not in guarded:
                return at, place
    return None


def garbage(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    number, rows = _page(rng, sheets)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if found := _free(rng, rows, guarded[number]):
            rows[found[0]][found[1]] = rng.choice(GARBAGE)
    return True


def below(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    """Garbage in the lower half only, so that the head stays readable."""
    number, rows = _page(rng, sheets)
    for _ in range(rng.choice((1, 2, 4, 10))):
        found = _free(rng, rows[len(rows) // 2 :], guarded[number])
        if found:
            rows[len(rows) // 2 + found[0]][found[1]] = rng.choice(GARBAGE)
    return True


def blank(rng: random.Random, sheets: Sheets, _: list[set[int]]) -> bool:
    _number, rows = _page(rng, sheets)
    for _turn in range(rng.choice((1, 3, 10))):
        row = rng.choice(rows) if rows else []
        if row:
            row[rng.randrange(len(row))] = ""
    return True


def swap(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    number, rows = _page(rng, sheets)
    one, two = _free(rng, rows, guarded[number]), _free(rng, rows, guarded[number])
    if one and two:
        rows[one[0]][one[1]], rows[two[0]][two[1]] = rows[two[0]][two[1]], rows[one[0]][one[1]]
    return True


def dressed(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    """Figures as people write them: wide, grouped, bracketed, with a unit."""
    number, rows = _page(rng, sheets)
    dresses: tuple[Callable[[str], Any], ...] = (
        lambda t: t + "千元", lambda t: t.translate({48 + n: 0xFF10 + n for n in range(10)}), lambda t: f"({t})",
        lambda t: f" {t} ", lambda t: "'" + t, lambda t: t + "\u3000", lambda t: t.replace(".", "。"),
        lambda t: "-" + t, lambda t: t + ".0", lambda t: "0" + t, lambda t: t + "e0", lambda t: f"{t},{t}",
        lambda t: "−" + t, lambda t: "＋" + t,
    )  # fmt: skip
    for _ in range(rng.choice((1, 4, 12))):
        if found := _free(rng, rows, guarded[number]):
            cell = rows[found[0]][found[1]]
            rows[found[0]][found[1]] = rng.choice(dresses)(f"{cell:g}" if isinstance(cell, float) else str(cell))
    return True


def retyped(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    """A whole column in another type."""
    number, rows = _page(rng, sheets)
    found = _free(rng, rows, guarded[number])
    if found is None:
        return True
    make = rng.choice((str, lambda c: 3, lambda c: 1.5, lambda c: True, lambda c: "", lambda c: date(2026, 10, 1),
                       lambda c: c if rng.random() < 0.5 else str(c), lambda c: rng.choice(GARBAGE)))  # fmt: skip
    start = rng.choice((len(rows) // 2, found[0]))
    for row in rows[start:]:
        if found[1] < len(row):
            row[found[1]] = make(row[found[1]])
    return True


def heading(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    number, rows = _page(rng, sheets)
    found = _free(rng, rows[:14], guarded[number])
    if not found or not isinstance(text := rows[found[0]][found[1]], str) or not text:
        return True
    other = _free(rng, rows[:14], guarded[number]) or found
    at = rng.randrange(len(text))
    rows[found[0]][found[1]] = rng.choice((
        text[:at] + text[at + 1 :], text[:at] + " " + text[at:], text[::-1], text + "(千元)", text + ";万元",
        text.replace(";", "_"), ";".join(reversed(text.split(";"))), text + ";" + text, text.replace("(", "（"),
        str(rows[other[0]][other[1]]), "", text[:at] + rng.choice(_WEDGES) + text[at:], text * 40, text + "\n",
        "上年同期;" + text, text + ";本月",
    ))  # fmt: skip
    return True


def headings_swapped(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    """Two headings change places, their columns do not."""
    number, rows = _page(rng, sheets)
    found = _free(rng, rows[:14], guarded[number])
    if found:
        row = rows[found[0]]
        other = rng.randrange(len(row))
        if other not in guarded[number]:
            row[found[1]], row[other] = row[other], row[found[1]]
    return True


def columns(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    """Permute, drop, repeat or insert columns, head and all."""
    number, rows = _page(rng, sheets)
    width = max(map(len, rows), default=0)
    if not width:
        return True
    order = list(range(width))
    what = rng.randrange(5)
    if what == 0:
        rng.shuffle(order)
    elif what == 1:
        order.pop(rng.randrange(width))
    elif what == 2:
        order.insert(rng.randrange(width), rng.randrange(width))
    elif what == 3:
        order = [-1] * rng.choice((1, 3, 30)) + order
    else:
        order += [-1] * rng.choice((1, 5, 250))
    for row in rows:
        row[:] = [row[place] if 0 <= place < len(row) else "" for place in order]
    guarded[number] = {new for new, old in enumerate(order) if old in guarded[number]}
    return True


def rows_changed(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    """Repeat, move, drop, blank or insert rows."""
    number, rows = _page(rng, sheets)
    if not rows:
        return True
    at = rng.randrange(len(rows))
    what = rng.randrange(9)
    width = len(rows[0])
    if what == 0:
        rows.insert(rng.randrange(len(rows)), list(rows[at]))
    elif what == 1:
        rows.insert(rng.randrange(len(rows)), rows.pop(at))
    elif what == 2:
        del rows[at]
    elif what == 3:
        rows.insert(at, [""] * width)
    elif what == 4:
        rows.insert(at, [rng.choice(FOOTERS), *[""] * (width - 1)])
    elif what == 5:
        rows.append([rng.choice(FOOTERS), *(rng.choice((1, "", 99.5, "—")) for _ in range(width - 1))])
    elif what == 6:
        del rows[rng.randrange(len(rows)) :]
    elif what == 7:
        for row in rows:
            row += [""] * rng.choice((0, 1, 3))
    else:
        tail = rows[len(rows) // 2 :]
        rng.shuffle(tail)
        rows[len(rows) // 2 :] = tail
    guarded[number] = guarded[number]
    return True


def shifted(rng: random.Random, sheets: Sheets, _: list[set[int]]) -> bool:
    """A row moved sideways: what stands under which heading is no longer known."""
    _number, rows = _page(rng, sheets)
    if rows:
        row = rng.choice(rows)
        if rng.random() < 0.5 or not row:
            row.insert(rng.randrange(len(row) + 1), rng.choice(GARBAGE))
        else:
            row.pop(rng.randrange(len(row)))
    return False


def pages(rng: random.Random, sheets: Sheets, guarded: list[set[int]]) -> bool:
    number, rows = _page(rng, sheets)
    what = rng.randrange(4)
    if what == 0:
        sheets.append((sheets[number][0] + "2", [list(row) for row in rows]))
        guarded.append(set(guarded[number]))
    elif what == 1:
        sheets.insert(0, (rng.choice(("封面", "Sheet1", "自报")), [[rng.choice(GARBAGE)]]))
        guarded.insert(0, set())
    elif what == 2 and len(sheets) > 1:
        del sheets[number], guarded[number]
    else:
        sheets[number] = (rng.choice(("", "自报", "a'b", "合计", "x" * 31, "<>&", "\u3000")), rows)
    return True


CHANGES: tuple[Change, ...] = (
    below, below, garbage, blank, swap, dressed, retyped, heading, headings_swapped, columns, rows_changed,
    rows_changed, shifted, pages,
)  # fmt: skip


def changed(rng: random.Random, one: Seed) -> tuple[Sheets, bool, str]:
    """A seed's sheets after one to four changes; whether persons stand where they are named; and what was done."""
    sheets = [(name, [list(row) for row in rows]) for name, rows in one.sheets]
    guarded = [set(places) for places in one.guarded]
    named, done = True, []
    for _ in range(rng.choice((1, 1, 1, 2, 2, 4))):
        change = rng.choice(CHANGES)
        named &= change(rng, sheets, guarded)
        done.append(change.__name__)
    return sheets, named, "+".join(done)
