"""The tracer: a figure's name to what stands behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.catalog.climate import climate
from qxmonitor.catalog.comparison import comparison
from qxmonitor.catalog.indicators import Indicator, indicators
from qxmonitor.errors import QxError
from qxmonitor.indicators.climate import LEADS, READY, climate_rows
from qxmonitor.indicators.detail import KINDS as DETAIL
from qxmonitor.indicators.detail import entities as named_lines
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.formula import FORMULAS, STRUCTURES
from qxmonitor.indicators.levels import PARTS, Levels, level_codes, members
from qxmonitor.indicators.lines import KEYS
from qxmonitor.indicators.published import SOURCE as PUBLISHED
from qxmonitor.indicators.published import stands_on
from qxmonitor.indicators.view import Bools, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.scene import HISTORY
from qxmonitor.trace.catalogued import Setting, settings_of
from qxmonitor.trace.places import COLUMNS, FORMS, Only, Places
from qxmonitor.trace.recording import Recording, Taken
from qxmonitor.warehouse import Warehouse
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]
_SHOWN = 80
TOWN_SCOPE = "全镇"
_TOWN = frozenset({"projects", "tasks", "visits"})
"""Sources whose lines are the town's, whoever they speak of."""


@dataclass(frozen=True)
class Asked:
    """A figure's name taken apart; ``more`` is a source or a reader, '' for the first there is."""

    figure: str
    name: str
    kind: str
    entity: str
    period: Period
    more: str

    @classmethod
    def of(cls, figure: str) -> Asked:
        """Read a name.

        Raises:
            QxError: it is written otherwise.
        """
        parts = figure.split(":")
        if len(parts) not in (4, 5):
            raise QxError(f"指标写法不对：{figure[:_SHOWN]}，应如 output_m:town:town:2026-10")
        try:
            return cls(figure, parts[0], parts[1], parts[2], Period(parts[3]), parts[4] if len(parts) == 5 else "")
        except ValueError:
            raise QxError(f"没有这个指标或月份：{figure[:_SHOWN]}") from None

    def unknown(self) -> QxError:
        return QxError(f"没有这个指标或月份：{self.figure[:_SHOWN]}")


@dataclass
class Stand:
    """What a figure stands on: cells, settings of the catalogue, and other figures by name."""

    cells: list[pd.DataFrame] = field(default_factory=list)
    settings: list[Setting] = field(default_factory=list)
    figures: dict[str, float | None] = field(default_factory=dict)

    def rows(self, figure: str) -> list[Row]:
        """:data:`~qxmonitor.trace.places.COLUMNS`, in order."""
        blank = dict.fromkeys(COLUMNS) | {"figure": figure, "entity": "", "period": "", "read_by": ""}
        found: list[Row] = []
        if self.cells:
            table = pd.concat(self.cells, ignore_index=True).drop_duplicates(
                ["entity", "period", "field", "file", "sheet", "row"]
            )
            table = table.sort_values(["entity", "period", "field", "file", "sheet", "row"]).assign(figure=figure)
            found += [{str(key): _plain(value) for key, value in row.items()} for row in table.to_dict("records")]
        for file, key, value in self.settings:
            found.append(blank | {"what": "parameter", "field": key, "file": file, "cell": key, "value": _plain(value)})
        for name, number in self.figures.items():
            _, _, entity, period, *_ = name.split(":")
            found.append(blank | {"what": "figure", "field": name, "entity": entity, "period": period, "value": number})
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return "、".join(str(part) for part in value)
    return value.item() if hasattr(value, "item") else value


