"""Numbers and months as offices type them, whole columns at a time, and never a guess.

A statistics sheet holds numbers as numbers and as text: full-width digits, thousands commas of either width,
``(1,234)`` for a negative, a dozen ways of writing "nothing". Those are understood. Everything else — a unit or
per cent sign behind the figure, ``1,23``, ``10²``, ``nan``, an error value of the spreadsheet — is unreadable
and is said to be; a wrong figure is worse than a missing one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

ERROR_VALUE = r"^#(?:REF!|N/A|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!|ERR!)$"
"""Excel's error values as text."""

LARGEST = 1e30
"""No figure of any source comes near; beyond it a unit's factor could make it infinite, so it is unreadable."""

_TENS = 10.0 ** np.arange(23)
"""Powers of ten that are doubles to the last digit."""
_DASHES = "-‐‑‒–—―─−"
# Only characters whose half-width form is the same figure: NFKC alone would make 102 of 10².
_ALLOWED = r"^[ -~\x{a0}\x{3000}\x{ff01}-\x{ff5e}\x{2010}-\x{2015}\x{2212}\x{2500}\x{2026}\x{22ef}]*$"
_EMPTY = rf"^(?:[{_DASHES}]+|(?:\.\.\.)+|…+|⋯+|)$"
_BRACKETED = r"^\( *([0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+) *\)$"
_GROUPED = r"^[+-]?[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?$"
_PLAIN = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$"

_YEAR = r"(?P<year>(?:19|20|21)[0-9]{2})"
_MONTHS = tuple(
    re.compile(pattern)
    for pattern in (
        _YEAR + r"\s*00\s*(?P<month>[0-9]{2})",
        _YEAR + r"(?P<month>[0-9]{2})",
        _YEAR + r"\s*[-/.]\s*(?P<month>[0-9]{1,2})",
        _YEAR + r"\s*年\s*(?P<month>[0-9]{1,2})\s*月份?",
        _YEAR + rf"\s*年\s*1\s*(?:月\s*)?[{_DASHES}~～至]+\s*(?P<month>[0-9]{{1,2}})\s*月份?",
        _YEAR + r"([-/.])(?P<month>[0-9]{1,2})\2(?:[0-2]?[0-9]|3[01])(?:[ T]0?0:00(?::00)?)?",
    )
)


@dataclass(frozen=True)
class Numbers:
    """A parsed column of n cells.

    Attributes:
        values: (n,) figures; NaN where the cell is empty or unreadable.
        unreadable: (n,) something stands there that is no number.
        errors: (n,) part of ``unreadable``: an error value of the spreadsheet.
    """

    values: npt.NDArray[np.float64]
    unreadable: npt.NDArray[np.bool_]
    errors: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Months:
    """A parsed column of periods.

    Attributes:
        values: (n,) ``2026-10``, None where empty or unreadable.
        unreadable: (n,) something stands there that is no month.
    """

    values: npt.NDArray[np.object_]
    unreadable: npt.NDArray[np.bool_]


def parse_numbers(cells: pd.Series) -> Numbers:
    """Figures of a column of spreadsheet cells or csv texts.

    >>> parse_numbers(pd.Series(["1，234.5", "（7）", "—", 3, "12元"], dtype=object)).values.tolist()
    [1234.5, -7.0, nan, 3.0, nan]
    """
    if isinstance(cells.dtype, pd.StringDtype):
        return _texts(cells)
    if cells.dtype != object:
        values = cells.to_numpy(dtype=np.float64, na_value=np.nan)
        far = np.abs(values) > LARGEST
        return Numbers(np.where(far, np.nan, values), far, np.zeros(len(values), dtype=bool))
    kinds = set(map(type, cells.tolist()))
    if kinds <= {float, int}:
        return _floats(cells)
    kind = cells.map(type)
    count = len(cells)
    values, unreadable, errors = np.full(count, np.nan), np.ones(count, dtype=bool), np.zeros(count, dtype=bool)
    unreadable[kind.isin([type(None)]).to_numpy()] = False
    for mask, parser in (
        (kind.isin([float, int]).to_numpy(), _floats),
        (kind.isin([str]).to_numpy(), _texts),
    ):
        if mask.any():
            part = parser(cells[mask])
            values[mask], unreadable[mask], errors[mask] = part.values, part.unreadable, part.errors
    return Numbers(values, unreadable, errors)


