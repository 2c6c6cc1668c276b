"""A small made-up town for the tests of disclosure and delivery: frames as the other parts of the house make them.

Five chains' worth of figures by hand. C03 has only two groups, so it may not leave the statistical channel, and
neither may one more chain, or the town's sum would give it back.
"""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from qxmonitor.catalog.indicators import indicators
from qxmonitor.period import Period, months

PERIOD = Period("2026-10")
MONTHS = months(Period("2025-10"), PERIOD)
SPECIAL = '甲乙<b>&"厂"</b>有限公司'
FIRMS = pd.DataFrame(
    {
        "name": [
            "东莞市虚构光电有限公司",
            SPECIAL,
            "模拟婴童用品（东莞）有限公司",
            "名称特别特别长的虚构精密电子科技研究开发与生产制造销售一体化集团股份有限公司清溪分公司",
        ],
        "chain": ["C01", "C01", "C03", ""],
        "key_firm": [True, True, True, False],
    },
    index=["91000000MA00000001", "91000000MA00000002", "91000000MA00000003", "91000000MA00000004"],
)
CHAINS = pd.DataFrame(
    {
        "chain": ["C01", "C02", "C03", "C04"],
        "chain_name": ["光电通讯", "电气机械及设备", "婴幼童玩具用品", "现代物流装备"],
    }
)
AUTHORISED = pd.DataFrame(
    {
        "subject": [FIRMS.index[0], FIRMS.index[1]],
        "items": ["output、export", "output"],
        "readers": ["gxj、swj、leaders", "gxj"],
        "since": ["2025-01", "2026-01"],
        "until": [None, "2026-12"],
    }
)
REFERENCE = pd.DataFrame({"series": ["R1"], "name": ["中国:制造业PMI"], "unit": ["%"]})
CELLS = {  # entity → (level of a month in 千元, growth, groups, top2, hidden groups)
    "C01": (2_000_000.0, 0.052, 30, 0.42, 26),
    "C02": (900_000.0, -0.031, 18, 0.55, 17),
    "C03": (150_000.0, -0.214, 2, 1.00, 2),
    "C04": (300_000.0, 0.012, 6, 0.70, 6),
    "other": (400_000.0, 0.0, 9, 0.61, 9),
    "town": (3_750_000.0, 0.018, 65, 0.30, 60),
}


def _rows(entry: Any, source: str, period: Period) -> list[dict[str, Any]]:
    rows = []
    for entity, (level, growth, groups, top2, hidden) in CELLS.items():
        kind = "town" if entity == "town" else "chain"
        factor = 1 + (period.ordinal % 5) / 50
        if entry.additive and entry.weighs == "firms":
            value = float(groups)
        elif entry.additive:
            value = level * factor * (period.month if entry.id.endswith("_ytd") else 1)
            value *= {"美元": 20.0, "元": 150.0, "票": 1e-4, "万千瓦时": 1e-3}.get(entry.unit, 1.0)
        elif "growth" in entry.id:
            value = growth + (period.ordinal % 3 - 1) / 100
        else:
            value = {"天": 92.4, "个": 12.0, "次": 20.0, "件": 31.0}.get(entry.unit, 0.431)
        growth_empty = "growth" in entry.id and period.month == 1
        empty = source == "returns" and (period.month == 1 or (entry.basis == "month" and period.month == 2))
        state = "expected-absent" if empty or growth_empty else "value"
        rows.append(
            {
                "period": str(period), "indicator": entry.id, "entity_kind": kind, "entity": entity, "source": source,
                "value": value if state == "value" else float("nan"), "state": state, "coverage": 0.98,
                "groups": groups, "top2": 1.0 if entry.weighs == "always" else top2, "hidden_groups": hidden,
            }
        )  # fmt: skip
    return rows


