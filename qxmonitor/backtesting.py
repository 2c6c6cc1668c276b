"""``qxmonitor backtest`` and ``rules``: history replayed as known then, a scorecard a rule, and the gate before it.

Each month is judged from the panel as known on its release day, exactly as ``run`` would have judged it then, by the
rule as it is now. Cases are what verification found (``alert outcome``), planted events where the town is simulated
(``truth.json``, which then is all there is to know), and what came out later where a rule names it; all speak of the
entity itself. What strikes the whole town is a case of each chain and of the town; its months, and alerts that stand in
them, are left out for firms, since what each lost of it is not written down. A scorecard is stored with the rule's
version; a rule whose newest scorecard is below its bar, or that has none, cannot be activated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor import alerting, signals
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.rules import Condition, Proof, Rule, Watch, rules
from qxmonitor.catalog.shipped import as_shipped
from qxmonitor.errors import QxError, Refused
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.scene import HISTORY
from qxmonitor.signals.conditions import holds
from qxmonitor.signals.outcomes import episodes, merged, placed, said_of, verified_by, verified_cases
from qxmonitor.signals.scorecard import Levels, card, curve, located, tally
from qxmonitor.warehouse import Warehouse, issues, life, proving, store
from qxmonitor.warehouse.panel import read_panel

Row = dict[str, Any]

LEAST_MONTHS = 12
"""Released months that must be there before anything is said of a rule."""
LEAST_CASES = 5
_SHIPPED = "与出厂定义一致，沿用出厂时的启用依据（模拟数据），本单位尚无足够案例"
"""Cases a rule must have been tried on before it can be activated; of its alerts as many must have been verified."""
SHARES = np.array([0.0025, 0.005, 0.01, 0.02, 0.05, 0.1])
"""False-alarm rates at which rules are compared."""
_WINTER = (1, 2, 3)
SHOCK = "lead_shock"
"""The type of event that a lead firm's shock is for its chain."""
TOWN = "town"
"""The entity of an event that strikes everybody."""
_MEASURES = ("adjusted", "value", "months", "p", "strength")
"""What a verdict's evidence calls the measure that its levels are marks on, by judge."""


@dataclass(frozen=True)
class Tried:
    """One rule replayed: its row for the listing, and the caught share at each of :data:`SHARES`."""

    rule: Rule
    row: Row
    caught: tuple[float | None, ...]


def backtest(
    wh: Warehouse, chosen: Sequence[str] = (), *, truth: Path | None = None, out: Path | None = None,
    recorded_at: datetime | None = None,
) -> list[Row]:  # fmt: skip
    """Replay history, score rules, keep the scorecards, and write a report.

    Args:
        wh: an open warehouse.
        chosen: ids of rules; by default every rule that has a proof to give.
        truth: ``truth.json`` of a simulated town, with its planted events.
        out: a folder for ``backtest.html``.
        recorded_at: as recorded then; such a look back is not kept. What was found out later is not in it.

    Returns:
        A row a rule, by catalogue.

    Raises:
        QxError: no such rule, too little history, or the truth cannot be read or is of no simulated town.
    """
    wanted = [rule for rule in _known(chosen) if rule.proof is not None or chosen]
    events = None if truth is None else _events(truth)
    months = _months(wh)
    frozen = recorded_at or issues.newest_recorded(wh)
    final = read_panel(wh, months[-1], months=max(HISTORY, len(months) + 12), recorded_at=frozen)
    if events is not None and not final.simulated:
        raise QxError("仓库中是真实数据，不能用模拟真值评分")
    verdicts = _replayed(wh, months, {rule.id for rule in wanted}, frozen)
    labelled = None if events is not None else placed(_labelled(wh, frozen), months)
    engine = Engine(View(final, final.months))
    tried = [_tried(rule, verdicts[verdicts["rule"] == rule.id], months, engine, events, labelled) for rule in wanted]
    if recorded_at is None:
        proving.write_cards(wh, [_stored(one) for one in tried])
    if out is not None:
        from qxmonitor.delivery import scorecards

        shown = [one.row | {"name": one.rule.name, "caught_at": one.caught} for one in tried]
        scorecards.write(out, shown, SHARES.tolist(), simulated=final.simulated)
    return [one.row for one in tried]


def _known(chosen: Sequence[str]) -> list[Rule]:
    there = {rule.id: rule for rule in rules().rules}
    if strange := [key for key in chosen if key not in there]:
        raise QxError(f"没有规则 {'、'.join(strange)}")
    return [rule for rule in rules().rules if not chosen or rule.id in chosen]


