"""Runs one suite of Great Expectations over one frame and brings home the rows that fail, and nothing else.

The library gives verdicts only: no data docs, no checkpoint, no store, no file, no network. It is imported on first
use, since the import takes seconds.

One expectation costs the library a dozen milliseconds whatever it looks at, so columns held to the same are judged
together, laid below one another. That changes no verdict: it is done only where each cell is judged by itself.

Two things the library does at large cost and to no use here are kept from it: half its import is ``altair`` and
``scipy.stats``, which only expectations on distributions need and no suite may name; and half its work is a
fingerprint of each batch, which nobody reads.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.errors import QxError
from qxmonitor.quality.measures import MEASURES
from qxmonitor.quality.suites import expanded, suite

_RESULT = {"result_format": "COMPLETE", "include_unexpected_rows": False, "partial_unexpected_count": 0}
_CELL_BY_CELL = {
    "expect_column_values_to_be_between", "expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_match_regex", "expect_column_values_to_not_match_regex",
}  # fmt: skip
"""Expectations that judge a cell by itself and pass over empty ones."""
_TOGETHER = 8_000_000
"""Cells that are laid below one another at most, for the sake of memory: 64 MB of them."""
_UNUSED = ("altair", "scipy.stats")
"""What the library imports for expectations on distributions alone."""


@dataclass(frozen=True)
class Verdict:
    """What one expectation says of one column.

    Attributes:
        rule: stable id, the quarantine's ``rule``.
        column: column or measure it was judged on.
        field: Chinese label of the item.
        reason: Chinese, one line.
        critical: whether the rows go to quarantine.
        rows: positions in the frame of the rows that break it, ascending.
        judged: (n,) the rows that have a value there.
    """

    rule: str
    column: str
    field: str
    reason: str
    critical: bool
    rows: npt.NDArray[np.int64]
    judged: npt.NDArray[np.bool_]


def weigh(table: str, frame: pd.DataFrame) -> list[Verdict]:
    """What every expectation of a table's suite says, column by column.

    Args:
        table: warehouse table.
        frame: its rows, any index.

    Raises:
        QxError: an expectation could not be evaluated; a check that did not run must not pass.
    """
    if frame.empty:
        return []
    measures = MEASURES.get(table, {})
    columns = {
        name: pd.Series(measures[name](frame)) if name in measures else frame[name].reset_index(drop=True)
        for name in sorted(suite(table).columns)
    }
    return weigh_columns(table, expanded(table), columns)


def weigh_columns(table: str, entries: Sequence[dict[str, Any]], columns: dict[str, pd.Series]) -> list[Verdict]:
    """What expectations say of columns of one length, whatever their rows stand for.

    Args:
        table: whose suite it is, for messages.
        entries: configurations as :func:`~qxmonitor.quality.suites.expanded` gives them.
        columns: column → its cells, indexed from 0.

    Raises:
        QxError: an expectation could not be evaluated.
    """
    found = {}
    for group in _groups(entries, columns):
        cells = [columns.get(entry["kwargs"]["column"]) for entry in group]
        if any(column is None for column in cells):
            raise _cannot_run(table, group[0])
        there = [column for column in cells if column is not None]
        size = len(there[0])
        broken = _broken(table, group[0], there[0] if len(there) == 1 else pd.concat(there, ignore_index=True))
        for place, (entry, column) in enumerate(zip(group, there, strict=True)):
            mine = broken[(broken >= place * size) & (broken < (place + 1) * size)] - place * size
            meta = entry["meta"]
            found[meta["id"], entry["kwargs"]["column"]] = Verdict(
                meta["id"], entry["kwargs"]["column"], meta["field"], meta["reason"],
                entry["severity"] == "critical", mine, column.notna().to_numpy(dtype=bool),
            )  # fmt: skip
    order = [(entry["meta"]["id"], entry["kwargs"]["column"]) for entry in entries]
    return [found[key] for key in order]


def warm() -> None:
    """Load and build what the first validation would, for a process whose children validate."""
    weigh("chain_node", pd.DataFrame({name: ["x"] for name in suite("chain_node").columns}))


def _groups(entries: Sequence[dict[str, Any]], columns: dict[str, pd.Series]) -> Iterator[list[dict[str, Any]]]:
    """Entries that differ in their column only and can be judged together."""
    together: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        column = columns.get(entry["kwargs"]["column"])
        rest = {key: value for key, value in entry["kwargs"].items() if key != "column"}
        alone = column is None or entry["type"] not in _CELL_BY_CELL
        kind = entry["kwargs"]["column"] if alone or column is None else str(column.dtype)
        key = repr((entry["type"], rest, kind))
        together.setdefault(key, []).append(entry)
    for group in together.values():
        first = columns.get(group[0]["kwargs"]["column"])
        size = max(1, _TOGETHER // max(1, 0 if first is None else len(first)))
        for start in range(0, len(group), size):
            yield group[start : start + size]


def _broken(table: str, entry: dict[str, Any], cells: pd.Series) -> npt.NDArray[np.int64]:
    """Positions of the cells that break an expectation, ascending."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        configuration = {**entry, "kwargs": {**entry["kwargs"], "column": "cells"}}
        chosen = _library().ExpectationSuite(name=table, expectations=[configuration])
        if len(chosen.expectations) != 1:
            # The library logs an entry it cannot build and goes on without it.
            raise QxError(f"expectations/{table}.yml 里有 Great Expectations 不接受的规则")
        batch = _whole().get_batch({"dataframe": cells.to_frame("cells")})
        (result,) = batch.validate(chosen, result_format=_RESULT).results
    if result.success is None or _raised(result.exception_info):
        raise _cannot_run(table, entry)
    return np.sort(np.asarray(result.result.get("unexpected_index_list") or [], dtype=np.int64))


@lru_cache(maxsize=1)
def _whole() -> Any:
    """The library's one context of a process, as the definition of its batches; it keeps none of them."""
    library = _library()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    # Without this the library makes a temporary folder for data docs at every call and leaves it behind.
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    config = DataContextConfig(store_backend_defaults=stores)
    context = library.get_context(mode="ephemeral", project_config=config)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("batch").add_dataframe_asset("cells")
    return asset.add_batch_definition_whole_dataframe("whole")


def _cannot_run(table: str, entry: dict[str, Any]) -> QxError:
    return QxError(f"校验规则 {entry['meta'].get('id')} 无法执行（{table}），请检查 expectations/{table}.yml")


@lru_cache(maxsize=1)
def _library() -> Any:
    logging.getLogger("great_expectations").setLevel(logging.ERROR)  # before the import, which talks a lot
    with warnings.catch_warnings(), _without(_UNUSED):
        warnings.simplefilter("ignore")  # it warns about its own imports
        import great_expectations
        from great_expectations.execution_engine import pandas_execution_engine
    pandas_execution_engine.HASH_THRESHOLD = 0  # the size from which on it takes no fingerprint of a batch
    return great_expectations


@contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Empty modules in the place of those that are not there yet, while something is imported that asks for them."""
    empty = {name: ModuleType(name) for name in names if name not in sys.modules}
    sys.modules.update(empty)
    try:
        yield
    finally:
        for name in empty:
            del sys.modules[name]


def _raised(info: dict[str, Any] | None) -> bool:
    """Whether an exception is on record; it is nested by metric in some cases."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(part, dict) and _raised(part) for part in info.values())