def frame() -> pd.DataFrame:
    """Thirteen months of the catalogue's aggregates, some firm rows, one reference series."""
    rows: list[dict[str, Any]] = []
    for period in MONTHS:
        for entry in indicators().indicators:
            for use in entry.sources:
                if "town" in use.levels:
                    rows += _rows(entry, use.source, period)
        for number, code in enumerate(FIRMS.index):
            for source in ("returns", "self_report"):
                for indicator, value in (("output_m", 42_000.0 + number), ("output_growth", -0.42 + number / 10)):
                    rows.append(
                        {
                            "period": str(period), "indicator": indicator, "entity_kind": "firm", "entity": code,
                            "source": source, "value": value, "state": "value", "coverage": 1.0, "groups": 1,
                            "top2": 1.0, "hidden_groups": 1,
                        }
                    )  # fmt: skip
        rows.append(
            {
                "period": str(period), "indicator": "reference_value", "entity_kind": "reference", "entity": "R1",
                "source": "reference", "value": 50.2, "state": "value", "coverage": 1.0, "groups": 0, "top2": 0.0,
                "hidden_groups": 0,
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def decomposition() -> pd.DataFrame:
    """The town's growth in parts, of which entry and exit stand on a firm each."""
    row = {
        "period": str(PERIOD), "basis": "cumulative", "entity_kind": "town", "entity": "town", "state": "value",
        "reason": "", "base": 27_000_000.0, "same": 1_234_567.0, "entry": 400_000.0, "exit": -200_000.4,
        "reclassified": 0.0, "unreported": -333_333.6, "revision": 98_766.0, "level": 28_199_999.0,
        "unreported_base": 433_333.6,
    }  # fmt: skip
    return pd.DataFrame([row])


def contributions() -> pd.DataFrame:
    """What the chains gave; C03 is one nobody outside may see."""
    return pd.DataFrame(
        {
            "period": str(PERIOD), "entity_kind": "chain", "entity": ["C01", "C03", "C02"],
            "change": [1_500_000.0, 31_416.0, -300_000.0], "points": [0.0525, 0.0011, -0.0105],
        }
    )  # fmt: skip


def alert(rule: str, kind: str, entity: str, source: str, level: int, **evidence: Any) -> dict[str, Any]:
    """One open alert of October 2026, opened in August."""
    proof = {"basis": "month", **evidence, "since": "2026-08", "trend": "held", "alerts": 3, "top2": 0.97}
    return {
        "alert_id": f"{rule}:{kind}:{entity}:{source}:2026-08", "rule": rule, "entity_kind": kind, "entity": entity,
        "source": source, "level": level, "state": "opened", "opened": "2026-08", "period": str(PERIOD), "closed": None,
        "evidence": json.dumps(proof),
    }  # fmt: skip


DROP: dict[str, Any] = {
    "growth": -0.42, "gap": -0.427, "size": -0.427, "current": 42_000.0, "base": 72_414.0,
    "told": "当月工业总产值4,200万元，按自身此前各月应为7,330万元（八成把握在7,000至7,700之间），低42.7%"
    "；本月起突然走低",
    "limit": "平稳序列一百个月里约有0.005次低到这样（提示线0.1次，且低5%以上）",
}  # fmt: skip
"""Evidence of a firm's fall."""


def alerts() -> pd.DataFrame:
    """Alerts of every kind: named firms from both sources, a safe and an unsafe chain, a stop, a silence."""
    drop = DROP | {"p": 0.00005}
    one, two, three, four = FIRMS.index
    return pd.DataFrame(
        [
            alert("output_drop", "firm", one, "returns", 3, **drop),
            alert("output_drop", "firm", one, "self_report", 3, **drop),
            alert("output_drop", "firm", two, "self_report", 2, **(drop | {"gap": -0.31})),
            alert("output_drop", "firm", three, "self_report", 4, **drop),
            alert("stop", "firm", three, "returns", 4, months=4, current=0.0, base=15_000.0),
            alert(
                "total_drop", "chain", "C02", "returns", 1, growth=-0.121, expected=0.0, adjusted=-0.121, coverage=0.98
            ),
            alert(
                "total_drop", "chain", "C03", "returns", 2, growth=-0.214, expected=0.0, adjusted=-0.214, coverage=1.0
            ),
            alert("silence", "firm", four, "returns", 1, months=1),
        ]
    )


def progress() -> pd.DataFrame:
    """Three targets: a public one, one of a chain that may be given or not, and a concentration figure."""
    common = {
        "clause": "一", "relation": "at_least", "baseline": None, "proxy": False, "elapsed": 1.0, "months_left": 0,
        "pace_recent": 0.5, **dict.fromkeys(("expected", "low80", "high80", "low95", "high95", "chance"), float("nan")),
        "outlook": None, "coverage": 1.0, "hidden_groups": 60, "note": None,
    }  # fmt: skip
    rows = [
        ("firms_above_scale", "firms_above_scale", "town", "town", "register", "家", 800.0, 655.0, 65, 0.3),
        ("cluster_optoelectronics", "output_ytd", "chain", "C01", "returns", "亿元", 500.0, 243.6, 30, 0.42),
        ("over_10yi", "groups_over_10yi", "town", "town", "returns", "家", 15.0, 11.0, 65, 1.0),
        ("training", None, "town", "town", None, "人次", 10000.0, float("nan"), 0, float("nan")),
    ]
    return pd.DataFrame(
        [
            {
                **common, "target": target, "name": target, "indicator": indicator, "entity_kind": kind,
                "entity": entity, "source": source, "unit": unit, "goal": goal,
                "current": current, "share": current / goal if kind == "town" else float("nan"),
                "points": float("nan"), "basis": "level" if kind == "town" else "january",
                "met": None if current != current else current >= goal, "groups": groups,
                "top2": top2,
                "state": "expected-absent" if current != current else "value", "pace_required": float("nan"),
            }
            for target, indicator, kind, entity, source, unit, goal, current, groups, top2 in rows
        ]
    )  # fmt: skip


def needs() -> pd.DataFrame:
    """A gap that C01 and a chain nobody outside may see would have to fill."""
    rows = [("C01", 9.0, 7.25), ("C03", 2.0, 1.5)]
    frame = pd.DataFrame(rows, columns=["entity", "room", "more"])
    return frame.assign(target="cluster_optoelectronics", entity_kind="chain", expected=250.0, gap=9.5, beyond=0.75)


def receipts() -> pd.DataFrame:
    """Counts by feed."""
    feeds = [("b204_1", 12, 1450, 1433, 17), ("customs_monthly", 1, 320, 318, 2), ("self_report", 1, 14, 14, 0)]
    return pd.DataFrame(feeds, columns=["feed", "files", "rows_read", "accepted", "rejected"])


def revisions() -> pd.DataFrame:
    """Two revised months."""
    row = {"indicator": "output_m", "entity_kind": "town", "entity": "town", "source": "returns"}
    return pd.DataFrame(
        [
            row | {"period": "2026-08", "before": 3_700_000.0, "value": 3_705_000.0},
            row | {"period": "2026-09", "before": 3_600_000.0, "value": 3_655_000.0},
        ]
    )
