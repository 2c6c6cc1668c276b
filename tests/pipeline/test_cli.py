"""The command line as people and scripts meet it: exit codes, one-line errors, filters, explanations and replays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from qxmonitor import alerting
from qxmonitor.catalog.release import release_calendar
from qxmonitor.cli import cli
from qxmonitor.period import Period
from qxmonitor.settings import Settings, parse_time
from qxmonitor.warehouse import Warehouse
from tests.pipeline.conftest import Answer, TakenIn, Town, in_process, qxmonitor

pytestmark = pytest.mark.slow

Command = Callable[..., Answer]


@pytest.fixture(scope="module")
def shop(taken_in: dict[str, TakenIn], new_module_database: Callable[..., Settings]) -> Iterator[Warehouse]:
    """A warehouse by the release of April, which was then run; May's files have not come in."""
    now = release_calendar().released_at(Period("2025-04")) + timedelta(hours=1)
    settings = new_module_database("cli", taken_in[f"{now:%Y-%m-%d}"].settings)
    with Warehouse(replace(settings, fixed_now=now)) as wh:
        assert in_process(wh.settings, "run", "2025-04").code == 0
        yield wh


@pytest.fixture
def command(shop: Warehouse) -> Command:
    return lambda *words: in_process(shop.settings, *words)


@pytest.fixture(scope="module")
def listed(shop: Warehouse) -> Callable[[str], list[dict[str, Any]]]:
    """All rows of a listing before any test wrote something; the long ones are asked for again and again."""
    found: dict[str, list[dict[str, Any]]] = {}

    def rows(what: str) -> list[dict[str, Any]]:
        if what not in found:
            found[what] = in_process(shop.settings, "list", what, "--json").rows
        return found[what]

    return rows


def upto(town: Town, day: str) -> list[Path]:
    return [folder for folder in town.folders if folder.name <= day]


# -- bad usage and errors --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("run", "2025-13"), ("run", "2025-1"), ("run",), ("ingest",), ("brief", "2025-04"), ("list", "secrets"),
        ("list", "receipts", "--period", "x"), ("ingest", ".", "--known-at", "soon"), ("nonsense",),
        ("simulate", "--out", "x", "--firms", "1"), ("deliver", "--loudly"), ("replay", "x"),
    ],
)  # fmt: skip
def test_bad_usage_exits_2_and_says_nothing_on_standard_output(words: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, list(words))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "/nowhere/at/all"), ("brief", "2024-01", "--for", "stats", "--out", "x"), ("run", "2001-05"),
            ("run", "2099-01"), ("run", "2025-04", "--known-at", "2024-01-01"),
        ("brief", "2025-04", "--for", "nobody", "--out", "x"), ("explain", "output_drop:firm:x:returns:2025-01"),
        ("replay", "2025-04-stats-00000000", "--out", "x"),
    ],
)  # fmt: skip
def test_an_error_is_one_line_and_an_empty_array(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = command(*words, "--json")
    assert (answer.code, answer.rows) == (1, [])
    assert len(answer.err.splitlines()) == 1
    assert answer.err.startswith("错误：")
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_the_same_from_a_process_of_its_own(shop: Warehouse) -> None:
    answer = qxmonitor(shop.settings, "explain", "x", "--json")
    assert (answer.code, answer.rows, len(answer.err.splitlines())) == (1, [], 1)
    assert qxmonitor(shop.settings, "run", "2025-13").code == 2


def test_an_outside_server_that_does_not_answer_is_one_line(shop: Warehouse) -> None:
    away = replace(shop.settings, database_url="postgresql://nobody@127.0.0.1:1/x")
    answer = in_process(away, "list", "alerts", "--json")
    assert (answer.code, answer.rows, len(answer.err.splitlines())) == (1, [], 1)


def test_simulating_into_a_full_folder_or_backwards_is_one_line(shop: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for words in (("--from", "2025-01"), ("--from", "2025-05", "--to", "2025-01")):
        answer = in_process(shop.settings, "simulate", "--out", tmp_path, *words)
        assert (answer.code, answer.out, len(answer.err.splitlines())) == (1, "", 1)


def test_a_file_of_another_feed_than_asked_is_refused(command: Command, town: Town, tmp_path: Path) -> None:
    path = tmp_path / "一.csv"
    path.write_bytes(next(town.landing.glob("2025-06-*/海关*.csv")).read_bytes())
    answer = command("ingest", path, "--feed", "b204_1", "--json")
    assert (answer.code, [row["state"] for row in answer.rows]) == (1, ["refused"])


# -- listings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("receipts", {"period": "2025-02", "state": "accepted"}),
        ("indicators", {"period": "2025-04", "entity": "town", "indicator": "output_ytd", "source": "returns"}),
        ("indicators", {"entity-kind": "chain", "state": "value", "period": "2025-03"}),
        ("alerts", {"state": "opened", "entity-kind": "firm"}),
        ("alerts", {"source": "self_report"}),
        ("ledger", {"period": "2025-04", "state": "planned"}),
    ],
)
def test_filters_keep_exactly_the_rows_that_match(
    command: Command, listed: Callable[[str], list[dict[str, Any]]], what: str, options: dict[str, str]
) -> None:
    every = listed(what)
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    expected = [row for row in every if all(row[name.replace("-", "_")] == value for name, value in options.items())]
    assert 0 < len(expected) < len(every) or what == "ledger"
    assert command("list", what, *words, "--json").rows == expected != []


