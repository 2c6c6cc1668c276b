import math
import string
from datetime import date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.feeds import numbers
from qxmonitor.feeds.numbers import as_text, parse_months, parse_numbers

_WIDE = str.maketrans("0123456789.,-()", "０１２３４５６７８９．，－（）")


def one(cell: object) -> tuple[float, bool]:
    parsed = parse_numbers(pd.Series([cell], dtype=object))
    return float(parsed.values[0]), bool(parsed.unreadable[0])


@pytest.mark.parametrize(
    ("cell", "figure"),
    [
        (3, 3), (-2.5, -2.5), ("12", 12), (" 12.50 ", 12.5), ("1,234,567.8", 1234567.8), ("1，234", 1234),
        ("１２３．５", 123.5), ("－５", -5), ("(1,234)", -1234), ("（1，234）", -1234), ("+7", 7), ("−7", -7),
        (".5", 0.5), ("1.2E+05", 120000), ("0", 0), ("\u3000 8\u3000", 8),
    ],
)  # fmt: skip
def test_what_offices_write_for_a_number_is_understood(cell: object, figure: float) -> None:
    assert one(cell) == (figure, False)


@pytest.mark.parametrize("cell", ["", None, "-", "—", "－", "－－", "——", "…", "……", "...", "  ", "\u3000", "―", "⋯"])
def test_what_offices_write_for_nothing_is_empty_and_no_zero(cell: object) -> None:
    value, unreadable = one(cell)
    assert math.isnan(value)
    assert not unreadable


@pytest.mark.parametrize(
    "cell",
    [
        "12元", "5%", "5％", "1,23", "1,0000", "12,3456", "1 2", "10²", "①", "nan", "NaN", "inf", "-inf", "Infinity",
        "1_000", "0x10", "1e999", "--5", "-(5)", "(-5)", "()", "(", "5-", "待核", "无", "/", "1.2.3", "١٢", ",", ".",
        "+", float("nan"), float("inf"), 10**400, True, False, date(2026, 1, 1), time(1), timedelta(1),
        datetime.combine(date(2026, 1, 1), time()),
    ],
)  # fmt: skip
def test_anything_else_is_unreadable_and_never_guessed(cell: object) -> None:
    value, unreadable = one(cell)
    assert math.isnan(value)
    assert unreadable


@pytest.mark.parametrize("cell", ["#REF!", "#N/A", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!"])
def test_error_values_are_told_apart(cell: str) -> None:
    parsed = parse_numbers(pd.Series([cell, "x", 1.0], dtype=object))
    assert parsed.errors.tolist() == [True, False, False]
    assert parsed.unreadable.tolist() == [True, True, False]


@given(st.decimals(-(10**12), 10**12, places=2), st.booleans(), st.booleans(), st.booleans())
def test_every_printing_of_a_number_reads_as_that_number(figure, grouped: bool, wide: bool, bracketed: bool) -> None:
    text = f"{abs(figure):,.2f}" if grouped else f"{abs(figure):.2f}"
    if figure < 0:
        text = f"({text})" if bracketed else f"-{text}"
    assert one(text.translate(_WIDE) if wide else text) == (float(figure), False)


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.booleans(), st.text(), st.dates(), st.times())))
def test_every_cell_is_a_finite_number_or_empty_or_unreadable(cells: list[object]) -> None:
    parsed = parse_numbers(pd.Series(cells, dtype=object))
    assert len(parsed.values) == len(cells)
    assert not np.isinf(parsed.values).any()
    assert np.isnan(parsed.values[parsed.unreadable]).all()
    assert not (parsed.errors & ~parsed.unreadable).any()


@given(st.lists(st.text(string.digits + ".,-()eE+ 　，（）－—…%元", max_size=12)))
def test_texts_and_mixed_cells_are_read_alike(texts: list[str]) -> None:
    as_objects = parse_numbers(pd.Series([*texts, 1.5], dtype=object))
    as_strings = parse_numbers(pd.Series(texts, dtype="str"))
    np.testing.assert_array_equal(as_objects.values[:-1], as_strings.values)
    np.testing.assert_array_equal(as_objects.unreadable[:-1], as_strings.unreadable)