def _events(path: Path) -> pd.DataFrame:
    """Planted events: type, entity, from, to; a lead firm's own fall by the shock it is of stands there once more."""
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        frame = pd.DataFrame(whole["events"], columns=["type", "entity", "from", "to", "cause"]).astype("str")
        frame["from"].map(Period), frame["to"].map(Period)
        shocks = frame[frame["cause"] == frame["entity"]].assign(type=SHOCK)
    except (OSError, ValueError, KeyError, TypeError):
        raise Refused("无法读取模拟真值 truth.json") from None
    return pd.concat([frame, shocks], ignore_index=True).drop(columns="cause")


def _months(wh: Warehouse) -> list[Period]:
    """Months that can be replayed: released, with output returns known by then."""
    first = store.first_spoken_of(wh, "b204_1")
    last = release_calendar().newest_released(wh.settings.now())
    there = sorted(Period(p) for p in first.index if Period(p) <= last)
    if len(there) < LEAST_MONTHS:
        raise QxError(f"已发布的月份只有 {len(there)} 个，不足 {LEAST_MONTHS} 个，无法回测")
    months = [there[0] + ahead for ahead in range(there[-1].ordinal - there[0].ordinal + 1)]
    return months[-(HISTORY - 1) :]


def _labelled(wh: Warehouse, frozen: datetime | None) -> pd.DataFrame:
    """What verification found, with the months each finding speaks of; what is labelled is truth, whenever found."""
    raised, events = store.read_raised(wh, recorded_at=frozen), life.events(wh, recorded_at=frozen)
    found = alerting.outcome_labels(wh, recorded_at=frozen)
    alerts = signals.fold(raised, events, store.periods_run(wh, recorded_at=frozen))
    return episodes(found, alerts, raised, life.labelled_raised(wh, recorded_at=frozen))


def _replayed(
    wh: Warehouse, months: Sequence[Period], chosen: set[str], frozen: datetime | None
) -> pd.DataFrame:  # fmt: skip
    """Verdicts of every month as known on its release day."""
    parts = []
    for month in months:
        panel = read_panel(
            wh, month, months=HISTORY, known_at=release_calendar().released_at(month), recorded_at=frozen
        )
        parts.append(signals.judge(panel, [month], chosen))
    return pd.concat(parts, ignore_index=True)


def _tried(
    rule: Rule, verdicts: pd.DataFrame, months: Sequence[Period], engine: Engine, events: pd.DataFrame | None,
    labelled: pd.DataFrame | None,
) -> Tried:  # fmt: skip
    """Score one rule over all it watches."""
    proof = rule.proof
    winter = np.array([month.month in _WINTER for month in months])
    tallies, curves, weights, told = [], [], [], dict.fromkeys([reader.id for reader in readers().readers], 0.0)
    lead, within = (proof.lead, proof.within) if proof else (0, 0)
    heard = []
    for watch in rule.watch:
        mine = verdicts[(verdicts["entity_kind"] == watch.kind) & (verdicts["source"] == watch.source)]
        cases = _cases(rule, watch, months, engine, events)
        said = None if labelled is None else said_of(rule, watch, labelled)
        if said is not None:
            heard.append(said)
            cases = pd.concat([cases, verified_cases(said, cases, lead, within)], ignore_index=True)
        names = sorted({*mine["entity"], *cases["entity"], *(() if said is None else said["entity"])})
        place = {name: at for at, name in enumerate(names)}
        level = np.full((len(names), len(months)), -1, dtype=np.int8)
        measure = np.full(level.shape, -np.inf)
        at = mine["entity"].map(place).to_numpy(dtype=np.int64), _columns(mine["period"], months)
        level[at] = mine["level"].to_numpy(dtype=np.int8)
        measure[at] = _measure(rule, mine)
        found, besides = (located(cases[some], place) for some in (cases["case"], ~cases["case"]))
        if watch.kind == "firm" and events is not None:
            level = left_out(level, _town_wide(events, months))
        verified = (
            None if said is None else verified_by(said, place, whole=proof is not None and proof.outcome is not None)
        )
        counts = tally(level, found, winter, lead=lead, within=within, besides=besides, verified=verified)
        tallies.append(counts)
        for reader in (watch.lead, *watch.support):
            told[reader] += float(counts[:, 0].sum()) / len(months)
        if len(found.entity):
            curves.append(curve(measure, level >= 0, found, SHARES, lead=lead, within=within)[0])
            weights.append(len(found.entity))
    figures: Row = dict(card(np.concatenate(tallies), len(months)).figures)
    found_out = pd.concat(heard) if heard else None
    figures |= _verification(figures, proof, found_out)
    missed = shortfalls(proof, figures)
    row: Row = {"rule": rule.id, "version": rule.version, "first": str(months[0]), "last": str(months[-1])}
    row |= {"labels": _labels(proof, events, found_out), "met": not missed, "missed": "；".join(missed), **figures}
    row["alerts_per_reader"] = {reader: round(count, 2) for reader, count in told.items() if count}
    caught = np.average(curves, axis=0, weights=weights) if curves else np.full(len(SHARES), np.nan)
    return Tried(rule, row, tuple(None if np.isnan(v) else round(float(v), 4) for v in caught))