def test_a_file_is_found_by_its_path_or_its_name(command: Command) -> None:
    every = command("list", "quarantine", "--json").rows
    path = every[0]["file"]
    expected = [row for row in every if row["file"] == path]
    assert command("list", "quarantine", "--file", path, "--json").rows == expected
    assert command("list", "quarantine", "--file", Path(path).name, "--json").rows == expected
    assert command("list", "quarantine", "--file", "无", "--json").rows == []


def test_a_listing_as_known_earlier(command: Command) -> None:
    early = command("list", "receipts", "--known-at", "2025-01-01", "--json").rows
    assert early
    assert all(parse_time(row["known_at"]) <= parse_time("2025-01-01") for row in early)
    before = command("list", "indicators", "--known-at", "2025-02-28", "--json").rows
    assert {row["period"] for row in before} == {"2024-10", "2024-11", "2024-12"}


def test_without_json_a_listing_is_a_line_a_row(command: Command) -> None:
    answer = command("list", "alerts")
    assert len(answer.out.splitlines()) == len(command("list", "alerts", "--json").rows)


def test_an_alert_is_explained_month_by_month(command: Command) -> None:
    alerts = command("list", "alerts", "--json").rows
    for alert in {(alert["type"], alert["entity_kind"], alert["source"]): alert for alert in alerts}.values():
        rows = command("explain", alert["id"], "--json").rows
        assert [row["period"] for row in rows] == sorted(row["period"] for row in rows)
        assert (rows[0]["what"], rows[0]["period"]) == ("verdict", alert["opened"])
        assert rows[0]["level"] > 0
        assert all(len(row["words"].splitlines()) == 1 for row in rows)
        assert all(row["told"] for row in rows if row["what"] == "verdict")
        life = command("list", "history", alert["id"], "--json").rows
        assert (life[0]["state"], life[0]["period"], life[0]["who"]) == ("opened", alert["opened"], "系统")
        assert life[-1]["state"] == alert["state"] or alert["state"] == "explained"
    assert command("explain", alert["id"]).code == 0