def scaled(
    values: npt.NDArray[np.float64], factor: float | npt.NDArray[np.float64], *, back: bool = False
) -> npt.NDArray[np.float64]:
    """Figures times a unit's factor, or each line's own, as decimal arithmetic gives them.

    What is printed has at most 15 digits, which is what a spreadsheet keeps and shows; so has the answer, and it is the
    figure nearest to them. A factor of 1 leaves a figure as it is.

    >>> scaled(np.array([4.4, 1234.56, 0.07]), np.array([1e5, 1e-3, 1.0])).tolist()
    [440000.0, 1.23456, 0.07]

    Args:
        values: as printed.
        factor: of the printed unit to the stored one.
        back: from what is stored to what was printed.
    """
    factor = np.asarray(factor, dtype=np.float64)
    if (factor == 1).all():
        return values
    divides = (factor < 1) != back
    whole = np.round(np.where(factor < 1, 1 / np.where(factor == 0, 1.0, factor), factor))  # 0.001 is no double
    moved = np.where(divides, values / whole, values * whole)
    size = np.abs(moved)
    with np.errstate(divide="ignore", invalid="ignore"):
        leading = np.nan_to_num(np.floor(np.log10(size)), neginf=0.0)
    places = 14 - leading + (size < 10.0**leading)  # the logarithm of 999999999999999 is 15
    right, left = (_TENS[np.clip(side, 0, 22).astype(np.int64)] for side in (places, -places))
    decimal = np.rint(moved * right / left) / right * left
    found: npt.NDArray[np.float64] = np.where(factor == 1, values, decimal)
    return found


def parse_months(cells: pd.Series) -> Months:
    """Periods of a column: ``2021 00 08``, ``20210008``, ``202108``, ``2021-08``, ``2021年8月``, ``2021年1—8月``.

    Each distinct cell is read once; a column has a handful.
    """
    codes, distinct = pd.factorize(_hashable(cells), use_na_sentinel=True)
    read = [parse_month(cell) for cell in distinct]
    values = np.array([month for month, _ in read] + [None], dtype=object)[codes]
    unreadable = np.array([bad for _, bad in read] + [False], dtype=bool)[codes]
    return Months(values, unreadable)