# -- what verification found ---------------------------------------------------------------------------------------


def _verification(figures: Row, proof: Proof | None, said: pd.DataFrame | None) -> Row:
    """How far verification went, and the doubt in it; ``unverified`` is None where cases are known whole."""
    if said is None or (proof is not None and proof.outcome is not None):
        figures = figures | {"unverified": None}
    none: Row = {"unverified": figures["unverified"], "verified_share": None, "misses": None, "doubt": ""}
    if said is None or (said.empty and figures["unverified"] is None):
        return none | {"verified": None, "explained": None}
    share = round(figures["verified"] / figures["alerts"], 4) if figures["alerts"] else None
    if said.empty:
        return none | {"doubt": "没有核实结果，提示属实与否无从知道"}
    misses = len(merged(said[(said["as"] == "true") & ~said["told"].astype(bool)]))
    return none | {"verified_share": share, "misses": misses, "doubt": _doubt(figures, misses)}


def _doubt(figures: Row, misses: int) -> str:
    """What the figures cannot say, since as a rule only what was told gets verified."""
    if figures["unverified"] is None:
        words = ["案例除其后结果外加上了核实属实的，这些多来自提示过的，命中率偏高"]
    elif misses:
        words = [f"漏报只有登记过的 {misses} 起，未登记的无从知道，命中率偏高"]
    else:
        words = ["只核实了提示过的，没有登记漏报，命中率是上限"]
    if figures["unverified"]:
        words.append(f"{figures['unverified']} 项提示未核实，不计入准确率；误报率以其全部为误报计，是上限")
    if figures["explained"]:
        words.append(f"{figures['explained']} 项可解释的不算属实，按误报计入准确率")
    return "；".join([*words, "滞后自核实的提示起始月起算"])


def _columns(periods: pd.Series, months: Sequence[Period]) -> Any:
    return periods.map({str(month): at for at, month in enumerate(months)}).to_numpy(dtype=np.int64)


def _measure(rule: Rule, verdicts: pd.DataFrame) -> Any:
    """The measure of each verdict, turned so that higher is worse."""
    proofs = [json.loads(text) for text in verdicts["evidence"]]
    values = np.array(
        [next((float(p[key]) for key in _MEASURES if key in p), -np.inf) for p in proofs], dtype=np.float64
    )
    if rule.judge in ("growth_below", "below_expected") or (rule.test is not None and rule.test.side == "below"):
        return -values
    return np.abs(values) if rule.test is not None and rule.test.side == "apart" else values


def _cases(
    rule: Rule, watch: Watch, months: Sequence[Period], engine: Engine, events: pd.DataFrame | None
) -> pd.DataFrame:
    """The cases of one watch: entity, start and end as columns of ``months``; those begun before them are left out.

    ``case``: false for what makes alerts true without being a case.
    """
    proof = rule.proof
    parts = [pd.DataFrame({"entity": [], "start": [], "end": [], "case": []})]
    if proof is not None and events is not None and watch.kind == "firm":
        mine = events[events["type"].isin({*proof.events, *proof.besides})]
        if watch.source == "self_report":
            mine = mine[mine["entity"].isin(_authorised(engine.view.panel))]
        first = months[0].ordinal
        start, end = (mine[name].map(lambda p: Period(p).ordinal - first) for name in ("from", "to"))
        spans = {"start": start, "end": end.clip(upper=len(months) - 1)}
        parts.append(pd.DataFrame({"entity": mine["entity"], **spans, "case": mine["type"].isin(proof.events)}))
    elif proof is not None and events is not None:
        runs, names = _runs(_town_wide(events[events["type"].isin(proof.events)], months)), engine.entities(watch.kind)
        parts += [pd.DataFrame({"entity": names, "start": a, "end": b, "case": True}) for a, b in runs]
        parts.append(_shocks(events[events["type"].isin({*proof.events} & {SHOCK})], months, engine))
    if proof is not None and proof.outcome is not None:
        parts.append(_outcomes(proof.outcome, watch, months, engine).assign(case=True))
    whole = pd.concat(parts, ignore_index=True)
    return whole[(whole["start"] >= 0) & (whole["start"] < len(months))].astype(
        {"start": np.int64, "end": np.int64, "case": bool}
    )


