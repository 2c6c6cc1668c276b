"""Figures made of others: targets, parts of growth, scores, steps, comparisons, and what an alert stands on.

Their names: ``target.ID[.PART]``, ``target_need.ID``; ``decompose_month.PART`` and ``decompose_cumulative.PART``;
``pull`` and ``pull_month``; ``ladder.STEP``, ``score[.COMPONENT]`` and ``rank`` of a firm (MORE: the department);
``cluster_score``, ``cluster_rank`` and the scorecard's own ratios of a chain; ``approved.ID.MEASURE.COLUMN``,
``gap.ID.PART``; ``gap_published.FLOW.PART``; ``alert.RULE[.EVIDENCE]`` (MORE: the source).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qxmonitor.catalog.approved import approved
from qxmonitor.catalog.ladder import ladder
from qxmonitor.catalog.rules import rules
from qxmonitor.catalog.scorecards import Component, scorecards
from qxmonitor.catalog.targets import Target, targets
from qxmonitor.disclosure import Gate, permitted
from qxmonitor.errors import QxError
from qxmonitor.growth import register_then
from qxmonitor.indicators.decompose import PARTS, Basis, Decomposition, Level, apart
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.ladder import measures, yearly
from qxmonitor.indicators.levels import Levels
from qxmonitor.indicators.scoring import score
from qxmonitor.indicators.targets import told
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.trace.catalogued import of_ladder, of_rule, of_scorecard, of_target
from qxmonitor.trace.recording import Recording
from qxmonitor.trace.tracer import Asked, Stand, Tracer, made
from qxmonitor.warehouse import asof

# -- targets -------------------------------------------------------------------------------------------------------

_FORECAST = frozenset(
    {"expected", "ending", "low80", "high80", "low95", "high95", "chance", "outlook", "pace_recent"}
)  # fmt: skip


@made("target")
def _target(tracer: Tracer, asked: Asked) -> Stand:
    key, _, part = asked.name.removeprefix("target.").partition(".")
    target = _find(asked, key)
    if target.measure is None:
        raise QxError(f"这个目标没有数据来源：{asked.figure[:80]}")
    stand = Stand(settings=of_target(key))
    view = Recording(tracer.panel(asked.period), [m for m in tracer.panel(asked.period).months if m <= asked.period])
    if part in _FORECAST:
        row = told(Engine(view), target, asked.period)
    else:
        view = Recording(view.panel, [asked.period])
        row = told(Engine(view), target, asked.period)
    place = (asked.kind, asked.entity) if asked.kind == "chain" else (row["entity_kind"], row["entity"])
    if asked.kind == "chain" and row["entity_kind"] != "chain":  # what one chain is expected to give
        view.taken.figures = {(n, s, "chain"): months for (n, s, _), months in view.taken.figures.items()}
    stand.figures |= tracer.used(view, *place)
    return stand


def _find(asked: Asked, key: str) -> Target:
    found = next((entry for entry in targets().targets if entry.id == key), None)
    if found is None:
        raise asked.unknown()
    return found


@made("target_need")
def _need(tracer: Tracer, asked: Asked) -> Stand:
    key = asked.name.partition(".")[2]
    target = _find(asked, key)
    chains = Levels(tracer.panel(asked.period).firms)["chain"].entities
    kinds = [] if target.measure is not None and target.measure.chain else [("chain", chain) for chain in chains]
    names = [f"target.{key}.expected:{kind}:{entity}:{asked.period}" for kind, entity in [("town", "town"), *kinds]]
    return Stand(settings=of_target(key), figures=dict.fromkeys(names))


# -- parts of growth -----------------------------------------------------------------------------------------------


def _decomposed(tracer: Tracer, asked: Asked, level: Level, basis: Basis) -> tuple[Decomposition, Recording]:
    panel = tracer.panel(asked.period)
    view = Recording(panel, [asked.period])
    before = register_then(tracer.wh, asked.period, tracer.wh.newest_recorded())
    return apart(view, basis=basis, level=level, before=before), view


_BY_REGISTER = ("entry", "exit", "unreported", "unreported_base")
"""Parts of a decomposition that the register tells apart."""


@made("decompose_month", "decompose_cumulative")
def _part(tracer: Tracer, asked: Asked) -> Stand:
    head, _, part = asked.name.partition(".")
    basis: Basis = "month" if head.endswith("_month") else "cumulative"
    levels: dict[str, Level] = {"town": "town", "chain": "chain", "industry": "industry"}
    if asked.kind not in levels:
        raise asked.unknown()
    tail = f"{asked.kind}:{asked.entity}:{asked.period}"
    if part in ("comparable", "scope"):
        then = f"{asked.kind}:{asked.entity}:{asked.period - 12}"
        names = (f"output_ytd:{tail}", f"output_ytd:{then}", f"output_growth_ytd:{tail}")
        return Stand(figures=dict.fromkeys(names))
    found, view = _decomposed(tracer, asked, levels[asked.kind], basis)
    if part == "growth":
        return Stand(figures={f"{head}.{key}:{tail}": None for key in ("base", *PARTS, "level")})
    if part not in found.cases:
        raise asked.unknown()
    firms = view.panel.firms.index[found.members(part, asked.entity)[:, 0]]
    this_year, last_year = part in ("level", "entry"), part in ("base", "exit", "unreported_base")
    taken = view.taken
    taken.register = {"since", "until", "above_scale"} if part in _BY_REGISTER else set()
    taken.forms.clear()
    for (source, measure), months in list(taken.measures.items()):
        earlier = {month for month in months if month < asked.period}
        kept = earlier if last_year else months - earlier if this_year else months
        if (this_year and "_ly_" in measure) or not kept:
            del taken.measures[source, measure]
        else:
            taken.measures[source, measure] = kept
    return Stand(tracer.cells(asked, taken, firms, {}))


@made("pull", "pull_month")
def _pull(tracer: Tracer, asked: Asked) -> Stand:
    basis: Basis = "month" if asked.name == "pull_month" else "cumulative"
    levels: dict[str, Level] = {"town": "town", "chain": "chain", "industry": "industry", "firm": "town"}
    if asked.kind not in levels:
        raise asked.unknown()
    found, view = _decomposed(tracer, asked, levels[asked.kind], basis)
    entity = "town" if asked.kind == "firm" else asked.entity
    firms = view.panel.firms.index[found.members("comparable_change", entity)[:, 0]]
    firms = firms[firms == asked.entity] if asked.kind == "firm" else firms
    view.taken.register.clear()
    view.taken.forms.clear()
    measured = {key: months & {asked.period} for key, months in view.taken.measures.items()}
    view.taken.measures = {key: months for key, months in measured.items() if months}
    whole = f"decompose_{basis}.comparable_base:town:town:{asked.period}"
    return Stand(tracer.cells(asked, view.taken, firms, {}), figures={whole: None})


# -- firms' steps and scores ---------------------------------------------------------------------------------------

_COMPONENTS = {
    "output_growth": ("output_ytd", "output_ly_ytd"), "output_scale": ("output_ytd", "output_ly_ytd"),
    "output_per_head": ("output_ytd", "output_ly_ytd", "employees"), "export_growth": ("export_ytd", "export_ly_ytd"),
    "trade_growth": ("import_rmb", "export_rmb", "trade_rmb"), "innovation": (),
}  # fmt: skip
"""Component of a firm's score → measures it is made of."""


