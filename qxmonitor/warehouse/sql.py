"""Finds the SQL text: queries lie in ``sql/queries``, one statement a file, and may be built on one another.

Two markers are replaced: ``{word}`` by an identifier the caller names, and ``{name:table}`` by the query ``name`` for
that table (``{name:table:key}`` where it wants a key), so that aggregates stand on the one as-of selection instead of a
copy of it.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from qxmonitor.settings import ROOT

FOLDER = ROOT / "sql"
_INCLUDE = re.compile(r"\{(\w+):(\w+)(?::(\w+))?\}")
_IDENTIFIERS = re.compile(r"[a-z_]+(, [a-z_]+)*")


@cache
def query(name: str, **identifiers: str) -> str:
    """The text of ``sql/queries/<name>.sql`` with its markers replaced.

    Raises:
        ValueError: an identifier is not a plain lower-case name, or a list of such.
    """
    text = (FOLDER / "queries" / f"{name}.sql").read_text(encoding="utf-8")
    for key, value in identifiers.items():
        if not _IDENTIFIERS.fullmatch(value):
            raise ValueError(f"not an identifier: {value!r}")
        text = text.replace("{" + key + "}", value)
    return _INCLUDE.sub(_included, text)


def _included(found: re.Match[str]) -> str:
    return query(found[1], table=found[2], **({"key": found[3]} if found[3] else {}))


def scripts(folder: str) -> list[Path]:
    """The ``.sql`` files of a folder under ``sql/`` in the order of their names."""
    return sorted((FOLDER / folder).glob("*.sql"))