def _shocks(shocks: pd.DataFrame, months: Sequence[Period], engine: Engine) -> pd.DataFrame:
    """Shocks of lead firms as cases of their chains."""
    first = months[0].ordinal
    start, end = (shocks[name].map(lambda p: Period(p).ordinal - first) for name in ("from", "to"))
    chain = shocks["entity"].map(engine.view.panel.firms["chain"])
    cases = {"entity": chain, "start": start, "end": end.clip(upper=len(months) - 1), "case": True}
    return pd.DataFrame(cases).dropna(subset=["entity"])


def _town_wide(events: pd.DataFrame, months: Sequence[Period]) -> list[int]:
    """Columns of the months in which the whole town was struck."""
    struck = events[events["entity"] == TOWN]
    return [
        at for at, month in enumerate(months) if ((struck["from"] <= str(month)) & (struck["to"] >= str(month))).any()
    ]


def left_out(level: Levels, columns: list[int]) -> Levels:
    """Levels ``(k, m)`` without some months, and without what alerts that stood in them say later on.

    >>> left_out(np.array([[0, 2, 1, -1, 1, 0, 1]], dtype=np.int8), [1, 2]).tolist()
    [[0, -1, -1, -1, -1, 0, 1]]
    """
    out, standing = level.copy(), np.zeros(len(level), dtype=bool)
    for month in range(level.shape[1]):
        said = level[:, month]
        standing = np.where(said < 0, standing, (said > 0) & (standing | (month in columns)))
        out[standing | (month in columns), month] = -1
    return out


