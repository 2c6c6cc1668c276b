"""The appendix tables of the briefing, every cell cleared; titles and heads stand in ``catalog/briefing.yml``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from qxmonitor.catalog.briefing import ApprovedForm, TableForm, briefing_forms
from qxmonitor.catalog.comparison import comparison
from qxmonitor.catalog.indicators import indicators
from qxmonitor.delivery.stories import Story
from qxmonitor.delivery.words import in_wan, join, unit_head
from qxmonitor.disclosure import Cleared, Figures, Gate, TargetProgress
from qxmonitor.disclosure.beside import ComparisonView
from qxmonitor.disclosure.comparison import Compared as Beside
from qxmonitor.disclosure.comparison import Four
from qxmonitor.disclosure.growth import Pull, Waterfall
from qxmonitor.disclosure.published import Beside as Published
from qxmonitor.disclosure.published import PublishedView
from qxmonitor.disclosure.scorecard import ClusterScore
from qxmonitor.period import Period

TREND_MONTHS = 13

_LATE = 5
"""The column of what late firms make of a difference; left out where it may not be told."""

COUNTS = ("files", "rows_read", "accepted", "rejected")


@dataclass(frozen=True)
class Table:
    """One table; every cell is cleared. ``number`` counts the tables of the edition, ``inline`` ones apart."""

    id: Cleared
    number: Cleared
    title: Cleared
    head: tuple[Cleared, ...]
    rows: tuple[tuple[Cleared, ...], ...]
    note: Cleared
    inline: bool = False

    @property
    def kind(self) -> str:
        """What stands before its number."""
        return "表" if self.inline else "附表"


@dataclass(frozen=True)
class Compared:
    """A reference series; ``beside`` where the comparison speaks of it."""

    name: Cleared
    month: Cleared
    value: Cleared
    growth: Cleared
    beside: bool


def key_firms(firms: pd.DataFrame) -> list[str]:
    """The USCC of the key firms of a register."""
    return [str(code) for code in firms.index[firms["key_firm"].fillna(value=False).astype(bool)]]


def firm_source(gate: Gate) -> str:
    """Which source of single firms an edition may show."""
    return "returns" if gate.may("returns", "firm") else "self_report"


def _table(gate: Gate, key: str, rows: Sequence[tuple[Cleared, ...]]) -> Table:
    form = briefing_forms().table(key)
    outside = bool(form.note_outside) and not gate.may("returns", "firm")
    return Table(
        id=gate.word(form, "id"),
        number=gate.count(()),
        title=gate.word(form, "title"),
        head=tuple(gate.line(form, "head", number) for number in range(len(form.head))),
        rows=tuple(rows),
        note=gate.word(form, "note_outside" if outside else "note"),
    )


def numbered(gate: Gate, tables: list[Table]) -> tuple[Table, ...]:
    """The tables with their numbers in this edition."""
    return tuple(replace(table, number=gate.count(tables[: at + 1])) for at, table in enumerate(tables))


def _name(gate: Gate, form: TableForm, key: str) -> Cleared:
    return gate.label(form, "labels", key) if key in form.labels else gate.word(indicators().indicator(key), "name")


def town_table(
    gate: Gate, figures: Figures, period: Period, beside: Sequence[Beside] = (), published: Sequence[Published] = ()
) -> Table:
    """主要经济指标: month and cumulative levels with their growth; approved figures first, then published, then own."""
    form, words = briefing_forms().table("town"), briefing_forms().approved
    told = {f"{entry.flow}_rmb": entry.pair for entry in published}
    stems = {f"{stem}_ytd": stem for stem in form.sources}
    approved = {stems[key]: entry for entry in beside if (key := _key(entry)) in stems}
    rows = [row for entry in beside if _key(entry) not in stems for row in _pair(gate, words, entry)]
    for stem, source in form.sources.items():
        if stem in approved or stem in told:
            first, second = approved.get(stem), told.get(stem)
            name = None if first else _name(gate, form, stem)
            rows += _pair(gate, words, first, second, name)
            continue
        four = [figures.get(f"{stem}_{kind}", period, source=source) for kind in ("m", "growth", "ytd", "growth_ytd")]
        unit = gate.word(indicators().indicator(f"{stem}_ytd").display, "unit")
        rows.append((_name(gate, form, stem), unit, *four))
    return _table(gate, "town", rows)


def _key(entry: Beside) -> str:
    """Our cumulative indicator beside an approved one; '' where nothing of ours is told."""
    return "" if entry.own is None else entry.own.ytd.ref.split("|")[1]


def _pair(
    gate: Gate, words: ApprovedForm, entry: Beside | None, published: Beside | None = None, name: Cleared | None = None
) -> list[tuple[Cleared, ...]]:
    """The approved row, the published one, and ours where there is one."""
    sides = [(side, key) for side, key in ((entry, "approved"), (published, "published")) if side is not None]
    rows = [
        (join((name or side.name, gate.word(words, key)), ""), side.unit, *_four(side.approved)) for side, key in sides
    ]
    own = next((side.own for side, _ in sides if side.own is not None), None)
    return rows if own is None else [*rows, (gate.word(words, "own"), sides[0][0].unit, *_four(own))]


def _four(four: Four) -> tuple[Cleared, ...]:
    return four.m, four.growth, four.ytd, four.growth_ytd


def approved_table(gate: Gate, beside: Sequence[Beside]) -> Table:
    """市局反馈数与本办测算对照: both since January, their difference, and what late firms make of it."""
    rows, none = [], gate.blank()
    for entry in beside:
        theirs, own, gap = entry.approved, entry.own, entry.gap
        ours = (none, none) if own is None else (own.ytd, own.growth_ytd)
        level, late, points = (none, none, none) if gap is None else (gap.level, gap.late or none, gap.points or none)
        rows.append((entry.name, entry.unit, theirs.ytd, ours[0], level, late, theirs.growth_ytd, ours[1], points))
    table = _table(gate, "approved", rows)
    if any(entry.gap is not None and entry.gap.late is not None for entry in beside):
        return table
    return replace(table, head=_without(table.head, _LATE), rows=tuple(_without(row, _LATE) for row in rows))


def published_table(gate: Gate, published: Sequence[Published]) -> Table:
    """海关公布数与本办测算对照: both since January, their difference, and what two years' published levels give."""
    rows, none = [], gate.blank()
    for entry in published:
        pair, gap = entry.pair, entry.pair.gap
        ours = (none, none) if pair.own is None else (pair.own.ytd, pair.own.growth_ytd)
        level, points = (none, none) if gap is None else (gap.level, gap.points or none)
        theirs = pair.approved
        rows.append((pair.name, pair.unit, theirs.ytd, ours[0], level, theirs.growth_ytd, entry.ratio, ours[1], points))
    return _table(gate, "published", rows)


