"""Rules every DAG keeps: it is read without errors, quickly and lightly, explains itself, and is safe to repeat."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.airflow_home import prepare

prepare()

from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.sdk import Param  # noqa: E402
from airflow.sdk.exceptions import ParamValidationError  # noqa: E402

from qxmonitor.settings import ROOT  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

FILES = sorted((ROOT / "dags").glob("*.py"))
PERIODIC = {"ingest_statistics", "ingest_customs", "ingest_bonded", "monitor", "rebuild", "briefing"}
NOW_ONLY = {"land", "deliver", "watch", "upkeep"}


@pytest.fixture(scope="module")
def bag() -> DagBag:
    return DagBag(dag_folder=ROOT / "dags")


@pytest.fixture(scope="module")
def dags(bag: DagBag) -> dict[str, Any]:
    return bag.dags


def test_every_file_is_read(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert set(bag.dags) == PERIODIC | NOW_ONLY


def test_files_are_thin() -> None:
    for path in FILES:
        if path.name != "qxdags.py":
            assert len(path.read_text(encoding="utf-8").splitlines()) <= 60, path.name


def test_files_are_light() -> None:
    """Parsing must not bring in what only tasks need; it happens every minute."""
    heavy = ("pandas", "great_expectations", "matplotlib", "pyarrow", "docx", "sqlalchemy.dialects.postgresql.psycopg")
    script = "\n".join([
        "import runpy, sys, tests.airflow_home as home",
        "home.prepare()",
        "there = set(sys.modules)",
        *(f"runpy.run_path({str(path)!r})" for path in FILES),
        f"print([name for name in {heavy!r} if name in set(sys.modules) - there])",
    ])  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip().splitlines()[-1:] == ["[]"], done.stdout + done.stderr


def test_every_dag_explains_itself_in_chinese(dags: dict[str, Any]) -> None:
    for name, dag in dags.items():
        assert re.match(r"### .*[一-鿿].*", dag.doc_md or ""), name
        assert len(dag.doc_md) > 60, name
        assert re.search(r"[一-鿿]", dag.dag_display_name), name


def test_every_dag_has_an_owner_and_a_known_tag(dags: dict[str, Any]) -> None:
    import qxdags

    for name, dag in dags.items():
        assert dag.default_args["owner"] == "统计办", name
        assert dag.tags and dag.tags <= set(qxdags.TAGS), name


def test_no_dag_makes_up_for_missed_runs_by_itself(dags: dict[str, Any]) -> None:
    assert [name for name, dag in dags.items() if dag.catchup] == []


def test_dags_about_now_refuse_backfills_and_run_one_at_a_time(dags: dict[str, Any]) -> None:
    for name in NOW_ONLY:
        assert set(dags[name].allowed_run_types) == {"scheduled", "manual"}, name
        assert dags[name].max_active_runs == 1, name
    for name in PERIODIC:
        assert dags[name].allowed_run_types is None, name
        assert dags[name].params["period"] is None, name


def test_retries_are_the_installations_and_not_a_dags_own(dags: dict[str, Any]) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in FILES)
    assert "retries" not in text
    assert "retry_delay" not in text


def test_no_dag_depends_on_the_run_before_it(dags: dict[str, Any]) -> None:
    tasks = [task for dag in dags.values() for task in dag.tasks]
    assert not any(task.depends_on_past or task.wait_for_downstream for task in tasks)


def test_consumers_follow_any_of_their_assets(dags: dict[str, Any]) -> None:
    """With ``&`` a re-filed month would wait for all other sources to be sent again."""
    from airflow.sdk.definitions.asset import AssetAll

    for name, dag in dags.items():
        condition = getattr(dag.timetable, "asset_condition", None)
        assert not isinstance(condition, AssetAll), name


def test_assets_show_the_way_of_the_figures(dags: dict[str, Any]) -> None:
    import qxdags
    from airflow.serialization.encoders import ensure_serialized_asset

    def outlets(name: str) -> set[str]:
        return {asset.name for task in dags[name].tasks for asset in task.outlets}

    def inlets(name: str) -> set[str]:
        condition = ensure_serialized_asset(dags[name].timetable.asset_condition)
        return {key.name for key, _ in condition.iter_assets()}

    assert outlets("land") == {"landed"}
    for family, asset in qxdags.FACTS.items():
        assert inlets(f"ingest_{family}") == {"landed"}
        assert outlets(f"ingest_{family}") == {asset.name}
    assert inlets("monitor") == {asset.name for asset in qxdags.FACTS.values()}
    assert outlets("monitor") == outlets("rebuild") == inlets("briefing") == {"monitored"}
    assert outlets("briefing") == {"planned"}


@pytest.mark.parametrize("name", ["monitor", "rebuild", "briefing"])
def test_forms_do_not_mail_unless_a_reason_is_written(dags: dict[str, Any], name: str) -> None:
    assert dags[name].params["notify"] is None


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (
            "PERIOD",
            [None, "", "2026-10", "2025-01"],
            ["2026-13", "2026-1", "十月", "2026-10-01", "1999-12", 5],
        ),
        ("KNOWN_AT", [None, "2026-11-18T10:00:00+08:00"], ["昨天", "2026-13-01T00:00:00Z", 5]),
        ("NOTIFY", [None, "", "数据更正，重发"], ["重发", "好", "长" * 101, 5]),
    ],
)
def test_forms_refuse_nonsense(field: str, good: list[Any], bad: list[Any]) -> None:
    import qxdags

    param: Param = getattr(qxdags, field)
    for value in good:
        assert param.resolve(value) == value
    for value in bad:
        with pytest.raises(ParamValidationError):
            param.resolve(value)


def test_the_month_of_a_run_is_its_form_then_its_key_then_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    import qxdags

    monkeypatch.setenv("QXMONITOR_NOW", "2026-11-24T10:00+08:00")
    assert qxdags.period_of("2026-05", {"period": "2026-03"}) == "2026-03"
    assert qxdags.period_of("2026-05", {"period": ""}) == "2026-05"
    assert qxdags.period_of(None, {}) == "2026-10"


def test_xcom_carries_keys_only() -> None:
    """A task returns periods, ids, states or counts; never a frame or a row of figures."""
    for path in FILES:
        for returned in re.findall(r"-> (.+):$", path.read_text(encoding="utf-8"), re.MULTILINE):
            if path.name != "qxdags.py":
                assert returned in ("None", "str", "list[str]", "dict[str, int]"), f"{path.name}: {returned}"


def test_the_calendar_is_the_catalogues(dags: dict[str, Any]) -> None:
    from qxmonitor.catalog.release import release_calendar

    release = release_calendar().release
    for name in ("ingest_statistics", "rebuild"):
        assert (dags[name].timetable.day, dags[name].timetable.hour) == (release.day, release.hour)


def test_the_folder_holds_no_other_python() -> None:
    assert [path for path in Path(ROOT / "dags").rglob("*.py") if path not in FILES] == []


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("smtp://u:p@mail.example.org:587", ("mail.example.org", 587, "u", "starttls", True)),
        ("smtp://u:p@mail.example.org:465", ("mail.example.org", 465, "u", "tls", True)),
        ("smtp://u:p@mail.example.org:465?disable_ssl=true", ("mail.example.org", 465, "u", "starttls", True)),
        ("smtp://127.0.0.1:25?disable_ssl=true&disable_tls=true", ("127.0.0.1", 25, "", "none", True)),
        ("smtp://u:p@mail.example.org?security=tls", ("mail.example.org", 465, "u", "tls", True)),
    ],
)
def test_the_mail_server_of_a_connection(monkeypatch: pytest.MonkeyPatch, uri: str, expected: tuple[Any, ...]) -> None:
    import qxdags

    monkeypatch.setenv("AIRFLOW_CONN_QXMONITOR_SMTP", uri)
    monkeypatch.delenv("QXMONITOR_SMTP_URL", raising=False)
    server = qxdags.mail_server()
    assert server is not None
    assert (server.host, server.port, server.login, server.security, server.verify) == expected
    assert server.login != "p" and ":p@" not in repr(server)


def test_the_sftp_server_of_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    import qxdags

    pin = "SHA256:" + "a" * 43
    monkeypatch.delenv("QXMONITOR_SFTP_URL", raising=False)
    monkeypatch.setenv(
        "AIRFLOW_CONN_QXMONITOR_SFTP",
        json.dumps({"conn_type": "sftp", "host": "far.example.org", "login": "u", "password": "secret",
                    "extra": {"path": "/~/in", "host_key": pin, "timeout": 60}}),
    )  # fmt: skip
    server = qxdags.sftp_server()
    assert server is not None
    assert (server.name, server.path, server.host_key, server.timeout) == ("u@far.example.org:22", "in", pin, 60)
    assert "secret" not in repr(server)
    monkeypatch.setenv("QXMONITOR_SFTP_URL", "sftp://u:p@h/?host_key=x")
    assert qxdags.sftp_server() is None


def test_the_settings_come_before_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    import qxdags

    monkeypatch.setenv("AIRFLOW_CONN_QXMONITOR_SMTP", "smtp://u:p@mail.example.org:587")
    monkeypatch.setenv("QXMONITOR_SMTP_URL", "smtp://127.0.0.1:25")
    assert qxdags.mail_server() is None
