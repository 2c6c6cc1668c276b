"""The scorer by hand, the commands whole, and the shipped detectors on real reference series."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from qxmonitor.cli import cli
from qxmonitor.evaluation import rivals
from qxmonitor.evaluation.injected import SCENARIOS, caught, put_in, simulated

FOLDER = Path(os.environ.get("QXMONITOR_EVAL_DIR", Path(__file__).parents[3] / "shared" / "eval")) / "reference"


def _run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *map(str, words)])


def test_caught_counts_months_with_a_statistic_only() -> None:
    nan = np.nan
    said = np.array([[0, 5, 0, 0, 0], [0, nan, 0, 5, 0], [0, nan, 0, 0, 5], [9, 0, 0, 9, 9], [0, 0, 0, 0, 5.0]])
    hit, took = caught(said, 5.0, np.array([1, 1, 1, 1, 4]), 2)
    assert hit.tolist() == [True, True, False, False, True] and took.tolist() == [1, 2, 3, 3, 1]
    hit, _ = caught(said, np.array([6.0, 5, 5, 9, 6]), np.array([1, 1, 1, 1, 4]), 2)
    assert hit.tolist() == [False, True, False, False, False]


def test_shifts_are_put_in_where_they_are_said_to_be() -> None:
    sample = simulated(80, 60, 2)
    values, start = put_in(sample, SCENARIOS["drift10"], np.random.default_rng(0))
    assert start.min() >= 23 and not (sample.merged & (sample.month[start] == 2)).any()
    for row in range(80):
        ratio = values[row] / sample.untouched[row]
        at = start[row]
        assert np.allclose(ratio[:at][~np.isnan(ratio[:at])], 1)
        expected = np.array([1 - 0.1 / 3, 1 - 0.2 / 3, 0.9, 0.9])
        here = ~np.isnan(ratio[at : at + 4])
        np.testing.assert_allclose(ratio[at : at + 4][here], expected[here])


def test_rivals_by_hand() -> None:
    values = np.exp(np.r_[np.tile([0.0, 0.2], 9), 0.0, -0.5])[None]
    assert rivals.year_on_year(values)[0, 19] == pytest.approx(0.7)
    past = np.log(values[0, 7:19])
    assert rivals.windowed_gaussian(values)[0, 19] == pytest.approx((past.mean() + 0.5) / past.std(ddof=1))
    base = np.log(values[0, 10:17])
    assert rivals.ears_c2(values)[0, 19] == pytest.approx((base.mean() + 0.5) / base.std(ddof=1))
    assert np.isnan(rivals.year_on_year(values)[0, :12]).all()
    needed = np.zeros((1, 40), dtype=bool)
    needed[0, 39] = True
    rng = np.random.default_rng(1)
    wave = np.exp(np.sin(np.arange(40) * np.pi / 6) + rng.normal(0, 0.05, 40))[None]
    quiet = rivals.stl_residual(wave, needed)
    wave[0, 39] *= 0.3
    assert rivals.stl_residual(wave, needed)[0, 39] > 3 > quiet[0, 39] and np.isnan(quiet[0, :39]).all()


def test_the_score_of_a_small_town(tmp_path: Path) -> None:
    result = _run("detection", "--firms", 90, "--seeds", 2, "--out", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    rows = {(r["measure"], r["method"], r["noise"]): r for r in json.loads(result.stdout)}
    assert rows["false_alarms", "qxmonitor", "all"]["value"] <= 0.015
    assert rows["caught:stop", "qxmonitor", "all"]["value"] >= 0.98
    ours, theirs, best = (rows["caught:fall25", m, "≤.10"]["value"] for m in ("qxmonitor", "yoy", "oracle"))
    assert theirs < ours <= best + 0.05 and ours >= 0.7
    with (tmp_path / "curves.csv").open(encoding="utf-8-sig") as file:
        points = [r for r in csv.DictReader(file) if r["method"] == "yoy" and r["noise"] == ">.20"]
    shares = [float(p["caught"]) for p in points]
    assert shares == sorted(shares) and len(shares) == 14
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_the_score_of_shocks_on_small_towns() -> None:
    """Sharper marks tell fewer shocks, whatever is told; of what is counted the rest can be worked out."""
    result = _run("shocks", "--firms", 150, "--months", 36, "--seeds", 2, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)
    by = {(r["measure"], r["strength"]): r for r in rows}
    alerts = [by["precision", mark]["alerts"] for mark in (3.0, 3.5, 4.0, 4.5)]
    assert alerts == sorted(alerts, reverse=True)
    for row in (r for r in rows if r["measure"] == "precision" and r["alerts"]):
        assert row["value"] == pytest.approx(row["true_alerts"] / row["alerts"], abs=1e-4)
    assert {r["measure"] for r in rows} == {"precision", "recall", "delay", "false_share", "named_hit"}


def test_the_same_shifts_go_into_series_of_others(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    lines = [f"序列{k},{t},train,{np.exp(5 + rng.normal(0, 0.05))}" for k in range(12) for t in range(70)]
    path = tmp_path / "series.csv"
    path.write_text("\n".join(["series,t,part,value", *lines, "序列0,70,test,", ""]), encoding="utf-8")
    result = _run("detection", "--seeds", 2, "--series", path, "--json")
    assert result.exit_code == 0, result.output
    rows = {(r["measure"], r["method"], r["noise"]): r for r in json.loads(result.stdout)}
    assert rows["caught:fall25", "qxmonitor", "all"]["value"] >= 0.9
    assert not any(method.startswith("oracle") for _, method, _ in rows)


def _export(
    path: Path, values: list[str], first: int = 2010, name: str = "广东:用电量:当月值", unit: str = "万千瓦时"
) -> Path:
    head = [f"指标名称,{name}", "频率,月", f"单位,{unit}", "指标ID,S1", "来源,测试"]
    lines = [f"{first + k // 12}/{k % 12 + 1}/28,{value}" for k, value in enumerate(values)]
    path.write_text("\n".join([*head, *lines, "数据来源：测试", ""]), encoding="gb18030")
    return path


def test_alarms_of_a_series_with_one_fall_and_a_gap(tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    values = [f"{v:.3f}" for v in 1000 * np.exp(rng.normal(0, 0.02, 60))]
    values[40] = "#N/A"
    quiet = _export(tmp_path / "quiet.csv", values)
    assert json.loads(_run("alarms", quiet, "--json").stdout) == []
    values[50:53] = ["600", "600", "610"]
    out = tmp_path / "out.csv"
    rows = json.loads(_run("alarms", _export(tmp_path / "fall.csv", values), "--out", out, "--json").stdout)
    assert [(r["period"], r["level"]) for r in rows] == [(f"2014-0{k}", "orange") for k in (3, 4, 5)]
    assert all("2014年3月起突然走低" in r["why"] and r["rule"] == "output_drop" for r in rows)
    with out.open(encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert list(written[0]) == ["period", "level", "why"] and len(written) == len(rows)
    values[50:53] = ["0", "0", "980"]
    rows = json.loads(_run("alarms", _export(tmp_path / "stop.csv", values), "--json").stdout)
    assert [(r["period"], r["level"], r["rule"]) for r in rows] == [
        ("2014-03", "blue", "stop"), ("2014-04", "yellow", "stop")
    ]  # fmt: skip


def test_growth_rates_are_judged_as_the_index_they_stand_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    values = [f"{v:.2f}" for v in rng.normal(0.5, 1.5, 60)]  # about half are negative
    values[50] = "-30"
    path = _export(tmp_path / "growth.csv", values, name="广东:工业增加值:当月同比", unit="%")
    rows = json.loads(_run("alarms", path, "--json").stdout)
    assert [r["period"] for r in rows] == ["2014-03"] and "个百分点" in rows[0]["why"]


def test_what_is_no_reference_series_is_refused_in_a_line(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    result = _run("alarms", path, "--json")
    assert result.exit_code == 1 and result.stdout == "[]\n" and result.stderr.count("\n") == 1
    assert _run("alarms", tmp_path / "none.csv").exit_code == 1
    good = _export(tmp_path / "g.csv", ["1"] * 30)
    assert "不能是输入文件" in _run("alarms", good, "--out", good).stderr


def test_of_several_series_one_must_be_chosen_and_none_is_taken_silently(tmp_path: Path) -> None:
    head = ["指标名称,甲产量,乙产量", "频率,月,{}", "单位,台,台", "指标ID,S1,S2", "来源,测试,测试"]
    lines = [f"{2010 + k // 12}/{k % 12 + 1}/28,{1234567 + k % 7 if k < 50 else 600000},5" for k in range(60)]
    path = tmp_path / "two.csv"

    def write(frequency: str, name: str = ",乙产量", key: str = ",S2") -> None:
        text = "\n".join([*head, *lines]).format(frequency).replace(",乙产量", name).replace(",S2", key)
        path.write_text(text, encoding="gb18030")

    for frequency in ("月", "季"):
        write(frequency)
        result = _run("alarms", path, "--json")
        assert result.exit_code == 1 and result.stderr.count("\n") == 1
        assert "2 条序列，不止一条" in result.stderr and "S2" in result.stderr
    write("月")
    for chosen in ("S1", "甲产量"):
        rows = json.loads(_run("alarms", path, "--series", chosen, "--json").stdout)
        assert rows[0]["period"] == "2014-03" and "按此前各月应为123" in rows[0]["why"] and "e+" not in rows[0]["why"]
    assert json.loads(_run("alarms", path, "--series", "乙产量", "--json").stdout) == []
    assert "没有要的这一条" in _run("alarms", path, "--series", "丙", "--json").stderr
    write("季")
    assert "行无法读取" in _run("alarms", path, "--series", "S1").stderr, "its lines were rejected with the other's"
    write("", name=",", key=",")
    assert "第C列有数据而没有指标名称" in _run("alarms", path).stderr


@pytest.mark.evaluation
@pytest.mark.skipif(
    not FOLDER.is_dir(), reason="真实的数据终端导出文件不在本机（设 QXMONITOR_EVAL_DIR 指向其上级目录）"
)
def test_real_series_speak_in_crises_and_not_at_spring_festivals(tmp_path: Path) -> None:
    for path in sorted(FOLDER.glob("*.*")):
        rows = json.loads(_run("alarms", path, "--json").stdout)
        assert rows and {r["period"][:4] for r in rows} <= {"2008", "2009", "2020"}, path.name
