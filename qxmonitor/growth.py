"""The decomposition of growth from the warehouse, for the briefing and for the statistics office's own eyes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.briefing import briefing_forms
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.files import write_private
from qxmonitor.delivery.growth import growth_xlsx
from qxmonitor.delivery.waterfall import waterfall
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.growth import exact_waterfall
from qxmonitor.errors import QxError
from qxmonitor.indicators.contribute import contributions
from qxmonitor.indicators.decompose import PARTS, Basis, Level, decompose
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.linked import linked
from qxmonitor.indicators.real import PRICE, RATE, missing
from qxmonitor.indicators.seasonal import SHORT, adjust
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.warehouse import Warehouse, asof
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]
MONTHS = 24
"""Months of a decomposition's panel: last year's rates of every month since its January stand in real growth."""
SEASONAL_MONTHS = 84
"""Months a seasonal adjustment looks back: seven years tell the festival from the season."""
_REAL = ("output_real_growth", "output_real_growth_ytd", "value_added_ytd", "value_added_real_growth_ytd")


_PARAMETERS = {RATE: "增加值率", PRICE: "工业生产者出厂价格指数"}


def register_then(wh: Warehouse, period: Period, recorded_at: datetime | None) -> pd.DataFrame:
    """The register as known when the same month of last year was released, index USCC; may be empty."""
    known_at = release_calendar().released_at(period - 12)
    return asof.read(wh, "register_entry", known_at=known_at, recorded_at=recorded_at).set_index("subject")


def town_growth(wh: Warehouse, panel: Panel, period: Period, recorded_at: datetime | None) -> pd.DataFrame:
    """The town's cumulative decomposition of a month, for the statistics office's briefing."""
    return decompose(panel, [period], basis="cumulative", before=register_then(wh, period, recorded_at))


def rows(
    wh: Warehouse,
    period: Period,
    *,
    entity: str = "town",
    basis: Basis = "cumulative",
    known_at: datetime | None = None,
) -> list[Row]:
    """One decomposition and the contributions under it, as flat rows.

    Args:
        wh: an open warehouse.
        period: the month.
        entity: ``town``, ``chain:ID`` or ``industry:NN`` (two digits of GB/T 4754).
        basis: the month, or from January on.
        known_at: as known then.

    Returns:
        The decomposition first (``what`` is its part; one row without amount where there is none), then, for the
        town, the chains' and industries' contributions (``what`` is ``pull``): period, basis, entity_kind, entity,
        what, name, amount (千元), points (percentage points), firms, state, reason.

    Raises:
        QxError: the entity is written otherwise, or has no firms.
    """
    panel, row = _decomposed(wh, period, entity, basis, known_at)
    if row["entity_kind"] != "town":
        return _parts(row)
    return [*_parts(row), *_real(panel, period, basis), *_pulls(panel, period, basis)]


def seasonal(wh: Warehouse, period: Period, *, entity: str = "town", known_at: datetime | None = None) -> list[Row]:
    """The seasonally adjusted output of the town or of a chain up to a month, as flat rows.

    Args:
        wh: an open warehouse.
        period: the last month.
        entity: ``town``, ``chain:ID`` or ``industry:NN``.
        known_at: as known then.

    Returns:
        One row a slot (February stands for January and February, a month's mean): period, entity_kind, entity,
        original (on the basis of the first year), adjusted, trend (千元 a month), change (on the slot before, a
        fraction), factor, state, reason; of a series that is too short the last slot alone, with the reason.

    Raises:
        QxError: the entity is written otherwise, or has no firms.
    """
    level, key = _entity(entity)
    panel = read_panel(wh, period, months=SEASONAL_MONTHS, known_at=known_at)
    entities, periods, values = linked(panel, level=level)
    if key not in entities:
        raise QxError(f"没有这个对象的产值数据：{entity[:40]}")
    told = np.flatnonzero(np.isfinite(values).any(axis=0))
    found = adjust(periods[told[0] :], values[[entities.index(key)], told[0] :])
    head = {"entity_kind": level, "entity": key}
    if not found.enough[0]:
        return [
            head | dict.fromkeys(("original", "adjusted", "trend", "change", "factor"))
            | {"period": str(period), "state": "expected-absent", "reason": SHORT}
        ]  # fmt: skip
    table = pd.DataFrame(
        {
            "period": [str(p) for p in found.periods], "original": found.original[0], "adjusted": found.adjusted[0],
            "trend": found.trend[0], "change": found.change[0], "factor": found.factor[0],
        }
    )  # fmt: skip
    known = table["adjusted"].notna()
    table = table.assign(state=np.where(known, "value", "expected-absent"), reason=np.where(known, "", "缺数"), **head)
    return [
        {str(k): None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()}
        for row in table.to_dict("records")
    ]


def write(
    wh: Warehouse,
    period: Period,
    out: Path,
    *,
    entity: str = "town",
    basis: Basis = "cumulative",
    known_at: datetime | None = None,
) -> list[Row]:
    """Draw the waterfall (.png) or write the parts and contributions with firms (.xlsx) for the statistics office.

    Raises:
        QxError: another kind of file, no such entity, or nothing to draw, with the reason.
    """
    if out.suffix not in (".png", ".xlsx"):
        raise QxError("输出文件须为 .png 或 .xlsx")
    panel, row = _decomposed(wh, period, entity, basis, known_at)
    parts = _parts(row)
    if out.suffix == ".png":
        content = _picture(panel, row)
    else:
        pulls = _pulls(panel, period, basis, firms=True) if row["entity_kind"] == "town" else []
        content = growth_xlsx(period, basis, parts, pulls, simulated=panel.simulated)
    write_private(out, content)
    return parts


def _decomposed(
    wh: Warehouse, period: Period, entity: str, basis: Basis, known_at: datetime | None
) -> tuple[Panel, Row]:
    level, key = _entity(entity)
    recorded_at = wh.newest_recorded()
    panel = read_panel(wh, period, months=MONTHS, known_at=known_at, recorded_at=recorded_at)
    if panel.firms.empty:
        raise QxError("企业名录中还没有企业")
    before = register_then(wh, period, recorded_at)
    frame = decompose(panel, [period], basis=basis, level=level, before=before)
    mine = frame[frame["entity"] == key]
    if mine.empty:
        raise QxError(f"没有这个对象：{entity[:40]}")
    return panel, {str(name): value for name, value in mine.iloc[0].items()}


def _entity(entity: str) -> tuple[Level, str]:
    """``chain:C01`` as level and id.

    Raises:
        QxError: it is written otherwise.
    """
    kind, _, key = entity.partition(":")
    levels: dict[str, Level] = {"town": "town", "chain": "chain", "industry": "industry"}
    if kind not in levels or bool(key) == (kind == "town"):
        raise QxError(f"对象写法不对：{entity[:40]}，应为 town、chain:编号 或 industry:两位行业代码")
    return levels[kind], key or "town"


def _real(panel: Panel, period: Period, basis: Basis) -> list[Row]:
    """Real growth and value added of the town, or which parameters are missing."""
    view = View(panel, [period])
    engine = Engine(view)
    names = {entry.id: entry for entry in indicators().indicators if entry.id in _REAL}
    lacking = "、".join(_PARAMETERS[name] for name in missing(view))
    why = f"缺少参数：{lacking}" if lacking else "没有可用的报表，或缺少上年增加值率"
    if period.month == 1:
        why = briefing_forms().waterfall.reasons["january"]
    found = []
    for key, entry in names.items():
        if key.endswith("_ytd") == (basis == "month"):
            continue
        figures = engine.figures(entry, entry.sources[0], "town")
        value = float(figures.value[0, 0])
        known, rate = bool(np.isfinite(value)), entry.unit == "1"
        found.append(
            {
                "period": str(period), "basis": basis, "entity_kind": "town", "entity": "town", "what": key,
                "name": entry.name, "amount": None if rate or not known else value,
                "points": value * 100.0 if rate and known else None, "firms": None,
                "state": DatumState(int(figures.state[0, 0])).word,
                "reason": "" if known else why,
            }
        )  # fmt: skip
    return found


def _parts(row: Row) -> list[Row]:
    form = briefing_forms().waterfall
    head = {name: row[name] for name in ("period", "basis", "entity_kind", "entity")}
    known, base = row["state"] == "value", row["base"]
    found: list[Row] = []
    for key in ("base", *PARTS, "level") if known else ("level",):
        end = key in ("base", "level")
        amount = float(row[key]) if known else None
        points = None if end or not known or not base > 0 else float(row[key]) / base * 100.0
        found.append(
            head
            | {
                "what": key, "name": form.steps[key], "amount": amount, "points": points,
                "firms": None if end else int(row[f"firms_{key}"]), "state": row["state"],
                "reason": form.reasons.get(row["reason"], ""),
            }
        )  # fmt: skip
    return found


def _pulls(panel: Panel, period: Period, basis: Basis, *, firms: bool = False) -> list[Row]:
    frames = [
        contributions(panel, [period], by="chain", basis=basis),
        contributions(panel, [period], by="industry", basis=basis),
    ]
    if firms:
        frames.append(contributions(panel, [period], by="firm", basis=basis))
    names = dict(zip(panel.chains["chain"], panel.chains["chain_name"], strict=True)) | {"other": "其他"}
    names |= panel.firms["name"].to_dict()
    table = pd.concat(frames, ignore_index=True)
    table = table.assign(
        what="pull", name=table["entity"].map(names).fillna(table["entity"]), amount=table["change"],
        points=(table["points"] * 100.0).astype(object).where(np.isfinite(table["points"]), None), firms=None,
        state="value", reason="",
    )  # fmt: skip
    columns = [
        "period", "basis", "entity_kind", "entity", "what", "name", "amount", "points", "firms", "state", "reason",
    ]  # fmt: skip
    return [{str(key): value for key, value in row.items()} for row in table[columns].to_dict("records")]


def _picture(panel: Panel, row: Row) -> bytes:
    none = pd.DataFrame({name: pd.Series(dtype=object) for name in ("subject", "items", "readers", "since", "until")})
    gate = Gate(
        "stats", "statistics", authorisations=none, simulated=panel.simulated, firms=panel.firms, chains=panel.chains
    )
    form = briefing_forms().waterfall
    view = exact_waterfall(gate, form, row)
    if view is None:
        raise QxError(f"无法作图：{form.reasons.get(row['reason'], '没有可分解的数据')}")
    mark = gate.word(office(), "simulated_label") if panel.simulated else None
    return waterfall(gate, form, view, gate.word(form, "title"), mark).png
