"""The lists of clause 7 on paper: who is on them and why, and money only where somebody entered it."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from qxmonitor.catalog.lists import Lists, TicketList, Tier, TradeList, lists
from qxmonitor.disclosure import Gate
from qxmonitor.errors import QxError
from qxmonitor.period import Period, months
from qxmonitor.support import rows
from tests.indicators.town import Town, firm, usccs

A, B, C, D = usccs(4)
NOBODY = pd.DataFrame(columns=["subject", "items", "readers", "since", "until"])
PAID = Lists(
    tickets=TicketList(name="票", public_ownership=("国有",), yuan_per_ticket=50.5, yuan_limit=300.0, basis="某文"),
    trade=TradeList(
        name="贸易", least_yuan=1e8, basis="某文",
        tiers=(Tier(over_yuan=0, reward_yuan=10_000), Tier(over_yuan=5e7, reward_yuan=30_000)),
    ),
)  # fmt: skip


def town() -> Town:
    """A private, B state-owned, C unknown, D private; January to March of two years."""
    firms = {A: firm(A), B: firm(B, ownership="国有"), C: firm(C, ownership=""), D: firm(D)}
    span = months(Period("2021-01"), Period("2022-03"))
    forms = {s: {} for s in ("returns", "finance", "self_report", "customs", "bonded")}
    for period in span:
        for code, tickets, trade in ((A, 2, 4e7), (B, 9, 1e6), (C, 1, 5e7), (D, 0, 3.4e7)):
            grown = 1.0 if period.year == 2021 or code == C else 2.0 if code == A else 1.1
            forms["bonded"][code, str(period)] = {"tickets": float(tickets), "in_usd": 1.0, "out_usd": None}
            forms["customs"][code, str(period)] = {"import_rmb": None, "export_rmb": trade * grown}
    return Town(span, firms, forms)


def listed(one: Town, rules: Lists, reader: str = "swj", purpose: str = "support") -> pd.DataFrame:
    panel = one.panel()
    gate = Gate(reader, purpose, authorisations=NOBODY, simulated=True, firms=panel.firms)
    return rows(panel, Period("2022-03"), gate, rules).set_index(["list", "entity"])


def test_tickets_by_ownership_with_reasons_and_no_money_as_shipped() -> None:
    found = listed(town(), lists()).loc["tickets"]
    assert found.index.tolist() == [A, B, C]  # D has none
    assert found["listed"].tolist() == [True, False, False]
    assert found.loc[A, ["figure", "before", "growth"]].tolist() == [6.0, 6.0, 0.0]
    assert "公有制" in found.loc[B, "reason"]
    assert "待核" in found.loc[C, "reason"]
    assert found["money"].isna().all()


def test_trade_from_one_yi_with_growth_and_tiers() -> None:
    found = listed(town(), PAID).loc["trade"]
    assert found.index.tolist() == [A, C, D]  # 240, 150 and 112 million; B has 3
    assert found["growth"].tolist() == pytest.approx([1.2e8, 0.0, 1.02e7])
    assert found.loc[[A, D], "money"].tolist() == [30_000, 10_000]
    assert pd.isna(found.loc[C, "money"]), "nothing grew"


def test_money_per_ticket_ends_at_the_limit_and_is_for_the_listed_only() -> None:
    found = listed(town(), PAID).loc["tickets"]
    assert found.loc[A, "money"] == 300.0  # 6 × 50.5 = 303
    assert found.loc[[B, C], "money"].isna().all()


def test_a_missing_month_gives_no_list_and_a_missing_last_year_no_growth() -> None:
    gap = town()
    gap.forms["customs"] = {k: v for k, v in gap.forms["customs"].items() if k[1] != "2022-02"}
    with pytest.raises(QxError, match="尚未到齐"):
        listed(gap, lists())
    gap = town()
    gap.forms["customs"] = {k: v for k, v in gap.forms["customs"].items() if k[1] != "2021-02"}
    found = listed(gap, PAID).loc["trade"]
    assert found["growth"].isna().all() and found["money"].isna().all()
    assert found["reason"].str.contains("上年同期数据不全").all()


def test_a_reader_without_firm_rights_gets_no_row() -> None:
    assert listed(town(), lists(), "gxj").empty


def test_an_amount_needs_its_basis_and_tiers_their_order() -> None:
    with pytest.raises(ValidationError, match="basis"):
        TicketList(name="票", public_ownership=("国有",), yuan_per_ticket=1.0)
    with pytest.raises(ValidationError, match="由低到高"):
        TradeList(
            name="贸易",
            least_yuan=1,
            basis="x",
            tiers=(Tier(over_yuan=2, reward_yuan=1), Tier(over_yuan=1, reward_yuan=2)),
        )
