"""The forecast on the monthly INDUSTRY series of the M3 competition, which stay outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from qxmonitor.evaluation.forecast import evaluate

FILE = (
    Path(os.environ.get("QXMONITOR_EVAL_DIR", Path(__file__).parents[3] / "shared" / "eval"))
    / "m3-monthly-industry.csv"
)

pytestmark = [
    pytest.mark.evaluation,
    pytest.mark.skipif(not FILE.is_file(), reason="M3 月度工业序列不在本机（设 QXMONITOR_EVAL_DIR 指向其目录）"),
]


def test_as_good_as_theta_with_honest_intervals() -> None:
    ours, naive, *_ = evaluate(FILE, compare=True)
    assert ours["series"] == 334 and ours["forecasts"] == ours["labels"] == 334 * 18
    assert ours["smape"] <= 12.2
    assert ours["smape"] < naive["smape"]
    assert 0.75 <= ours["cover80"] <= 0.85
    assert 0.92 <= ours["cover95"] <= 0.98
