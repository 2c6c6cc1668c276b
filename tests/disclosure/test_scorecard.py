"""The clusters' scorecard: a function of the figures as printed, by hand, with what is withheld counted as missing."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from qxmonitor.catalog.scorecards import Component, Scorecard
from qxmonitor.delivery.tables import cluster_table
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.scorecard import ClusterScore, cluster_scores
from tests.delivery import town

Gates = Callable[..., Gate]
CARD = Scorecard(
    least_share=0.6, marks=(0.0, 1.0), sureness=60, draws=200, seed=1, interval=0.9,
    components=(
        Component(id="firms_above_scale", name="规上企业数", weight=0.6, source="register", error=0, low=0, high=40),
        Component(id="high", name="高企占比", indicator="firms_hightech", over="firms_above_scale", weight=0.1,
                  source="register", error=0, low=0, high=200),
        Component(id="export_rmb_growth_ytd", name="出口增速", weight=0.3, source="customs", error=1, low=-10, high=10),
    ),
)  # fmt: skip


def told(gate: Gates, reader: str, *, hidden: bool = False) -> dict[str, ClusterScore]:
    frame = town.frame()
    if hidden:
        frame = frame[frame["source"] != "returns"]
    one = gate(reader)
    return {entry.name.text: entry for entry in cluster_scores(one, one.clear(frame), CARD, town.PERIOD)}


def test_by_hand_with_what_is_withheld_taken_out(gate: Gates) -> None:
    found = told(gate, "joint")
    assert "其他" not in found and len(found) == 4
    first = found["光电通讯"]  # 30 firms, all of them 高企 in this town: 75, 50; exports as printed
    growth = {part.name.text: part.figure.number for part in first.parts}["出口增速"]
    assert growth is not None
    assert first.score.number == pytest.approx(0.6 * 75 + 0.1 * 50 + 0.3 * (growth + 10) * 5, abs=0.05)
    third = found["婴幼童玩具用品"]  # customs withheld: two groups
    assert [part.figure.text for part in third.parts] == ["2", "100.0", "—"]
    assert third.known.text == "70"
    assert third.score.number == pytest.approx((0.6 * 5 + 0.1 * 50) / 0.7, abs=0.05)
    assert first.rank.text == "1" and float(first.best.text) <= 1 <= float(first.worst.text)


def test_returns_are_not_in_it(gate: Gates) -> None:
    assert told(gate, "joint") == told(gate, "joint", hidden=True)


def test_the_table_says_what_each_score_stands_on(gate: Gates) -> None:
    one = gate("joint")
    table = cluster_table(one, tuple(told(gate, "joint").values()))
    assert [cell.text for cell in table.head][5:] == ["规上企业数", "高企占比", "出口增速"]
    rows = {row[0].text: [cell.text for cell in row] for row in table.rows}
    assert rows["光电通讯"][2] == "1" and rows["光电通讯"][5:7] == ["30", "100.0"] and "—" in rows["光电通讯"][3]
    assert rows["婴幼童玩具用品"][7] == "—"