@pytest.mark.parametrize(
    "cell",
    [
        "2021 00 08", "20210008", 20210008, 20210008.0, "202108", 202108, "2021-08", "2021-8", "2021/8", "2021.08",
        "2021年8月", "2021年08月份", "２０２１年８月", "2021 年 8 月", "2021年1—8月", "2021年1-8月", "2021年1月—8月",
        datetime.combine(date(2021, 8, 1), time()), date(2021, 8, 31), "2021-08-01", "2021-08-01 00:00:00",
    ],
)  # fmt: skip
def test_periods_are_read_in_every_writing(cell: object) -> None:
    parsed = parse_months(pd.Series([cell], dtype=object))
    assert (parsed.values[0], parsed.unreadable[0]) == ("2021-08", False)


@pytest.mark.parametrize(
    "cell",
    [
        "202113",
        "2021 00 00",
        "20210800",
        "20210831",
        "8月",
        "2021",
        44409,
        "2021Q3",
        "1899-01",
        True,
        1.5,
        "二〇二一年八月",
        "٢٠٢١-٠٨",
    ],
)
def test_a_period_is_never_guessed(cell: object) -> None:
    parsed = parse_months(pd.Series([cell, "2021-08"], dtype=object))
    assert parsed.unreadable.tolist() == [True, False]
    assert parsed.values.tolist() == [None, "2021-08"]


@pytest.mark.parametrize("cell", ["", None, "  "])
def test_an_empty_period_is_empty(cell: object) -> None:
    parsed = parse_months(pd.Series([cell], dtype=object))
    assert (parsed.values[0], parsed.unreadable[0]) == (None, False)


@given(st.lists(st.one_of(st.none(), st.floats(), st.integers(), st.booleans(), st.text(), st.dates()), max_size=20))
def test_each_period_cell_is_read_as_if_it_stood_alone(cells: list[object]) -> None:
    together = parse_months(pd.Series(cells, dtype=object))
    alone = [parse_months(pd.Series([cell], dtype=object)) for cell in cells]
    assert together.values.tolist() == [one.values[0] for one in alone]
    assert together.unreadable.tolist() == [one.unreadable[0] for one in alone]


def test_cells_are_shown_as_a_person_reads_them() -> None:
    cells = pd.Series([" a ", 3970.0, 1.5, None, True, datetime.combine(date(2026, 1, 2), time())], dtype=object)
    assert as_text(cells).tolist() == ["a", "3970", "1.5", "", "TRUE", "2026-01-02"]


def test_a_day_as_text_is_its_month_however_it_is_separated() -> None:
    cells = pd.Series(
        ["2026/10/1", "2026-10-31", "2026.10.05", "2026/10/1 0:00", "2026-10/1", "2026/13/1", "2026/10/32"]
    )
    found = parse_months(cells)
    assert found.values.tolist() == ["2026-10"] * 4 + [None] * 3
    assert found.unreadable.tolist() == [False] * 4 + [True] * 3


@pytest.mark.parametrize("cell", [1e31, -1e308, "1e31", "1" + "0" * 40, 10**40])
def test_what_no_source_can_mean_is_unreadable(cell: object) -> None:
    """Times ten thousand it would be infinite."""
    value, unreadable = one(cell)
    assert math.isnan(value)
    assert unreadable
    assert one(1e30) == (1e30, False)


@pytest.mark.parametrize("factor", ["0.0001", "0.001", "10", "1000", "10000", "100000"])
def test_a_converted_figure_is_the_printed_one_times_the_unit(factor: str) -> None:
    dice = np.random.default_rng(5)
    digits = [str(n) for n in dice.integers(1, 10 ** dice.integers(1, 15, 4000)).tolist()]
    places = dice.integers(0, 7, len(digits)).tolist()
    printed = [Decimal(word).scaleb(-place) for word, place in zip(digits, places, strict=True)]
    printed += [Decimal("4.4"), Decimal("-35.07"), Decimal(0), Decimal("1e15"), Decimal("999999999999999")]
    values = np.array([float(figure) for figure in printed])

    stored = numbers.scaled(values, float(factor))
    assert stored.tolist() == [float(figure * Decimal(factor)) for figure in printed]
    assert numbers.scaled(stored, float(factor), back=True).tolist() == values.tolist(), "and back to what is printed"
    mixed = numbers.scaled(np.array([4.4, 0.1 + 0.2, np.nan]), np.array([float(factor), 1.0, 10.0]))
    assert mixed[:2].tolist() == [float(Decimal("4.4") * Decimal(factor)), 0.1 + 0.2], "what needs none is left alone"
