"""The fact tables: how each is read as of a time, and whether its rows stand or fall with a firm's identity.

A new source's table is a migration, an entry here, a suite in ``expectations/`` and, where its rows are matched to
firms, a line in ``reads.unsettled`` (``sql/views``); a test holds the four against each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Read = Literal[
    "asof_single",
    "asof_many",
    "asof_kind",
    "asof_vintage",
    "asof_document",
    "asof_total",
    "asof_published",
    "asof_inventory",
    "asof_keyed",
    "asof_keyed_firm",
    "asof_series",
    "asof_figure",
    "asof_register",
    "asof_whole",
    "asof_message",
    "asof_events",
]
"""How the newest known file wins; the query of that name under ``sql/queries``.

single: one row per firm and period; many: all rows of a firm and period; vintage: those of the highest vintage, then
the newest; kind: all rows of a firm, period and kind; document: all lines of a document (its number is the key),
whatever its month was before; total: one published figure; published: one per
month, place and item;
figure: one per indicator, period and measure; inventory: all lines of a bonded document from
its newest whole message, whatever its month was before, and whether it lives; keyed: all rows of a thing (a project, a
task) and period, with ``keyed_firm`` also the firm it concerns where the register knows it; series: one point per
series and period; register: one entry per firm; whole: all rows of a key; message: the same from its newest whole
message, whose pockets are all there; events: every row known.
"""


@dataclass(frozen=True)
class FactTable:
    """One fact table.

    Attributes:
        read: how the newest known file wins.
        key: the column whose rows stand together, for ``asof_whole``, ``asof_message`` and ``asof_document``.
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
        return self.read in (
            "asof_single",
            "asof_many",
            "asof_kind",
            "asof_vintage",
            "asof_document",
            "asof_total",
            "asof_published",
            "asof_inventory",
            "asof_keyed",
            "asof_keyed_firm",
        )


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
    "published_trade": FactTable("asof_published", beside="item"),
    "bonded_line": FactTable("asof_inventory", matched=True),
    "bonded_stock": FactTable("asof_message", key="ledger"),
    "bonded_note": FactTable("asof_message", key="document"),
    "bonded_pass": FactTable("asof_message", key="document"),
    "bonded_declaration": FactTable("asof_message", key="document"),
    "bonded_status": FactTable("asof_events"),
    "bonded_pocket": FactTable("asof_events"),
    "reference_point": FactTable("asof_series", beside="series"),
    "investment_project": FactTable("asof_keyed_firm"),
    "rd_return": FactTable("asof_single", matched=True),
    "power_use": FactTable("asof_many", matched=True),
    "task_progress": FactTable("asof_keyed"),
    "visit": FactTable("asof_keyed_firm"),
    "monthly_parameter": FactTable("asof_keyed"),
    "output_detail": FactTable("asof_kind", matched=True, own_lines=True),
    "approved_figure": FactTable("asof_figure", beside="measure"),
    # new-feed: above this line
}
