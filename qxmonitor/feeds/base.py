"""What a feed is: a reader that turns one opened file into a :class:`Batch`.

A feed knows its source's forms and nothing of the warehouse, the catalogue's rules or other files. Every
non-blank line below a form's header ends in exactly one of three places: a row of a table, a reject, or a
control line (合计, footers): ``rows_read == accepted + rejected`` where accepted counts table rows' source lines
and control lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from qxmonitor.errors import one_line
from qxmonitor.period import Period

REJECT_COLUMNS = ["sheet", "row", "field", "rule", "reason", "raw"]
"""Columns of :attr:`Batch.rejects`. ``field`` is the Chinese name of the item; ``rule`` a stable id such as
``number.unreadable``; ``reason`` one Chinese line; ``raw`` the offending cell as text, never personal data."""

WHOSE = ["subject", "period"]
"""Further columns of rejects, optional: whose row it is and of which month, wherever that was readable."""


TOTAL_COLUMNS = ["sheet", "row", "column", "printed", "summed", "slack"]
"""Columns of :attr:`Batch.totals`: what a 合计 line says of a table's column, what the lines add up to, and how far
apart rounding may leave the two."""

VERDICT_COLUMNS = ["fact_table", "rule", "field", "severity", "reason", "evaluated", "unexpected", "places"]
"""Keys of :attr:`Batch.verdicts`: a row a rule, with counts and cell addresses, never a value. ``places`` is JSON: up
to some twenty addresses, sheets by number since their names may name a firm."""


_NO_TOTALS = pd.DataFrame(columns=TOTAL_COLUMNS)


@dataclass
class Batch:
    """One file, normalised.

    Attributes:
        tables: warehouse table name → rows. Each frame has ``sheet`` (str), ``row`` (int, 1-based as a person
            counts in the file) and the table's own columns, nothing else.
        lines: every source line that counts as read: ``sheet``, ``row``; unique. A table row may stand for
            several lines (a firm form), then its ``row`` is the first of them.
        rejects: :data:`REJECT_COLUMNS` and maybe :data:`WHOSE`; a line may have several reasons.
        control: control lines: ``sheet``, ``row``, ``text``.
        cells: for tracing: ``"sheet|field"`` → column letter (``"AB"``), or a whole cell (``"D7"``) in a form.
        origin: ``"simulated"`` or ``"real"``; None for public reference series, which belong to no town.
        notes: Chinese warnings about the whole file, for the receipt.
        totals: :data:`TOTAL_COLUMNS`, a row for each figure of a 合计 line that could be compared.
        factors: ``"sheet|field"`` → what printed figures were multiplied by, where that is not 1.
        verdicts: rows of :data:`VERDICT_COLUMNS`, filled when the batch is judged.
    """

    feed: str
    form: str
    period: Period | None
    tables: dict[str, pd.DataFrame]
    lines: pd.DataFrame
    rejects: pd.DataFrame
    control: pd.DataFrame
    cells: dict[str, str] = field(default_factory=dict)
    origin: str | None = "real"
    notes: list[str] = field(default_factory=list)
    totals: pd.DataFrame = field(default_factory=lambda: _NO_TOTALS)
    factors: dict[str, float] = field(default_factory=dict)
    verdicts: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Notes quote headings and sheet names; each stays one line."""
        self.notes = [one_line(note) for note in self.notes]

    @property
    def rows_read(self) -> int:
        return len(self.lines)

    @property
    def rejected(self) -> int:
        return len(self.rejects[["sheet", "row"]].drop_duplicates()) if len(self.rejects) else 0

    @property
    def accepted(self) -> int:
        return self.rows_read - self.rejected
