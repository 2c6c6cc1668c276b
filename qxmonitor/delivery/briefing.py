"""What the briefing 《经济运行监测简报》 shows to one edition: a tree of cleared values, before any layout.

Figures, names, alerts, targets, counts and revisions go through the edition's gate here; the sentences stand in
``templates/briefing``, the tables' titles and heads in ``catalog/briefing.yml``. Word, Excel and html are all written
from this one tree, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from qxmonitor.catalog.briefing import TableForm, briefing_forms
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.office import Edition, office
from qxmonitor.delivery.alerts import LevelGroup, TypeGroup, split
from qxmonitor.delivery.chart import Series, trend
from qxmonitor.delivery.words import in_wan, measure, unit_head, with_unit
from qxmonitor.disclosure import Cleared, Figures, Gate, Picture, TargetProgress
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period

TREND_MONTHS = 13


@dataclass(frozen=True)
class Table:
    """One table; every cell is cleared. ``number`` counts the tables this edition has."""

    id: Cleared
    number: Cleared
    title: Cleared
    head: tuple[Cleared, ...]
    rows: tuple[tuple[Cleared, ...], ...]
    note: Cleared


@dataclass(frozen=True)
class Chain:
    name: Cleared
    level: Cleared
    growth: Cleared


@dataclass(frozen=True)
class Compared:
    """A reference series, with the town's own growth beside it."""

    name: Cleared
    month: Cleared
    value: Cleared
    growth: Cleared
    ours: Cleared


@dataclass(frozen=True)
class Firm:
    name: Cleared
    level: Cleared
    growth: Cleared


@dataclass(frozen=True)
class TargetLine:
    """``judged``: it can be measured, and this edition may see it."""

    name: Cleared
    goal: Cleared
    current: Cleared
    share: Cleared
    verdict: Cleared | None
    judged: bool


@dataclass(frozen=True)
class Quality:
    files: Cleared
    read: Cleared
    accepted: Cleared
    rejected: Cleared
    expected: Cleared
    reported: Cleared
    rate: Cleared
    late: tuple[TypeGroup, ...]


@dataclass(frozen=True)
class Briefing:
    """Everything an edition of the briefing shows."""

    town: Cleared
    paper: Cleared
    issuer: Cleared
    mark: Cleared
    number: Cleared
    edition: Cleared
    edition_note: Cleared
    date: Cleared
    period: Cleared
    year: Cleared
    span: Cleared
    simulated: Cleared | None
    report_to: tuple[Cleared, ...]
    send_to: tuple[Cleared, ...]
    january: bool
    february: bool
    statistical: bool
    now: Mapping[str, Cleared]
    before: Mapping[str, Cleared]
    compared: tuple[Compared, ...]
    chains: tuple[Chain, ...]
    rising: tuple[Chain, ...]
    falling: tuple[Chain, ...]
    hidden_chains: Cleared | None
    targets: tuple[TargetLine, ...]
    unmeasured: tuple[Cleared, ...]
    firms: tuple[Firm, ...]
    falling_firms: tuple[Firm, ...]
    key_firms: Cleared
    unnamed_firms: Cleared | None
    levels: tuple[LevelGroup, ...]
    count: Cleared
    quality: Quality
    revised: Cleared | None
    tables: tuple[Table, ...]
    chart: Picture | None


@dataclass(frozen=True)
class Material:
    """What the pipeline hands in; nothing of it is cleared yet.

    Attributes:
        figures: the indicator frame, at least from January of last year's same month on (13 months for the trend).
        alerts: the alert table as folded up to the period.
        firms: the register, index USCC: name, chain, key_firm.
        progress: as ``indicators.progress`` gives it.
        receipts: feed, files, rows_read, accepted, rejected: one row a feed, already summed.
        revisions: indicator, entity_kind, entity, source, period, before, value, groups_changed; may be empty.
    """

    figures: pd.DataFrame
    alerts: pd.DataFrame
    firms: pd.DataFrame
    progress: pd.DataFrame
    receipts: pd.DataFrame
    revisions: pd.DataFrame


