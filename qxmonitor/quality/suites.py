"""The suites under ``expectations/``: one YAML file a table, written for a statistician to read and change.

An entry names a Great Expectations expectation, the columns it holds for, how severe a breach is, and the reason in
Chinese that the person who sent the row will read. An entry with several columns stands for one expectation each.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Literal

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.settings import ROOT

FOLDER = ROOT / "expectations"
WHOLE_FILE = "whole_file"
"""The suite of checks on a file as a whole; it lies in a folder of its own, since it belongs to no table."""


class Meta(Entry):
    """What a person reads about a breach."""

    reason: str = Field(min_length=4)
    why: str = ""


class Rule(Entry):
    """One entry of a suite.

    Attributes:
        id: stable name of the rule, as it stands in quarantine.
        type: name of the expectation in Great Expectations.
        columns: column or measure → its Chinese label.
        kwargs: the expectation's own arguments.
    """

    id: str = Field(pattern=r"^[a-z_]+\.[a-z0-9_]+$")
    type: str = Field(pattern=r"^expect_column_values_[a-z_]+$")
    columns: dict[str, str] = Field(min_length=1)
    kwargs: dict[str, Any] = Field(default_factory=dict)
    severity: Literal["critical", "warning"]
    meta: Meta


class Suite(Entry):
    """All expectations of one table.

    Attributes:
        table: the warehouse table.
        unit: columns of which no two rows of a file may be alike.
        unit_note: why, for the reader of the file.
        unit_label: Chinese name of the column that a repeated row is pointed at.
        period_label: what the source calls the month.
        numbered: whether rows bear their own number within a document, so that equal contents are no repeat.
        own_lines: whether each row is one source line, also in a form whose other lines make one row together.
        beside: the column by which several rows share a source line, which is then rejected with all of them.
    """

    table: str
    unit: tuple[str, ...] = ()
    unit_note: str = ""
    unit_label: str = "统一社会信用代码"
    period_label: str = "报告期"
    numbered: bool = False
    own_lines: bool = False
    beside: str = ""
    expectations: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_known(self) -> Suite:
        ids = [rule.id for rule in self.expectations]
        if len(ids) != len(set(ids)):
            raise ValueError("规则 id 重复")
        return self

    @property
    def columns(self) -> frozenset[str]:
        """Columns and measures that any expectation looks at."""
        return frozenset(column for rule in self.expectations for column in rule.columns)


@lru_cache(maxsize=32)
def suite(table: str) -> Suite:
    """The shipped suite of a warehouse table, or of whole files (:data:`WHOLE_FILE`).

    Raises:
        CatalogError: the file is missing parts, with its line.
        FileNotFoundError: the table has no suite.
    """
    return load(table, Suite, FOLDER / "files" if table == WHOLE_FILE else FOLDER)


@lru_cache(maxsize=32)
def expanded(table: str) -> tuple[dict[str, Any], ...]:
    """The suite as Great Expectations configurations, one for each column; ``meta`` carries rule and label."""
    return tuple(
        {
            "type": rule.type,
            "kwargs": {"column": column, **rule.kwargs},
            "severity": rule.severity,
            "meta": {"id": rule.id, "field": label, "reason": rule.meta.reason},
        }
        for rule in suite(table).expectations
        for column, label in rule.columns.items()
    )
