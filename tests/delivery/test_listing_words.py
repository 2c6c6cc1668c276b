"""What a person reads of a listing at the terminal: the office's words, while ``--json`` keeps the codes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from qxmonitor import look
from qxmonitor.calendar import DatumState
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.rules import rules
from qxmonitor.errors import QxError
from qxmonitor.feeds.rulings import Kind
from qxmonitor.period import SHANGHAI
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse

ROWS = [
    ("receipts", {"feed": "b203", "form": "platform", "state": "duplicate", "rejected": 0},
     {"feed": "财务状况表", "form": "platform", "state": "重复", "rejected": 0}),
    ("indicators", {"entity_kind": "chain", "entity": "C01", "indicator": "output_m", "source": "returns",
                    "state": "expected-absent", "value": None},
     {"entity_kind": "产业链", "entity": "C01", "indicator": "工业总产值（当月）", "source": "联网直报",
      "state": "免报", "value": None}),
    ("alerts", {"id": "a", "type": "output_drop", "level": 2, "level_name": "黄", "state": "opened",
                "state_name": "新提示"},
     {"id": "a", "type": "产值下降", "level_name": "黄", "state_name": "新提示"}),
    ("ledger", {"kind": "briefing", "reader": "gxj", "state": "accepted", "trial": True},
     {"kind": "简报", "reader": "工信局", "state": "已送达", "trial": "是"}),
    ("matches", {"source": "b203", "how": "code", "words": "统一社会信用代码"},
     {"source": "财务状况表", "words": "统一社会信用代码"}),
    ("bonded_states", {"kind": "pass", "status": "kept", "living": False},
     {"kind": "核放单", "status": "撤销未准", "living": "否"}),
    ("letters", {"kind": "数据查询", "state": "待答复"}, {"kind": "数据查询", "state": "待答复"}),
    ("history", {"state": "outcome:true", "who": "系统"}, {"state": "属实", "who": "系统"}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "row", "said"), ROWS, ids=[what for what, *_ in ROWS])
def test_codes_become_words(what: str, row: dict[str, Any], said: dict[str, Any]) -> None:
    before = dict(row)
    assert look.spoken(what, row) == said
    assert row == before


def test_every_state_indicator_and_rule_has_a_word() -> None:
    assert set(look._DATUM) == {state.word for state in DatumState}
    assert set(look._MAIL) == {
        "planned", "sending", "accepted", "refused", "deferred", "bounced", "failed", "unknown", "held", "dropped",
    }  # fmt: skip
    assert set(look._KINDS["fixes"]) == {"withdraw", "reinstate", "identity", *get_args(Kind)}
    for entry in indicators().indicators:
        assert look.spoken("indicators", {"indicator": entry.id})["indicator"] == entry.name
    for rule in rules().rules:
        assert look.spoken("alerts", {"type": rule.id})["type"] == rule.name


@pytest.mark.parametrize("what", ["quarantine", "released", "ledger", "matches", "fixes", "history"])
def test_a_listing_of_how_things_stand_now_takes_no_earlier_time(what: str, tmp_path: Path) -> None:
    with pytest.raises(QxError, match="不能用 --known-at 回看"):
        look.listing(Warehouse(Settings(home=tmp_path)), what, known_at=datetime(2022, 5, 1, tzinfo=SHANGHAI))


def test_what_ended_for_want_of_judgements_is_not_said_to_have_lifted() -> None:
    step = {"period": "2026-09", "state": "closed", "closed_by": "unjudged", "who": "系统"}
    assert look.spoken("history", step)["state"] == "无判断依据，终止跟踪（不代表风险已解除）"
    assert look.spoken("history", step | {"state": "raised", "closed_by": ""})["state"] == "已升级"
    told = look.spoken("alerts", step | {"state_name": "无判断依据，终止跟踪（不代表风险已解除）"})
    assert "closed_by" not in told and "已解除）" in told["state_name"]
