"""The benchmark measures what it says, at a size that tells nothing about speed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from qxmonitor import bench_detectors, bench_figures
from qxmonitor.bench import Scale, measure_scale

pytestmark = pytest.mark.slow


@pytest.mark.system
def test_every_row_is_there_and_positive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = measure_scale(Scale(export_firms=20, firms=20, months=3, book_firms=30), repeats=1)
    assert all(set(row) == {"what", "figure", "unit"} for row in rows)
    idle = [row["what"] for row in rows if not row["figure"] > 0]
    assert all("processor time" in what and "raw COPY" in what for what in idle)  # sixty rows are less than a tick
    named = {(row["what"], row["unit"]) for row in rows}
    assert len(named) == len(rows)
    assert {"rows/s", "s", "times", "MiB", "files", "rows", "%"} == {row["unit"] for row in rows}
    for part in ("stage read", "stage quality", "stage load", "raw COPY, no index", "workbook: our speed",
                 "one more month: ingest",
                 "server"):  # fmt: skip
        assert any(part in row["what"] for row in rows), part
    assert [row["figure"] for row in rows if row["what"] == "export: rows"] == [60]
    assert list(tmp_path.iterdir()) == [], "the temporary homes are removed"


@pytest.mark.long
def test_all_figures_of_a_small_city(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = bench_figures.measure(firms=40, length=3, nation=65)
    named = {row["what"].removeprefix("figures: "): row["figure"] for row in rows}
    assert all(figure >= 0 for figure in named.values()) and len(named) == len(rows)
    assert (named["firms"], named["months"]) == (40, 2)
    assert (named["nation: firms"], named["nation: towns of a warehouse each"]) == (65, 2)
    assert named["nation: values written"] > 65 * 10
    assert named["values written"] > 40 * 2 * 10
    assert "the same, DuckDB window query" in named
    assert list(tmp_path.iterdir()) == [], "the temporary homes are removed"


@pytest.mark.long
def test_all_detectors_beside_stl() -> None:
    rows = bench_detectors.measure(firms=60, length=48, indicators=2, sample=3)
    named = {(row["what"].removeprefix("detectors: "), row["unit"]): row["figure"] for row in rows}
    assert len(named) == len(rows) and all(figure >= 0 for figure in named.values())
    assert named["series", "series"] == 120 and named["STL, processor, a series", "ms"] > 0
    parts = ("falls, drifts, stops", "leaders and suppliers", "level shifts")
    assert named["all", "s"] == pytest.approx(sum(named[part, "s"] for part in parts), abs=0.01)