def places_table(gate: Gate, view: PublishedView | None, before: Table | None) -> Table | None:
    """The published trade of the town and the places above it, in the text behind another table."""
    if view is None:
        return None
    lines = (*(() if view.town is None else (view.town,)), *view.others)
    table = _table(gate, "places", [(line.name, *line.figures, line.above) for line in lines])
    title = join((view.year, view.span, table.title), "")
    return replace(table, title=title, number=gate.count([one for one in (before, table) if one]), inline=True)


def _without(row: tuple[Cleared, ...], place: int) -> tuple[Cleared, ...]:
    return (*row[:place], *row[place + 1 :])


def levels_table(gate: Gate, key: str, times: tuple[Mapping[str, Cleared], ...]) -> Table:
    """Some of the town's figures now, a month ago and a year ago."""
    form = briefing_forms().table(key)
    rows = []
    for indicator in form.sources:
        entry = indicators().indicator(indicator)
        rows.append((_name(gate, form, indicator), gate.word(entry.display, "unit"), *(t[indicator] for t in times)))
    return _table(gate, key, rows)


def chain_table(gate: Gate, figures: Figures, chains: Sequence[Cleared], period: Period) -> Table:
    """The chains, in the order of their names given."""
    columns = ("output_m", "output_growth", "output_ytd", "output_growth_ytd", "decline_share")
    order = {chain.ref: rank for rank, chain in enumerate(chains)}
    codes = sorted(figures.entities("chain"), key=lambda code: order[gate.entity("chain", code).ref])
    rows = [
        (gate.entity("chain", code), *(figures.get(key, period, "chain", code, "returns") for key in columns))
        for code in codes
    ]
    return _table(gate, "chains", rows)


def class_table(gate: Gate, figures: Figures, period: Period) -> Table:
    """Output by 4-digit class, largest first; for firm-level rights."""
    return _table(gate, "classes", [(name, *pair) for name, *pair in _detail(gate, figures, "class", period)])


def product_table(gate: Gate, figures: Figures, period: Period) -> Table:
    """Output of the main products, each in its unit; likewise."""
    rows = [(name, unit_head(ytd), ytd, growth) for name, ytd, growth in _detail(gate, figures, "product", period)]
    return _table(gate, "products", rows)


def _detail(gate: Gate, figures: Figures, kind: str, period: Period) -> list[tuple[Cleared, Cleared, Cleared]]:
    rows = []
    for entity in figures.entities(kind):
        ytd, growth = (figures.get(f"{kind}_output_{key}", period, kind, entity) for key in ("ytd", "growth_ytd"))
        if ytd.shown:
            rows.append((gate.entity(kind, entity), ytd, growth))
    return sorted(rows, key=lambda row: (-(row[1].number or 0.0) if kind == "class" else 0.0, row[0].text))