def _permitted(tracer: Tracer, asked: Asked) -> Panel:
    """The panel cut down to what the department may use."""
    panel = tracer.panel(asked.period)
    granted = asof.read(tracer.wh, "authorisation", known_at=tracer.known_at)
    try:
        gate = Gate(asked.more, "support", authorisations=granted, simulated=panel.simulated, firms=panel.firms)
    except KeyError:
        raise QxError(f"须在末尾写明接收单位，如 score:firm:代码:2026-10:gxj：{asked.figure[:80]}") from None
    return permitted(panel, gate)


@made("ladder")
def _ladder(tracer: Tracer, asked: Asked) -> Stand:
    step = asked.name.partition(".")[2]
    if step not in {entry.id for entry in ladder().steps} | {"doubling"}:
        raise asked.unknown()
    return Stand(_of_year(tracer, asked, "output_scale"), of_ladder(step))


def _of_year(tracer: Tracer, asked: Asked, component: str) -> list[pd.DataFrame]:
    """The cells behind a firm's figure of a year, or a component of its score."""
    view = Recording(_permitted(tracer, asked), [asked.period])
    firms = view.panel.firms.index
    here = firms == asked.entity
    found = yearly(view, ladder())
    measures(view, ladder())
    sheets, wanted = component == "trade_growth", _COMPONENTS[component]
    if not here.any():
        return []
    at = int(np.flatnonzero(here)[0])
    months: set[Period] | None = None
    if component == "innovation":
        view.taken.measures.clear()
        view.taken.register -= {"since", "until"}
        return tracer.cells(asked, view.taken, firms[here], {})
    if component == "output_scale" and found.which[at] >= 0:
        entry = ladder().figures[int(found.which[at])]
        sheets, wanted = entry.source == "customs", (*wanted, entry.measure)
    if not sheets:
        newest = Period(found.month[at]) if found.month[at] else asked.period
        months = {newest, Period(f"{newest.year - 1}-12")}
    for key, taken in list(view.taken.measures.items()):
        source, measure = key
        kept = taken if months is None else taken & months
        if measure in wanted and (source == "customs") == sheets and kept:
            view.taken.measures[key] = kept
        else:
            del view.taken.measures[key]
    view.taken.register.clear()
    view.taken.forms.clear()
    return tracer.cells(asked, view.taken, firms[here], {})


