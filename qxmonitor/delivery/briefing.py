"""What the briefing 《经济运行监测简报》 shows to one edition: a tree of cleared values, before any layout.

Figures, names, alerts, targets, counts and revisions go through the edition's gate here; the sentences stand in
``templates/briefing``, the tables' titles and heads in ``catalog/briefing.yml``. Word, Excel and html are all written
from this one tree, so that they cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pandas as pd

from qxmonitor.catalog.briefing import briefing_forms
from qxmonitor.catalog.comparison import comparison
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.office import Edition, office
from qxmonitor.catalog.scorecards import scorecards
from qxmonitor.delivery.alerts import Known
from qxmonitor.delivery.gist import Standings, standings
from qxmonitor.delivery.illustrations import (
    Illustration,
    growth_steps,
    growth_trend,
    illustration,
    lamp_strip,
    node_map,
)
from qxmonitor.delivery.reception import Moved, Quality, moved, quality, refiled
from qxmonitor.delivery.standing import Standing, standing
from qxmonitor.delivery.stories import PlanGroup, Story, by_basis, by_plan
from qxmonitor.delivery.tables import (
    Compared,
    Table,
    alert_table,
    approved_table,
    chain_table,
    class_table,
    cluster_table,
    comparison_table,
    firm_source,
    firm_table,
    growth_table,
    key_firms,
    levels_table,
    numbered,
    places_table,
    product_table,
    published_table,
    pulls_table,
    quality_table,
    reference_table,
    revisions_table,
    target_table,
    town_table,
    trend_table,
)
from qxmonitor.disclosure import Cleared, Figures, Gate, TargetNeed, TargetProgress, progress, target_needs
from qxmonitor.disclosure import comparison as approval
from qxmonitor.disclosure.beside import comparison_view
from qxmonitor.disclosure.chainmap import MapChain, chain_maps
from qxmonitor.disclosure.climate import ClimateView, climate_view
from qxmonitor.disclosure.growth import (
    Pull,
    Waterfall,
    derived_pulls,
    derived_waterfall,
    exact_pulls,
    exact_waterfall,
)
from qxmonitor.disclosure.published import PublishedView, published_beside, published_view
from qxmonitor.disclosure.scorecard import ClusterScore, cluster_scores
from qxmonitor.disclosure.tasks import Appeals, TaskReport, appeals, task_report
from qxmonitor.disclosure.values import NOTHING
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period


@dataclass(frozen=True)
class Chain:
    name: Cleared
    level: Cleared
    growth: Cleared


@dataclass(frozen=True)
class Node:
    """A node of a chain that is weak, and why."""

    name: Cleared
    reasons: tuple[Cleared, ...]


@dataclass(frozen=True)
class Firm:
    name: Cleared
    level: Cleared
    growth: Cleared


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
    approved: tuple[approval.Compared, ...]
    apart: tuple[approval.Compared, ...]
    compared: tuple[Compared, ...]
    comparison: Table | None
    published: PublishedView | None
    published_apart: tuple[approval.Compared, ...]
    places: Table | None
    chains: tuple[Chain, ...]
    rising: tuple[Chain, ...]
    falling: tuple[Chain, ...]
    hidden_chains: Cleared | None
    weak_nodes: tuple[Node, ...]
    no_map: Cleared | None
    clusters: tuple[ClusterScore, ...]
    targets: tuple[TargetProgress, ...]
    needs: tuple[TargetNeed, ...]
    unmeasured: tuple[Cleared, ...]
    standings: Standings
    tasks: TaskReport | None
    appeals: Appeals | None
    firms: tuple[Firm, ...]
    falling_firms: tuple[Firm, ...]
    told_firms: bool
    stopped_firms: tuple[Firm, ...]
    key_firms: Cleared
    unnamed_firms: Cleared | None
    alerts: Standing
    plans: tuple[PlanGroup, ...]
    bases: tuple[Story, ...]
    festival: Cleared | None
    count: Cleared
    quality: Quality
    revised: Cleared | None
    refiled: Mapping[str, Cleared] | None
    moved: tuple[Moved, ...]
    growth: Waterfall | None
    growth_why: Cleared | None
    pulls: tuple[Pull, ...]
    tables: tuple[Table, ...]
    waterfall: Illustration | None
    climate: ClimateView | None
    lamps: Illustration | None
    chart: Illustration | None
    map: Illustration | None

    @property
    def pictures(self) -> Mapping[str, Illustration | None]:
        """The illustrations by the name a script calls them."""
        return {"waterfall": self.waterfall, "lamps": self.lamps, "trend": self.chart, "map": self.map}

    @property
    def all_tables(self) -> tuple[Table, ...]:
        """Those in the text and those after it."""
        return (*(table for table in self.inline.values() if table is not None), *self.tables)

    @property
    def inline(self) -> Mapping[str, Table | None]:
        """The tables in the text by the name a script calls them."""
        return {"comparison": self.comparison, "places": self.places}


@dataclass(frozen=True)
class Material:
    """What the pipeline hands in; nothing of it is cleared yet.

    Attributes:
        figures: the indicator frame, at least from January of last year's same month on (13 months for the trend).
        alerts: the alert table as folded up to the period.
        firms: the register, index USCC: name, chain, key_firm.
        progress: as ``indicators.progress`` gives it.
        receipts: feed, files, rows_read, accepted, rejected: one row a feed, already summed.
        revisions: indicator, entity_kind, entity, source, period, before, value; may be empty.
        first: the first month that the figures were made from.
        needs: as ``indicators.needs`` gives it.
        decomposition: the town's cumulative one, as ``indicators.decompose`` gives it; for firm-level rights only.
        contributions: of the chains, as ``indicators.contributions`` gives them; likewise.
        letters: to firms about the month: issued, answered, verified, refiled, open; likewise.
        approved: 市局反馈数 as read: indicator, period, measure, value, growth.
        chains: the chain map: chain, node, upstream.
        nodes: as ``indicators.chains.node_table`` gives them; for firm-level rights only.
        known: silences, who explains whom among alerts, and the month's verdicts.
        labels: what verifying alerts found (``signals.outcomes``); None is nothing.
        tasks: progress of the plan's tasks as filed for the month (``forms/tasks.yml``).
        visits: visits to firms and their appeals in the month (``forms/visits.yml``).
        refilings: kind, returns, groups, as ``indicators.changes`` gives them; none where nothing was compared.
    """

    figures: pd.DataFrame
    alerts: pd.DataFrame
    firms: pd.DataFrame
    progress: pd.DataFrame
    receipts: pd.DataFrame
    revisions: pd.DataFrame
    first: Period
    needs: pd.DataFrame
    decomposition: pd.DataFrame | None = None
    contributions: pd.DataFrame | None = None
    letters: Mapping[str, int] | None = None
    approved: pd.DataFrame | None = None
    chains: pd.DataFrame | None = None
    nodes: pd.DataFrame | None = None
    known: Known = field(default_factory=Known)
    labels: pd.DataFrame | None = None
    refilings: pd.DataFrame | None = None
    tasks: pd.DataFrame | None = None
    visits: pd.DataFrame | None = None


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
    targets = progress(gate, material.progress, period)
    rest = gate.word(briefing_forms().waterfall, "rest")
    stand = standing(gate, material.alerts, period, date, material.known, material.labels)
    stories = stand.stories
    compared = _compared(gate, figures, period)
    revisions = revisions_table(gate, material.revisions)
    growth, growth_why = _growth(gate, figures, material.decomposition, period)
    pulls = _pulls(gate, figures, material.contributions, period)
    steps = illustration(gate, growth_steps(gate, growth))
    climate = None if period.month == 1 else climate_view(gate, figures, period, material.first)
    strip = illustration(gate, lamp_strip(gate, climate), steps)
    chart = illustration(gate, growth_trend(gate, figures, period), steps, strip)
    clusters = cluster_scores(gate, figures, scorecards().cluster, period)
    maps = _maps(gate, figures, material, period)
    drawn = illustration(gate, node_map(gate, maps), steps, strip, chart)
    approved = (
        ()
        if material.approved is None
        else approval.compared(gate, figures, material.approved, period, material.decomposition)
    )
    published = published_beside(gate, figures, period)
    beside = comparison_table(gate, comparison_view(gate, figures, period))
    seen = published_view(gate, figures, period)
    tables = (
        town_table(gate, figures, period, approved, published),
        approved_table(gate, approved),
        published_table(gate, published),
        levels_table(gate, "levels", (now, before, year_ago)),
        growth_table(gate, growth),
        chain_table(gate, figures, [chain.name for chain in chains], period),
        class_table(gate, figures, period),
        product_table(gate, figures, period),
        cluster_table(gate, clusters),
        pulls_table(gate, pulls),
        target_table(gate, targets),
        firm_table(gate, figures, material.firms, period),
        alert_table(gate, stories),
        levels_table(gate, "bonded", (now, before, year_ago)),
        reference_table(gate, compared),
        trend_table(gate, figures, period),
        quality_table(gate, material.receipts),
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
        approved=approved,
        apart=tuple(entry for entry in approved if entry.gap is not None and entry.gap.points is not None),
        compared=compared,
        comparison=beside,
        published=seen,
        published_apart=tuple(entry.pair for entry in published if entry.pair.gap is not None),
        places=places_table(gate, seen, beside),
        chains=tuple(c for c in chains if c.level.shown),
        rising=tuple(c for c in chains if (c.growth.number or 0) > 0),
        falling=tuple(sorted((c for c in chains if (c.growth.number or 0) < 0), key=_lowest)),
        hidden_chains=gate.count(hidden) if (hidden := [c for c in chains if c.level.state == "withheld"]) else None,
        targets=tuple(target for target in targets if target.verdict is not None),
        needs=target_needs(gate, material.needs, material.progress, period, rest),
        unmeasured=tuple(target.name for target in targets if target.verdict is None),
        standings=standings(gate, targets),
        tasks=task_report(gate, material.tasks),
        appeals=appeals(gate, material.visits),
        firms=firms,
        told_firms=any(f.growth.number is not None or f.growth.state == NOTHING for f in firms),
        falling_firms=tuple(sorted((f for f in firms if (f.growth.number or 0) < 0), key=_lowest)),
        stopped_firms=tuple(f for f in firms if f.growth.state == NOTHING),
        key_firms=gate.register_count(key_firms(material.firms)),
        unnamed_firms=gate.register_count(unnamed) if unnamed else None,
        alerts=stand,
        plans=by_plan(gate, stories),
        bases=by_basis(stories),
        festival=_festival(stories),
        count=gate.count(stories),
        quality=quality(gate, figures, material.receipts, material.letters, period, stand.late),
        revised=gate.count(revisions.rows) if revisions.rows else None,
        refiled=refiled(gate, material.refilings),
        moved=moved(gate, figures, material.revisions, period),
        tables=numbered(gate, [table for table in tables if table.rows]),
        growth=growth,
        growth_why=growth_why,
        pulls=pulls,
        waterfall=steps,
        climate=climate,
        lamps=strip,
        chart=chart,
        map=drawn,
        weak_nodes=tuple(Node(node.name, node.weak) for chain in maps for node in chain.nodes if node.weak),
        clusters=tuple(entry for entry in clusters if entry.score.shown),
        no_map=None if drawn else gate.word(briefing_forms().chain_map, "hidden" if maps else "none"),
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


def _firms(gate: Gate, figures: Figures, firms: pd.DataFrame, period: Period) -> tuple[tuple[Firm, ...], list[str]]:
    """Key firms that may be named, largest first, and the codes of the others."""
    source, named, unnamed = firm_source(gate), [], []
    for code in key_firms(firms):
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
        name = gate.entity("reference", code)
        rows.append(Compared(name, gate.period(month), value, growth, comparison().names(name.text)))
    return tuple(rows)


def _growth(
    gate: Gate, figures: Figures, rows: pd.DataFrame | None, period: Period
) -> tuple[Waterfall | None, Cleared | None]:
    """The town's steps; and, where firm-level rights have none, why."""
    form = briefing_forms().waterfall
    if not gate.may("returns", "firm"):
        return derived_waterfall(gate, form, figures, period), None
    mine = [] if rows is None else rows[rows["period"] == str(period)].to_dict("records")
    if not mine:
        return None, None
    row = {str(key): value for key, value in mine[0].items()}
    view = exact_waterfall(gate, form, row)
    return view, gate.label(form, "reasons", str(row["reason"])) if view is None and row["reason"] else None


def _pulls(gate: Gate, figures: Figures, rows: pd.DataFrame | None, period: Period) -> tuple[Pull, ...]:
    if not gate.may("returns", "firm"):
        return derived_pulls(gate, figures, period, gate.word(briefing_forms().waterfall, "rest"))
    return () if rows is None else exact_pulls(gate, rows, period)


def _maps(gate: Gate, figures: Figures, material: Material, period: Period) -> tuple[MapChain, ...]:
    if material.chains is None:
        return ()
    return chain_maps(gate, briefing_forms().chain_map, figures, material.chains, material.nodes, period)


def _festival(stories: Sequence[Story]) -> Cleared | None:
    """What the festival's date alone does to the month's growth; None where it does nothing."""
    shifts = (story.evidence["expected"] for story in stories)
    return next((shift for shift in shifts if shift is not None and shift.number), None)
