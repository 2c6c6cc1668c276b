"""The suites themselves: every fact table has one, every rule can be run, and each speaks Chinese."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pytest

from qxmonitor.errors import CatalogError, QxError
from qxmonitor.quality import suites, verdicts
from qxmonitor.quality.measures import MEASURES
from qxmonitor.quality.suites import FOLDER, expanded, suite
from qxmonitor.settings import ROOT

TABLES = sorted(path.stem for path in FOLDER.glob("*.yml"))
SCHEMA = "".join(p.read_text("utf-8") for p in sorted((ROOT / "sql" / "migrations" / "versions").glob("*.sql")))
LINE = {
    "period": ["2021-08"], "flow": ["E"], "mode": ["0110"], "hs": ["95030089"], "quantity": [1.0], "rmb": [1.0],
}  # fmt: skip


def columns_of(table: str) -> set[str]:
    body = re.search(rf"create table {table} \((.*?)primary key", SCHEMA, re.DOTALL)
    assert body, f"{table} is no table of the warehouse"
    return set(re.findall(r'"?(\w+)"? (?:text|double|integer|bigint|boolean|date)', body[1])) - {"file_id"}


def test_every_fact_table_has_a_suite() -> None:
    tables = dict(re.findall(r"create table (\w+) \((.*?)\n\);", SCHEMA, re.DOTALL))
    facts = {name for name, body in tables.items() if '"row" integer' in body}
    facts -= {"quarantine", "control_line", "fact_line", "register_name"}
    assert facts <= set(TABLES) and len(facts) >= 9


@pytest.mark.parametrize("table", TABLES)
def test_suites_name_existing_columns_and_give_reasons(table: str) -> None:
    found = suite(table)
    assert found.table == table
    assert found.columns <= columns_of(table) | set(MEASURES.get(table, {}))
    assert set(found.unit) <= columns_of(table)
    assert set(MEASURES.get(table, {})) <= found.columns, "a measure nobody looks at"
    for rule in found.expectations:
        assert re.search("[\u4e00-\u9fff]", rule.meta.reason)
        assert all(re.search("[\u4e00-\u9fff]", label) for label in rule.columns.values())


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES)
def test_great_expectations_takes_every_rule(table: str) -> None:
    gx = verdicts._library()
    built = gx.ExpectationSuite(name=table, expectations=[dict(entry) for entry in expanded(table)])
    assert len(built.expectations) == len(expanded(table))
    assert {str(e.severity.value) for e in built.expectations} <= {"critical", "warning"}


def test_a_misspelt_suite_is_refused_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trade_line.yml").write_text(
        "table: trade_line\nexpectations:\n  - id: a.b\n    typo: x\n", encoding="utf-8"
    )
    monkeypatch.setattr(suites, "FOLDER", tmp_path)
    with pytest.raises(CatalogError, match=r"trade_line\.yml 第 4 行"):
        suite.__wrapped__("trade_line")


def test_a_rule_that_cannot_run_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    bad = ({"type": "expect_column_values_to_be_between", "kwargs": {"column": "nowhere", "min_value": 0}},)
    for entry in (
        tuple({**b, "severity": "critical", "meta": {"id": "x.y", "field": "甲", "reason": "乙"}} for b in bad),
        ({"type": "expect_column_values_to_dance", "kwargs": {"column": "usd"}, "severity": "critical", "meta": {}},),
    ):
        monkeypatch.setattr(verdicts, "expanded", lambda table, entry=entry: entry)
        frame = pd.DataFrame(LINE | {"usd": [1.0]})
        with pytest.raises(QxError, match=r"无法执行|不接受"):
            verdicts.weigh("trade_line", frame)


def test_the_library_leaves_nothing_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(LINE | {"usd": [-1.0]})
    assert [v.rule for v in verdicts.weigh("trade_line", frame) if len(v.rows)] == ["customs.negative"]
    assert list(tmp_path.iterdir()) == []


def test_the_library_is_imported_only_when_needed() -> None:
    code = "import sys, qxmonitor.quality; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


WITHOUT = """
import sys
from qxmonitor.quality import verdicts
verdicts.warm()
assert not {"altair", "scipy.stats"} & set(sys.modules)
import altair, scipy.stats
assert altair.Chart and scipy.stats.norm.cdf(0) == 0.5
from great_expectations.execution_engine import pandas_execution_engine as engine
assert engine.HASH_THRESHOLD == 0 and callable(engine.hash_pandas_dataframe)
"""


def test_the_library_is_imported_without_what_no_suite_may_name_and_leaves_it_to_others() -> None:
    assert subprocess.run([sys.executable, "-c", WITHOUT], check=False).returncode == 0


def test_no_batch_is_given_a_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library must know the constant that keeps it from hashing every cell twice an expectation."""
    verdicts.warm()
    from great_expectations.execution_engine import pandas_execution_engine as engine

    monkeypatch.setattr(engine, "hash_pandas_dataframe", lambda frame: pytest.fail("hashed"))
    verdicts.warm()


@pytest.mark.slow
def test_a_command_that_draws_nothing_imports_no_charts() -> None:
    code = (
        "import sys; from qxmonitor import look, pipeline; sys.exit(bool({'matplotlib', 'alembic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