def _runs(columns: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of columns that follow each other.

    >>> _runs([1, 2, 3, 7])
    [(1, 3), (7, 7)]
    """
    starts = [at for at in columns if at - 1 not in columns]
    return list(zip(starts, [at for at in columns if at + 1 not in columns], strict=True))


def _authorised(panel: Panel) -> set[str]:
    return {str(code) for code in panel.firms.index.to_numpy()[panel.authorised.any(axis=1)]}


def _outcomes(outcome: Condition, watch: Watch, months: Sequence[Period], engine: Engine) -> pd.DataFrame:
    """Where an outcome came true after a month in which it was not: runs of months, unknown ones between included."""
    true, unknown = holds(engine, outcome, watch.kind, watch.source)
    columns = [engine.view.panel.months.index(month) for month in months]
    names = engine.entities(watch.kind)
    rows = []
    standing, start = np.ones(len(names), dtype=bool), np.full(len(names), -1)
    end = np.full(len(names), -1)
    for at, column in enumerate(columns):
        begins = true[:, column] & ~standing
        rows += [(names[e], start[e], end[e]) for e in np.flatnonzero(begins & (start >= 0))]
        start = np.where(begins, at, start)
        end = np.where(true[:, column] & (start >= 0), at, end)
        standing = np.where(unknown[:, column], standing, true[:, column])
    rows += [(names[e], start[e], end[e]) for e in np.flatnonzero(start >= 0)]
    return pd.DataFrame(rows, columns=["entity", "start", "end"])


def _labels(proof: Proof | None, events: pd.DataFrame | None, said: pd.DataFrame | None) -> str:
    parts = ["模拟事件"] if proof is not None and proof.events and events is not None else []
    parts += ["核实结果"] if said is not None and len(said) else []
    return "、".join(parts + (["其后结果"] if proof is not None and proof.outcome is not None else [])) or "无"


def _stored(one: Tried) -> Row:
    kept = ("rule", "version", "first", "last", "labels", "met")
    figures = {key: value for key, value in one.row.items() if key not in kept}
    return {key: one.row[key] for key in kept} | {"card": figures | {"caught_at": list(one.caught)}}


# -- the gate ------------------------------------------------------------------------------------------------------


def shortfalls(proof: Proof | None, figures: Row) -> list[str]:
    """In which points figures stay below the bar; empty where all is met or nothing needs proof."""
    if proof is None:
        return []
    if few := _too_few(figures):
        return [few]
    labelled = figures.get("unverified") is not None
    false = ("false_share_most", "误报率（未核实的按误报计）") if labelled else ("false_share", "误报率")
    wanted: Iterable[tuple[str, str, float, bool]] = (
        ("precision", "准确率", proof.precision, True), ("recall", "命中率", proof.recall, True),
        ("delay", "平均滞后（月）", proof.delay, False), (*false, proof.false_share, False),
    )  # fmt: skip
    out = []
    for key, name, mark, least in wanted:
        value = figures[key]
        if value is None or (value < mark if least else value > mark):
            shown = "无" if value is None else f"{value:.3g}"
            out.append(f"{name} {shown}，要求{'不低于' if least else '不高于'} {mark:g}")
    return out


def _too_few(figures: Row) -> str:
    """Why figures rest on too little to say anything; '' where they do not."""
    if int(figures["cases"]) < LEAST_CASES:
        return f"案例只有 {figures['cases']} 起，不足 {LEAST_CASES} 起"
    if figures.get("unverified") is not None and int(figures["verified"]) < LEAST_CASES:
        return f"已核实的提示只有 {figures['verified']} 项，不足 {LEAST_CASES} 项"
    return ""


def listing(wh: Warehouse) -> list[Row]:
    """Every rule: whether it is active, and what its newest scorecard says."""
    active = proving.active_rules(wh)
    rows = []
    for rule in rules().rules:
        found, decided = proving.newest_card(wh, rule), proving.decision(wh, rule)
        figures = found["card"] if found else {}
        rows.append(
            {
                "rule": rule.id, "name": rule.name, "version": rule.version, "active": rule.id in active,
                "needs_proof": rule.proof is not None, "shipped": as_shipped(rule),
                "met": found["met"] if found else None, "missed": figures.get("missed", ""),
                "precision": figures.get("precision"), "recall": figures.get("recall"), "delay": figures.get("delay"),
                "labels": found["labels"] if found else None, "cases": figures.get("cases"),
                "verified": figures.get("verified"), "verified_share": figures.get("verified_share"),
                "doubt": figures.get("doubt", ""),
                "who": decided["who"] if decided else None, "why": decided["why"] if decided else None,
            }
        )  # fmt: skip
    return rows


def activate(wh: Warehouse, key: str, *, who: str, why: str) -> Row:
    """Let a rule give verdicts from now on.

    A rule just as shipped keeps the proof it was shipped with, unless a scorecard of the office's own that rests on
    enough says otherwise.

    Raises:
        QxError: no such rule, or its version has not shown what its bar asks for.
    """
    [rule] = _known([key])
    found = proving.newest_card(wh, rule)
    doubt = _SHIPPED if as_shipped(rule) else ""
    if rule.proof is not None and not (doubt and (found is None or _too_few(found["card"]))):
        if found is None:
            raise QxError(f"规则“{rule.name}”（版本 {rule.version}）尚未回测，不能启用")
        if missed := shortfalls(rule.proof, found["card"]):
            raise QxError(f"规则“{rule.name}”未达启用标准：{'；'.join(missed)}")
        doubt = found["card"].get("doubt", "")
    return _decided(wh, rule, active=True, who=who, why=why) | {"doubt": doubt}


def deactivate(wh: Warehouse, key: str, *, who: str, why: str) -> Row:
    """Let a rule give no verdicts from now on.

    Raises:
        QxError: no such rule.
    """
    [rule] = _known([key])
    return _decided(wh, rule, active=False, who=who, why=why) | {"doubt": ""}


def _decided(wh: Warehouse, rule: Rule, *, active: bool, who: str, why: str) -> Row:
    if not who.strip() or not why.strip():
        raise QxError("须写明经办人和理由")
    row = proving.decide(wh, rule, active=active, who=who, why=why, known_at=wh.settings.now())
    return {
        "rule": rule.id, "name": rule.name, "version": rule.version, "active": active, "who": who, "why": why,
        "known_at": row["known_at"].astimezone(SHANGHAI).isoformat(),
    }  # fmt: skip
