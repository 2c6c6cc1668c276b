"""The fact tables: how each is read as of a time, and whether its rows stand or fall with a firm's identity.

A new source's table is a migration, an entry here, a suite in ``expectations/`` and, where its rows are matched to
firms, a line in ``reads.withheld`` (``sql/views``); a test holds the four against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Read = Literal[
    "asof_single", "asof_many", "asof_kind", "asof_document", "asof_series", "asof_figure", "asof_register",
    "asof_whole",
]  # fmt: skip
"""How the newest known file wins; the query of that name under ``sql/queries``.

single: one row per firm and period; many: all rows of a firm and period; kind: all rows of a firm, period and kind;
document: all lines of a document, whatever its month was before; series: one point per series and period; figure: one
per indicator, period and measure; register: one entry per firm; whole: all rows of a key.
"""


@dataclass(frozen=True)
class FactTable:
    """One fact table.

    Attributes:
        read: how the newest known file wins.
        key: the column whose rows stand together, for ``asof_whole``.
        matched: whether rows of firms that are in no register are withheld.
        beside: the column by which several rows may share a source line.
        own_lines: whether each row is one source line, also in a form whose other lines make one row together.
    """

    read: Read
    key: str = ""
    matched: bool = False
    beside: str = ""
    own_lines: bool = False

    @property
    def by_period(self) -> bool:
        """Whether it is read for a span of months."""
        return self.read in ("asof_single", "asof_many", "asof_kind", "asof_document")


TABLES: dict[str, FactTable] = {
    "register_entry": FactTable("asof_register"),
    "authorisation": FactTable("asof_whole", key="subject"),
    "chain_node": FactTable("asof_whole", key="chain"),
    "output_return": FactTable("asof_single", matched=True),
    "finance_return": FactTable("asof_single", matched=True),
    "self_report": FactTable("asof_single", matched=True),
    "trade_line": FactTable("asof_many", matched=True),
    "bonded_line": FactTable("asof_document", matched=True),
    "reference_point": FactTable("asof_series", beside="series"),
    "output_detail": FactTable("asof_kind", matched=True, own_lines=True),
    "approved_figure": FactTable("asof_figure", beside="measure"),
}