def build(gate: Gate, edition: Edition, period: Period, material: Material, date: datetime) -> Briefing:
    """Clear the material for an edition.

    Args:
        gate: the edition's gate; its reader must be the edition's.
        edition: which.
        period: the month.
        material: what there is.
        date: the issue's date.

    Raises:
        QxError: the gate is for somebody else.
    """
    if gate.reader != edition.reader:
        raise QxError(f"{edition.name}版须用其自己的披露闸口")
    desk, figures = office(), gate.clear(material.figures)
    entries = [e for e in indicators().indicators if any("town" in use.levels for use in e.sources)]
    now, before, year_ago = ({e.id: figures.get(e.id, p) for e in entries} for p in (period, period - 1, period - 12))
    chains = _chains(gate, figures, period)
    firms, unnamed = _firms(gate, figures, material.firms, period)
    targets = gate.progress(material.progress, period)
    groups, late, stories = split(gate, material.alerts, period, date)
    compared = _compared(gate, figures, period)
    revisions = _revisions(gate, material.revisions)
    lines = tuple(TargetLine(t.name, t.goal, t.current, t.share, t.verdict, t.verdict is not None) for t in targets)
    tables = (
        _town_table(gate, figures, period),
        _levels_table(gate, "levels", (now, before, year_ago)),
        _chain_table(gate, figures, period),
        _target_table(gate, targets),
        _firm_table(gate, figures, material.firms, period),
        _levels_table(gate, "bonded", (now, before, year_ago)),
        _reference_table(gate, compared),
        _trend_table(gate, figures, period),
        _quality_table(gate, material.receipts),
        revisions,
    )
    return Briefing(
        town=gate.word(desk, "town"),
        paper=gate.word(desk, "title"),
        issuer=gate.word(desk, "issuer"),
        mark=gate.word(desk, "mark"),
        number=gate.number_of(period),
        edition=gate.word(edition, "name"),
        edition_note=gate.word(edition, "note"),
        date=gate.date(date.astimezone(SHANGHAI).date()),
        period=gate.period(period),
        year=gate.year(period),
        span=gate.span(period),
        simulated=gate.word(desk, "simulated_label") if gate.simulated else None,
        report_to=tuple(gate.line(edition, "report_to", i) for i in range(len(edition.report_to))),
        send_to=tuple(gate.line(edition, "send_to", i) for i in range(len(edition.send_to))),
        january=period.month == 1,
        february=period.month == 2,
        statistical=edition.purpose == "statistics",
        now=now,
        before=before,
        compared=compared,
        chains=tuple(c for c in chains if c.level.shown),
        rising=tuple(c for c in chains if (c.growth.number or 0) > 0),
        falling=tuple(sorted((c for c in chains if (c.growth.number or 0) < 0), key=_lowest)),
        hidden_chains=gate.count(hidden) if (hidden := [c for c in chains if c.level.state == "withheld"]) else None,
        targets=tuple(line for line in lines if line.judged),
        unmeasured=tuple(line.name for line in lines if not line.judged),
        firms=firms,
        falling_firms=tuple(sorted((f for f in firms if (f.growth.number or 0) < 0), key=_lowest)),
        key_firms=gate.register_count(_key_firms(material.firms)),
        unnamed_firms=gate.register_count(unnamed) if unnamed else None,
        levels=groups,
        count=gate.count(stories),
        quality=_quality(gate, figures, material.receipts, period, late),
        revised=gate.count(revisions.rows) if revisions.rows else None,
        tables=_numbered(gate, [table for table in tables if table.rows]),
        chart=_chart(gate, figures, period),
    )  # fmt: skip


# -- pieces ------------------------------------------------------------------------------------------------------


def _lowest(item: Chain | Firm) -> float:
    return item.growth.number or 0.0


