"""The declared forms: valid, complete, and agreeing with what they lean on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from qxmonitor.catalog import sheets as module
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.sheets import Column, SheetForm, sheets, words_of
from qxmonitor.catalog.tasks import tasks
from qxmonitor.errors import CatalogError
from qxmonitor.warehouse.tables import TABLES

COLUMN: dict[str, Any] = {"id": "plan", "name": "计划", "kind": "text"}
FORM: dict[str, Any] = {
    "feed": "x", "table": "x", "title": "某表", "source": "power", "tell": ["plan"], "columns": [COLUMN],
}  # fmt: skip


def test_every_form_has_a_table_a_source_and_a_calendar() -> None:
    sources = {use.source for use in permitted_use().uses}
    for name, form in sheets().items():
        assert form.table in TABLES, name
        assert form.source in sources, name
        yearly = any(column.kind == "year" for column in form.columns)
        assert yearly != (name in release_calendar().by_feed), name


def test_the_departments_are_those_of_the_plan() -> None:
    column = sheets()["tasks"].by_id["department"]
    assert {key: words[0] for key, words in column.choices.items()} == tasks().departments


def test_a_heading_is_a_set_of_words() -> None:
    assert words_of("用电量;本月") == words_of("本月；用电量") == {"本月", "用电量"}
    assert words_of("1—本月_其中：出口 交货值") == {"1-本月", "出口交货值"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tell": ["other"]}, "用到未定义的列：other"),
        ({"key": ["plan|other"]}, "用到未定义的列：other"),
        ({"columns": [COLUMN, COLUMN]}, "列的 id 重复"),
        ({"columns": [COLUMN, {**COLUMN, "id": "b", "synonyms": ["计 划"]}]}, "两列用了同一个表头：计划"),
    ],
)
def test_a_form_that_contradicts_itself_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SheetForm.model_validate(FORM | change)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "choice"}, "要写 choices"),
        ({"choices": {"a": ["甲"]}}, "要写 choices"),
        ({"kind": "money", "unit": "千瓦时"}, "不是这一类的计量单位"),
        ({"kind": "money"}, "不是这一类的计量单位"),
        ({"kind": "choice", "choices": {"a": ["甲"], "b": [" 甲"]}}, "空的或重复的词"),
    ],
)
def test_a_column_that_cannot_be_read_is_refused(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Column.model_validate(COLUMN | change)


def test_a_file_is_named_by_its_feed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "y.yml").write_text(
        "feed: x\ntable: x\ntitle: 某表\nsource: power\ntell: [plan]\ncolumns: [{id: plan, name: 计划, kind: text}]\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(module, "FOLDER", tmp_path)
    with pytest.raises(CatalogError, match=r"forms/y.yml 的 feed 与文件名不同"):
        sheets.__wrapped__()