def cluster_table(gate: Gate, scores: Sequence[ClusterScore]) -> Table:
    """产业集群评价: score, rank with its interval, and the figures they stand on, a column each."""
    rows = []
    for entry in scores:
        span = join((entry.best, entry.worst), "—") if entry.rank.shown else entry.rank
        rows.append((entry.name, entry.score, entry.rank, span, entry.known, *(part.figure for part in entry.parts)))
    table = _table(gate, "clusters", rows)
    return replace(table, head=(*table.head, *(part.name for part in scores[0].parts))) if scores else table


def growth_table(gate: Gate, view: Waterfall | None) -> Table:
    """累计产值增速分解: the steps with what each adds to the growth."""
    rows = [(step.name, step.amount, step.points) for step in view.steps] if view else []
    return _table(gate, "growth", rows)


def pulls_table(gate: Gate, pulls: Sequence[Pull]) -> Table:
    """拉动点 of the chains."""
    return _table(gate, "pulls", [(p.name, p.change, p.points) for p in pulls])


def target_table(gate: Gate, targets: Sequence[TargetProgress]) -> Table:
    """Progress of the targets that can be measured."""
    rows = [
        (t.name, unit_head(t.goal), t.goal, t.current, t.share, t.pace, t.ending, t.outlook)
        for t in targets
        if t.outlook is not None
    ]
    return _table(gate, "targets", rows)


def firm_table(gate: Gate, figures: Figures, firms: pd.DataFrame, period: Period) -> Table:
    """The key firms this edition may name."""
    source = firm_source(gate)
    rows = []
    for code in key_firms(firms):
        name = gate.firm(code, source, period, "output_m")
        if name is None:
            continue
        chain = gate.entity("chain", str(firms.loc[code, "chain"] or "other"))
        figure = figures.get("output_m", period, "firm", code, source)
        growth = figures.get("output_growth", period, "firm", code, source)
        rows.append((name, chain, figure, growth, gate.source(source)))
    rows.sort(key=lambda row: (-(row[2].number or -1.0), row[0].text))
    return _table(gate, "firms", rows)


def alert_table(gate: Gate, stories: Sequence[Story]) -> Table:
    """The alerts, most severe first."""
    rows = []
    for story in stories:
        proof = story.evidence
        growth = proof["growth"] or story.rule
        money = (in_wan(proof[name] or gate.blank()) for name in ("current", "base"))
        rows.append((story.entity, story.rule, join((story.level,)), story.opened, *money, growth))
    return _table(gate, "alerts", rows)


def comparison_table(gate: Gate, view: ComparisonView | None) -> Table | None:
    """The town beside province and nation, in the text."""
    if view is None:
        return None
    rows = [(c.label, c.month, c.town, c.province, c.above_province, c.nation, c.above_nation) for c in view.lines]
    return Table(
        gate.word(comparison(), "id"), gate.count((view.title,)), view.title, view.head, tuple(rows), view.note,
        inline=True,
    )  # fmt: skip


def reference_table(gate: Gate, compared: tuple[Compared, ...]) -> Table:
    """The reference series beside the town."""
    return _table(gate, "reference", [(c.name, c.month, unit_head(c.value), c.value, c.growth) for c in compared])


def trend_table(gate: Gate, figures: Figures, period: Period) -> Table:
    """The last thirteen months."""
    form = briefing_forms().table("trend")
    rows = []
    for back in range(TREND_MONTHS - 1, -1, -1):
        month = period - back
        cells = (figures.get(key, month, source=source) for key, source in form.sources.items())
        rows.append((gate.period(month), *cells))
    return _table(gate, "trend", rows)


def quality_table(gate: Gate, receipts: pd.DataFrame) -> Table:
    """By source for the statistics office only; other editions have the totals in the text."""
    rows = []
    if gate.may("quality", "firm"):
        for row in receipts.to_dict("records"):
            counts = gate.tally({name: int(row[name]) for name in COUNTS})
            rows.append((gate.source(str(row["feed"])), *(counts[name] for name in COUNTS)))
    return _table(gate, "quality", rows)


def revisions_table(gate: Gate, revisions: pd.DataFrame) -> Table:
    """What earlier months said, and say now."""
    rows = []
    for row in revisions.to_dict("records"):
        month = Period(str(row["period"]))
        pair = gate.revision({str(k): v for k, v in row.items()}, month)
        if pair is not None:
            entry = indicators().indicator(str(row["indicator"]))
            unit = gate.word(entry.display, "unit")
            rows.append((gate.word(entry, "name"), gate.period(month), *pair, unit))
    return _table(gate, "revisions", rows)
