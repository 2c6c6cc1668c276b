"""The cells of facts: which rows of which tables bear a measure, and where each stands."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from qxmonitor.catalog.comparison import plain_name
from qxmonitor.feeds.rulings import rulings_of
from qxmonitor.indicators.published import Told
from qxmonitor.period import Period
from qxmonitor.period import months as months_between
from qxmonitor.warehouse import Warehouse, asof, cells, sql
from qxmonitor.warehouse.core import FOREVER

COLUMNS = ["figure", "what", "entity", "period", "field", "file", "sheet", "row", "cell", "value", "read_by"]
"""Of every row of a trace; ``what`` is ``cell``, ``parameter`` (of the catalogue) or ``figure`` (that is traced by its
name in ``field``)."""

FORMS = {"b204_1": "output_return", "b203": "finance_return", "self_report": "self_report"}
"""Form → table, of forms whose arrival alone can be what a figure counts."""

_STOCK = {"usd": "usd", "overdue_usd": "usd", "aged": "in_on", "weight": "usd"}
"""Measure of the stock → what stands in the ledger."""

_FLOWS = {"import": ("I",), "export": ("E",), "trade": ("I", "E"), "in": ("I",), "out": ("E",), "tickets": ("I", "E")}

Only = Mapping[str, object]
"""Column → what must stand in a line: one value, or a set of them; ``chapter`` is the first two digits of ``hs``."""


class Places:
    """The fact rows of a warehouse as of one time; each table is read once a span."""

    def __init__(self, wh: Warehouse, known_at: datetime | None) -> None:
        self.wh, self.known_at = wh, known_at
        self._tables: dict[tuple[str, str, str], pd.DataFrame] = {}
        contents = wh.frame(sql.query("file_cells")).set_index("file_id")
        self._cells = contents["cells"].astype(str).to_dict()
        self._parsed: dict[Any, dict[str, str]] = {}
        self._file = contents["file"]
        self._read_by = {
            key: "；".join(r.note for r in rulings_of(words)) for key, words in contents["reading"].items()
        }

    def measure(
        self, source: str, measure: str, months: set[Period], firms: pd.Index[str] | None, only: Only
    ) -> list[pd.DataFrame]:
        """The cells of one measure of the panel, a frame a table that holds it.

        Args:
            source: of the panel.
            measure: of the panel.
            months: of which.
            firms: whose; None is all, and whoever is no firm of the panel.
            only: what else must stand in a line.
        """
        found = []
        for table in cells.TABLES[source]:
            facts = self._facts(table, months)
            facts = facts[facts["period"].isin([str(month) for month in months])]
            named = facts["entity"] if "entity" in facts else facts["thing"]
            facts = facts.assign(entity=named.where(named.notna(), ""))
            facts = facts if firms is None else facts[facts["entity"].isin(firms)]
            facts, column = _bearing(_only(facts, only), measure)
            if column in facts:
                found.append(self._placed(cells.bearing(facts[facts[column].notna()], column), column))
        return found

    def register(self, columns: Iterable[str], firms: pd.Index[str] | None, period: Period) -> list[pd.DataFrame]:
        """The register's cells of some firms; what is blank has none."""
        rows = self._whole("register_entry").assign(period=str(period))
        rows = rows.assign(entity=rows["subject"])
        rows = rows if firms is None else rows[rows["entity"].isin(firms)]
        return [self._placed(rows[rows[name].notna() & (rows[name] != "")], name) for name in sorted(columns)]

    def returns(self, form: str, months: set[Period], firms: pd.Index[str] | None) -> list[pd.DataFrame]:
        """The lines in which a form came, each counted as 1."""
        rows = self._facts(FORMS[form], months)
        rows = rows[rows["period"].isin([str(month) for month in months])]
        rows = rows if firms is None else rows[rows["entity"].isin(firms)]
        return [self._placed(rows.assign(here=1.0), "here")]

    def parameters(self, name: str, months: set[Period], scopes: set[str]) -> list[pd.DataFrame]:
        """Monthly parameters handed down, of some scopes."""
        rows = self._facts("monthly_parameter", months)
        mine = rows["period"].isin([str(month) for month in months]) & rows["scope"].isin(scopes)
        rows = rows[mine & (rows["parameter"] == name)]
        return [self._placed(rows.assign(entity=rows["scope"]), "value").assign(field=name)]

    def chain_map(self, chain: str | None, period: Period) -> list[pd.DataFrame]:
        """Who supplies whom, of one chain or of all."""
        rows = self._whole("chain_node").assign(period=str(period))
        rows = rows if chain is None else rows[rows["chain"] == chain]
        rows = rows.assign(entity=rows["chain"].astype(str) + "/" + rows["node"].astype(str))
        return [self._placed(rows[rows["upstream"].notna() & (rows["upstream"] != "")], "upstream")]

    def reference(self, series: str, periods: set[str]) -> list[pd.DataFrame]:
        """Points of a reference series; a series has a column of its own, or the file one of values."""
        rows = self._whole("reference_point")
        rows = rows[(rows["series"] == series) & rows["period"].isin(periods)].assign(entity=series)
        own = self._placed(rows, "value", heads=[series, "value"])
        return [own.assign(field=series)]

    def knows_series(self, series: str) -> bool:
        """Whether any point of a reference series is known."""
        return bool((self._whole("reference_point")["series"] == series).any())

    def approved(self, indicator: str, measure: str, column: str, period: Period) -> list[pd.DataFrame]:
        """An approved figure's own cell."""
        rows = self._whole("approved_figure")
        mine = (rows["indicator"] == indicator) & (rows["measure"] == measure) & (rows["period"] == str(period))
        rows = rows[mine & rows[column].notna()].assign(entity="town")
        head = measure if column == "value" else f"growth_{measure}"
        return [self._placed(rows, column, heads=[head]).assign(field=f"{indicator}.{measure}.{column}")]

    def published(self, names: Sequence[str], place: str, wanted: Iterable[Told]) -> list[pd.DataFrame]:
        """The cells of published figures of a place, by the names it goes by: a table's, else a download's lines."""
        rank = {plain_name(name): at for at, name in enumerate(names)}
        found = []
        for item, part, month in wanted:
            rows = self._facts("published_trade", {month})
            rows = rows.assign(entity=place, rank=rows["place"].map(plain_name).map(rank))
            rows = rows[rows["rank"].notna() & (rows["item"] == item) & rows[part].notna()]
            rows = rows.sort_values(["known_at", "rank"], ascending=[False, True]).head(1)
            if rows.empty and part == "value":
                found.append(self._download(rank, place, item, month))
            else:
                found.append(self._placed(rows, part, heads=[f"{item}.{part}"]).assign(field=f"{item}.{part}"))
        return found

    def _download(self, rank: Mapping[str, int], place: str, item: str, month: Period) -> pd.DataFrame:
        flow, currency, _ = item.split("_")
        span = (self.known_at or FOREVER, FOREVER, str(month), str(month))
        sums = self.wh.frame(sql.query("panel_downloads"), *span)
        sums = sums.assign(rank=sums["place"].astype(str).map(plain_name).map(rank))
        sums = sums[(sums["flow"] == flow[0].upper()) & (sums["currency"] == currency)]
        first = sums[sums["rank"].notna()].sort_values(["known_at", "rank"], ascending=[False, True]).head(1)
        lines = [
            self.wh.frame(sql.query("published_lines"), file_id, str(month), district, side)
            for file_id, district, side in first[["file_id", "place", "flow"]].to_numpy(dtype=object).tolist()
        ]
        rows = pd.concat(lines) if lines else pd.DataFrame(columns=["file_id", "sheet", "row", "period", currency])
        return self._placed(rows.assign(entity=place), currency).assign(field=item)

    # -- reading ---------------------------------------------------------------------------------------------------

    def _facts(self, table: str, months: set[Period]) -> pd.DataFrame:
        span = (table, str(min(months)), str(max(months)))
        if span not in self._tables:
            first, last = min(months), max(months)
            if table == "monthly_parameter":
                found = asof.read(self.wh, table, first=first, last=last, known_at=self.known_at)
            else:
                found = cells.facts(self.wh, table, months_between(first, last), self.known_at)
            self._tables[span] = found.assign(period=found["period"].astype(str))
        return self._tables[span]

    def _whole(self, table: str) -> pd.DataFrame:
        if (table, "", "") not in self._tables:
            self._tables[table, "", ""] = asof.read(self.wh, table, known_at=self.known_at)
        return self._tables[table, "", ""]

    def _placed(self, facts: pd.DataFrame, column: str, heads: list[str] | None = None) -> pd.DataFrame:
        where = [
            self._cell(file_id, str(sheet), int(row), heads or [column])
            for file_id, sheet, row in zip(facts["file_id"], facts["sheet"], facts["row"], strict=True)
        ]
        return facts.assign(
            figure="", what="cell", field=column, value=facts[column].astype(object), cell=where,
            file=facts["file_id"].map(self._file), read_by=facts["file_id"].map(self._read_by),
        )[COLUMNS]  # fmt: skip

    def _cell(self, file_id: Any, sheet: str, row: int, heads: list[str]) -> str:
        if file_id not in self._parsed:
            self._parsed[file_id] = json.loads(self._cells[file_id])
        known = self._parsed[file_id]
        head = next((name for name in heads if f"{sheet}|{name}" in known), heads[-1])
        return cells.cell(known, sheet, row, head)


def _only(facts: pd.DataFrame, only: Only) -> pd.DataFrame:
    for column, wanted in only.items():
        if column not in facts and not (column == "chapter" and "hs" in facts):
            continue
        said = facts["hs"].str[:2] if column == "chapter" else facts[column]
        if column == "code":  # a product without a code, or with its line's number, goes by its name (panel_detail.sql)
            numbered = (facts["kind"] == "product") & (facts["name"] != "") & said.str.fullmatch("[0-9]{1,2}")
            said = said.where((said != "") & ~numbered, facts["name"])
        facts = facts[said.isin(wanted) if isinstance(wanted, set | frozenset) else said == wanted]
    return facts


def _bearing(facts: pd.DataFrame, measure: str) -> tuple[pd.DataFrame, str]:
    """The lines that bear a measure, and the column it stands in."""
    if "limit_on" in facts:
        return facts, _STOCK[measure]
    if "flow" in facts:
        flow, _, unit = measure.partition("_")
        facts = facts[facts["flow"].isin(_FLOWS[flow])]
        facts = facts[facts["living"]] if "living" in facts else facts
        return facts, unit if unit in facts else "usd"
    return facts, measure