class Tracer:
    """Answers for the figures of a warehouse as known at one time; panels and tables are read once.

    A figure is named ``NAME:ENTITY_KIND:ENTITY:PERIOD[:MORE]``. NAME is an indicator of the catalogue (MORE: its
    source), or one of those made of others (:mod:`qxmonitor.trace.made`).
    """

    def __init__(self, wh: Warehouse, known_at: datetime | None = None) -> None:
        self.wh, self.known_at = wh, known_at
        self.places = Places(wh, known_at)
        self._panels: dict[Period, Panel] = {}

    def panel(self, period: Period) -> Panel:
        """The panel up to a month."""
        if period not in self._panels:
            self._panels[period] = read_panel(self.wh, period, months=HISTORY, known_at=self.known_at)
        return self._panels[period]

    def rows(self, figure: str) -> list[Row]:
        """What stands behind a figure; nothing where there is no such figure in that month.

        Raises:
            QxError: the figure is not written so, or is unknown, or there is nobody or nothing of that name.
        """
        asked = Asked.of(figure)
        head = asked.name.partition(".")[0]
        known = head in MADE or any(entry.id == asked.name for entry in indicators().indicators)
        if known and head != "alert" and not self._there(asked):  # who has an alert may have left the register since
            raise QxError(f"没有这个对象：{asked.kind}:{asked.entity}"[:_SHOWN])
        if head in MADE:
            return MADE[head](self, asked).rows(figure)
        return self._catalogue(asked).rows(figure)

    def _there(self, asked: Asked) -> bool:
        """Whether anything known up to the month goes by the entity's name."""
        panel, kind, entity = self.panel(asked.period), asked.kind, asked.entity
        if kind == "firm":
            return entity in panel.firms.index
        if kind in PARTS:
            return entity in level_codes(panel.firms, kind)[1]
        if kind == "reference":
            return self.places.knows_series(entity)
        if kind in KEYS:
            return bool((panel.trade[KEYS[kind]].astype(str) == entity).any())
        if kind in DETAIL:
            return bool((named_lines(panel.detail)[panel.detail["kind"] == DETAIL[kind]] == entity).any())
        return True  # a kind that is none is refused by name

    # -- indicators of the catalogue -------------------------------------------------------------------------------

    def _catalogue(self, asked: Asked) -> Stand:
        try:
            entry = indicators().indicator(asked.name)
        except KeyError:
            raise asked.unknown() from None
        uses = [u.source for u in entry.sources if asked.kind in u.levels and asked.more in ("", u.source)]
        if not uses:
            raise asked.unknown()
        if uses[0] == "reference":
            return Stand(self.places.reference(asked.entity, _points(entry, asked.period)))
        if uses[0] == PUBLISHED:
            names = next((place.names for place in comparison().places if place.id == asked.entity), None)
            if names is None:
                raise asked.unknown()
            wanted = stands_on(self.panel(asked.period), entry.id, asked.entity, asked.period)
            return Stand(self.places.published(names, asked.entity, wanted))
        if entry.id in READY:
            return self._ready(asked)
        return self._measured(asked, uses[0])

    def _measured(self, asked: Asked, source: str) -> Stand:
        """A figure made of firms' measures, or of lines."""
        panel, name, kind = self.panel(asked.period), asked.name, asked.kind
        view = Recording(panel, [asked.period])
        has: Bools | None = None
        only: dict[str, object] = {}
        if name in FORMULAS:
            parts = FORMULAS[name](view, source)
            has = parts.has if parts.has is not None else _contributing(parts.numerator, parts.denominator)
        elif name in STRUCTURES:
            has = STRUCTURES[name](view, Levels(panel.firms), kind).has
            only = {"tech_upgrade": True} if name.startswith("upgrade_") else {}
        elif kind in DETAIL:
            view.note("detail.ytd", year=False)
            if name.endswith("_growth_ytd"):
                view.note("detail.ly_ytd", year=False)
            code, _, unit = asked.entity.partition("/")
            only |= {"kind": DETAIL[kind], "code": code} | ({"unit": unit} if unit else {})
        else:  # a part of trade: all lines for a share, else its own
            measure = f"customs.{name.partition('_')[0]}_rmb"
            view.note(measure)
            if name.endswith("_growth_ytd"):
                view.note(measure, shift=12)
            only = {} if name.endswith("_share") else {KEYS[kind]: asked.entity}
        behind = _behind(panel, name, kind, asked.entity)
        if has is not None:
            all_firms = panel.firms.index if behind is None else behind
            behind = all_firms[np.asarray(has[panel.firms.index.get_indexer(all_firms), 0], dtype=bool)]
        if _concentrated(name):
            view.note_register("group_name")
        return Stand(self.cells(asked, view.taken, behind, only), settings_of(name))

    def cells(self, asked: Asked, taken: Taken, firms: pd.Index[str] | None, only: Only) -> list[pd.DataFrame]:
        """The cells behind what a formula took, of some firms; None is all, and whoever is no firm of the panel."""
        found: list[pd.DataFrame] = []
        for (source, measure), months in taken.measures.items():
            if source == "parameters":
                found += self.places.parameters(measure, months, _scopes(self.panel(asked.period), firms))
            elif source == "chains":
                chain = None if asked.kind == "town" else asked.entity.partition("/")[0]
                found += self.places.chain_map(chain, asked.period)
            else:
                found += self.places.measure(source, measure, months, None if source in _TOWN else firms, only)
        for form, months in taken.forms.items():
            found += self.places.returns(form, months, firms) if form in FORMS else []
        if taken.register:
            found += self.places.register(taken.register, firms, asked.period)
        return found

    def _ready(self, asked: Asked) -> Stand:
        """A climate figure: other figures, and of the lead of imports their lines as well."""
        panel = self.panel(asked.period)
        view = Recording(panel, [asked.period])
        climate_rows(Engine(view), frozenset({asked.name}))
        stand = Stand([], settings_of(asked.name), self.used(view, asked.kind, asked.entity))
        if asked.name in LEADS:
            months = view.taken.measures.get(("customs", "import_rmb"), set())
            behind = _behind(panel, asked.name, asked.kind, asked.entity)
            chapters = {"chapter": frozenset(climate().lead.chapters)}
            stand.cells += self.places.measure("customs", "import_rmb", months, behind, chapters) if months else []
        return stand

    def used(self, view: Recording, kind: str, entity: str) -> dict[str, float | None]:
        """The figures of an entity that a recording saw used, by name; those that there are, with their values."""
        found: dict[str, float | None] = {}
        for (name, source, level), months in list(view.taken.figures.items()):
            if level != kind:
                continue
            engine = Engine(View(view.panel, sorted(months)))
            entry = indicators().indicator(name)
            use = next(use for use in entry.sources if use.source == source)
            if entity not in engine.entities(level):
                continue
            values = engine.figures(entry, use, level).value[engine.entities(level).index(entity)]
            for month, value in zip(engine.view.periods, values.tolist(), strict=True):
                if np.isfinite(value):
                    found[f"{name}:{kind}:{entity}:{month}:{source}"] = value
        return found