@made("score", "rank")
def _score(tracer: Tracer, asked: Asked) -> Stand:
    component = asked.name.partition(".")[2]
    if component:
        if component not in _COMPONENTS:
            raise asked.unknown()
        return Stand(_of_year(tracer, asked, component))
    card = scorecards().firm
    table = measures(Recording(_permitted(tracer, asked), [asked.period]), ladder())
    table = table[[part.id for part in card.components]]
    found = score(table.index.to_list(), table.to_numpy(dtype=np.float64), card)
    tail = f"{asked.period}:{asked.more}"
    if asked.name == "rank":
        scored = {f"score:firm:{code}:{tail}": value for code, value in zip(table.index, found.score, strict=True)}
        figures = {name: float(value) for name, value in scored.items() if np.isfinite(value)}
    else:  # the marks are quantiles of all that have the figure
        figures = {
            f"score.{part}:firm:{code}:{tail}": float(value)
            for part in table for code, value in table[part].items() if np.isfinite(value)
        }  # fmt: skip
    return Stand(settings=of_scorecard("firm"), figures=dict(figures))


@made(*(f"cluster_{key}" for key in ("score", "rank", "best", "worst", "known")))
def _cluster(tracer: Tracer, asked: Asked) -> Stand:
    chains = [chain for chain in Levels(tracer.panel(asked.period).firms)["chain"].entities if chain != "other"]
    names = [
        name for chain in chains for part in scorecards().cluster.components
        for name in _ratio_of(part, chain, asked.period)
    ]  # fmt: skip
    return Stand(settings=of_scorecard("cluster"), figures=dict.fromkeys(names))


def _ratio_of(part: Component, chain: str, period: Period) -> list[str]:
    keys = [part.indicator or part.id, *([part.over] if part.over else [])]
    return [f"{key}:chain:{chain}:{period}:{part.source}" for key in keys]


@made(*(part.id for part in scorecards().cluster.components if part.over))
def _ratio(tracer: Tracer, asked: Asked) -> Stand:
    part = next(part for part in scorecards().cluster.components if part.id == asked.name)
    return Stand(figures=dict.fromkeys(_ratio_of(part, asked.entity, asked.period)))


# -- beside others, and alerts -------------------------------------------------------------------------------------


@made("approved")
def _approved(tracer: Tracer, asked: Asked) -> Stand:
    parts = asked.name.split(".")
    if len(parts) != 4 or parts[2] not in ("m", "ytd") or parts[3] not in ("value", "growth"):
        raise asked.unknown()
    return Stand(tracer.places.approved(parts[1], parts[2], parts[3], asked.period))


@made("gap")
def _gap(tracer: Tracer, asked: Asked) -> Stand:
    _, key, *part = asked.name.split(".")
    own = next((entry.own for entry in approved().indicators if entry.id == key), None)
    if own is None or own.ytd is None:
        raise asked.unknown()
    tail = f"town:town:{asked.period}"
    names = [f"approved.{key}.ytd.value:{tail}", f"{own.ytd}:{tail}:{own.source}"]
    if part and part[0] in ("points", "base"):
        names += [f"approved.{key}.ytd.growth:{tail}", f"{own.growth_ytd}:{tail}:{own.source}"]
    if part and part[0] in ("late", "rest"):
        names += [f"decompose_cumulative.unreported_base:{tail}"]
    return Stand(figures=dict.fromkeys(names))


@made("gap_published")
def _gap_published(tracer: Tracer, asked: Asked) -> Stand:
    _, flow, *part = asked.name.split(".")
    if flow not in ("trade", "import", "export"):
        raise asked.unknown()
    pairs = [(f"public_{flow}_rmb_ytd", f"{flow}_rmb_ytd")]
    if part and part[0] in ("points", "base"):
        pairs.append((f"public_{flow}_rmb_growth_ytd", f"{flow}_rmb_growth_ytd"))
    names = [
        name for theirs, own in pairs
        for name in (f"{theirs}:place:town:{asked.period}:customs_public", f"{own}:town:town:{asked.period}:customs")
    ]  # fmt: skip
    return Stand(figures=dict.fromkeys(names))


@made("alert")
def _alert(tracer: Tracer, asked: Asked) -> Stand:
    """The figure a rule judged and the others it looked at, this month and a year before, with the rule's marks."""
    key = asked.name.split(".")[1]
    try:
        rule = rules().rule(key)
        marks = of_rule(key, asked.kind, asked.more)
    except KeyError:
        raise asked.unknown() from None
    names = [(rule.indicator, asked.more)]
    if rule.test is not None:
        conditions = (*rule.test.all_of, *rule.test.any_of)
        names += [(condition.indicator, condition.source or asked.more) for condition in conditions]
    found = [
        f"{name}:{asked.kind}:{asked.entity}:{month}:{source}"
        for month in (asked.period, asked.period - 12) for name, source in names
    ]  # fmt: skip
    return Stand(settings=marks, figures=dict.fromkeys(found))
