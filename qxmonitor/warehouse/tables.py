"""The fact tables: how each is read as of a time, and whether its rows stand or fall with a firm's identity.

A new source's table is a migration, an entry here, a suite in ``expectations/`` and, where its rows are matched to
firms, a line in ``reads.withheld`` (``sql/views``); a test holds the four against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Read = Literal[
    "asof_single", "asof_many", "asof_vintage", "asof_document", "asof_total", "asof_series", "asof_register",
    "asof_whole",
]  # fmt: skip
"""How the newest known file wins; the query of that name under ``sql/queries``.

single: one row per firm and period; many: all rows of a firm and period; vintage: those of the highest vintage, then
the newest; document: all lines of a document (its number is the key), whatever its month was before; total: one
published figure; series: one point per series and period; register: one entry per firm; whole: all rows of a key.
"""


@dataclass(frozen=True)
class FactTable:
    """One fact table.

    Attributes:
        read: how the newest known file wins.
        key: the column whose rows stand together, for ``asof_whole`` and ``asof_document``.
        matched: whether rows of firms that are in no register are withheld.
    """

    read: Read
    key: str = ""
    matched: bool = False

    @property
    def by_period(self) -> bool:
        """Whether it is read for a span of months."""
        return self.read in ("asof_single", "asof_many", "asof_vintage", "asof_document", "asof_total")


TABLES: dict[str, FactTable] = {
    "register_entry": FactTable("asof_register"),
    "authorisation": FactTable("asof_whole", key="subject"),
    "chain_node": FactTable("asof_whole", key="chain"),
    "output_return": FactTable("asof_single", matched=True),
    "finance_return": FactTable("asof_single", matched=True),
    "self_report": FactTable("asof_single", matched=True),
    "trade_line": FactTable("asof_vintage", matched=True),
    "declaration_line": FactTable("asof_document", key="entry_id", matched=True),
    "trade_total": FactTable("asof_total"),
    "bonded_line": FactTable("asof_document", key="document", matched=True),
    "reference_point": FactTable("asof_series"),
}
