"""The rules that judge a series by itself, on one reference series of others: in which months would they have spoken?

The judge of the rules, with their marks and levels: 产值下降 (own expectation) and 停产, each month on the months
before it alone. A gap stays a gap and is not judged. Levels are judged as they are; a series of growth rates
(in per cent, so named) as the index it stands for. The lunar calendar is known, so that a Spring Festival that wanders
between January and February is nothing to speak of.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from qxmonitor.catalog.plans import LEVELS
from qxmonitor.catalog.rules import rules
from qxmonitor.errors import Refused
from qxmonitor.evaluation.files import write_csv
from qxmonitor.feeds import reference
from qxmonitor.feeds.opening import open_file
from qxmonitor.indicators.smoothing import Floats
from qxmonitor.period import Period, months
from qxmonitor.signals.expectation import Teller, levels, told
from qxmonitor.signals.judge import stopped_months

OUT_COLUMNS = ("period", "level", "why")
_GROWTH = ("同比", "环比", "增长", "增速", "增幅")


def evaluate(path: Path, out: Path | None = None, series: str = "") -> list[dict[str, Any]]:
    """Months at which the rules speak.

    Args:
        path: an export of a data terminal with a monthly series (csv, xlsx, xls).
        out: the csv to write, :data:`OUT_COLUMNS`.
        series: the id or name of the series, where the file holds several.

    Returns:
        A row a month that speaks: period, level (blue … red), rule, why, expected, value.

    Raises:
        Refused: not such an export, several series and none chosen, none that is monthly, lines or columns that
            cannot be read, or ``out`` cannot be written.
    """
    axis, values, growth = read(path, series)
    rows = sorted([*_fallen(axis, values, growth), *_stopped(axis, values, growth)], key=lambda row: row["period"])
    if out is not None:
        write_csv(out, OUT_COLUMNS, ([row[name] for name in OUT_COLUMNS] for row in rows), read=[path])
    return rows


def _fallen(axis: list[Period], values: Floats, growth: bool) -> list[dict[str, Any]]:
    rule = rules().rule("output_drop")
    watch = rule.watching("firm", "returns")
    worked = 1 + values / 100 if growth else values
    found = told(rule, watch, worked[None], axis, np.zeros((1, len(axis)), dtype=bool))
    with np.errstate(invalid="ignore"):
        level = levels(found, watch, found.judged & (worked > 0)[None])[0]
    assert rule.mark is not None and watch.leave is not None
    teller = Teller("", 1.0, "", rule.mark, watch.levels.blue, watch.leave)
    rows = []
    for t in np.flatnonzero(level > 0):
        expected = float(found.expected[0, t])
        shown = (expected - 1) * 100 if growth else expected
        began = axis[int(found.since[0, t])]
        short = f"低{shown - values[t]:.1f}个百分点" if growth else f"低{-found.gap[0, t]:.1%}"
        kind, sure = teller.kind(bool(found.fell[0, t])), teller.standing(float(found.p[0, t]))
        why = f"{_plain(values[t])}，按此前各月应为{_plain(shown)}，{short}；约自{began.label}起{kind}；{sure}"
        rows.append(_row(axis[t], int(level[t]), rule.id, why, shown, float(values[t])))
    return rows


def _plain(value: float) -> str:
    """Six figures that count, never as a power of ten.

    >>> _plain(1284821.3), _plain(52.30), _plain(0.0000123456789)
    ('1284821', '52.3', '0.0000123457')
    """
    digits = 6 if abs(value) < 1e5 else 0
    return np.format_float_positional(value, precision=6, fractional=False, trim="-") if digits else f"{value:.0f}"


def _stopped(axis: list[Period], values: Floats, growth: bool) -> list[dict[str, Any]]:
    """Months of nought after others; a growth rate of nought is no stop."""
    rule = rules().rule("stop")
    if growth:
        return []
    run, hit = stopped_months(values[None], np.full((1, len(axis)), np.nan))
    steps = rule.watching("firm", "returns").levels.steps()
    return [
        _row(axis[t], sum(run[0, t] >= step for step in steps), rule.id, f"归零，已连续{run[0, t]:.0f}个月", None, 0.0)
        for t in np.flatnonzero(hit[0])
    ]


def _row(period: Period, level: int, rule: str, why: str, expected: float | None, value: float) -> dict[str, Any]:
    return {
        "period": str(period), "level": LEVELS[level - 1], "rule": rule, "why": why,
        "expected": None if expected is None else round(expected, 6), "value": value,
    }  # fmt: skip


def read(path: Path, series: str = "") -> tuple[list[Period], Floats, bool]:
    """The months from first to last, their values ``(m,)`` with NaN in the gaps, and whether they are growth rates.

    Raises:
        Refused: see :func:`evaluate`.
    """
    opened = open_file(path)
    if not reference.matches(opened):
        raise Refused("不是数据终端导出的参考序列")
    batch = reference.read(opened)
    points = batch.tables["reference_point"]
    names = dict.fromkeys(place.split("|", 1)[1] for place in batch.cells if not place.endswith("|value"))
    names |= dict(zip(points["series"], points["name"], strict=True))
    chosen = [key for key, name in names.items() if not series or series in (key, name)]
    if len(chosen) != 1:
        listed = "、".join(f"{key}（{name}）" if name else key for key, name in names.items())
        said = "没有要的这一条" if series else "不止一条"
        raise Refused(f"文件中有 {len(names)} 条序列，{said}，请用 --series 指定一条：{listed[:200]}")
    if unnamed := [note for note in batch.notes if note.endswith(reference.UNNAMED)]:
        raise Refused(unnamed[0])
    points = points[(points["frequency"] == "月") & points["series"].isin(chosen)]
    if len(batch.rejects):
        first = batch.rejects.iloc[0]
        raise Refused(f"有 {batch.rejected} 行无法读取，如第 {first['row']} 行：{first['reason']}")
    if points.empty:
        raise Refused("这条序列没有月度数据")
    periods = [Period(text) for text in points["period"].astype(str)]
    axis = list(months(min(periods), max(periods)))
    values = np.full(len(axis), np.nan)
    values[[p.ordinal - axis[0].ordinal for p in periods]] = points["value"].to_numpy(dtype=np.float64)
    name, unit = (str(points[column].iloc[0]) for column in ("name", "unit"))
    return axis, values, "%" in unit and any(word in name for word in _GROWTH)
