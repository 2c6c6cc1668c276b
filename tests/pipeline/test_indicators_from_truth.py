"""Indicators against plain loops over the figures printed in the files, as known before and after re-filings.

Nothing of the library computes here: figures come from the simulator's truth, chains and scope from the register
workbooks read by openpyxl, and the arithmetic is written out.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import openpyxl
import pytest

from qxmonitor import look, pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period
from tests.pipeline.conftest import Ingested, Town

pytestmark = pytest.mark.slow

Number = float | None
Key = tuple[str, str, str, str]
"""Indicator, entity kind, entity, source."""
Pair = tuple[Number, Number]
"""What one firm brings to a ratio: numerator and denominator."""

STEMS = {"output": "output", "sales": "sales", "export_delivery": "export"}
INDICATORS = {
    *(f"{stem}_{suffix}" for stem in STEMS for suffix in ("m", "ytd", "growth", "growth_ytd")),
    "profit_margin", "receivable_days", "decline_share", "import_usd_m", "import_usd_ytd", "export_usd_m",
    "export_usd_ytd", "bonded_tickets", "bonded_in_usd", "bonded_out_usd",
}  # fmt: skip


class Known:
    """The town as its files said by one moment."""

    def __init__(self, town: Town, by: datetime) -> None:
        self.files = {
            file["path"]: (datetime.fromisoformat(file["known_at"]), file["sha256"])
            for file in town.truth["files"]
            if datetime.fromisoformat(file["known_at"]) <= by
        }
        self.feeds = {file["path"]: file["feed"] for file in town.truth["files"]}
        self.months = {
            (file["feed"], file["period"]) for file in town.truth["files"] if file["path"] in self.files
        }  # fmt: skip
        self.firms = self._register(town)
        self.returns = self._wide(town, "b204_1")
        self.finance = self._wide(town, "b203")
        self.self_report = self._wide(town, "self_report")
        self.trade = self._trade(town)
        self.bonded = self._bonded(town)

    def lines(self, town: Town, feed: str) -> Iterator[tuple[tuple[datetime, str], dict[str, Any]]]:
        """Each printed line that is not dirt, with its file's place in time; money in the warehouse's unit."""
        for block in town.truth["figures"]:
            path = block["file"]
            if path not in self.files or self.feeds[path] != feed:
                continue
            for row in block["rows"]:
                if row[0] in block["rejected_rows"]:
                    continue
                line = dict(zip(block["columns"], row, strict=True))
                if block["unit"] == "万元":
                    for name, value in line.items():
                        plain = name in ("row", "entity", "period") or name.startswith(("power", "employees"))
                        if not plain and value is not None:
                            line[name] = value * 10
                yield self.files[path], line

    def _wide(self, town: Town, feed: str) -> dict[tuple[str, str], dict[str, Any]]:
        newest: dict[tuple[str, str], tuple[Any, dict[str, Any]]] = {}
        for when, line in self.lines(town, feed):
            unit = (line["entity"], line["period"])
            if unit not in newest or when > newest[unit][0]:
                newest[unit] = when, line
        return {unit: line for unit, (_, line) in newest.items()}

    def _trade(self, town: Town) -> dict[tuple[str, str], dict[str, float]]:
        by_file: dict[tuple[str, str], dict[Any, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for when, line in self.lines(town, "customs_monthly"):
            by_file[line["entity"], line["period"]][when].append(line)
        sums: dict[tuple[str, str], dict[str, float]] = {}
        for unit, files in by_file.items():
            found: dict[str, float] = {}
            for line in files[max(files)]:
                found[line["flow"]] = found.get(line["flow"], 0.0) + line["usd"]
            sums[unit] = found
        return sums

    def _bonded(self, town: Town) -> dict[tuple[str, str], dict[str, float]]:
        by_document: dict[str, dict[Any, list[dict[str, Any]]]] = defaultdict(lambda: defaultdict(list))
        for when, line in self.lines(town, "bonded_inv101"):
            by_document[line["document"]][when].append(line)
        sums: dict[tuple[str, str], dict[str, float]] = {}
        deleted = {line["document"] for _, line in self.lines(town, "bonded_receipt") if line["status"] == "deleted"}
        for document, files in by_document.items():
            lines = [line for line in files[max(files)] if line["living"] and document not in deleted]
            for number, line in enumerate(lines):
                mine = sums.setdefault((line["entity"], line["period"]), {"tickets": 0.0, "I": 0.0, "E": 0.0})
                mine["tickets"] += number == 0
                mine[line["flow"]] += line["usd"] or 0.0
        return sums

    def _register(self, town: Town) -> dict[str, dict[str, Any]]:
        """Per firm of the registers known: chain, group and since when it reports; a later register says more."""
        rejected = {(piece["file"], piece["row"]) for piece in town.truth["dirt"] if piece["fate"] == "rejected"}
        firms: dict[str, dict[str, Any]] = {}
        for path in sorted((p for p in self.files if self.feeds[p] == "register"), key=self.files.__getitem__):
            page = openpyxl.load_workbook(town.folder / path)["企业名录"]
            header = [cell.value for cell in page[3]]
            for number, cells in enumerate(page.iter_rows(min_row=4, values_only=True), start=4):
                row = dict(zip(header, cells, strict=True))
                if row["统一社会信用代码"] and (path, number) not in rejected:
                    firms[row["统一社会信用代码"]] = {
                        "chain": row["产业链"] or "other", "large": row["规上"] == "是",
                        "since": month(row["纳入年月"]) or "0000", "until": month(row["退出年月"]) or "9999",
                    }  # fmt: skip
        return firms


def month(text: str | None) -> str:
    """``2020-01`` of ``2020-01`` or ``2020年1月``."""
    found = re.fullmatch(r"(\d{4})\D(\d{1,2})\D?", text or "")
    return f"{found[1]}-{int(found[2]):02d}" if found else ""


def plainly(known: Known, period: Period) -> dict[Key, float]:
    """All indicators of a month that have a figure."""
    found: dict[Key, float] = {}
    codes = sorted(known.firms)
    chains = {known.firms[code]["chain"] for code in codes}
    entities = [("chain", chain, [c for c in codes if known.firms[c]["chain"] == chain]) for chain in sorted(chains)]
    entities.append(("town", "town", codes))
    january, february = period.month == 1, period.month == 2
    december = f"{period.year - 1}-12"

    def cell(rows: dict[tuple[str, str], dict[str, Any]], code: str, name: str, at: str = period) -> Number:
        return rows.get((code, at), {}).get(name)

    def owes(code: str) -> bool:
        firm = known.firms[code]
        return firm["large"] and firm["since"] <= period <= firm["until"] and not january

    def note(name: str, source: str, pairs: dict[str, Pair], how: Callable[[float, float], Number], *, firms: bool,
             rows: dict[tuple[str, str], Any] | None, least: float) -> None:  # fmt: skip
        """Firms' own figures, and those of sums over the firms that have both numbers, if enough firms have."""
        for code in codes:
            top, bottom = pairs[code]
            if firms and top is not None and bottom is not None and (value := how(top, bottom)) is not None:
                found[name, "firm", code, source] = value
        for kind, entity, members in entities if source != "self_report" else ():
            have = [code for code in members if None not in pairs[code]]
            wanted = [c for c in members if rows is not None and (owes(c) or (c, period) in rows)]
            if not have or (wanted and len(have) / len(wanted) < least):
                continue
            value = how(sum(pairs[c][0] or 0.0 for c in have), sum(pairs[c][1] or 0.0 for c in have))
            if value is not None:
                found[name, kind, entity, source] = value

    def total(top: float, _: float) -> Number:
        return top

    def growth(top: float, bottom: float) -> Number:
        return top / bottom - 1 if bottom > 0 else None

    def share(top: float, bottom: float) -> Number:
        return top / bottom if bottom > 0 else None

    for source, rows in (("returns", known.returns), ("self_report", known.self_report)):
        for stem, item in STEMS.items():
            for suffix in ("m", "ytd"):
                plain: dict[str, Pair] = {code: (cell(rows, code, f"{item}_{suffix}"), 0.0) for code in codes}
                note(f"{stem}_{suffix}", source, plain, total, firms=True, rows=rows, least=0.8)
            if january:
                continue
            column = "ytd" if february else "m"
            for name, at in ((f"{stem}_growth", column), (f"{stem}_growth_ytd", "ytd")):
                both = {code: (cell(rows, code, f"{item}_{at}"), cell(rows, code, f"{item}_ly_{at}")) for code in codes}
                note(name, source, both, growth, firms=True, rows=rows, least=0.6)
                if (name, source) == ("output_growth", "returns"):
                    falls: dict[str, Pair] = {}
                    for code, (now, then) in both.items():
                        comparable = now is not None and then is not None and then > 0
                        falls[code] = (float((now or 0.0) < (then or 0.0)), 1.0) if comparable else (None, None)
                    note("decline_share", source, falls, share, firms=False, rows=rows, least=0.6)

    margins = {c: (cell(known.finance, c, "profit"), cell(known.finance, c, "revenue")) for c in codes}
    note("profit_margin", "returns", margins, share, firms=True, rows=known.finance, least=0.8)
    days: dict[str, Pair] = {}
    for code in codes:
        end, start = cell(known.finance, code, "receivables"), cell(known.finance, code, "receivables", december)
        start = cell(known.finance, code, "receivables_ly") if start is None else start
        mean = None if end is None or start is None else (start + end) / 2
        days[code] = (None if mean is None else 360 * mean * period.month / 12, margins[code][1])
    note("receivable_days", "returns", days, share, firms=True, rows=known.finance, least=0.8)

    year = [f"{period.year}-{m:02d}" for m in range(1, period.month + 1)]
    whole = all(("customs_monthly", at) in known.months for at in year)
    for flow, word in (("I", "import"), ("E", "export")):
        lines: dict[str, Pair] = {code: (cell(known.trade, code, flow), 0.0) for code in codes}
        note(f"{word}_usd_m", "customs", lines, total, firms=True, rows=None, least=0)
        sums: dict[str, Pair] = {}
        for code in codes:
            parts = [value for at in year if (value := cell(known.trade, code, flow, at)) is not None]
            sums[code] = (sum(parts) if parts and whole else None, 0.0)
        note(f"{word}_usd_ytd", "customs", sums, total, firms=True, rows=None, least=0)
    for name, measure in (("tickets", "tickets"), ("in_usd", "I"), ("out_usd", "E")):
        through: dict[str, Pair] = {code: (cell(known.bonded, code, measure), 0.0) for code in codes}
        note(f"bonded_{name}", "bonded", through, total, firms=True, rows=None, least=0)
    return found


