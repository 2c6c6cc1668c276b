"""What the doctor says of the heartbeat, whatever state its file is in."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from qxmonitor.operate.doctor import _heartbeat, _working_days
from qxmonitor.period import SHANGHAI
from qxmonitor.settings import Settings

NOW = datetime(2026, 11, 18, 10, tzinfo=SHANGHAI)


def beat(at: str, *findings: str) -> str:
    return json.dumps({"at": at, "state": "ok", "findings": findings})


@pytest.mark.parametrize(
    ("content", "verdict", "words"),
    [
        (None, "note", "尚无心跳"),
        (beat("2026-11-18T07:00:00+08:00"), "ok", "2026-11-18T07:00"),
        (beat("2026-11-18T06:59:59+08:00"), "bad", "心跳停在 2026-11-18T06:59"),
        (beat("2026-11-18T09:00:00+08:00", "一", "二"), "note", "2 项待处理"),
        ("{", "bad", "无法读取"),
        ("[]", "bad", "无法读取"),
        ('{"at": "昨天", "findings": []}', "bad", "无法读取"),
    ],
)
def test_heartbeat(tmp_path: Path, content: str | None, verdict: str, words: str) -> None:
    settings = Settings(home=tmp_path, fixed_now=NOW)
    if content is not None:
        settings.heartbeat.write_text(content, encoding="utf-8")
    (found,) = _heartbeat(settings, 0)
    assert found.verdict == verdict
    assert words in found.words


@pytest.mark.parametrize(
    ("now", "verdict", "words"),
    [
        (datetime(2026, 9, 1, tzinfo=SHANGHAI), "ok", "2026 年"),
        (datetime(2099, 11, 20, tzinfo=SHANGHAI), "note", "2099、2100 年"),
    ],
)
def test_years_whose_holidays_nobody_has_are_noted(tmp_path: Path, now: datetime, verdict: str, words: str) -> None:
    (found,) = _working_days(Settings(home=tmp_path, fixed_now=now), 0)
    assert found.verdict == verdict
    assert words in found.words
