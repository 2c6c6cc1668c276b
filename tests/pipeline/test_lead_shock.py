"""A staged shock of a lead firm from files to mails: one mail a reader, one story, names where they may stand."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest

from qxmonitor import alerting, pipeline
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import rules
from qxmonitor.delivery import ledger
from qxmonitor.explaining import explain
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.simulate import write_town
from qxmonitor.warehouse import Warehouse, asof, life, proving, store
from tests.pipeline.conftest import environment

pytestmark = pytest.mark.long
FIRST, LAST = Period("2022-12"), Period("2025-05")


def mails(wh: Warehouse) -> dict[str, str]:
    """Recipient → text of every mail planned for the month; one a recipient."""
    with wh.engine.connect() as conn:
        rows = [row for row in ledger.listing(conn) if row["kind"] == "alerts"]
        bodies = ledger.bodies(conn, [row["message_id"] for row in rows])
    found: dict[str, str] = {}
    for row in rows:
        part = message_from_bytes(bytes(bodies[row["message_id"]]), policy=policy.default).get_body(("plain",))
        assert part is not None and row["recipient"] not in found
        found[str(row["recipient"])] = part.get_content()
    return found


def test_one_mail_a_reader_after_a_kill_and_again(tmp_path: Path, settings: Settings) -> None:
    write_town(tmp_path / "town", firms=150, first=FIRST, last=LAST, seed=14, staged={"lead_shock": 1})
    truth = json.loads((tmp_path / "town/truth.json").read_text(encoding="utf-8"))
    shock = [e for e in truth["events"] if e["cause"] and e["to"] == LAST]
    (lead,) = {e["cause"] for e in shock}
    suppliers = {e["entity"] for e in shock} - {lead}
    now = release_calendar().released_at(LAST) + timedelta(days=1)
    with Warehouse(replace(settings, fixed_now=now)) as wh:
        pipeline.ingest(wh, [tmp_path / "town/landing"])
        rule = rules().rule("lead_firm_shock")
        proving.decide(wh, rule, active=True, who="测试", why="看邮件", known_at=wh.settings.now())
        words = [sys.executable, "-m", "qxmonitor", "run", str(LAST)]
        process = subprocess.Popen(words, env=environment(wh.settings), stderr=subprocess.DEVNULL)
        time.sleep(6)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        pipeline.run(wh, LAST)
        first, noted = mails(wh), life.told(wh).to_dict("records")
        pipeline.run(wh, LAST)
        assert mails(wh) == first and life.told(wh).to_dict("records") == noted

        firms = {str(row["subject"]): str(row["name"]) for row in _register(wh)}
        (desk,) = [box.address for to in readers().readers if to.id == "stats" for box in to.mailboxes]
        text = first[desk]
        assert text.count("〔龙头企业冲击〕") == 1 and firms[lead] in text
        own = [a for a in _alerts(wh) if a["entity"] in suppliers and a["source"] == "returns"]
        own = [a for a in own if a["rule"] == "output_drop"]
        assert len(own) >= 3 and {a["state"] for a in own} == {"explained"}
        assert all(firms[a["entity"]] in text for a in own)
        assert not any(f"● {firms[a['entity']]}（" in text for a in own), "no story of their own"
        for reader, other in first.items():
            assert reader == desk or "龙头企业冲击" not in other
            assert reader == desk or not any(firms[a["entity"]] in other for a in own)
        (key,) = [a["alert_id"] for a in _alerts(wh) if a["rule"] == "lead_firm_shock" and lead in a["evidence"]]
        said = " ".join(row["words"] for row in explain(wh, key))
        assert "标准差" in said and lead in said
        why = " ".join(row["words"] for row in explain(wh, own[0]["alert_id"]))
        assert f"由 {key} 引起" in why
        quiet = explain(wh, "lead_firm_shock:chain:C06:returns", LAST)
        assert quiet and quiet[0]["what"] in ("verdict", "not-judged")
        assert alerting.refold(wh).equals(alerting.refold(wh))


def _alerts(wh: Warehouse) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in store.read_alerts(wh).to_dict("records")]


def _register(wh: Warehouse) -> list[dict[str, Any]]:
    return [{str(k): v for k, v in row.items()} for row in asof.read(wh, "register_entry").to_dict("records")]
