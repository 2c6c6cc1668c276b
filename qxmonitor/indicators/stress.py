"""A financial stress index that is read, not trained: how badly a firm stands among its peers, ratio by ratio.

Each ratio has a side that is bad by what it means, and says ``−ln p`` where ``p`` is the share of peers that stand as
badly or worse: 1 on average over all peers, 3.0 at the worst 5 %, 4.6 at the worst 1 % (the pieces of R. A. Fisher's
combination of independent tests, 1932). A dimension is the mean of its ratios, the index the weighted mean of the
dimensions. So an average firm stands near 1, one that is in the worst tenth everywhere at 2.3, and a single dreadful
figure does not make the index, nor does a figure that is missing: it counts as an average one.

Signs and weights come from the literature and were written down before any outside file was scored. W. H. Beaver (1966)
found cash flow to debt and return on assets to err least one year before failure (13 % each), debt to assets next
(19 %), liquidity after that (20–24 %) and turnover least of all: profitability and coverage count twice, leverage,
liquidity and turnover once. The ratios are those of Beaver, Altman (1968, 1983) and Ohlson (1980), as far as a return
or a balance sheet has them; nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

WEIGHTS = {"profitability": 2.0, "coverage": 2.0, "leverage": 1.0, "liquidity": 1.0, "turnover": 1.0}
"""Dimension → what it counts."""


@dataclass(frozen=True)
class Ratio:
    """One ratio: its dimension, its name for readers, and the side on which it is bad."""

    dimension: str
    name: str
    bad: Literal["low", "high"]


RATIOS = {
    "operating_return": Ratio("profitability", "营业利润÷资产总计", "low"),
    "net_margin": Ratio("profitability", "利润÷营业收入", "low"),
    "cash_flow_to_debt": Ratio("coverage", "（利润＋折旧）÷负债合计", "low"),
    "interest_cover": Ratio("coverage", "营业利润÷财务费用", "low"),
    "debt_ratio": Ratio("leverage", "资产负债率", "high"),
    "earned_equity": Ratio("leverage", "（权益－股本）÷资产总计", "low"),
    "quick_ratio": Ratio("liquidity", "速动比率", "low"),
    "working_capital": Ratio("liquidity", "营运资金÷资产总计", "low"),
    "current_to_debt": Ratio("liquidity", "流动资产÷负债合计", "low"),
    "receivable_days": Ratio("turnover", "应收账款回收期", "high"),
    "inventory_days": Ratio("turnover", "存货周转天数", "high"),
    "sales_growth": Ratio("turnover", "营业收入增速", "low"),
}
"""Every ratio that may be given; a source gives those it has."""


@dataclass(frozen=True)
class Stress:
    """n firms × q months.

    Attributes:
        value: the index; about 1 for an average peer, higher is worse.
        coverage: share of the weights whose dimension has a ratio of the firm's own.
        worse: ratio → share of peers that stand as badly or worse, NaN where the ratio is missing.
    """

    value: Floats
    coverage: Floats
    worse: Mapping[str, Floats]


def stress(ratios: Mapping[str, Floats]) -> Stress:
    """The index of every firm among all firms of its month.

    Args:
        ratios: keys of :data:`RATIOS` → (n, q), NaN where a firm has none; firms are rows, months columns.

    Raises:
        KeyError: a ratio that is not one of :data:`RATIOS`.
    """
    worse = {name: _worse(np.asarray(values, dtype=np.float64), RATIOS[name].bad) for name, values in ratios.items()}
    said, covered = [], []
    for dimension, weight in WEIGHTS.items():
        mine = [-np.log(worse[name]) for name in worse if RATIOS[name].dimension == dimension]
        if not mine:
            continue
        stack = np.stack(mine)
        count = np.isfinite(stack).sum(axis=0)
        mean = np.where(count > 0, np.nansum(stack, axis=0) / np.maximum(count, 1), 1.0)
        said.append(weight * mean)
        covered.append(np.where(count > 0, weight, 0.0))
    possible = sum(WEIGHTS[d] for d in {RATIOS[name].dimension for name in worse})
    coverage = np.asarray(np.sum(covered, axis=0) / sum(WEIGHTS.values()), dtype=np.float64)
    return Stress(np.asarray(np.sum(said, axis=0) / possible, dtype=np.float64), coverage, worse)


def _worse(values: Floats, bad: str) -> Floats:
    """Share of the column's peers on the bad side of each value, itself and half its ties included; in (0, 1)."""
    signed = values if bad == "low" else -values
    frame = pd.DataFrame(np.where(np.isnan(signed), np.nan, signed))
    rank = frame.rank(axis=0, method="average").to_numpy(dtype=np.float64)
    return np.asarray((rank - 0.5) / np.maximum(frame.notna().sum(axis=0).to_numpy(), 1), dtype=np.float64)


def told(found: Stress, firm: int, month: int = 0, *, most: int = 3) -> str:
    """Why a firm stands where it does, in Chinese: its worst ratios and how many peers stand as badly.

    >>> found = stress({"debt_ratio": np.array([[0.9], [0.5], [0.4], [0.3]])})
    >>> told(found, 0)
    '财务压力指数 2.08（同类平均约 1）：资产负债率处于最差的 13%'
    """
    here = {name: float(values[firm, month]) for name, values in found.worse.items()}
    worst = sorted((share, name) for name, share in here.items() if share <= 0.25)[:most]
    head = f"财务压力指数 {found.value[firm, month]:.2f}（同类平均约 1）"
    if not worst:
        return f"{head}：各项比率均不在最差的四分之一"
    return head + "：" + "，".join(f"{RATIOS[name].name}处于最差的 {_share(share)}" for share, name in worst)


def _share(value: float) -> str:
    return "1% 以内" if value < 0.01 else f"{value + 1e-9:.0%}"