def test_why_there_is_no_alert(command: Command, shop: Warehouse) -> None:
    quiet = shop.frame(
        "select v.entity from verdict v join run using (run_id) where rule = 'total_drop' and entity_kind = 'chain'"
        " and source = 'returns' group by 1 having max(level) = 0 and max(period) = '2025-04' order by 1 limit 1"
    )["entity"][0]
    identity = f"total_drop:chain:{quiet}:returns"
    (row,) = command("explain", identity, "--json").rows
    assert (row["what"], row["level"]) == ("verdict", 0)
    assert "未到蓝色阈值 -12%，还差" in row["words"]
    (row,) = command("explain", identity, "--period", "2025-01", "--json").rows
    assert (row["what"], "免报" in row["words"]) == ("not-judged", True)
    (row,) = command("explain", "output_drop:firm:nobody:returns", "--json").rows
    assert (row["what"], "没有这个对象" in row["words"]) == ("not-judged", True)
    new = shop.frame("select v.entity from verdict v where rule = 'stop' order by 1 limit 1")["entity"][0]
    (row,) = command("explain", f"output_drop:firm:{new}:returns", "--json").rows
    assert (row["what"], "历史不足：自2024年10月起报，满一年（2025年10月）后" in row["words"]) == ("not-judged", True)
    for bad in (identity + ":2025-04", "nothing:firm:x:returns", "x"):
        answer = command("explain", bad)
        assert (answer.code, len(answer.err.splitlines())) == (1, 1)


def test_a_notice_is_answered_verified_and_silenced(command: Command, shop: Warehouse) -> None:
    news = [
        row for row in command("list", "alerts", "--json").rows
        if row["state"] == "opened" and row["entity_kind"] == "firm" and row["opened"] == "2025-04"
    ]  # fmt: skip
    alert = max(news, key=lambda row: row["level"])["id"]  # the surest of them is mailed
    by = ("--who", "张某", "--why", "走访企业", "--json")
    later, earlier = "2025-05-18 10:20", "2025-05-18 10:10"
    (took,) = command("alert", "take", alert, *by, "--known-at", later).rows
    assert (took["state"], took["new"], took["period"]) == ("in_hand", True, "2025-04")
    (again,) = command("alert", "take", alert, *by, "--known-at", later).rows
    assert not again["new"], "the same event twice is one"
    (read,) = command("alert", "acknowledge", alert, *by, "--known-at", earlier).rows
    assert read["state"] == "in_hand", "what was done earlier comes first, though written down later"
    told = command("list", "history", alert, "--json").rows
    assert [(row["state"], row["who"]) for row in told][-2:] == [("acknowledged", "张某"), ("in_hand", "张某")]
    assert {row["id"]: row["state"] for row in command("list", "alerts", "--json").rows}[alert] == "in_hand"
    (row,) = (r for r in command("explain", alert, "--period", "2025-01", "--json").rows if r["what"] == "not-judged")
    assert "免报" in row["words"], "a month without a verdict is explained for an alert as for its identity"
    command("alert", "outcome", alert, "true", "--cause", "订单转移", *by)
    missed = ":".join([*alert.split(":")[:4], "2025-03"])
    (miss,) = command("alert", "outcome", missed, "true", *by).rows
    labels = alerting.outcome_labels(shop)
    assert dict(zip(labels["alert_id"], labels["label"], strict=True)) == {alert: "true", missed: "true"}
    assert labels.set_index("alert_id")["cause"][alert] == "订单转移"
    assert miss["missed"] or missed in {row["id"] for row in command("list", "alerts", "--json").rows}
    words = [row["words"] for row in command("explain", alert, "--json").rows]
    assert any("核实结论：属实（张某：走访企业，原因：订单转移）" in word for word in words)
    assert any("列入邮件，邮件待发" in word for word in words) or any("暂" in word for word in words)

    for bad in (
        ("take", "nothing:firm:x:returns:2025-04"),
        ("take", missed.replace("2025-03", "2020-01")),
        ("close", "x"),
        ("reopen", alert),
    ):
        answer = command("alert", *bad, "--who", "张某", "--why", "无")
        assert (answer.code, len(answer.err.splitlines())) == (1, 1)
    entity = alert.split(":")[2]
    silence = ("silence", "add", "--entity", entity, "--from", "2025-04", "--until", "2025-06", *by)
    (one,), (same,) = command(*silence).rows, command(*silence).rows
    assert (one["silence_id"], one["active"], one["new"]) == (same["silence_id"], True, True)
    assert not same["new"] and "此前已登记" in command(*silence[:-1]).out
    assert any(row["what"] == "silence" for row in command("explain", alert, "--json").rows)
    (ended,) = command("silence", "end", one["silence_id"], "--last", "2025-03", *by).rows
    assert (ended["active"], ended["last"]) == (False, "2025-03")
    assert [(row["active"], row["state_name"]) for row in command("silence", "list", "--json").rows] == [
        (False, "已到期")
    ]  # fmt: skip
    refused = command(*silence)
    assert refused.code == 1 and "已提前结束于 2025-03" in refused.err, "not a silence that is over again"
    assert command("silence", "add", "--from", "2025-04", "--until", "2025-06", *by).code == 1, "not everything"
    (over,) = command("silence", "add", "--entity", entity, "--from", "2025-01", "--until", "2025-02", *by).rows
    (ended,) = command("silence", "end", over["silence_id"], *by).rows
    assert (ended["active"], ended["last"]) == (False, "2025-02"), "to end what is over does not bring it back"
    for nothing in (missed.replace(entity, "nobody"), missed.replace("2025-03", "2031-03")):
        answer = command("alert", "outcome", nothing, "true", *by)
        assert (answer.code, len(answer.err.splitlines())) == (1, 1), "no miss of nobody, and none to come"
    months = ("--from", "2025-04", "--until", "2025-06", *by)
    for nobody in (("--entity", "C999"), ("--chain", "C999"), ("--entity-kind", "planet")):
        answer = command("silence", "add", *nobody, *months)
        assert (answer.code, len(answer.err.splitlines())) == (1, 1), nobody
    assert command("alert", "close", alert, *by).rows[0]["state"] == "closed"
    closed = command("alert", "take", alert, *by)
    assert closed.code == 1 and "已经解除" in closed.err
    assert not any("=" in word for word in words), "evidence is said in words"


