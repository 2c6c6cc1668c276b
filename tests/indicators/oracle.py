"""The indicators once more, the slow way: plain loops over the plain dicts, sharing no code with the package.

``expected(town, period)`` → {(indicator, kind, entity, source): (value, state, coverage, groups, top2, hidden)}.
"""

from __future__ import annotations

import math
from typing import Any

from tests.indicators.town import FORM_OF, Town

Number = float | None
STEMS = {"output": "output", "sales": "sales", "export_delivery": "export", "power": "power"}
MIN_GROWTH, MIN_SUM = 0.6, 0.8


def shift(period: str, months: int) -> str:
    year, month = int(period[:4]), int(period[5:])
    index = year * 12 + month - 1 + months
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


class Oracle:
    def __init__(self, town: Town, period: str) -> None:
        self.town, self.p = town, period
        self.month = int(period[5:])
        self.span = {str(m) for m in town.months}
        self.rows: dict[tuple[str, str, str, str], tuple[Any, ...]] = {}

    def get(self, source: str, code: str, name: str, period: str | None = None) -> Number:
        return self.town.forms[source].get((code, period or self.p), {}).get(name)

    def registered(self, code: str) -> bool:
        f = self.town.firms[code]
        return (f["since"] or "") <= self.p <= (f["until"] or "9999")

    def status(self, source: str, code: str) -> str:
        key = (FORM_OF[source], code, self.p)
        if key in self.town.late:
            return "late"
        if key in self.town.failed:
            return "failed"
        return "value" if (code, self.p) in self.town.forms[source] else "expected-absent"

    def owes(self, source: str, code: str) -> bool:
        if source == "self_report":
            return (code, self.p) in self.town.authorised
        return self.registered(code) and self.town.firms[code]["above_scale"]

    # -- the parts of one firm: numerator, denominator (None: a sum), whether it contributes ---------------------

    def pair(self, source: str, code: str, measure: str) -> tuple[Number, Number]:
        if self.month == 1:
            return None, None
        column = "ytd" if self.month == 2 else "m"
        return self.get(source, code, f"{measure}_{column}"), self.get(source, code, f"{measure}_ly_{column}")

    def ttm(self, code: str) -> Number:
        now = self.get("returns", code, "output_ytd")
        if now is None or self.month == 12:
            return now
        december = self.get("returns", code, "output_ytd", f"{int(self.p[:4]) - 1}-12")
        before = self.get("returns", code, "output_ytd", shift(self.p, -12))
        if before is None:
            before = self.get("returns", code, "output_ly_ytd")
        return None if december is None or before is None else now + december - before

    def receivables(self, code: str) -> Number:
        now = self.get("finance", code, "receivables")
        start = self.get("finance", code, "receivables", f"{int(self.p[:4]) - 1}-12")
        if start is None:
            start = self.get("finance", code, "receivables_ly")
        return None if now is None or start is None else 360 * (now + start) / 2

    # -- turning parts into rows ----------------------------------------------------------------------------------

    def ratio(
        self, key: str, source: str, form: str, parts: dict[str, tuple[Number, Number]], *, scale: float = 1.0,
        offset: float = 0.0, minimum: float = MIN_SUM, weigh: str = "sums", firms: bool = True,
        empty: bool = False, aggregate: bool = True, is_sum: bool = False,
    ) -> None:  # fmt: skip
        if firms:
            for code, (top, bottom) in parts.items():
                value = None
                if is_sum:
                    value = top
                elif top is not None and bottom is not None and bottom > 0:
                    value = top / bottom * scale + offset
                self.firm_row(key, source, form, code, value, empty)
        if aggregate:
            for kind, entity, members in self.entities():
                self.total_row(
                    key, source, form, kind, entity, members, parts, scale, offset, minimum, weigh, empty, is_sum
                )

    def firm_row(self, key: str, source: str, form: str, code: str, value: Number, empty: bool) -> None:
        state = self.status(form, code)
        if value is None and state == "expected-absent" and not self.owes(form, code):
            return
        if value is None:
            word = state if state in ("late", "failed") and not empty else "expected-absent"
            self.rows[key, "firm", code, source] = (None, word, 0.0, 0, None, 0)
        else:
            hidden = 0 if (code, self.p) in self.town.authorised else 1
            self.rows[key, "firm", code, source] = (value, "value", 1.0, 1, 1.0, hidden)

    def entities(self) -> list[tuple[str, str, list[str]]]:
        chains: dict[str, list[str]] = {}
        for code, f in sorted(self.town.firms.items()):
            chains.setdefault(f["chain"] or "other", []).append(code)
        nodes: dict[str, list[str]] = {}
        divisions: dict[str, list[str]] = {}
        for code, f in sorted(self.town.firms.items()):
            nodes.setdefault(f"{f['chain'] or 'other'}/{f['node'] or 'other'}", []).append(code)
            divisions.setdefault(f["industry"].lstrip("C")[:2] or "other", []).append(code)
        found = [
            (kind, entity, members)
            for kind, level in (("node", nodes), ("chain", chains), ("industry", divisions))
            for entity, members in sorted(level.items())
        ]
        return [*found, ("town", "town", sorted(self.town.firms))]

    def total_row(
        self, key: str, source: str, form: str, kind: str, entity: str, members: list[str],
        parts: dict[str, tuple[Number, Number]], scale: float, offset: float, minimum: float, weigh: str, empty: bool,
        is_sum: bool,
    ) -> None:  # fmt: skip
        sums: dict[str, list[float]] = {}
        unnamed: dict[str, list[float]] = {}
        count = wanted = 0
        hidden = set()
        late = failed = False
        for code in members:
            top, bottom = parts[code]
            has = top is not None and (is_sum or bottom is not None)
            state = self.status(form, code)
            late, failed = late or state == "late", failed or state == "failed"
            if has or state != "expected-absent" or ((self.month != 1 or form == "rd") and self.owes(form, code)):
                wanted += 1
            if has:
                count += 1
                group = self.town.firms[code]["group"]
                mine = sums.setdefault(group, [0.0, 0.0, 0.0])
                rest = unnamed.setdefault(group, [0.0, 0.0, 0.0])
                mine[0] += top or 0.0
                mine[1] += bottom or 0.0
                mine[2] += 1
                if (code, self.p) not in self.town.authorised:
                    hidden.add(group)
                    for column, amount in enumerate((top or 0.0, bottom or 0.0, 1.0)):
                        rest[column] += amount
        top, bottom = sum(s[0] for s in sums.values()), sum(s[1] for s in sums.values())
        value = None
        if count and is_sum:
            value = top
        elif count and bottom > 0:
            value = top / bottom * scale + offset
        coverage = count / wanted if wanted else None
        short = count == 0 or (coverage or 0.0) < minimum
        state = "value"
        if short:
            value, state = None, "expected-absent"
            if not empty:
                state = "late" if late else "failed" if failed else "expected-absent"
        elif value is None:
            state = "expected-absent"
        columns = {"firms": [2], "sums": [0] if is_sum else [0, 1]}[weigh]
        top2 = (
            max(dominance([s[c] for s in part.values()]) for c in columns for part in (sums, unnamed))
            if count
            else None
        )
        self.rows[key, kind, entity, source] = (value, state, coverage, len(sums), top2, len(hidden))

    # -- families -------------------------------------------------------------------------------------------------

    def run(self) -> dict[tuple[str, str, str, str], tuple[Any, ...]]:
        codes, feb, jan = sorted(self.town.firms), self.month == 2, self.month == 1
        for source, stems in (("returns", STEMS), ("self_report", {k: v for k, v in STEMS.items() if v in SELF_STEMS})):
            many = source == "returns"
            for stem, measure in stems.items():
                month = {c: (self.get(source, c, f"{measure}_m"), None) for c in codes}
                self.ratio(f"{stem}_m", source, source, month, empty=jan or feb, aggregate=many, is_sum=True)
                ytd = {c: (self.get(source, c, f"{measure}_ytd"), None) for c in codes}
                self.ratio(f"{stem}_ytd", source, source, ytd, empty=jan, aggregate=many, is_sum=True)
                growth = {c: self.pair(source, c, measure) for c in codes}
                self.ratio(
                    f"{stem}_growth", source, source, growth, offset=-1, minimum=MIN_GROWTH, empty=jan, aggregate=many
                )
                both = {c: (ytd[c][0], self.get(source, c, f"{measure}_ly_ytd")) for c in codes}
                self.ratio(
                    f"{stem}_growth_ytd", source, source, both, offset=-1, minimum=MIN_GROWTH, empty=jan, aggregate=many
                )
        self.output_derived(codes, jan, feb)
        self.finance(codes, jan)
        self.sheets(codes)
        self.structure(codes, jan)
        return self.rows

    def output_derived(self, codes: list[str], jan: bool, feb: bool) -> None:
        r = "returns"
        for key, column, empty in (("sales_ratio", "m", jan or feb), ("sales_ratio_ytd", "ytd", jan)):
            parts = {c: (self.get(r, c, f"sales_{column}"), self.get(r, c, f"output_{column}")) for c in codes}
            self.ratio(key, r, r, parts, empty=empty)
        trailing = {c: self.ttm(c) for c in codes}
        self.ratio("output_ttm", r, r, {c: (v, None) for c, v in trailing.items()}, minimum=0.6, empty=jan, is_sum=True)
        signs: dict[str, float | None] = {}
        for c in codes:
            now, then = self.pair(r, c, "output")
            signs[c] = None if now is None or then is None or then <= 0 else now / then - 1
        for key, sign in (("rise_share", 1), ("decline_share", -1)):
            shares = {c: (None, None) if g is None else (1.0 if sign * g > 0 else 0.0, 1.0) for c, g in signs.items()}
            self.ratio(key, r, r, shares, minimum=0.6, weigh="firms", firms=False, empty=jan)
        for key in ("advanced_mfg", "hightech_mfg"):
            parts = {}
            for c in codes:
                value = self.get(r, c, "output_ytd")
                parts[c] = (None if value is None else value * self.town.firms[c][key], value)
            self.ratio(f"{key}_share", r, r, parts, firms=False, empty=jan)

    def finance(self, codes: list[str], jan: bool) -> None:
        profit = {c: self.get("finance", c, "profit") for c in codes}
        revenue = {c: self.get("finance", c, "revenue") for c in codes}
        self.ratio("profit_margin", "returns", "finance", {c: (profit[c], revenue[c]) for c in codes}, empty=jan)
        days = {c: (self.receivables(c), revenue[c]) for c in codes}
        self.ratio("receivable_days", "returns", "finance", days, scale=self.month / 12, empty=jan)
        loss = {c: (None, None) if v is None else (1.0 if v < 0 else 0.0, 1.0) for c, v in profit.items()}
        self.ratio("loss_share", "returns", "finance", loss, weigh="firms", firms=False, empty=jan)

    def structure(self, codes: list[str], jan: bool) -> None:
        r = "returns"
        here: dict[str, tuple[Number, Number]] = {}
        for c in codes:
            state = self.status(r, c)
            owed = state != "expected-absent" or (not jan and self.owes(r, c))
            here[c] = (1.0 if state == "value" else 0.0, 1.0) if owed else (None, None)
        expected = {c: (d, None) for c, (_, d) in here.items()}
        common: dict[str, Any] = {"minimum": 0, "weigh": "firms", "firms": False, "empty": jan}
        self.ratio("firms_expected", r, r, expected, is_sum=True, **common)
        self.ratio("firms_reported", r, r, here, is_sum=True, **common)
        self.ratio("reporting_rate", r, r, here, **common)

    # -- one sheet for all ----------------------------------------------------------------------------------------

    def line(self, source: str, code: str, name: str, period: str) -> Number:
        if name.startswith("trade_"):
            both = [self.get(source, code, n + name[5:], period) for n in ("import", "export")]
            some = [v for v in both if v is not None]
            return sum(some) if some else None
        return self.get(source, code, name, period)

    def arrived(self, source: str, period: str) -> bool:
        return any(p == period for _, p in self.town.forms[source])

    def cumulative(self, code: str, name: str, period: str) -> Number:
        total: Number = None
        for month in range(1, int(period[5:]) + 1):
            p = f"{period[:4]}-{month:02d}"
            if p not in self.span or not self.arrived("customs", p):
                return None
            value = self.line("customs", code, name, p)
            total = total if value is None else (total or 0.0) + value
        return total

    def sheets(self, codes: list[str]) -> None:
        ago = shift(self.p, -12)
        for flow in ("import", "export", "trade"):
            for currency in ("usd", "rmb"):
                name = f"{flow}_{currency}"
                now = {c: self.line("customs", c, name, self.p) for c in codes}
                then = {c: self.line("customs", c, name, ago) for c in codes}
                year = {c: self.cumulative(c, name, self.p) for c in codes}
                last = {c: self.cumulative(c, name, ago) for c in codes}
                self.sheet(f"{name}_m", "customs", now, None)
                self.sheet(f"{name}_ytd", "customs", year, None)
                comparable = self.month != 1 and ago in self.span and self.arrived("customs", ago)
                if not (comparable and self.arrived("customs", self.p)):
                    now, then, year, last = ({c: None for c in codes} for _ in range(4))
                if self.month == 2:
                    now, then = year, last
                self.sheet(f"{name}_growth", "customs", now, then)
                self.sheet(f"{name}_growth_ytd", "customs", year, last)
        for name in ("tickets", "in_usd", "out_usd"):
            self.sheet(f"bonded_{name}", "bonded", {c: self.line("bonded", c, name, self.p) for c in codes}, None)

    def sheet(self, key: str, source: str, now: dict[str, Number], then: dict[str, Number] | None) -> None:
        growth = then is not None
        for c, value in now.items():
            base = then[c] if then is not None else None
            if growth:
                value = None if value is None or base is None or base <= 0 else value / base - 1
            if value is not None:
                hidden = 0 if (c, self.p) in self.town.authorised else 1
                self.rows[key, "firm", c, source] = (value, "value", 1.0, 1, 1.0, hidden)
        for kind, entity, members in self.entities():
            groups: dict[str, list[float]] = {}
            unnamed: dict[str, list[float]] = {}
            hidden_groups = set()
            count = 0
            for c in members:
                base = then[c] if then is not None else None
                if now[c] is None and base is None:
                    continue
                count += 1
                group = self.town.firms[c]["group"]
                mine = groups.setdefault(group, [0.0, 0.0])
                mine[0] += now[c] or 0.0
                mine[1] += base or 0.0
                if (c, self.p) not in self.town.authorised:
                    hidden_groups.add(group)
                    rest = unnamed.setdefault(group, [0.0, 0.0])
                    rest[0] += now[c] or 0.0
                    rest[1] += base or 0.0
            top, bottom = sum(g[0] for g in groups.values()), sum(g[1] for g in groups.values())
            value: Number = None
            if count:
                value = top if not growth else top / bottom - 1 if bottom > 0 else None
            state = "value" if value is not None else "expected-absent"
            empty = growth and self.month == 1
            if not count and not empty and not self.arrived(source, self.p):
                words = {self.status(source, c) for c in members} & {"late", "failed"}
                refused = any(self.status(source, c) == "failed" for c in self.town.firms)
                state = ("failed" if refused else "late") if words else state
            shares = [
                dominance([g[i] for g in part.values()])
                for i in ((0, 1) if growth else (0,))
                for part in (groups, unnamed)
            ]
            self.rows[key, kind, entity, source] = (
                value, state, 1.0 if count else None, len(groups), max(shares) if count else None, len(hidden_groups),
            )  # fmt: skip


SELF_STEMS = ("output", "export")


def dominance(sizes: list[float]) -> float:
    absolute = sorted((abs(s) for s in sizes), reverse=True)
    return sum(absolute[:2]) / sum(absolute) if sum(absolute) > 0 else 0.0


def same(a: Number, b: float) -> bool:
    """Equal to 1e-9 relative (absolute near zero); None is NaN."""
    if a is None:
        return math.isnan(b)
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
