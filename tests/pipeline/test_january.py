"""January has no return: its mails and briefing are there, say so, and call nothing of December its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from docx import Document

from qxmonitor import pipeline
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, store
from tests.pipeline.conftest import TakenIn

pytestmark = pytest.mark.slow

JANUARY = Period("2025-01")


def test_the_newest_month_may_be_january(
    taken_in: dict[str, TakenIn], new_database: Callable[..., Settings], tmp_path: Path
) -> None:
    now = datetime(2025, 2, 20, 10, tzinfo=SHANGHAI)
    with Warehouse(replace(new_database(taken_in["2025-02-20"].settings), fixed_now=now)) as wh:
        counts = pipeline.run(wh, JANUARY)
        judged = store.read_verdicts(wh, JANUARY)
        assert set(judged["source"]) <= {"bonded", "customs"}, "no return, no verdict on returns"
        assert (counts["verdicts"], counts["open_alerts"] > 0) == (len(judged), True)
        assert counts["planned"] == len(pipeline.deliver(wh)) > 0
        quiet = 0
        for path in wh.settings.maildir.glob("*/new/*"):
            mail = message_from_bytes(path.read_bytes(), policy=policy.default)
            text = mail.get_body(("plain",)).get_content()  # type: ignore[attr-defined]
            about_returns = "保税" not in text  # goods of the bonded centre are judged in January as ever
            quiet += about_returns
            assert about_returns == ("本期报表免报，未作判断" in str(mail["Subject"]))
            assert not about_returns or "产销总值表免报，不作风险判断" in text
            assert "当月工业总产值" not in text
            assert "2024年12月" in text or "此前提示" not in text
        assert quiet
        for edition in ("stats", "joint"):
            word = next(
                row["path"] for row in pipeline.brief(wh, JANUARY, edition, tmp_path) if row["path"].endswith(".docx")
            )
            said = "\n".join(paragraph.text for paragraph in Document(word).paragraphs)
            assert "1月产销总值表免报，本期不作风险判断" in said
            alerts = store.read_alerts(wh)
            risks = alerts[(alerts["state"] != "closed") & (alerts["rule"] != "silence")]
            unjudged = risks[risks["period"] < JANUARY]
            assert ("本期未作判断（没有新数据，或规则停用等）的有" in said) == (
                edition == "stats" and len(unjudged) > 0
            )