def _chains(gate: Gate, figures: Figures, period: Period) -> list[Chain]:
    """Chains by their cumulative output, largest first; 其他 and those not given last."""
    found = [
        (
            code,
            Chain(
                gate.entity("chain", code),
                figures.get("output_ytd", period, "chain", code, "returns"),
                figures.get("output_growth_ytd", period, "chain", code, "returns"),
            ),
        )
        for code in figures.entities("chain")
    ]
    found.sort(key=lambda pair: (pair[0] == "other", -(pair[1].level.number or -1.0), pair[0]))
    return [chain for _, chain in found]


def _key_firms(firms: pd.DataFrame) -> list[str]:
    return [str(code) for code in firms.index[firms["key_firm"].fillna(value=False).astype(bool)]]


def _source(gate: Gate) -> str:
    return "returns" if gate.may("returns", "firm") else "self_report"


def _firms(gate: Gate, figures: Figures, firms: pd.DataFrame, period: Period) -> tuple[tuple[Firm, ...], list[str]]:
    """Key firms that may be named, largest first, and the codes of the others."""
    source, named, unnamed = _source(gate), [], []
    for code in _key_firms(firms):
        name = gate.firm(code, source, period, "output_m")
        if name is None:
            unnamed.append(code)
            continue
        level = figures.get("output_m", period, "firm", code, source)
        named.append(Firm(name, level, figures.get("output_growth", period, "firm", code, source)))
    named.sort(key=lambda firm: (-(firm.level.number or -1.0), firm.name.text))
    return tuple(named), unnamed


def _compared(gate: Gate, figures: Figures, period: Period) -> tuple[Compared, ...]:
    rows = []
    for code in figures.entities("reference"):
        latest = figures.latest("reference_value", code, "reference", period)
        if latest is None:
            continue
        month, value = latest
        growth = figures.get("reference_growth", month, "reference", code, "reference")
        ours = figures.get("output_growth", month, source="returns")
        rows.append(Compared(gate.entity("reference", code), gate.period(month), value, growth, ours))
    return tuple(rows)


def _quality(
    gate: Gate, figures: Figures, receipts: pd.DataFrame, period: Period, late: tuple[TypeGroup, ...]
) -> Quality:
    sums = {name: int(receipts[name].sum()) if len(receipts) else 0 for name in _COUNTS}
    counts = gate.tally(sums)
    return Quality(
        files=counts["files"],
        read=counts["rows_read"],
        accepted=counts["accepted"],
        rejected=counts["rejected"],
        expected=figures.get("firms_expected", period),
        reported=figures.get("firms_reported", period),
        rate=figures.get("reporting_rate", period),
        late=late,
    )


def _chart(gate: Gate, figures: Figures, period: Period) -> Picture | None:
    form = briefing_forms().chart
    months = [period - back for back in range(TREND_MONTHS - 1, -1, -1)]
    series = [
        Series(
            gate.label(form, "series", key),
            tuple((gate.period(month), figures.get(key, month, source="returns")) for month in months),
        )
        for key in form.series
    ]
    if not any(figure.shown for line in series for _, figure in line.points):
        return None
    return trend(gate.reader, gate.word(form, "title"), gate.word(form, "axis"), series)


# -- tables ------------------------------------------------------------------------------------------------------

_COUNTS = ("files", "rows_read", "accepted", "rejected")


def _table(gate: Gate, key: str, rows: Sequence[tuple[Cleared, ...]]) -> Table:
    form = briefing_forms().table(key)
    return Table(
        id=gate.word(form, "id"),
        number=gate.count(()),
        title=gate.word(form, "title"),
        head=tuple(gate.line(form, "head", number) for number in range(len(form.head))),
        rows=tuple(rows),
        note=gate.word(form, "note"),
    )


def _numbered(gate: Gate, tables: list[Table]) -> tuple[Table, ...]:
    return tuple(replace(table, number=gate.count(tables[: at + 1])) for at, table in enumerate(tables))


def _name(gate: Gate, form: TableForm, key: str) -> Cleared:
    return gate.label(form, "labels", key) if key in form.labels else gate.word(indicators().indicator(key), "name")


