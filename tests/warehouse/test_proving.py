"""The gate before a rule may speak, and what a decision on it changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from qxmonitor import backtesting
from qxmonitor.catalog.rules import Rule, rules
from qxmonitor.catalog.shipped import as_shipped
from qxmonitor.errors import QxError
from qxmonitor.warehouse import Warehouse, proving

GOOD = {"cases": 40, "precision": 0.9, "recall": 0.9, "delay": 0.5, "false_share": 0.001, "missed": ""}


@pytest.fixture
def rule() -> Rule:
    return rules().rule("receivables_squeeze")


def _card(rule: Rule, version: str | None = None, **figures: float) -> dict[str, object]:
    return {
        "rule": rule.id, "version": version or rule.version, "first": "2021-01", "last": "2022-12",
        "labels": "其后结果", "met": True, "card": GOOD | figures,
    }  # fmt: skip


def test_no_rule_speaks_before_it_has_shown_what_it_owes(warehouse: Warehouse, rule: Rule) -> None:
    shipped = {r.id for r in rules().rules if r.active}
    assert proving.active_rules(warehouse) == shipped
    with pytest.raises(QxError, match="尚未回测"):
        backtesting.activate(warehouse, rule.id, who="王工", why="试用")
    proving.write_cards(warehouse, [_card(rule, version="000000000000")])
    with pytest.raises(QxError, match="尚未回测"):  # another version's scorecard
        backtesting.activate(warehouse, rule.id, who="王工", why="试用")
    proving.write_cards(warehouse, [_card(rule), _card(rule, precision=0.2)])
    with pytest.raises(QxError, match=r"未达启用标准：准确率 0\.2，要求不低于 0\.5"):  # the newest counts
        backtesting.activate(warehouse, rule.id, who="王工", why="试用")
    assert proving.active_rules(warehouse) == shipped

    proving.write_cards(warehouse, [_card(rule)])
    before = warehouse.settings.now() - timedelta(days=1)
    backtesting.activate(warehouse, rule.id, who="王工", why="回测达标")
    assert proving.active_rules(warehouse) == shipped | {rule.id}
    assert proving.active_rules(warehouse, known_at=before) == shipped
    told = next(row for row in backtesting.listing(warehouse) if row["rule"] == rule.id)
    assert (told["active"], told["met"], told["who"], told["why"]) == (True, True, "王工", "回测达标")

    backtesting.deactivate(warehouse, rule.id, who="王工", why="口径调整")
    assert proving.active_rules(warehouse) == shipped
    backtesting.deactivate(warehouse, "stop", who="王工", why="检修季")
    assert proving.active_rules(warehouse) == shipped - {"stop"}
    backtesting.activate(warehouse, "bonded_overdue", who="王工", why="事实")  # owes no proof
    with pytest.raises(QxError, match="没有规则"):
        backtesting.activate(warehouse, "no_such_rule", who="王工", why="试用")


def test_a_rule_just_as_shipped_may_be_switched_on_again_and_an_edited_one_needs_a_proof_of_its_own(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = rules().rule("stop")
    backtesting.deactivate(warehouse, "stop", who="王工", why="检修季")
    assert "stop" not in proving.active_rules(warehouse)
    proving.write_cards(warehouse, [_card(stop, cases=4, precision=0.0)])  # too few to say anything
    on = backtesting.activate(warehouse, "stop", who="王工", why="检修结束")
    assert "沿用出厂时" in on["doubt"] and "stop" in proving.active_rules(warehouse)
    told = {row["rule"]: row["shipped"] for row in backtesting.listing(warehouse)}
    assert (told["stop"], told["receivables_squeeze"], told["bonded_overdue"]) == (True, False, False)

    proving.write_cards(warehouse, [_card(stop, precision=0.1)])  # the office's own history says no, and on enough
    with pytest.raises(QxError, match="未达启用标准：准确率"):
        backtesting.activate(warehouse, "stop", who="王工", why="检修结束")

    watch = stop.watch[0].model_copy(update={"min_base": 5.0})
    assert stop.proof is not None
    bar = stop.proof.model_copy(update={"precision": 0.1})
    for edited in (stop.model_copy(update={"watch": (watch, *stop.watch[1:])}), stop.model_copy(update={"proof": bar})):
        assert not as_shipped(edited)
        monkeypatch.setattr(backtesting, "_known", lambda _, rule=edited: [rule])
        monkeypatch.setattr(proving, "newest_card", lambda *_: None)
        with pytest.raises(QxError, match="尚未回测"):
            backtesting.activate(warehouse, "stop", who="王工", why="改了阈值")


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        ({"cases": 4}, "案例只有 4 起"),
        ({"recall": 0.1}, "命中率"),
        ({"false_share": 0.5}, "误报率"),
        ({"delay": None}, "平均滞后（月） 无"),
        ({"unverified": 3, "verified": 4}, "已核实的提示只有 4 项"),
        ({"unverified": 3, "verified": 9, "false_share_most": 0.5}, "误报率（未核实的按误报计）"),
    ],
)
def test_each_figure_below_its_bar_is_told(rule: Rule, figures: dict[str, float], word: str) -> None:
    assert backtesting.shortfalls(rule.proof, GOOD) == []
    [line] = backtesting.shortfalls(rule.proof, GOOD | figures)
    assert line.startswith(word)


def test_a_version_follows_the_definition_and_not_the_proof(rule: Rule) -> None:
    assert rule.model_copy(update={"active": True, "proof": None}).version == rule.version
    assert rule.model_copy(update={"close_after": 5}).version != rule.version


def test_history_too_short_is_one_line(warehouse: Warehouse) -> None:
    with pytest.raises(QxError, match="不足 12 个"):
        backtesting.backtest(warehouse)


def test_a_scorecard_that_says_the_same_again_is_kept_once(warehouse: Warehouse, rule: Rule) -> None:
    for card in (_card(rule), _card(rule), _card(rule, recall=0.8), _card(rule)):
        proving.write_cards(warehouse, [card])
        proving.write_cards(warehouse, [card, card])
    kept = warehouse.frame("select scorecard_id, card from rule_scorecard order by 1")
    assert kept["scorecard_id"].tolist() == [1, 2, 3]
    assert ['"recall": 0.8' in card for card in kept["card"]] == [False, True, False]
