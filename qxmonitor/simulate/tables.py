"""A table about to be printed, and the dirt that gets into it on the way.

Accepted dirt is text in place of numbers that a careful reader understands (full-width digits, thousands commas,
``(1,234)`` for a negative, several marks for "empty"). Rejected dirt is an error nobody may guess away; each piece is
marked on its row, so that the truth can name the row whatever is inserted above it later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qxmonitor.simulate import codes
from qxmonitor.simulate.truth import Blemish, Figures, number

IDENTITY_FIELD = "统一社会信用代码"
KINDS = (
    "uscc_check_digit", "unregistered", "unreadable", "negative", "repeated", "conflict", "future_period",
    "blank_identity",
)  # fmt: skip
"""Rejected dirt of the tabular forms."""

LOSES_THE_RETURN = frozenset({"uscc_check_digit", "unreadable", "negative", "conflict", "blank_identity"})
"""Kinds after which the firm's figures are not known until it files again."""

_FULL_WIDTH = str.maketrans("0123456789.-,", "０１２３４５６７８９．－，")
_EMPTY_MARKS = ("", "-", "—", "…", "")


@dataclass
class Table:
    """Rows as they will be printed.

    Attributes:
        identity: (n, 3) USCC, name and period as printed.
        values: (n, k) figures after the printed unit, NaN where empty.
        texts: (n, k) text printed instead of the figure, or None.
        entity: (n,) true USCC, '' where there is no firm behind the row.
        period: (n,) the true period.
        marks: (n,) None or (field, kind) of rejected dirt.
    """

    identity: npt.NDArray[np.object_]
    values: npt.NDArray[np.float64]
    texts: npt.NDArray[np.object_]
    entity: npt.NDArray[np.object_]
    period: npt.NDArray[np.object_]
    marks: npt.NDArray[np.object_]

    @classmethod
    def of(
        cls,
        identity: npt.NDArray[np.object_],
        values: npt.NDArray[np.float64],
        period: str,
    ) -> Table:
        """A clean table; ``identity`` holds true USCCs, names and the printed period."""
        count = len(identity)
        return cls(
            identity=identity.copy(),
            values=values.copy(),
            texts=np.full(values.shape, None, dtype=object),
            entity=identity[:, 0].copy(),
            period=np.full(count, period, dtype=object),
            marks=np.full(count, None, dtype=object),
        )

    def __len__(self) -> int:
        return len(self.entity)

    def insert_copy(self, of: int, at: int) -> None:
        """Insert a copy of row ``of`` (without its mark) before row ``at``."""
        for name in ("identity", "values", "texts", "entity", "period", "marks"):
            array = getattr(self, name)
            setattr(self, name, np.insert(array, at, array[of], axis=0))
        self.marks[at] = None


def roughen(table: Table, rng: np.random.Generator, *, rate: float) -> None:
    """Accepted dirt: print some figures as text, and every empty cell with one of the usual marks."""
    empty = np.isnan(table.values)
    table.texts[empty] = rng.choice(np.array(_EMPTY_MARKS, dtype=object), size=int(empty.sum()))
    negative = ~empty & (table.values < 0) & (rng.random(table.values.shape) < 0.4)
    rough = ~empty & (rng.random(table.values.shape) < rate) | negative
    for row, column in np.argwhere(rough):
        value = table.values[row, column]
        plain = f"{abs(value):,.2f}".rstrip("0").rstrip(".")
        style = int(rng.integers(0, 3))
        if value < 0:
            text = f"({plain})" if style else f"-{plain}"
        else:
            text = (plain, plain.replace(",", ""), plain.replace(",", "").translate(_FULL_WIDTH))[style]
        table.texts[row, column] = text


def soil(
    table: Table,
    kinds: list[str],
    rng: np.random.Generator,
    *,
    eligible: npt.NDArray[np.bool_],
    labels: list[str],
    measures: list[int],
    future_period: str,
    stranger: tuple[str, str],
) -> list[str]:
    """Plant rejected dirt, one piece a kind, each on its own firm; returns the USCCs whose figures are lost by it.

    Args:
        table: changed in place.
        kinds: of :data:`KINDS`, repeats allowed.
        rng: the stream of this file.
        eligible: rows that may be hit.
        labels: Chinese label of each value column.
        measures: value columns that may be hit (those that are always filled come to use).
        future_period: a period far ahead, as this form prints it.
        stranger: USCC and name of a firm nobody registered.
    """
    lost: list[str] = []
    free = list(rng.permutation(table.entity[eligible]))
    for kind in kinds:
        if not free:
            break
        firm = free.pop()
        row = int(np.flatnonzero(table.entity == firm)[0])
        filled = [c for c in measures if not np.isnan(table.values[row, c]) and table.values[row, c] > 0]
        if not filled:
            continue
        column = filled[int(rng.integers(0, len(filled)))]
        if kind == "uscc_check_digit":
            table.identity[row, 0] = codes.spoil(table.identity[row, 0])
            table.marks[row] = (IDENTITY_FIELD, kind)
        elif kind == "blank_identity":
            table.identity[row, :2] = ""
            table.marks[row] = (IDENTITY_FIELD, kind)
        elif kind == "unreadable":
            table.texts[row, column] = "待核"
            table.values[row, column] = np.nan
            table.marks[row] = (labels[column], kind)
        elif kind == "negative":
            table.values[row, filled[0]] *= -1
            table.texts[row, filled[0]] = None
            table.marks[row] = (labels[filled[0]], kind)
        elif kind == "repeated":
            at = int(rng.integers(row + 1, len(table) + 1))
            table.insert_copy(row, at)
            table.marks[at] = (IDENTITY_FIELD, kind)
        elif kind == "conflict":
            at = int(rng.integers(row + 1, len(table) + 1))
            table.insert_copy(row, at)
            table.values[at, filled] = np.round(table.values[at, filled] * 1.1)
            table.texts[at, filled] = None
            table.marks[row] = table.marks[at] = (IDENTITY_FIELD, kind)
        elif kind == "future_period":
            at = int(rng.integers(0, len(table) + 1))
            table.insert_copy(row, at)
            table.identity[at, 2] = future_period
            table.marks[at] = ("报告期", kind)
        else:  # unregistered
            at = int(rng.integers(0, len(table) + 1))
            table.insert_copy(row, at)
            table.identity[at, :2] = stranger
            table.entity[at] = ""
            table.marks[at] = (IDENTITY_FIELD, kind)
        if kind in LOSES_THE_RETURN:
            lost.append(firm)
    return lost


def figures_of(table: Table, *, sheet: str, unit: str, columns: list[str], first_row: int) -> Figures:
    """The figures of a printed table, for the truth."""
    rows: list[list[Any]] = [
        [row, entity, period, *map(number, values)]
        for row, entity, period, values in zip(
            range(first_row, first_row + len(table)), table.entity, table.period, table.values.tolist(), strict=True
        )
    ]
    rejected = [first_row + int(i) for i in np.flatnonzero(table.marks != None)]  # noqa: E711 (element-wise)
    return Figures(sheet, ["row", "entity", "period", *columns], unit, rows, rejected)


def blemishes_of(table: Table, *, sheet: str, first_row: int) -> list[Blemish]:
    """The rejected dirt of a printed table, for the truth."""
    return [Blemish(sheet, first_row + i, *mark) for i, mark in enumerate(table.marks.tolist()) if mark is not None]