def _town_table(gate: Gate, figures: Figures, period: Period) -> Table:
    form = briefing_forms().table("town")
    rows = []
    for stem, source in form.sources.items():
        four = [figures.get(f"{stem}_{kind}", period, source=source) for kind in ("m", "growth", "ytd", "growth_ytd")]
        unit = gate.word(indicators().indicator(f"{stem}_ytd").display, "unit")
        rows.append((_name(gate, form, stem), unit, *four))
    return _table(gate, "town", rows)


def _levels_table(gate: Gate, key: str, times: tuple[Mapping[str, Cleared], ...]) -> Table:
    form = briefing_forms().table(key)
    rows = []
    for indicator in form.sources:
        entry = indicators().indicator(indicator)
        rows.append((_name(gate, form, indicator), gate.word(entry.display, "unit"), *(t[indicator] for t in times)))
    return _table(gate, key, rows)


def _chain_table(gate: Gate, figures: Figures, period: Period) -> Table:
    columns = ("output_m", "output_growth", "output_ytd", "output_growth_ytd", "decline_share")
    order = {chain.name.ref: rank for rank, chain in enumerate(_chains(gate, figures, period))}
    codes = sorted(figures.entities("chain"), key=lambda code: order[gate.entity("chain", code).ref])
    rows = [
        (gate.entity("chain", code), *(figures.get(key, period, "chain", code, "returns") for key in columns))
        for code in codes
    ]
    return _table(gate, "chains", rows)


def _target_table(gate: Gate, targets: Sequence[TargetProgress]) -> Table:
    rows = [
        (t.name, measure(t.goal), with_unit(t.current), t.share, with_unit(t.pace), t.verdict or t.current)
        for t in targets
    ]
    return _table(gate, "targets", rows)


def _firm_table(gate: Gate, figures: Figures, firms: pd.DataFrame, period: Period) -> Table:
    source = _source(gate)
    rows = []
    for code in _key_firms(firms):
        name = gate.firm(code, source, period, "output_m")
        if name is None:
            continue
        chain = gate.entity("chain", str(firms.loc[code, "chain"] or "other"))
        figure = figures.get("output_m", period, "firm", code, source)
        growth = figures.get("output_growth", period, "firm", code, source)
        rows.append((name, chain, in_wan(figure), growth, gate.source(source)))
    rows.sort(key=lambda row: (-(row[2].number or -1.0), row[0].text))
    return _table(gate, "firms", rows)


def _reference_table(gate: Gate, compared: tuple[Compared, ...]) -> Table:
    return _table(gate, "reference", [(c.name, c.month, unit_head(c.value), c.value, c.growth) for c in compared])


def _trend_table(gate: Gate, figures: Figures, period: Period) -> Table:
    form = briefing_forms().table("trend")
    rows = []
    for back in range(TREND_MONTHS - 1, -1, -1):
        month = period - back
        cells = (figures.get(key, month, source=source) for key, source in form.sources.items())
        rows.append((gate.period(month), *cells))
    return _table(gate, "trend", rows)


def _quality_table(gate: Gate, receipts: pd.DataFrame) -> Table:
    """By source for the statistics office only; other editions have the totals in the text."""
    rows = []
    if gate.may("quality", "firm"):
        for row in receipts.to_dict("records"):
            counts = gate.tally({name: int(row[name]) for name in _COUNTS})
            rows.append((gate.source(str(row["feed"])), *(counts[name] for name in _COUNTS)))
    return _table(gate, "quality", rows)


def _revisions(gate: Gate, revisions: pd.DataFrame) -> Table:
    rows = []
    for row in revisions.to_dict("records"):
        month = Period(str(row["period"]))
        pair = gate.revision({str(k): v for k, v in row.items()}, month)
        if pair is not None:
            entry = indicators().indicator(str(row["indicator"]))
            unit = gate.word(entry.display, "unit")
            rows.append((gate.word(entry, "name"), gate.period(month), *pair, unit))
    return _table(gate, "revisions", rows)
