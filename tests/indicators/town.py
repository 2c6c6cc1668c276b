"""A small random town as plain dicts, and the Panel made of it; shared by the tests of indicators and signals."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.panel import PROJECT_COLUMNS, TRADE_COLUMNS, Panel
from qxmonitor.period import SHANGHAI, Period, months

FLAGS = [
    "above_scale", "hightech_firm", "advanced_mfg", "hightech_mfg", "specialised", "doubling", "listed",
    "rd_institution", "key_firm",
]  # fmt: skip
FORM_OF = {"returns": "b204_1", "finance": "b203", "self_report": "self_report", "customs": "customs_monthly",
           "bonded": "bonded_inv101", "stock": "bonded_stock", "power": "power", "rd": "rd_yearly"}  # fmt: skip
OUTPUT = [f"{m}_{c}" for m in ("output", "sales", "export", "power") for c in ("m", "ytd", "ly_m", "ly_ytd")]
FINANCE = [
    f"{m}{c}"
    for m in ("receivables", "revenue", "profit", "cost", "finished_goods", "assets", "liabilities", "rd_expense",
              "employees")
    for c in ("", "_ly")
]  # fmt: skip
STOCK = ["usd", "overdue_usd", "aged", "weight"]
POWER = ["power_m", "power_ly_m", "power_ytd", "power_ly_ytd"]
SELF = [*(f"{m}_{c}" for m in ("output", "export") for c in ("m", "ytd", "ly_m", "ly_ytd")), "employees"]
CUSTOMS = ["import_usd", "import_rmb", "export_usd", "export_rmb"]
BONDED = ["tickets", "in_usd", "out_usd"]


@dataclass
class Town:
    """Everything by plain keys: forms[source][firm, period] = {measure: number or None}."""

    months: tuple[Period, ...]
    firms: dict[str, dict[str, Any]]
    forms: dict[str, dict[tuple[str, str], dict[str, float | None]]]
    late: set[tuple[str, str, str]] = field(default_factory=set)
    failed: set[tuple[str, str, str]] = field(default_factory=set)
    authorised: set[tuple[str, str]] = field(default_factory=set)
    chains: dict[str, str] = field(default_factory=dict)
    reference: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    projects: list[dict[str, Any]] = field(default_factory=list)
    upstream: dict[tuple[str, str], str] = field(default_factory=dict)

    def panel(self) -> Panel:
        codes = sorted(self.firms)
        at = {code: i for i, code in enumerate(codes)}
        when = {period: j for j, period in enumerate(self.months)}
        shape = (len(codes), len(self.months))
        values: dict[str, Any] = {}
        states: dict[str, Any] = {}
        for source, names in (
            ("returns", OUTPUT), ("finance", FINANCE), ("self_report", SELF), ("customs", CUSTOMS), ("bonded", BONDED),
            ("stock", STOCK), ("power", POWER), ("rd", ["rd_expense"]),
        ):  # fmt: skip
            prefix = "returns" if source == "finance" else source
            for name in names:
                grid = np.full(shape, np.nan)
                for (firm, period), row in self.forms.get(source, {}).items():
                    number = row.get(name)
                    if number is not None:
                        grid[at[firm], when[Period(period)]] = number
                values[f"{prefix}.{name}"] = grid
            state = np.full(shape, DatumState.EXPECTED_ABSENT, dtype=np.uint8)
            for firm, period in self.forms.get(source, {}):
                state[at[firm], when[Period(period)]] = DatumState.VALUE
            for marks, code in ((self.late, DatumState.LATE), (self.failed, DatumState.FAILED)):
                for form, firm, period in marks:
                    if form == FORM_OF[source]:
                        state[at[firm], when[Period(period)]] = code
            states[FORM_OF[source]] = state
        authorised = np.zeros(shape, dtype=bool)
        for firm, period in self.authorised:
            authorised[at[firm], when[Period(period)]] = True
        columns = ["name", "group", "chain", "node", "industry", "ownership", *FLAGS, "since", "until", "leader"]
        firms = pd.DataFrame([self.firms[code] for code in codes], index=pd.Index(codes), columns=columns)
        nodes = self.upstream or {(k, f"{k}-N1"): None for k in self.chains}
        chains = pd.DataFrame(
            [{"chain": k, "chain_name": self.chains[k], "node": node, "node_name": "整机", "upstream": above}
             for (k, node), above in nodes.items()],
            columns=["chain", "chain_name", "node", "node_name", "upstream"],
        )  # fmt: skip
        reference = pd.DataFrame(
            self.reference, columns=["series", "name", "frequency", "unit", "source", "period", "value"]
        )
        trade = pd.DataFrame(
            [{**line, "firm": at[line["firm"]], "month": when[Period(line["month"])]} for line in self.lines],
            columns=TRADE_COLUMNS,
        ).astype({"firm": np.int64, "month": np.int64, "usd": np.float64, "rmb": np.float64})
        projects = pd.DataFrame(
            [{**project, "month": when[Period(project["month"])]} for project in self.projects],
            columns=PROJECT_COLUMNS,
        ).astype({"month": np.int64, "ytd": np.float64, "ytd_ly": np.float64})  # fmt: skip
        arrived = {project["month"] for project in self.projects}
        states["investment"] = np.broadcast_to(
            np.where([p in arrived for p in self.months], DatumState.VALUE, DatumState.LATE).astype(np.uint8), shape
        ).copy()
        return Panel(
            self.months, firms, values, states, authorised, reference, chains,
            datetime(2023, 1, 20, tzinfo=SHANGHAI), True, trade=trade, projects=projects,
        )  # fmt: skip


def firm(code: str, **more: Any) -> dict[str, Any]:
    """One register row; every flag off but above_scale."""
    row: dict[str, Any] = {
        "name": f"模拟企业{code[-3:]}", "group": code, "chain": "", "node": "", "industry": "3900", "ownership": "民营",
        **dict.fromkeys(FLAGS, False), "since": None, "until": None, "leader": None, "above_scale": True,
    }  # fmt: skip
    return row | more


def usccs(count: int) -> list[str]:
    return [f"91000000{i:010d}" for i in range(count)]


def random_town(seed: int, count: int = 14, last: str = "2022-04", width: int = 28) -> Town:
    """Gaps, entries, exits, zeros, negatives, blanks, late and failed forms, groups across chains."""
    r = random.Random(seed)
    span = months(Period(last) - (width - 1), Period(last))
    codes = usccs(count)
    firms = {}
    for code in codes:
        since = r.choice([None, "2019-01", str(r.choice(span))])
        until = r.choice([None, None, str(r.choice(span))])
        firms[code] = firm(
            code, group=r.choice([code, code, "甲集团", "乙集团"]), chain=r.choice(["", "C01", "C02", "C03"]),
            node=r.choice(["", "N1", "N2"]), industry=r.choice(["3976", "C3922", "2452", ""]),
            since=since, until=until, **{flag: r.random() < 0.5 for flag in FLAGS},
        )  # fmt: skip
        firms[code]["above_scale"] = r.random() < 0.85
    town = Town(
        span, firms, {s: {} for s in FORM_OF}, chains={"C01": "光电通讯", "C02": "电气机械", "C03": "婴幼童玩具用品"}
    )
    big = {code: r.choice([500, 50_000, 600_000]) for code in codes}

    def number(code: str, *, negative: bool = False) -> float | None:
        dice = r.random()
        if dice < 0.06:
            return None
        if dice < 0.12:
            return 0.0
        return float(r.randint(1, big[code])) * (-1 if (negative and dice < 0.4) or dice < 0.14 else 1)

    gone = {str(r.choice(span)) for _ in range(2)}
    rd = {(code, year): r.choice([None, 5.0, 900.0]) for code in codes for year in range(2019, 2024)}
    town.upstream = {
        (chain, node): r.choice(above)
        for chain in town.chains
        for node, above in {"N1": ["", "N2", "N9"], "N2": ["N1", "N1、N3"], "N3": ["N1、N2", "N2"]}.items()
    }
    for code in codes:
        for period in span:
            p, january, february = str(period), period.month == 1, period.month == 2
            if r.random() < 0.2:
                town.authorised.add((code, p))
            for source, names in (("returns", OUTPUT), ("finance", FINANCE), ("self_report", SELF)):
                if january:
                    continue
                if source == "self_report" and (code, p) not in town.authorised:
                    continue
                dice = r.random()
                if dice < 0.1:
                    r.choice([town.late, town.failed]).add((FORM_OF[source], code, p))
                elif dice < 0.9:
                    row = {name: number(code, negative=name.startswith("profit")) for name in names}
                    if february:
                        row = {k: None if k.endswith("_m") else v for k, v in row.items()}
                    town.forms[source][code, p] = row
            if r.random() < 0.5 and p not in gone:
                town.forms["customs"][code, p] = {name: number(code) for name in CUSTOMS}
            if r.random() < 0.3:
                town.forms["bonded"][code, p] = {name: number(code) for name in BONDED}
            if r.random() < 0.3:
                town.forms["stock"][code, p] = {name: number(code) for name in STOCK}
            if r.random() < 0.7:
                town.forms["power"][code, p] = {name: number(code) for name in POWER}
            if rd[code, period.year]:
                town.forms["rd"][code, p] = {"rd_expense": rd[code, period.year]}
            for _ in range(r.choice([0, 0, 1, 3])):
                town.lines.append(
                    {"firm": code, "month": p, "flow": r.choice("IE"), "mode": r.choice(["0110", "0615", "1234"]),
                     "partner": r.choice(["美国", "德国", "日本"]), "chapter": r.choice(["85", "39"]),
                     "usd": number(code), "rmb": number(code)}
                )  # fmt: skip
    town.lines = [line for line in town.lines if line["month"] not in gone]
    for period in span:
        for number_ in range(r.choice([0, 3, 5]) if period.month != 1 else 0):
            code = r.choice(codes)
            town.projects.append(
                {"month": str(period), "thing": f"P{number_}", "group": firms[code]["group"], "ytd": number(code),
                 "ytd_ly": number(code), "tech_upgrade": r.random() < 0.5}
            )  # fmt: skip
    for code in codes:
        for p in gone:
            if r.random() < 0.5:
                town.late.add(("customs_monthly", code, p))
    return town
