"""The registry of fact tables against the database, the suites and the view of withheld rows."""

from __future__ import annotations

import re

from qxmonitor.quality.suites import FOLDER, suite
from qxmonitor.settings import ROOT
from qxmonitor.warehouse.tables import TABLES

HEAD = ("file_id", "sheet", "row")


def _columns() -> dict[str, set[str]]:
    """Table → its columns, as the migrations create them."""
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / "sql" / "migrations" / "versions").glob("*.sql")):
        for name, body in re.findall(r"create table (\w+) \((.*?)\n\);", path.read_text(), re.DOTALL):
            bare = re.sub(r"--[^\n]*", "", body)
            found[name] = {word.strip('"') for word in re.findall(r'(?:^|,)\s*("?\w+"?) \w', bare)}
    return found


def test_every_fact_table_is_registered_and_every_registered_table_is_there() -> None:
    columns = _columns()
    facts = {name for name, has in columns.items() if set(HEAD) <= has} - {"quarantine", "control_line", "fact_line"}
    assert facts - {"register_name"} == set(TABLES)
    for name, table in TABLES.items():
        wanted = (
            {"thing"}
            if table.read.startswith("asof_keyed")
            else {"subject"} - ({"subject"} if table.read in ("asof_total", "asof_published") else set())
        )
        assert ({*wanted, "period"} <= columns[name]) or not table.by_period, name
        assert not table.key or table.key in columns[name], name


def test_every_registered_table_has_its_suite() -> None:
    assert {path.stem for path in FOLDER.glob("*.yml")} == set(TABLES)
    assert all(suite(name).table == name for name in TABLES)


def test_rows_that_are_matched_to_firms_can_be_withheld() -> None:
    view = (ROOT / "sql" / "views" / "10_reads.sql").read_text()
    withheld = view[view.index("create view reads.unsettled as") : view.index("create view reads.unsettled_line")]
    named = set(re.findall(r"\bfrom (\w+)$", withheld, re.MULTILINE)) & set(TABLES)
    assert {name for name, table in TABLES.items() if table.matched} <= named