def test_a_file_is_not_received_on_a_day_to_come(command: Command, town: Town, tmp_path: Path) -> None:
    path = next(iter(sorted(town.folders[0].iterdir())))
    (tmp_path / "2099-01-01").mkdir()
    early = tmp_path / "2099-01-01" / path.name
    early.write_bytes(path.read_bytes() + b"\n")
    for words in ((early, "--json"), (path, "--known-at", "2099-01-01", "--json")):
        answer = command("ingest", *words)
        assert answer.code == 1
        assert [row["reasons"] for row in answer.rows] == [["收到日期 2099-01-01 晚于今天，请改正后再收"]]
    assert str(early) not in {row["file"] for row in command("list", "receipts", "--json").rows}


def test_a_listing_says_what_its_columns_are_and_that_there_is_nothing(command: Command) -> None:
    shown, empty = command("list", "alerts"), command("list", "alerts", "--entity", "nobody")
    assert shown.err.split()[:3] == ["id", "type", "entity_kind"] and "id" not in shown.out.split()
    assert (empty.code, empty.out, empty.err.strip()) == (0, "", "（没有可列的内容）")


def test_a_drill_shows_mails_and_needs_no_warehouse(tmp_path: Path) -> None:
    run = CliRunner(env={"QXMONITOR_HOME": str(tmp_path / "none"), "QXMONITOR_NOW": "2025-05-19"})
    rows = json.loads(run.invoke(cli, ["drill", "firm_stop", "--level", "orange", "--json"]).stdout)
    assert [(row["reader"], row["role"]) for row in rows] == [("gxj", "牵头"), ("hr", "配合"), ("leaders", "配合")]
    assert all("【演练】" in row["subject"] and "重点企业停产应对预案" in row["text"] for row in rows)
    assert "已连续3个报告期" in rows[0]["text"]
    red = json.loads(run.invoke(cli, ["drill", "firm_stop", "--json"]).stdout)
    assert "已连续4个报告期" in red[0]["text"], "what a level stands for is what the mail tells"
    late = json.loads(run.invoke(cli, ["drill", "silence", "--level", "blue", "--json"]).stdout)
    assert "数据催报1项" in late[0]["subject"]
    assert run.invoke(cli, ["drill", "nothing"]).exit_code == 1
    assert not (tmp_path / "none").exists()


