"""``evaluate stress`` and ``changepoints``: labels present or stripped, rows in any order, refusals of one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from qxmonitor.cli import cli


def _run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *map(str, words)])


def _ratios(path: Path, rows: list[str], label: bool = True) -> Path:
    head = ["@relation firms", *(f"@attribute Attr{n} numeric" for n in range(1, 65))]
    head += ["@attribute class {0,1}"] if label else []
    path.write_text("\n".join([*head, "", "@data", *rows, ""]), encoding="utf-8")
    return path


def _rows(count: int = 30) -> list[str]:
    rng = np.random.default_rng(1)
    cells = rng.normal(size=(count, 64)).round(4).astype(str)
    cells[3, 21] = "?"
    return [",".join(row) for row in cells]


def _scores(path: Path) -> dict[str, float]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["row"]: float(row["score"]) for row in csv.DictReader(file)}


def test_stress_needs_no_label_and_no_order(tmp_path: Path) -> None:
    rows = _rows()
    labelled = [f"{row},{int(n < 5)}" for n, row in enumerate(rows)]
    outs = []
    for number, path in enumerate(
        [
            _ratios(tmp_path / "a.arff", labelled),
            _ratios(tmp_path / "b.arff", rows, label=False),
            _ratios(tmp_path / "c.arff", labelled[::-1]),
            _ratios(tmp_path / "d.arff", [f"{row},?" for row in rows]),
        ]
    ):
        result = _run("stress", path, "--out", tmp_path / f"{number}.csv", "--json")
        assert result.exit_code == 0, result.output
        assert (json.loads(result.stdout)[0]["auc"] is None) == (number in (1, 3))
        outs.append(_scores(tmp_path / f"{number}.csv"))
    assert outs[0] == outs[1] == outs[3]
    assert [outs[2][str(29 - n)] for n in range(30)] == pytest.approx([outs[0][str(n)] for n in range(30)])


@pytest.mark.parametrize(
    ("rows", "word"),
    [(_rows(5), "不足"), ([*_rows(), "1,2"], "第 "), ([*_rows()[:-1], _rows()[-1] + "x"], "不是数")],
)
def test_a_bad_file_of_ratios_is_refused(tmp_path: Path, rows: list[str], word: str) -> None:
    result = _run("stress", _ratios(tmp_path / "a.arff", rows, label=False), "--json")
    assert result.exit_code == 1 and result.stdout == "[]\n" and word in result.stderr
    assert len(result.stderr.splitlines()) == 1


def _series(folder: Path, name: str, values: list[float | None], turned: bool = False) -> None:
    index = list(range(len(values)))
    order = index[::-1] if turned else index
    whole: dict[str, Any] = {
        "name": name, "n_obs": len(values), "n_dim": 1, "time": {"index": order},
        "series": [{"label": "V", "raw": [values[at] for at in order]}],
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(whole), encoding="utf-8")


def test_changepoints_of_a_folder_with_or_without_marks(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    quiet = np.exp(0.03 * rng.normal(size=90)).tolist()
    fallen = (np.exp(0.03 * rng.normal(size=90)) * np.where(np.arange(90) >= 50, 0.6, 1.0)).tolist()
    _series(tmp_path, "quiet", quiet)
    _series(tmp_path, "fallen", fallen, turned=True)
    out = tmp_path / "out.csv"
    [row] = json.loads(_run("changepoints", tmp_path, "--out", out, "--json").stdout)
    assert out.read_text(encoding="utf-8").splitlines() == ["series,index", "fallen,50"]
    assert row["f1"] is None and row["shifts"] == 1
    marks = {"fallen": {"1": [49], "2": [51]}, "quiet": {"1": []}}
    (tmp_path / "annotations.json").write_text(json.dumps(marks), encoding="utf-8")
    ours, never = json.loads(_run("changepoints", tmp_path, "--compare", "--json").stdout)
    assert ours["f1"] == 1.0 > never["f1"]


def test_bad_series_are_refused_in_one_line(tmp_path: Path) -> None:
    for text, word in (("{", "不是 JSON"), ('{"name": "a"}', "缺少"), ("[]", "缺少")):
        (tmp_path / "a.json").write_text(text, encoding="utf-8")
        result = _run("changepoints", tmp_path)
        assert result.exit_code == 1 and word in result.stderr and len(result.stderr.splitlines()) == 1
