"""Every source has its reader, its validation suite, its calendar and its tests."""

from __future__ import annotations

import re

import pytest

from qxmonitor import feeds
from qxmonitor.catalog.release import release_calendar
from tests.meta.repository import ROOT, texts

_TABLE = re.compile(
    r"create table (\w+) \((?:(?!create table).)*?"
    r'primary key \(file_id, sheet, "row"(?:, series|, measure|, item)?\)\s*\)',
    re.DOTALL,
)
_NOT_FACTS = {"control_line"}
FACTS = sorted(
    {name for text in texts(".sql", under="sql/migrations/").values() for name in _TABLE.findall(text)} - _NOT_FACTS
)
MODULES = [getattr(feed, "__name__", "").rpartition(".")[2] for feed in feeds.FEEDS]


def test_the_tables_of_facts_are_seen() -> None:
    assert {"output_return", "self_report", "reference_point"} <= set(FACTS)


@pytest.mark.parametrize("table", FACTS)
def test_every_table_of_facts_has_a_suite(table: str) -> None:
    assert [path.name for path in (ROOT / "expectations").iterdir() if path.stem == table] != []


@pytest.mark.parametrize("module", MODULES)
def test_every_feed_is_tested(module: str) -> None:
    asked = re.compile(rf"\b{module}\b")
    tests = texts(".py", under="tests/feeds/")
    assert f"tests/feeds/test_{module}.py" in tests or any(asked.search(text) for text in tests.values())


def test_a_form_is_read_by_one_feed() -> None:
    forms = [(feed.FEED, feed.FORM) for feed in feeds.FEEDS]
    assert len(set(forms)) == len(forms)


def test_the_calendar_speaks_of_feeds_that_exist() -> None:
    assert {entry.feed for entry in release_calendar().feeds} <= {feed.FEED for feed in feeds.FEEDS}
