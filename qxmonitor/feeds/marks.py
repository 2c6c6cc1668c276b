"""Cells the workbook reader shows as empty though something stands there: error values, formulas without a result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from qxmonitor.errors import Refused

UNCACHED = "#公式未保存结果"
"""Stands in a cell whose formula was saved without its result; formulas are never computed here."""
UNCACHED_RULE, UNCACHED_REASON = "cell.formula_uncached", "公式没有保存计算结果"

MAX_MARKS = 200_000
"""Of one workbook."""

Mark = tuple[int, int, str]
"""0-based row, 0-based column, what to show."""


def too_many() -> Refused:
    """The line for a workbook that consists of such cells."""
    return Refused("工作簿里的错误值和没有计算结果的公式过多，请在 Excel 中打开、重算并保存后再报")


def put(rows: list[list[Any]], marks: Iterable[Mark], most: int) -> set[int]:
    """Write marks into a sheet, which grows where one stands outside of what was read.

    Args:
        rows: the sheet from A1 on, all rows of one length; changed in place.
        marks: few.
        most: cells the sheet may have in the end.

    Returns:
        Columns that hold a formula without a result.

    Raises:
        Refused: a mark lies too far outside.
    """
    marks = list(marks)
    if not marks:
        return set()
    width = max(len(rows[0]) if rows else 0, max(column for _, column, _ in marks) + 1)
    height = max(len(rows), max(row for row, _, _ in marks) + 1)
    if height * width > max(most, len(rows) * len(rows[0] if rows else ())):
        raise Refused("单元格位置超出 Excel 的范围，不是正常的工作簿")
    if rows and len(rows[0]) < width:
        for cells in rows:
            cells += [""] * (width - len(cells))
    rows += [[""] * width for _ in range(height - len(rows))]
    for row, column, text in marks:
        rows[row][column] = text
    return {column for _, column, text in marks if text == UNCACHED}