# -- briefing, replay, delivery --------------------------------------------------------------------------------------


def test_a_briefing_of_a_month_never_run_says_what_to_do(command: Command, tmp_path: Path) -> None:
    answer = command("brief", "2025-05", "--for", "joint", "--out", tmp_path)
    assert (answer.code, answer.out) == (1, "")
    assert "qxmonitor run 2025-05" in answer.err


def test_deliver_dry_run_shows_and_sends_nothing(command: Command, shop: Warehouse) -> None:
    planned = command("list", "ledger", "--state", "planned", "--json").rows
    shown = command("deliver", "--dry-run", "--json")
    assert shown.code == 0
    assert {row["message_id"] for row in shown.rows} == {row["message_id"] for row in planned} != set()
    assert command("list", "ledger", "--state", "planned", "--json").rows == planned
    assert list(shop.settings.maildir.glob("*/new/*")) == []


@pytest.mark.long
def test_a_replay_gives_the_same_bytes_whatever_came_later(town: Town, settings: Settings, tmp_path: Path) -> None:
    """Later arrivals, one of them dated back before the issue, change a new briefing but never the issued one."""
    issued = release_calendar().released_at(Period("2025-04")) + timedelta(hours=1)
    later = replace(settings, fixed_now=issued + timedelta(days=60))
    on_time = replace(settings, fixed_now=issued)
    late, backdated = (next(town.landing.glob(f"*/{name}")) for name in ("B204-1_202504_更正*", "B204-1_202502_更正*"))

    files = [path for folder in upto(town, "2025-05-18") for path in folder.iterdir() if path != backdated]
    few = [path for path in files if path.name.startswith(("企业名录", "B204-1_20250", "财务状况_202504"))]
    assert in_process(on_time, "ingest", *few).code == 0
    assert in_process(on_time, "run", "2025-04").code == 0
    issues = {}
    for edition in ("stats", "joint"):
        words = ("brief", "2025-04", "--for", edition, "--out", tmp_path / edition, "--json")
        (issues[edition],) = {row["issue"] for row in in_process(on_time, *words).rows}

    assert in_process(later, "ingest", late).code == 0
    assert in_process(later, "ingest", backdated, "--known-at", "2025-04-10").code == 0
    assert in_process(later, "run", "2025-04").code == 0
    for edition, issue in issues.items():
        again = in_process(later, "replay", issue, "--out", tmp_path / f"{edition}-again", "--json")
        assert (again.code, [row["same"] for row in again.rows]) == (0, [True] * 3)
        assert contents(tmp_path / edition) == contents(tmp_path / f"{edition}-again")
        assert len(contents(tmp_path / edition)) == 3

    words = ("brief", "2025-04", "--for", "stats", "--out", tmp_path / "anew", "--json")
    assert {row["issue"] for row in in_process(later, *words).rows}.isdisjoint(issues.values())
    assert contents(tmp_path / "anew") != contents(tmp_path / "stats"), "new facts make a new issue"

    forged = "update issue set files = replace(files, ': \"', ': \"0') where issue_id = :issue"
    with Warehouse(later) as wh, wh.engine.begin() as connection:
        connection.execute(text(forged), {"issue": issues["stats"]})
    differing = in_process(later, "replay", issues["stats"], "--out", tmp_path / "differing")
    assert differing.code == 1
    assert all(line.startswith("不一致") for line in differing.out.splitlines())


def contents(folder: Path) -> dict[str, bytes]:
    """The documents of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}