LEVELS = ("firm", "chain", "town")
"""Finer ones are held against plain loops in tests/indicators."""


def computed(ingested: Ingested, period: Period, known_at: datetime) -> dict[Key, float]:
    pipeline.run(ingested.wh, period, known_at=known_at)
    rows = look.listing(ingested.wh, "indicators", known_at=known_at, period=period)
    return {
        (row["indicator"], row["entity_kind"], row["entity"], row["source"]): row["value"]
        for row in rows
        if row["indicator"] in INDICATORS and row["entity_kind"] in LEVELS and row["value"] is not None
    }


@pytest.mark.parametrize(
    ("period", "feeds"),
    [
        (Period("2024-12"), {"b204_1"}),
        (Period("2025-01"), {"customs_monthly"}),
        (Period("2025-02"), {"b204_1", "b203"}),
        (Period("2025-03"), {"b203", "customs_monthly"}),
        (Period("2025-04"), {"b204_1"}),
    ],
)
def test_indicators_agree_before_and_after_a_refiling(ingested: Ingested, period: Period, feeds: set[str]) -> None:
    calendar = release_calendar()
    before, after = calendar.released_at(period), calendar.released_at(period + 1)
    refiled = {
        file["feed"]
        for file in ingested.town.truth["files"]
        if file["period"] == period and before < datetime.fromisoformat(file["known_at"]) <= after
        and "duplicate_of" not in file
    }  # fmt: skip
    assert feeds <= refiled

    answers = []
    for moment in (before, after):
        expected = plainly(Known(ingested.town, moment), period)
        found = computed(ingested, period, moment)
        assert set(found) == set(expected)
        wrong = {
            key: (found[key], value)
            for key, value in expected.items()
            if not math.isclose(found[key], value, rel_tol=1e-9, abs_tol=1e-12)
        }
        assert wrong == {}
        answers.append(expected)
    assert answers[0] != answers[1], "the re-filing changes something"
    # What was known then still stands so, now that the later run is there as well.
    then = look.listing(ingested.wh, "indicators", known_at=before, period=period, indicator="output_ytd")
    now = {(r["indicator"], r["entity_kind"], r["entity"], r["source"]): r["value"] for r in then
           if r["value"] and r["entity_kind"] in LEVELS}  # fmt: skip
    assert all(math.isclose(value, answers[0][key], rel_tol=1e-9) for key, value in now.items())


def test_every_indicator_was_compared(ingested: Ingested) -> None:
    periods = [p for p in ingested.town.periods if p != "2025-01"]
    moment = release_calendar().released_at(ingested.town.last)
    found = {key[:2] for p in periods for key in plainly(Known(ingested.town, moment), p)}
    firms = {(name, "firm") for name in INDICATORS - {"decline_share"}}
    assert found == firms | {(name, kind) for name in INDICATORS for kind in ("chain", "town")}
