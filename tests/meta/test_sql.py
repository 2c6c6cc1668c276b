"""SQL lies in sql/, not in Python strings, and every query there is used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.meta.repository import texts

_STATEMENT = re.compile(
    r"""^\s*(
        select\s.+\sfrom\s
      | insert\s+into\s | update\s+[\w".]+\s+set\s | delete\s+from\s | truncate\s | copy\s+[\w".]+\s
      | with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s
      | (create|alter|drop)\s+(or\s+replace\s+)?(unique\s+)?(table|view|index|function|schema|type)\s
    )""",
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)
"""Databases and roles of the server are not in it: their names cannot be parameters, so Python composes them."""
_NAMED = re.compile(r"""\bquery\(\s*["']([\w/]+)["']""")


def _strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings of a module that are not docstrings; of an f-string its constant parts joined."""
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    docs = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value
        elif isinstance(node, ast.JoinedStr):
            yield node.lineno, "x".join(part.value for part in node.values if isinstance(part, ast.Constant))


@pytest.mark.parametrize("name", sorted(texts(".py", under="qxmonitor/")))
def test_no_sql_in_python_strings(name: str) -> None:
    tree = ast.parse(texts(".py", under="qxmonitor/")[name])
    assert [f"line {line}: {text[:60]!r}" for line, text in _strings(tree) if _STATEMENT.match(text)] == []


@pytest.mark.parametrize(
    "text", ["select a from b", "SELECT *\n FROM x", "insert into x values (1)", "with a as (select 1) x"]
)
def test_the_check_sees_sql(text: str) -> None:
    assert _STATEMENT.match(text)


@pytest.mark.parametrize("text", ["Update the register", "select", "with a comma", "Create or upgrade the warehouse."])
def test_the_check_passes_prose(text: str) -> None:
    assert not _STATEMENT.match(text)


def test_named_queries_and_files_agree() -> None:
    named = {found for text in texts(".py", under="qxmonitor/").values() for found in _NAMED.findall(text)}
    queries = texts(".sql", under="sql/queries/")
    stored = {name.removeprefix("sql/queries/").removesuffix(".sql") for name in queries}
    assert named - stored == set(), "asked for, not there"
    words = " ".join(texts(".py", under="qxmonitor/").values())
    unused = {name for name in stored if not re.search(rf"\b{re.escape(name)}\b", words)}
    assert unused == set(), "there, never asked for"


def test_each_migration_follows_the_one_before_it_by_name() -> None:
    """``Warehouse.init`` upgrades to the last name: a fork would leave a branch out without a word."""
    files = sorted(texts(".py", under="sql/migrations/versions/").items())
    stated = [re.findall(r'^(?:down_)?revision = (?:"(\w+)"|None)$', text, re.MULTILINE) for _, text in files]
    numbers = [name.rsplit("/", 1)[1][:4] for name, _ in files]
    assert stated == [[number, before] for number, before in zip(numbers, ["", *numbers], strict=False)]
