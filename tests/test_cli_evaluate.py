"""``qxmonitor evaluate forecast``: files of others, whole or refused in one line."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from qxmonitor.cli import cli
from qxmonitor.evaluation.forecast import OUT_COLUMNS
from tests.indicators.synthetic_series import series

HEAD = "series,t,part,value"


def _run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["evaluate", "forecast", *map(str, words)])


def _lines(count: int = 6, labels: bool = True) -> list[str]:
    history, ahead = series(count, seed=3, months=60, ahead=6, shortest=40)
    lines = []
    for row in range(count):
        for t, value in enumerate(np.concatenate([history[row], ahead[row]])):
            if not np.isnan(value):
                part = "train" if t < 60 else "test"
                lines.append(f"序列{row},{t},{part},{value if labels or part == 'train' else ''}")
    return lines


def _file(folder: Path, lines: list[str], encoding: str = "utf-8") -> Path:
    path = folder / "series.csv"
    path.write_bytes("\n".join([HEAD, *lines, ""]).encode(encoding))
    return path


def test_labels_are_never_needed_and_order_or_encoding_do_not_matter(tmp_path: Path) -> None:
    outs = []
    for number, (lines, encoding) in enumerate(
        [(_lines(), "utf-8"), (_lines(labels=False), "utf-8-sig"), (_lines()[::-1], "gb18030")]
    ):
        out = tmp_path / f"{number}.csv"
        result = _run(_file(tmp_path, lines, encoding), "--out", out, "--json")
        assert result.exit_code == 0, result.output
        (row,) = json.loads(result.stdout)
        assert row["series"] == 6 and row["forecasts"] == 36
        assert (row["smape"] is None) == (number == 1)
        with out.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert tuple(rows[0]) == OUT_COLUMNS
        assert all(
            float(r["lo95"]) < float(r["lo80"]) < float(r["value"]) < float(r["hi80"]) < float(r["hi95"]) for r in rows
        )
        outs.append(sorted((r["series"], r["t"], r["value"], r["hi95"]) for r in rows))
    for other in outs[1:]:
        assert [row[:2] for row in other] == [row[:2] for row in outs[0]]
        np.testing.assert_allclose([float(r[2]) for r in other], [float(r[2]) for r in outs[0]], rtol=1e-9)


def test_a_series_too_short_is_left_blank(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    path = _file(tmp_path, [*_lines(1), "短,1,train,5", "短,2,test,", "新,9,test,7"])
    (row,) = json.loads(_run(path, "--out", out, "--json").stdout)
    assert row["state_too-short"] == 2 and row["forecasts"] == 6 and row["labels"] == 7
    assert out.read_text(encoding="utf-8").splitlines()[-2:] == ["短,2,,,,,", "新,9,,,,,"]


def test_textbook_methods_stand_beside(tmp_path: Path) -> None:
    result = _run(_file(tmp_path, _lines()), "--compare", "--json")
    assert [row["method"] for row in json.loads(result.stdout)] == ["qxmonitor", "naive2", "theta", "damped"]
    assert len(_run(_file(tmp_path, _lines()), "--compare").stdout.splitlines()) == 4


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "文件为空"),
        (b"series,t,value\na,1,2\n", "缺少列：part"),
        (b"series,t,part,value,t\na,1,train,2,1\n", "重复的列"),
        (b"series,t,part,value\n", "没有数据行"),
        (b"series,t,part,value\na,1,train\n", "第 2 行：有 3 列"),
        (b"series,t,part,value\na,x,train,1\n", "第 2 行：t 应为整数"),
        (b"series,t,part,value\na,9999999999,train,1\n", "第 2 行：t 应为整数"),
        (b"series,t,part,value\na,1,train,nan\n", "第 2 行：value 不是数"),
        (b"series,t,part,value\na,1,train,1e999\n", "第 2 行：value 不是数"),
        (b"series,t,part,value\na,1,train,1_0\n", "第 2 行：value 不是数"),
        (b"series,t,part,value\na,1,future,1\n", "第 2 行：part 应为"),
        (b"series,t,part,value\n,1,train,1\n", "第 2 行：没有序列名"),
        (b"series,t,part,value\na,1,train,1\na,1,train,1\n", "第 3 行：序列 a 的月份 1 重复"),
        (b"series,t,part,value\na,2,train,1\na,1,test,1\n", "不晚于"),
        (b"series,t,part,value\na,2,train,1\n", "没有要预测的月份"),
        (b"series,t,part,value\na,2,train,1\na,90,test,1\n", "超过 60 个月上限"),
        (b"series,t,part,value\na,2,train,1\na,999999999,train,1\na,1000000000,test,1\n", "t 应为整数"),
        (b"series,t,part,value\na,2,train,1\na,999999,train,1\na,1000000,test,1\n", "超过 1200 个月上限"),
        (b'series,t,part,value\n"a,2,train,1\n', "不是完整的 csv 记录"),
        (b"series,t,part,value\n\xff\xfe\xff,2,train,1\n", "行"),
    ],
)
def test_what_is_no_such_file_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    result = _run(path, "--json")
    assert result.exit_code == 1 and json.loads(result.stdout) == []
    assert words in result.stderr and len(result.stderr.splitlines()) == 1


def test_the_file_read_is_never_written_over(tmp_path: Path) -> None:
    path = _file(tmp_path, _lines(1))
    before = path.read_bytes()
    assert _run(path, "--out", path).exit_code == 1
    assert path.read_bytes() == before
    assert _run(tmp_path / "none.csv").exit_code == 1
    assert _run(path, "--out", path / "below.csv").exit_code == 1
