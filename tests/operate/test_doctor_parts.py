"""The doctor as a person and a monitor use it: every part, exit code, advice, and no secret in what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from qxmonitor.cli import cli
from qxmonitor.operate.doctor import examine
from qxmonitor.operate.up import free_port
from qxmonitor.settings import Settings

pytestmark = pytest.mark.slow


def by_part(settings: Settings) -> dict[str, list[tuple[str, str, str]]]:
    parts: dict[str, list[tuple[str, str, str]]] = {}
    for finding in examine(settings, port=free_port()):
        parts.setdefault(finding.part, []).append((finding.verdict, finding.words, finding.do))
    return parts


def test_a_fresh_installation_is_well_and_says_what_is_still_to_do(new_database: Callable[[], Settings]) -> None:
    parts = by_part(new_database())
    assert set(parts) >= {"Python", "目录", "规则库", "数据库", "邮件", "字体", "调度", "值守"}
    said = [finding for found in parts.values() for finding in found]
    assert not any(verdict == "bad" for verdict, _, _ in said)
    assert all(do for verdict, _, do in said if verdict == "note")
    assert any("尚未计算任何月份" in words for _, words, _ in parts["数据库"])


def test_a_folder_others_can_read_is_bad_with_the_command_that_mends_it(new_database: Callable[[], Settings]) -> None:
    settings = new_database()
    settings.documents_dir.mkdir(parents=True)
    settings.documents_dir.chmod(0o755)
    assert ("bad", f"{settings.documents_dir} 对他人可读", f"chmod 700 {settings.documents_dir}") in by_part(settings)[
        "目录"
    ]


def test_an_unreachable_server_is_one_finding_and_exit_code_1(tmp_path: Path) -> None:
    url = f"postgresql://someone:geheim-wort@127.0.0.1:{free_port()}/nowhere"
    answer = CliRunner(env={"QXMONITOR_HOME": str(tmp_path), "QXMONITOR_DATABASE_URL": url}).invoke(
        cli, ["doctor", "--json", "--port", str(free_port())]
    )
    assert answer.exit_code == 1
    rows = json.loads(answer.stdout)
    bad = [row for row in rows if row["verdict"] == "bad"]
    assert "数据库" in {row["part"] for row in bad}
    assert all(row["do"] for row in bad)
    assert "geheim-wort" not in answer.output


def test_a_mail_server_that_does_not_answer_is_bad_and_its_password_is_not_said(
    new_database: Callable[[], Settings],
) -> None:
    url = f"smtp://post:geheim-wort@127.0.0.1:{free_port()}?security=none&plain=1"
    found = by_part(replace(new_database(), smtp_url=url))["邮件"]
    assert found[0][0] == "bad"
    assert "geheim-wort" not in str(found)
