"""The stress index on a file of firms' ratios (ARFF): nothing is learnt from it, a label is read for the score only.

The file has one row a firm and numeric columns ``Attr1`` … ``Attr64`` with the ratios of Zięba, Tomczak & Tomczak
(2016); ``?`` is missing, other columns but ``class`` are ignored. Firms are ranked among those of the file.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qxmonitor.errors import Refused
from qxmonitor.evaluation.files import read_text, write_csv
from qxmonitor.evaluation.scores import WORST, auc, precision_at
from qxmonitor.indicators.stress import stress

Floats = npt.NDArray[np.float64]

OUT_COLUMNS = ("row", "score")
COLUMN = {
    "operating_return": 22, "net_margin": 23, "cash_flow_to_debt": 26, "interest_cover": 27, "debt_ratio": 2,
    "earned_equity": 25, "quick_ratio": 46, "working_capital": 3, "current_to_debt": 50, "receivable_days": 44,
    "inventory_days": 20, "sales_growth": 21,
}  # fmt: skip
"""Our ratio → number of the file's column; every ratio the index knows, by what it means."""
ALTMAN = ((3, 6.56), (6, 3.26), (7, 6.72), (8, 1.05))
"""Columns of Altman's Z″ (1995): working capital, retained earnings and EBIT to assets, equity to liabilities."""
LEAST_ROWS = 20
_ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)\s+(.*)", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:attr|a|x)(\d+)", re.IGNORECASE)


@dataclass(frozen=True)
class Ratios:
    """n firms: column number → (n,) values, NaN missing; label (n,) 1, 0 or NaN."""

    columns: dict[int, Floats]
    label: Floats


def read(path: Path) -> Ratios:
    """Read an ARFF file of ratios.

    Raises:
        Refused: with the line, when it is not as described; a file is never read in part.
    """
    names: list[str] = []
    rows: list[list[str]] = []
    numbers: list[int] = []
    data = False
    for number, raw in enumerate(read_text(path).split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("%"):
            continue
        if data:
            cells = [cell.strip().strip("'\"") for cell in next(csv.reader([line]))]
            if len(cells) != len(names):
                raise Refused(f"第 {number} 行：有 {len(cells)} 列，应为 {len(names)} 列")
            rows.append(cells)
            numbers.append(number)
        elif line.lower().startswith("@data"):
            data = True
        elif line.lower().startswith("@attribute"):
            found = _ATTRIBUTE.match(line)
            if not found:
                raise Refused(f"第 {number} 行：不是完整的属性行")
            names.append(found.group(1).strip("'\"").lower())
        elif not line.lower().startswith("@relation"):
            raise Refused(f"第 {number} 行：不是 ARFF 文件")
    if len(set(names)) < len(names):
        raise Refused("有重名的属性")
    if len(rows) < LEAST_ROWS:
        raise Refused(f"数据行不足 {LEAST_ROWS} 行，无法排位")
    known = {int(m.group(1)): at for at, name in enumerate(names) if (m := _NUMBERED.fullmatch(name))}
    lacking = [f"Attr{number}" for number in COLUMN.values() if number not in known]
    if lacking:
        raise Refused(f"缺少列：{'、'.join(lacking)}")
    columns = {key: _numbers([row[at] for row in rows], numbers) for key, at in known.items()}
    label = np.full(len(rows), np.nan)
    if "class" in names:
        label = _numbers([row[names.index("class")] for row in rows], numbers)
        if not np.isin(label[~np.isnan(label)], [0.0, 1.0]).all():
            raise Refused("class 应为 0 或 1")
    return Ratios(columns, label)


def _numbers(cells: list[str], lines: list[int]) -> Floats:
    out = np.full(len(cells), np.nan)
    for at, cell in enumerate(cells):
        if cell in ("?", ""):
            continue
        try:
            out[at] = float(cell)
        except ValueError:
            out[at] = math.inf
        if not math.isfinite(out[at]):
            raise Refused(f"第 {lines[at]} 行：{cell[:20]} 不是数")
    return out


def evaluate(path: Path, out: Path | None = None, *, compare: bool = False) -> list[dict[str, Any]]:
    """Score every firm of a file, and the scores where labels are known.

    Args:
        path: the file.
        out: the csv to write, :data:`OUT_COLUMNS`: ``row`` counts the data lines from 0, a higher score is worse.
        compare: also a row for Altman's Z″ and for the best single ratio of the file, chosen and turned by its own
            labels; a missing value is the column's median for both.

    Raises:
        Refused: the file is not as :func:`read` describes, or ``out`` cannot be written.
    """
    file = read(path)
    score = stress({name: file.columns[number][:, None] for name, number in COLUMN.items()}).value[:, 0]
    if out is not None:
        write_csv(out, OUT_COLUMNS, ([row, repr(float(value))] for row, value in enumerate(score)), read=[path])
    rows = [_scored("qxmonitor", score, file.label)]
    if compare:
        filled = {
            key: np.where(np.isnan(values), np.nanmedian(values), values)
            for key, values in file.columns.items()
            if np.isfinite(values).any()
        }
        rows.append(_scored("altman_z2", np.sum([-w * filled[key] for key, w in ALTMAN], axis=0), file.label))
        single = [
            _scored(f"attr{key}", sign * values, file.label) for key, values in filled.items() for sign in (1, -1)
        ]
        if rows[0]["auc"] is not None:
            rows.append(max(single, key=lambda row: row["auc"]) | {"chosen_by": "auc"})
            rows.append(max(single, key=lambda row: row["precision_worst5"]) | {"chosen_by": "precision_worst5"})
    return rows


def _scored(method: str, score: Floats, label: Floats) -> dict[str, Any]:
    known = ~np.isnan(label)
    hit = label[known] == 1.0
    row: dict[str, Any] = {"method": method, "rows": len(score), "labels": int(known.sum()), "failed": int(hit.sum())}
    told = known.any() and 0 < hit.sum() < known.sum()
    row["auc"] = round(auc(score[known], hit), 4) if told else None
    row["precision_worst5"] = round(precision_at(score[known], hit, WORST), 4) if told else None
    return row
