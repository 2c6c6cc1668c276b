"""Runs one suite of Great Expectations over one frame and brings home the rows that fail, and nothing else.

The library gives verdicts only: no data docs, no checkpoint, no store, no file, no network. It is imported on first
use, since the import takes seconds.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.errors import QxError
from qxmonitor.quality.measures import MEASURES
from qxmonitor.quality.suites import expanded, suite

_RESULT = {"result_format": "COMPLETE", "include_unexpected_rows": False}


@dataclass(frozen=True)
class Verdict:
    """The rows that break one expectation.

    Attributes:
        rule: stable id, the quarantine's ``rule``.
        column: column or measure it was judged on.
        field: Chinese label of the item.
        reason: Chinese, one line.
        critical: whether the rows go to quarantine.
        rows: positions in the frame that was judged, ascending.
    """

    rule: str
    column: str
    field: str
    reason: str
    critical: bool
    rows: npt.NDArray[np.int64]


def judge(table: str, frame: pd.DataFrame) -> list[Verdict]:
    """The broken expectations of a table's suite.

    Args:
        table: warehouse table.
        frame: its rows, any index.

    Raises:
        QxError: an expectation could not be evaluated; a check that did not run must not pass.
    """
    if frame.empty:
        return []
    wanted = suite(table)
    measures = MEASURES.get(table, {})
    columns = {
        name: measures[name](frame) if name in wanted.measures else frame[name].reset_index(drop=True)
        for name in sorted(wanted.columns)
    }
    judged = pd.DataFrame(columns, index=pd.RangeIndex(len(frame)))
    results = _validate(table, judged)
    found = []
    for result in results:
        config = result.expectation_config
        if result.success is None or _raised(result.exception_info):
            raise QxError(f"校验规则 {config.meta['id']} 无法执行（{table}），请检查 expectations/{table}.yml")
        positions = result.result.get("unexpected_index_list") or []
        if positions:
            found.append(
                Verdict(
                    rule=config.meta["id"],
                    column=config.kwargs["column"],
                    field=config.meta["field"],
                    reason=config.meta["reason"],
                    critical=getattr(config.severity, "value", config.severity) == "critical",
                    rows=np.sort(np.asarray(positions, dtype=np.int64)),
                )
            )
    return found


def warm() -> None:
    """Load and build what the first validation would, for a process whose children validate."""
    _validate("chain_node", pd.DataFrame({name: ["x"] for name in suite("chain_node").columns}))


def _validate(table: str, judged: pd.DataFrame) -> list[Any]:
    gx = _library()
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Without this the library makes a temporary folder for data docs at every call and leaves it behind.
        stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        context = gx.get_context(mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores))
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        asset = context.data_sources.add_pandas("batch").add_dataframe_asset(table)
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": judged})
        configurations = expanded(table)
        chosen = gx.ExpectationSuite(name=table, expectations=[dict(entry) for entry in configurations])
        if len(chosen.expectations) != len(configurations):
            # The library logs an entry it cannot build and goes on without it.
            raise QxError(f"expectations/{table}.yml 里有 Great Expectations 不接受的规则")
        return list(batch.validate(chosen, result_format=_RESULT).results)


@lru_cache(maxsize=1)
def _library() -> Any:
    logging.getLogger("great_expectations").setLevel(logging.ERROR)  # before the import, which talks a lot
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns about its own imports
        import great_expectations
    return great_expectations


def _raised(info: dict[str, Any] | None) -> bool:
    """Whether an exception is on record; it is nested by metric in some cases."""
    if not info:
        return False
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(isinstance(part, dict) and _raised(part) for part in info.values())
