"""Tickets, value by border and stock of every firm and month, worked out from the simulator's truth alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest
from lxml import etree

from qxmonitor.warehouse import bonded
from tests.pipeline.conftest import Ingested, Town

pytestmark = pytest.mark.slow

Unit = tuple[str, str]


def lines(town: Town, feed: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Day of arrival, file and figures of each printed line of a feed that is not dirt."""
    files = {file["path"]: file["known_at"] for file in town.truth["files"] if file["feed"] == feed}
    return [
        (files[block["file"]], block["file"], dict(zip(block["columns"], row, strict=True)))
        for block in town.truth["figures"]
        if block["file"] in files
        for row in block["rows"]
        if row[0] not in block["rejected_rows"]
    ]


def moved(town: Town) -> dict[Unit, dict[str, Any]]:
    """By firm and month: documents and value of those neither returned nor deleted, by the printed transport mode."""
    deleted = {line["document"] for *_, line in lines(town, "bonded_receipt") if line["status"] == "deleted"}
    newest: dict[str, str] = {}
    for day, _, line in lines(town, "bonded_inv101"):
        newest[line["document"]] = max(day, newest.get(line["document"], ""))
    found: dict[Unit, dict[str, Any]] = defaultdict(
        lambda: {"tickets": set(), "abroad": set()} | dict.fromkeys("abcd", 0.0)
    )
    for day, file, line in lines(town, "bonded_inv101"):
        if day == newest[line["document"]] and line["living"] and line["document"] not in deleted:
            abroad = etree.parse(town.folder / file).findtext(".//{*}trspModecd") != "W"
            mine = found[line["entity"], line["period"]]
            mine["tickets"].add(line["document"])
            mine["abroad"] |= {line["document"]} if abroad else set()
            mine[{(True, "I"): "a", (True, "E"): "b", (False, "I"): "c", (False, "E"): "d"}[abroad, line["flow"]]] += (
                line["usd"] or 0.0
            )
    return found


def stocked(town: Town) -> dict[Unit, tuple[int, float, int]]:
    """By firm and month: ledger lines with something left, their value, and how many are past their limit."""
    found: dict[Unit, tuple[int, float, int]] = {}
    for *_, line in lines(town, "bonded_stock"):
        if line["quantity"] is None or line["quantity"] > 0:
            number, usd, late = found.get((line["entity"], line["period"]), (0, 0.0, 0))
            found[line["entity"], line["period"]] = (number + 1, usd + line["usd"], late + line["overdue"])
    return found


def test_firms_months_are_those_of_the_truth(ingested: Ingested) -> None:
    frame = bonded.months(ingested.wh)
    assert frame["entity"].notna().all() and not frame.duplicated(["entity", "period"]).any()
    want, held = moved(ingested.town), stocked(ingested.town)
    rows = {(row["entity"], row["period"]): row for row in frame.to_dict("records")}
    assert set(rows) == set(want) | set(held) and want and held
    for unit, row in rows.items():
        mine = want[unit]
        assert (row["tickets"], row["tickets_abroad"]) == (len(mine["tickets"]), len(mine["abroad"])), unit
        assert [row[name] for name in bonded.MONEY] == pytest.approx([*(mine[k] for k in "abcd"), 0.0], abs=0.02), unit
        number, usd, late = held.get(unit, (0, 0.0, 0))
        assert (row["stock_lines"], row["overdue"]) == (number, late), unit
        assert row["stock_usd"] == pytest.approx(usd, abs=0.02), unit
    assert bonded.incomplete(ingested.wh).empty


def test_the_ledger_in_two_pockets_counts_from_the_day_the_second_came(ingested: Ingested) -> None:
    town = ingested.town
    files = [file for file in town.truth["files"] if file["feed"] == "bonded_stock" and file["period"] == "2024-11"]
    first, second = (datetime.fromisoformat(file["known_at"]) for file in files)
    (row,) = bonded.incomplete(ingested.wh, known_at=first).to_dict("records")
    assert (row["kind"], row["pockets"], row["here"], row["missing"]) == ("ledger", 2, "1", 1)
    before, after = (bonded.months(ingested.wh, known_at=when) for when in (first, second))
    assert before[before["period"] == "2024-11"]["stock_usd"].isna().all()
    assert after[after["period"] == "2024-11"]["stock_usd"].sum() > 0