Made = Callable[[Tracer, Asked], Stand]
MADE: dict[str, Made] = {}
"""First word of the name of a figure made of others → what answers for it; filled by :mod:`qxmonitor.trace.made`."""


def made(*words: str) -> Callable[[Made], Made]:
    """Let a function answer for the names that begin so."""

    def register(function: Made) -> Made:
        MADE.update(dict.fromkeys(words, function))
        return function

    return register


def _contributing(numerator: Any, denominator: Any) -> Bools:
    has: Bools = np.isfinite(numerator)
    return has if denominator is None else has | np.isfinite(denominator)


def _concentrated(name: str) -> bool:
    """Whether it matters which group a firm belongs to."""
    return name.startswith(("cr1_", "cr4_", "hhi_", "groups_over_", "single_group", "weak_nodes", "supplier_"))


def _behind(panel: Panel, name: str, kind: str, entity: str) -> pd.Index[str] | None:
    """The firms behind an entity; None: everybody, and whoever is no firm of the panel."""
    if name == "stress_index":  # a place among all
        return panel.firms.index
    if kind == "firm":
        return panel.firms.index[panel.firms.index == entity]
    if name in ("node_weight", "supplier_exposure"):  # the chain is the whole, and whom it supplies
        kind, entity = "chain", entity.partition("/")[0]
    if kind in PARTS and kind != "town":
        return panel.firms.index[members(panel.firms, kind, entity)]
    return None


def _scopes(panel: Panel, firms: pd.Index[str] | None) -> set[str]:
    """Whose parameters can matter: the town's, and those of the firms' industries."""
    rows = panel.firms if firms is None else panel.firms.loc[firms]
    codes, labels = level_codes(rows, "industry")
    return {TOWN_SCOPE, *(labels[code] for code in set(codes.tolist()))}


def _points(entry: Indicator, period: Period) -> set[str]:
    """The points of a reference series that a figure of a month may stand on, as a publisher writes their time."""
    lags = [0, 12] if entry.id.endswith("_growth") else [0]
    lags += [1, 13] if len(lags) > 1 and period.month == 2 else []
    found = set()
    for month in (period - lag for lag in lags):
        found.add(str(month))
        if month.month % 3 == 0:
            found.add(f"{month.year}-Q{month.month // 3}")
        if month.month == 12:
            found.add(f"{month.year}")
    return found


def name_of(ref: str) -> list[str]:
    """The names of the figures behind a shown value's ``ref``; none for words and counts of files.

    >>> name_of("2026-10|output_m|town|town|returns")
    ['output_m:town:town:2026-10:returns']
    >>> name_of("2026-10|decompose_cumulative|town|town|returns|same")
    ['decompose_cumulative.same:town:town:2026-10:returns']
    """
    if "|less|" in ref:
        return [name for part in ref.split("|less|") for name in name_of(part)]
    period, *rest = ref.split("|")
    if len(rest) == 2 and rest[0].startswith("target.") and rest[1] == "need":
        return [f"target_need.{rest[0].removeprefix('target.')}:town:town:{period}"]
    if len(rest) < 4 or not period or rest[0] == "name":
        return []
    name, kind, entity, source = rest[:4]
    name = name.replace("alert:", "alert.")
    if len(rest) > 4 and rest[4] not in ("before", "value", "lamp"):
        name = f"{name}.{rest[4]}"
    return [f"{name}:{kind}:{entity}:{period}:{source}"]
