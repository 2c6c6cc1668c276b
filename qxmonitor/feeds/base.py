"""What a feed is: a reader that turns one opened file into a :class:`Batch`.

A feed knows its source's forms and nothing of the warehouse, the catalogue's rules or other files. Every
non-blank line below a form's header ends in exactly one of three places: a row of a table, a reject, or a
control line (合计, footers): ``rows_read == accepted + rejected`` where accepted counts table rows' source lines
and control lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from qxmonitor.period import Period

REJECT_COLUMNS = ["sheet", "row", "field", "rule", "reason", "raw"]
"""Columns of :attr:`Batch.rejects`. ``field`` is the Chinese name of the item; ``rule`` a stable id such as
``number.unreadable``; ``reason`` one Chinese line; ``raw`` the offending cell as text, never personal data."""

WHOSE = ["subject", "period"]
"""Further columns of rejects, optional: whose row it is and of which month, wherever that was readable."""


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

    @property
    def rows_read(self) -> int:
        return len(self.lines)

    @property
    def rejected(self) -> int:
        return len(self.rejects[["sheet", "row"]].drop_duplicates())

    @property
    def accepted(self) -> int:
        return self.rows_read - self.rejected
