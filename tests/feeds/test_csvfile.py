"""Long files take a short cut; it must give what the long way gives."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest

from qxmonitor.feeds import csvfile
from qxmonitor.identity import resolve
from tests.feeds.books import uscc

LINE = "91000000MA000000{n:02d},甲公司{n}, 2026 00 10 ,{n},1234.5,,"


def long_text(top: list[str], bottom: list[str], count: int = 25_000) -> str:
    return "\n".join([*top, *(LINE.format(n=n % 90) for n in range(count)), *bottom]) + "\n"


def both(text: str) -> tuple[csvfile.Records, csvfile.Records]:
    """By the short cut, and without it."""
    found = csvfile.read(text)
    patch = pytest.MonkeyPatch()
    with patch.context() as there:
        there.setattr(csvfile, "_LONG", 1 << 40)
        return found, csvfile.read(text)


@pytest.mark.parametrize(
    ("top", "bottom"),
    [
        (["B204-1表（模拟数据）", "计量单位：千元", "代码,名称,报告期,甲,乙,丙"], ["合计,,,1,2,", "填表人：某"]),
        (['"标题,一行"', '"两行的\n标题"', "", "代码,名称"], ['"合计",,,"1,234",', "", "", "注"]),
        ([], []),
        ([f"第{n}行" for n in range(60)], []),  # more of them than the short cut looks at
        ([], [f"第{n}行" for n in range(60)]),
        (['5" 屏'], ['6" 屏']),
    ],
)
def test_a_long_file_reads_the_same_by_the_short_cut(top: list[str], bottom: list[str]) -> None:
    text = long_text(top, bottom)
    short, plain = both(text)
    assert short.lines.tolist() == plain.lines.tolist()
    assert short.widths.tolist() == plain.widths.tolist()
    pd.testing.assert_frame_equal(short.cells, plain.cells)
    head = sum(line.count("\n") + 1 for line in top)
    assert short.cells.iloc[len([line for line in top if line]), 2] == "2026 00 10"
    assert short.lines[len([line for line in top if line])] == head + 1


def test_the_short_cut_is_taken_where_it_can_be() -> None:
    text = long_text(["标题", "单位"], ["合计"])
    assert csvfile._banded(text, ",") is not None
    for wrong in (
        text.replace("甲公司50", "甲\n公司50"),
        text.replace("甲公司50", '甲"公司50'),
        text.replace("甲公司50,", "甲公司50,,"),
    ):
        assert csvfile._banded(wrong, ",") is None


def test_a_file_without_a_last_line_break() -> None:
    short, plain = both(long_text(["标题"], ["合计,,,5"])[:-1])
    assert short.lines.tolist() == plain.lines.tolist()
    assert short.cells.iloc[-1, 3] == "5"


def test_unusual_separators_of_lines_do_not_shift_line_numbers() -> None:
    records = csvfile.read('a,b\nx\u2028y,"1"2\nc\x85d,3\n')
    assert records.lines.tolist() == [1, 2, 3]
    assert records.cells.iloc[1, 0] == "x\u2028y"


def test_a_long_column_of_firms_is_resolved_as_a_short_one() -> None:
    rng = random.Random(1)
    words = [uscc(n) for n in range(20)] + ["", "91000000MA00000000", "x", f" {uscc(3).lower()} "]
    codes = pd.Series([rng.choice(words) for _ in range(25_000)], dtype="str")
    names = pd.Series([rng.choice(["甲公司", "", "乙（集团）公司"]) for _ in range(25_000)], dtype="str")
    found = resolve(codes, None, None, names)
    pieces = [resolve(codes[at : at + 500], None, None, names[at : at + 500]) for at in range(0, 25_000, 500)]
    pd.testing.assert_frame_equal(found, pd.concat(pieces))
    assert found["subject"].isna().any()
    assert np.array_equal(found.index, codes.index)
