"""The reader against real exports of a data terminal, which stay outside the repository."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from qxmonitor.feeds import reference
from qxmonitor.feeds.opening import open_file

FOLDER = Path(os.environ.get("QXMONITOR_EVAL_DIR", Path(__file__).parents[3] / "shared" / "eval")) / "reference"
EXPORTS = sorted(FOLDER.glob("*.*")) if FOLDER.is_dir() else []

pytestmark = [
    pytest.mark.evaluation,
    pytest.mark.skipif(not EXPORTS, reason="真实的数据终端导出文件不在本机（设 QXMONITOR_EVAL_DIR 指向其上级目录）"),
]


@pytest.mark.parametrize("path", EXPORTS, ids=lambda path: path.name)
def test_every_export_is_read_whole(path: Path) -> None:
    opened = open_file(path)
    assert reference.matches(opened)
    batch = reference.read(opened)
    points = batch.tables["reference_point"]
    assert batch.rejected == 0 and batch.origin is None and len(points) > 0
    assert points["value"].notna().all()
    assert not points.duplicated(["series", "period"]).any()
    assert batch.control["text"].str.contains("来源").any()
    if path.suffix == ".csv":
        # Counted without the reader: every line with a date, and the footer.
        lines = path.read_text(encoding="gb18030").splitlines()
        assert batch.rows_read == sum(line[:4].isdigit() for line in lines) + 1
        assert len(points) == sum(line[:4].isdigit() and not line.endswith(("#N/A", ",")) for line in lines)


BOTH = [path for path in EXPORTS if path.suffix == ".csv" and path.with_suffix(".xlsx").exists()]


@pytest.mark.parametrize("csv", BOTH, ids=lambda path: path.name)
def test_both_formats_give_the_same_series(csv: Path) -> None:
    both = (csv, csv.with_suffix(".xlsx"))
    ours, theirs = (reference.read(open_file(path)).tables["reference_point"] for path in both)
    same = ["row", "series", "name", "frequency", "unit", "source", "period"]
    assert ours[same].equals(theirs[same])
    # The csv prints three decimals at most.
    np.testing.assert_allclose(ours["value"], theirs["value"], rtol=0, atol=5.1e-4)