def blank(cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Which cells hold nothing a person sees: empty, None, or only spaces."""
    if isinstance(cells.dtype, pd.StringDtype):
        found: npt.NDArray[np.bool_] = (cells.isna() | (cells.str.strip() == "")).to_numpy(dtype=bool)
        return found
    values = cells.tolist()
    if set(map(type, values)) <= {str}:
        return np.fromiter((not cell or cell.isspace() for cell in values), dtype=bool, count=len(values))
    empty = np.array([cell is None or (isinstance(cell, str) and not cell.strip()) for cell in values])
    return empty.astype(bool)


def as_text(cells: pd.Series) -> pd.Series:
    """Cells as a person reads them: trimmed, ``3970.0`` as ``3970``, nothing as empty text; dtype ``str``."""
    if isinstance(cells.dtype, pd.StringDtype):
        return cells.fillna("").str.strip()
    if set(map(type, cells.tolist())) <= {str}:
        return cells.astype("str").str.strip()
    return pd.Series([shown(cell) for cell in cells.tolist()], index=cells.index, dtype="str").str.strip()


def _floats(cells: pd.Series) -> Numbers:
    try:
        values = cells.to_numpy(dtype=np.float64)
    except (OverflowError, ValueError, TypeError):
        values = np.full(len(cells), np.inf)
    bad = ~(np.abs(values) <= LARGEST)
    return Numbers(np.where(bad, np.nan, values), bad, np.zeros(len(values), dtype=bool))


def _texts(cells: pd.Series) -> Numbers:
    column: Any = pa.array(cells.array, type=pa.large_string(), from_pandas=True)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    column = pc.fill_null(column, "")
    count = len(column)
    if (quick := _digits(column)) is not None:
        return Numbers(quick, np.zeros(count, dtype=bool), np.zeros(count, dtype=bool))
    values, pending = np.full(count, np.nan), np.ones(count, dtype=bool)
    pending[pc.equal(column, "").to_numpy(zero_copy_only=False)] = False
    plain = pc.match_substring_regex(column, _PLAIN).to_numpy(zero_copy_only=False) & pending
    _put(values, plain, column)
    pending &= ~plain
    errors = np.zeros(count, dtype=bool)
    if pending.any():
        rest = pc.filter(column, pa.array(pending))
        allowed = pc.match_substring_regex(rest, _ALLOWED).to_numpy(zero_copy_only=False)
        rest = pc.utf8_trim_whitespace(pc.utf8_normalize(rest, "NFKC"))
        rest = pc.replace_substring_regex(rest, r"^(\+|-|−) +", r"\1")
        rest = pc.replace_substring_regex(rest, "^−", "-")
        empty = pc.match_substring_regex(rest, _EMPTY).to_numpy(zero_copy_only=False) & allowed
        rest = pc.replace_substring_regex(rest, _BRACKETED, r"-\1")
        grouped = pc.match_substring_regex(rest, _GROUPED)
        rest = pc.if_else(grouped, pc.replace_substring(rest, ",", ""), rest)
        good = pc.match_substring_regex(rest, _PLAIN).to_numpy(zero_copy_only=False) & allowed
        part = np.full(len(rest), np.nan)
        _put(part, good, rest)
        places = np.flatnonzero(pending)
        values[places] = part
        errors[places] = pc.match_substring_regex(rest, ERROR_VALUE).to_numpy(zero_copy_only=False)
        pending[places[good | empty]] = False
    infinite = np.abs(values) > LARGEST
    values[infinite] = np.nan
    return Numbers(values, pending | infinite, errors)


def _digits(column: pa.LargeStringArray) -> npt.NDArray[np.float64] | None:
    """The figures of a column of bare decimal numbers and empty cells, as most are; None for any other."""
    buffer = column.buffers()[2]
    if buffer is not None and (np.frombuffer(buffer, np.uint8) > ord("9")).any():
        return None
    empty = pc.equal(column, "")
    if pc.any(empty).as_py():
        column = pc.if_else(empty, None, column)
    try:
        values: npt.NDArray[np.float64] = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return values if not (np.abs(values) > LARGEST).any() else None


def _put(values: npt.NDArray[np.float64], mask: npt.NDArray[np.bool_], texts: pa.Array) -> None:
    if mask.any():
        chosen = pc.replace_substring_regex(pc.filter(texts, pa.array(mask)), r"^\+", "")
        values[mask] = pc.cast(chosen, pa.float64()).to_numpy(zero_copy_only=False)


def parse_month(cell: Any) -> tuple[str | None, bool]:
    """The month of one cell, and whether something stands there that is none."""
    if isinstance(cell, datetime | date):
        return (f"{cell.year:04d}-{cell.month:02d}", False) if 1900 <= cell.year < 2200 else (None, True)
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None, cell is not None
    text = shown(cell).translate(_HALF).strip()
    if not text:
        return None, False
    for pattern in _MONTHS:
        found = pattern.fullmatch(text)
        if found and 1 <= int(found["month"]) <= 12:
            return f"{found['year']}-{int(found['month']):02d}", False
    return None, True


def _hashable(cells: pd.Series) -> pd.Series:
    """1, 1.0 and True are one key to a hash table, but not to a reader."""
    if isinstance(cells.dtype, pd.StringDtype) or set(map(type, cells.tolist())) <= {str}:
        return cells
    return cells.map(lambda cell: repr(cell) if isinstance(cell, bool) else cell)


def shown(cell: Any) -> str:
    """A cell as a person reads it in the sheet."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    if isinstance(cell, datetime) and not (cell.hour or cell.minute or cell.second):
        return cell.date().isoformat()
    return str(cell)


_HALF: dict[int, int | str] = {**{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}, 0x3000: " ", 0xA0: " "}
