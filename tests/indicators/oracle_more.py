"""The rest of the indicators the slow way: finance, breadth, concentration, chains, trade by parts, stock, projects.

Plain loops over the plain dicts again; nothing of the package is used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.indicators.oracle import Number, Oracle, dominance, shift

MODES = {"general_trade_share": {"0110"}, "processing_trade_share": {"0214", "0255", "0615", "0654"}}
FALLING, KEY_WEIGHT, FEEDS = -0.05, 0.30, 2
FLOWS = {"import": "I", "export": "E"}
Cells = dict[str, tuple[Number, Number]]


class Whole(Oracle):
    """Everything :class:`Oracle` knows, and the rest."""

    def run(self) -> dict[tuple[str, str, str, str], tuple[Any, ...]]:
        super().run()
        codes, jan = sorted(self.town.firms), self.month == 1
        self.more_finance(codes, jan)
        self.more_output(codes, jan)
        self.concentration(codes)
        self.chains(codes)
        self.more_trade(codes)
        self.bonded(codes)
        self.power(codes)
        self.projects()
        self.parts_of_trade()
        return self.rows

    # -- returns --------------------------------------------------------------------------------------------------

    def more_finance(self, codes: list[str], jan: bool) -> None:
        def of(name: str) -> dict[str, Number]:
            return {c: self.get("finance", c, name) for c in codes}

        def average(name: str, c: str) -> Number:
            now = self.get("finance", c, name)
            start = self.get("finance", c, name, f"{int(self.p[:4]) - 1}-12")
            start = self.get("finance", c, f"{name}_ly") if start is None else start
            return None if now is None or start is None else (now + start) / 2

        revenue, profit, cost, people = of("revenue"), of("profit"), of("cost"), of("employees")
        for key, values in (("revenue_ytd", revenue), ("profit_ytd", profit), ("employees", people)):
            self.ratio(key, "returns", "finance", {c: (values[c], None) for c in codes}, empty=jan, is_sum=True)
        lost = {c: None if v is None else (-v if v < 0 else 0.0) for c, v in profit.items()}
        self.ratio("loss_amount", "returns", "finance", {c: (lost[c], None) for c in codes}, empty=jan, is_sum=True)
        for key, now, then in (
            ("revenue_growth_ytd", revenue, of("revenue_ly")),
            ("employees_growth", people, of("employees_ly")),
        ):
            parts: Cells = {c: (None, None) if jan else (now[c], then[c]) for c in codes}
            self.ratio(key, "returns", "finance", parts, offset=-1, minimum=0.6, empty=jan)
        goods = {c: average("finished_goods", c) for c in codes}
        for key, top, bottom, scale in (
            ("cost_per_100", cost, revenue, 100.0),
            ("debt_ratio", of("liabilities"), of("assets"), 1.0),
            ("rd_intensity", of("rd_expense"), revenue, 1.0),
            ("revenue_per_head", revenue, people, 12 / self.month),
            ("finished_goods_days", goods, cost, 360 * self.month / 12),
        ):
            self.ratio(key, "returns", "finance", {c: (top[c], bottom[c]) for c in codes}, scale=scale, empty=jan)
        spent = {c: self.get("rd", c, "rd_expense") for c in codes}
        december = {c: self.get("finance", c, "revenue", f"{int(self.p[:4]) - 1}-12") for c in codes}
        self.ratio("rd_year_spend", "returns", "rd", {c: (spent[c], None) for c in codes}, is_sum=True)
        self.ratio("rd_year_intensity", "returns", "rd", {c: (spent[c], december[c]) for c in codes}, minimum=0.6)

    def more_output(self, codes: list[str], jan: bool) -> None:
        half: Cells = {}
        stopped: Cells = {}
        for c in codes:
            now, then = self.pair("returns", c, "output")
            half[c] = stopped[c] = (None, None)
            if now is not None:
                stopped[c] = (1.0 if now == 0 else 0.0, 1.0)
            if now is not None and then is not None and then > 0:
                half[c] = (1.0 if now > then else 0.5 if now == then else 0.0, 1.0)
        for key, parts in (("diffusion", half), ("stopped_share", stopped)):
            self.ratio(key, "returns", "returns", parts, minimum=0.6, weigh="firms", firms=False, empty=jan)

    def level(self, *kinds: str) -> list[tuple[str, str, list[str]]]:
        return [found for found in self.entities() if found[0] in kinds]

    def sizes(self, members: Iterable[str], name: str = "output_ytd") -> dict[str, float]:
        """Sum by group over the firms that have the number."""
        found: dict[str, float] = {}
        for code in members:
            value = self.get("returns", code, name)
            if value is not None:
                group = self.town.firms[code]["group"]
                found[group] = found.get(group, 0.0) + value
        return found

    def wanted(self, members: list[str]) -> list[str]:
        """Firms with output, or whose return is not here and was to come."""
        return [
            c for c in members
            if self.get("returns", c, "output_ytd") is not None or self.status("returns", c) != "expected-absent"
            or (self.month != 1 and self.owes("returns", c))
        ]  # fmt: skip

    def points(
        self, key: str, kind: str, entity: str, members: list[str], value: Number, whole: list[str] | None = None
    ) -> None:
        """A figure of the returns' output that points at single groups; ``whole`` are the firms of its chain."""
        shares = []
        for firms in (members, whole or members):
            there = [c for c in firms if self.get("returns", c, "output_ytd") is not None]
            shares.append(len(there) / len(self.wanted(firms)) if self.wanted(firms) else None)
        has = [c for c in members if self.get("returns", c, "output_ytd") is not None]
        coverage = None if shares[0] is None else min(shares[0], shares[1] or 0.0)
        state = "value" if value is not None else "expected-absent"
        if not has or (coverage or 0.0) < 0.8:
            words = {self.status("returns", c) for c in members} if self.month != 1 else set()
            if has and whole and self.month != 1 and not words & {"late", "failed"}:
                words = {self.status("returns", c) for c in whole}
            value = None
            state = "late" if "late" in words else "failed" if "failed" in words else "expected-absent"
        groups = {self.town.firms[c]["group"] for c in has}
        hidden = {self.town.firms[c]["group"] for c in has if (c, self.p) not in self.town.authorised}
        self.rows[key, kind, entity, "returns"] = (
            value, state, coverage, len(groups), 1.0 if has else None, len(hidden)
        )  # fmt: skip

    def concentration(self, codes: list[str]) -> None:
        for kind, entity, members in self.level("node", "chain", "industry", "town"):
            shares = ranked(self.sizes(members).values())
            for key, value in (
                ("cr1_output", sum(shares[:1])), ("cr4_output", sum(shares[:4])),
                ("hhi_output", sum((100 * s) ** 2 for s in shares)),
            ):  # fmt: skip
                self.points(key, kind, entity, members, value if shares else None)

    def chains(self, codes: list[str]) -> None:
        nodes = {entity: members for _, entity, members in self.level("node")}
        chain = {entity: members for _, entity, members in self.level("chain")}
        output = {n: sum(self.sizes(m).values()) for n, m in nodes.items()}
        feeds: dict[str, set[str]] = {n: set() for n in nodes}
        for (c, node), above in self.town.upstream.items():
            for name in (above or "").split("、"):
                if f"{c}/{name}" in nodes and f"{c}/{node}" in nodes and name != node:
                    feeds[f"{c}/{name}"].add(f"{c}/{node}")
        weight: dict[str, Number] = {}
        exposed: dict[str, Number] = {}
        marks: dict[str, list[str]] = {"key_nodes": [], "single_group_nodes": [], "weak_nodes": []}
        for name, members in nodes.items():
            c, _, node = name.partition("/")
            whole = sum(self.sizes(chain[c]).values())
            weight[name] = output[name] / whole if whole > 0 else None
            below = {n: max(output[n], 0.0) for n in feeds[name]}
            total = sum(below.values())
            led = sum(size * sum(ranked(self.sizes(nodes[n]).values())[:1]) for n, size in below.items())
            exposed[name] = led / total if total > 0 else None
            if "other" in (c, node):
                continue
            sizes = self.sizes(members)
            producing = {group for group, size in sizes.items() if size > 0}
            unknown = {
                self.town.firms[c]["group"] for c in self.wanted(members)
                if self.get("returns", c, "output_ytd") is None
            }  # fmt: skip
            single = bool(producing) and len(producing | unknown) == 1
            now = then = 0.0
            for code in members:
                pair = [self.get("returns", code, n) for n in ("output_ytd", "output_ly_ytd")]
                if None not in pair:
                    now, then = now + (pair[0] or 0.0), then + (pair[1] or 0.0)
            if (weight[name] or 0.0) >= KEY_WEIGHT or len(feeds[name]) >= FEEDS:
                marks["key_nodes"].append(c)
            if single:
                marks["single_group_nodes"].append(c)
            if single or (then > 0 and now / then - 1 < FALLING):
                marks["weak_nodes"].append(c)
        for name, members in nodes.items():
            whole = chain[name.partition("/")[0]]
            self.points("node_weight", "node", name, members, weight[name], whole)
            self.points("supplier_exposure", "node", name, members, exposed[name], whole)
        for c, members in chain.items():
            mine = {n: max(output[n], 0.0) for n in nodes if n.partition("/")[0] == c and exposed[n] is not None}
            total = sum(mine.values())
            mean = sum(size * (exposed[n] or 0.0) for n, size in mine.items()) / total if total > 0 else None
            self.points("supplier_exposure", "chain", c, members, mean)
        for key, marked in marks.items():
            for kind, entity, members in self.level("chain", "town"):
                count = float(len(marked) if kind == "town" else marked.count(entity))
                self.points(key, kind, entity, members, count)

    # -- sheets of a whole month ----------------------------------------------------------------------------------

    def one_sheet(
        self, key: str, source: str, form: str, parts: Cells, *, offset: float = 0.0, same: bool = True,
        growth: bool = False, is_sum: bool = False, always: bool = False, weigh: str = "sums",
        kinds: tuple[str, ...] = ("node", "chain", "industry", "town"), firms: bool = True,
    ) -> None:  # fmt: skip
        for c, (top, bottom) in parts.items() if firms else ():
            value = top if is_sum else None
            if not is_sum and top is not None and bottom is not None and bottom > 0:
                value = top / bottom + offset
            if value is not None:
                hidden = 0 if (c, self.p) in self.town.authorised else 1
                self.rows[key, "firm", c, source] = (value, "value", 1.0, 1, 1.0, hidden)
        for kind, entity, members in self.level(*kinds):
            has = []
            for c in members:
                top, bottom = parts[c]
                both = top is not None and (is_sum or bottom is not None)
                if both or (not same and (top is not None or bottom is not None)):
                    has.append(c)
            tops = self.by_group(has, {c: parts[c][0] or 0.0 for c in has})
            bottoms = self.by_group(has, {c: parts[c][1] or 0.0 for c in has})
            count = self.by_group(has, dict.fromkeys(has, 1.0))
            value = None
            if has and is_sum:
                value = sum(tops.values())
            elif has and sum(bottoms.values()) > 0:
                value = sum(tops.values()) / sum(bottoms.values()) + offset
            unnamed = [c for c in has if (c, self.p) not in self.town.authorised]
            shares = [1.0] if always else []
            for names in (has, unnamed):
                weighed = [dict.fromkeys(names, 1.0)] if weigh == "firms" else [
                    {c: parts[c][at] or 0.0 for c in names} for at in ((0,) if is_sum else (0, 1))
                ]  # fmt: skip
                shares += [dominance(list(self.by_group(names, w).values())) for w in weighed]
            state = "value" if value is not None else "expected-absent"
            if not has and not (growth and self.month == 1) and not self.arrived(form, self.p):
                words = {self.status(form, c) for c in members} & {"late", "failed"}
                refused = any(self.status(form, c) == "failed" for c in self.town.firms)
                state = ("failed" if refused else "late") if words else state
            self.rows[key, kind, entity, source] = (
                value, state, 1.0 if has else None, len(count), max(shares) if has else None,
                len({self.town.firms[c]["group"] for c in unnamed}),
            )  # fmt: skip

    def by_group(self, codes: list[str], values: dict[str, float]) -> dict[str, float]:
        found: dict[str, float] = {}
        for c in codes:
            group = self.town.firms[c]["group"]
            found[group] = found.get(group, 0.0) + values[c]
        return found

    def year_so_far(self, source: str, code: str, name: str) -> Number:
        total: Number = None
        for month in range(1, self.month + 1):
            p = f"{self.p[:4]}-{month:02d}"
            if p not in self.span or not self.arrived(source, p):
                return None
            value = self.get(source, code, name, p)
            total = total if value is None else (total or 0.0) + value
        return total

    def whole_year(self, period: str) -> bool:
        """Whether the customs sheets of all months from January are here."""
        months = [f"{period[:4]}-{m:02d}" for m in range(1, int(period[5:]) + 1)]
        return all(p in self.span and self.arrived("customs", p) for p in months)

    def of_lines(self, period: str, flow: str | None, modes: set[str] | None = None) -> dict[tuple[str, str], float]:
        """Yuan from January by firm and, one after the other, mode, market and chapter (prefixed); '' for all."""
        found: dict[tuple[str, str], float] = {}
        for line in self.town.lines:
            inside = period[:4] == line["month"][:4] and line["month"] <= period
            if not inside or line["rmb"] is None or (flow and line["flow"] != flow):
                continue
            if modes is not None and line["mode"] not in modes:
                continue
            for key in ("", f"mode:{line['mode']}", f"market:{line['partner']}", f"chapter:{line['chapter']}"):
                found[line["firm"], key] = found.get((line["firm"], key), 0.0) + line["rmb"]
        return found

    def more_trade(self, codes: list[str]) -> None:
        trade = {c: self.cumulative(c, "trade_rmb", self.p) for c in codes}
        imports = {c: self.cumulative(c, "import_rmb", self.p) for c in codes}
        self.one_sheet(
            "import_dependence", "customs", "customs", {c: (imports[c], trade[c]) for c in codes}, same=False
        )
        over: Cells = {c: (None if v is None else 1.0 if v >= 1e8 else 0.0, None) for c, v in trade.items()}
        self.one_sheet(
            "firms_trading_over_1yi", "customs", "customs", over, is_sum=True, always=True, kinds=("town",), firms=False
        )
        for key, modes in MODES.items():
            sums = self.of_lines(self.p, None, modes) if self.whole_year(self.p) else {}
            parts: Cells = {
                c: (sums.get((c, ""), 0.0) if self.whole_year(self.p) else None, trade[c]) for c in codes
            }  # fmt: skip
            self.one_sheet(key, "customs", "customs", parts)
        exports = {c: self.cumulative(c, "export_rmb", self.p) for c in codes}
        for flow, sides in (("import", imports), ("export", exports)):
            sums = self.of_lines(self.p, FLOWS[flow]) if self.whole_year(self.p) else {}
            for measure in ("top", "hhi"):
                key = f"{flow}_market_{measure}"
                known: Cells = {c: (sides[c], None) for c in codes}
                kinds = ("node", "chain", "industry", "town")
                self.one_sheet(key, "customs", "customs", known, is_sum=True, always=True, kinds=kinds, firms=False)
                for kind, entity, members in self.level(*kinds):
                    markets: dict[str, float] = {}
                    for (c, name), value in sums.items():
                        if c in members and name.startswith("market:"):
                            markets[name] = markets.get(name, 0.0) + value
                    shares = ranked(markets.values())
                    value = sum(shares[:1]) if measure == "top" else sum((100 * s) ** 2 for s in shares)
                    row = self.rows[key, kind, entity, "customs"]
                    there = row[0] is not None and shares
                    state = "value" if there else row[1] if row[1] != "value" else "expected-absent"
                    self.rows[key, kind, entity, "customs"] = (value if there else None, state, *row[2:])
        self.mirror(codes, exports)

    def mirror(self, codes: list[str], exports: dict[str, Number]) -> None:
        pairs = {c: (exports[c], self.get("returns", c, "export_ytd")) for c in codes}
        has = [c for c in codes if None not in pairs[c]]
        delivered = sum(pairs[c][1] or 0.0 for c in has)
        value = sum((pairs[c][0] or 0.0) / 1000 for c in has) / delivered - 1 if delivered > 0 else None
        wanted = [
            c for c in codes
            if c in has or self.status("returns", c) != "expected-absent"
            or (self.month != 1 and self.owes("returns", c))
        ]  # fmt: skip
        coverage = len(has) / len(wanted) if wanted else None
        state = "value" if value is not None else "expected-absent"
        if not has or (coverage or 0.0) < 0.3:
            words = {self.status("returns", c) for c in codes} if self.month != 1 else set()
            value, state = None, "late" if "late" in words else "failed" if "failed" in words else "expected-absent"
            sheets = self.customs_not_here(codes) if self.month != 1 else set()
            if "failed" in sheets or ("late" in sheets and state != "failed"):
                state = "failed" if "failed" in sheets else "late"
        groups = {self.town.firms[c]["group"] for c in has}
        hidden = {self.town.firms[c]["group"] for c in has if (c, self.p) not in self.town.authorised}
        self.rows["mirror_gap", "town", "town", "returns"] = (
            value, state, coverage, len(groups), 1.0 if has else None, len(hidden)
        )  # fmt: skip

    def customs_not_here(self, codes: list[str]) -> set[str]:
        """What is said of the firms' lines of the months since January whose sheet is not here."""
        words = set()
        for month in range(1, self.month + 1):
            period = f"{self.p[:4]}-{month:02d}"
            if not self.arrived("customs", period):
                words |= {"late" for c in codes if ("customs_monthly", c, period) in self.town.late}
                words |= {"failed" for c in codes if ("customs_monthly", c, period) in self.town.failed}
        return words

    def bonded(self, codes: list[str]) -> None:
        for name in ("tickets", "in_usd", "out_usd"):
            year: Cells = {c: (self.year_so_far("bonded", c, name), None) for c in codes}
            self.one_sheet(f"bonded_{name}_ytd", "bonded", "bonded", year, is_sum=True)
        tickets = {c: self.get("bonded", c, "tickets") for c in codes}
        served: Cells = {c: (None if v is None else 1.0 if v > 0 else 0.0, None) for c, v in tickets.items()}
        self.one_sheet("bonded_firms", "bonded", "bonded", served, is_sum=True, weigh="firms")
        stock = {n: {c: self.get("stock", c, n) for c in codes} for n in ("usd", "overdue_usd", "aged", "weight")}
        self.one_sheet("bonded_stock_usd", "bonded", "stock", {c: (stock["usd"][c], None) for c in codes}, is_sum=True)
        for key, top, bottom in (
            ("bonded_stock_days", "aged", "weight"), ("bonded_overdue_share", "overdue_usd", "usd"),
        ):  # fmt: skip
            self.one_sheet(key, "bonded", "stock", {c: (stock[top][c], stock[bottom][c]) for c in codes})

    def power(self, codes: list[str]) -> None:
        for suffix, growth in (("m", "grid_power_growth"), ("ytd", "grid_power_growth_ytd")):
            levels: Cells = {c: (self.get("power", c, f"power_{suffix}"), None) for c in codes}
            self.one_sheet(f"grid_power_{suffix}", "power", "power", levels, is_sum=True)
            column = "ytd" if self.month == 2 else suffix
            pairs: Cells = {
                c: (None, None) if self.month == 1 else
                (self.get("power", c, f"power_{column}"), self.get("power", c, f"power_ly_{column}"))
                for c in codes
            }  # fmt: skip
            self.one_sheet(growth, "power", "power", pairs, offset=-1, growth=True)

    def projects(self) -> None:
        arrived = any(project["month"] == self.p for project in self.town.projects)
        for stem, mine in (
            ("investment", [p for p in self.town.projects if p["month"] == self.p]),
            ("upgrade_investment", [p for p in self.town.projects if p["month"] == self.p and p["tech_upgrade"]]),
        ):
            sums: dict[str, list[float]] = {}
            for project in mine:
                if project["ytd"] is not None or project["ytd_ly"] is not None:
                    row = sums.setdefault(project["group"], [0.0, 0.0])
                    row[0] += project["ytd"] or 0.0
                    row[1] += project["ytd_ly"] or 0.0
            now, then = (sum(row[at] for row in sums.values()) for at in (0, 1))
            working = float(sum(1 for project in mine if (project["ytd"] or 0.0) > 0))
            figures: dict[str, tuple[Number, tuple[int, ...]]] = {
                f"{stem}_ytd": (now, (0,)),
                f"{stem}_growth_ytd": (now / then - 1 if then > 0 and self.month != 1 else None, (0, 1)),
            }
            if stem == "investment":
                figures["investment_projects"] = (working, (0,))
            for key, (value, columns) in figures.items():
                top2 = max(dominance([row[at] for row in sums.values()]) for at in columns) if sums else None
                state = "value" if sums and value is not None else "expected-absent"
                if not sums and not arrived and self.month != 1:
                    state = "late"
                self.rows[key, "town", "town", "returns"] = (
                    value if sums else None, state, 1.0 if sums else None, len(sums), top2, len(sums)
                )  # fmt: skip

    def parts_of_trade(self) -> None:
        if not self.whole_year(self.p):
            return
        ago = shift(self.p, -12)
        for flow, side in FLOWS.items():
            now = self.of_lines(self.p, side)
            then = self.of_lines(ago, side) if self.whole_year(ago) else {}
            for level in ("mode", "market", "chapter"):
                keys = {k for _, k in [*now, *then] if k.startswith(f"{level}:")}
                whole = sum(v for (_, k), v in now.items() if k in keys)
                for key in sorted(keys):
                    firms = sorted({c for c, k in [*now, *then] if k == key})
                    tops, bottoms = (
                        self.by_group(firms, {c: side_.get((c, key), 0.0) for c in firms}) for side_ in (now, then)
                    )
                    top, bottom = sum(tops.values()), sum(bottoms.values())
                    comparable = self.whole_year(ago) and self.month != 1 and bottom > 0
                    hidden = {self.town.firms[c]["group"] for c in firms if (c, self.p) not in self.town.authorised}
                    top2 = max(dominance(list(part.values())) for part in (tops, bottoms))
                    for kind, value in (
                        ("rmb_ytd", top), ("share", top / whole if whole > 0 else None),
                        ("growth_ytd", top / bottom - 1 if comparable else None),
                    ):  # fmt: skip
                        self.rows[f"{flow}_part_{kind}", level, key.partition(":")[2], "customs"] = (
                            value, "value" if value is not None else "expected-absent", 1.0, len(tops), top2,
                            len(hidden),
                        )  # fmt: skip


def ranked(sizes: Iterable[float]) -> list[float]:
    """Shares of what is positive, largest first."""
    positive = sorted((max(size, 0.0) for size in sizes), reverse=True)
    return [size / sum(positive) for size in positive] if sum(positive) > 0 else []
