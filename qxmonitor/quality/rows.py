"""Checks between the rows of one file: repeats, contradictions, and periods that have not begun.

A row repeated in full is rejected from its second appearance on. Rows that speak of the same unit (a firm's month, a
series' month, a firm of the register) with different contents contradict each other: none can be trusted, all are
rejected. A period later than the present month cannot have been measured.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.period import Period
from qxmonitor.quality.suites import suite

REPEATED = ("duplicate.repeated", "与本文件前面一行完全相同，只保留第一行")
CONFLICT = ("duplicate.conflict", "本文件内同一对象、同一时期有多行且内容不同，均不采用")
FUTURE = ("period.future", "报告期晚于当前月份")


def repeated(table: str, frame: pd.DataFrame, file: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Later copies of a row within its file.

    Args:
        table: warehouse table.
        frame: n rows.
        file: (n,) number of the file each row comes from.
    """
    found = np.zeros(len(frame), dtype=bool)
    if suite(table).numbered:
        return found
    unit = list(suite(table).unit)
    # Rows that are alike speak of the same unit; looking at that alone first is many times faster.
    alike = _keyed(frame[unit], file).duplicated(keep=False).to_numpy(dtype=bool) if unit else ~found
    if alike.any():
        rows = _keyed(frame[alike].drop(columns=["sheet", "row"]), file[alike])
        found[alike] = rows.duplicated(keep="first").to_numpy(dtype=bool)
    return found


def conflicting(table: str, frame: pd.DataFrame, file: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Rows of one unit that differ; ``frame`` must be free of repeats."""
    unit = list(suite(table).unit)
    if not unit:
        return np.zeros(len(frame), dtype=bool)
    return _keyed(frame[unit], file).duplicated(keep=False).to_numpy(dtype=bool)


def in_future(frame: pd.DataFrame, now: datetime) -> npt.NDArray[np.bool_]:
    """Rows whose period (month, quarter or year) begins after the present month."""
    if "period" not in frame:
        return np.zeros(len(frame), dtype=bool)
    positions, distinct = pd.factorize(frame["period"])
    current = Period.of(now)
    late = np.array([*(_first_month(str(text)) > current for text in distinct), False], dtype=bool)
    found: npt.NDArray[np.bool_] = late[positions]  # a row without a period has position −1: the last, False
    return found


def _first_month(period: str) -> str:
    if len(period) == 4:
        return f"{period}-01"
    if period[5:6] == "Q":
        return f"{period[:4]}-{int(period[6:]) * 3 - 2:02d}"
    return period


def _keyed(frame: pd.DataFrame, file: npt.NDArray[np.int64]) -> pd.DataFrame:
    keyed = frame.reset_index(drop=True)
    keyed.insert(0, "_file", file)
    return keyed
