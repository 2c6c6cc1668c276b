"""An indicator's worked example for the handbook: the newest figure that may be shown, and how it comes out in numbers.

The handbook goes round the whole office. So a figure must be cleared for its reader *and* stand in the pattern that is
common to all readers, and so must every sum its arithmetic prints: enough groups, none of them dominant, by itself and
in what it differs by from the sums of the same source that are told anyway, of the month, of a year before and of last
December; a growth rate's base less last year's total is what left since.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from qxmonitor.catalog.climate import climate
from qxmonitor.catalog.examples import Show, Work, examples, level_of
from qxmonitor.catalog.indicators import Indicator, SourceUse, indicators
from qxmonitor.catalog.office import office
from qxmonitor.disclosure.arithmetic import Expression, Number, Op, equation, times, total
from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.suppression import TOWN, Pattern, plain
from qxmonitor.indicators.climate import INDICES, READY, SCORE, breadth
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.view import Floats, View
from qxmonitor.indicators.worked import Part, Worked, known, sums_beside, worked
from qxmonitor.panel import Panel
from qxmonitor.period import Period

_LEVELS = (TOWN, "chain", "reference")
_CHAINS = 3
"""Chains that a sum names; the others are added up."""
_TRIES = 36
_NOTHING = 1e-9


class Examples:
    """The examples of one reader and warehouse.

    Args:
        gate: the reader's.
        pattern: common to all readers.
        panel: what the figures were made from.
        frame: the indicator frame up to the month asked, firms left out.
    """

    def __init__(self, gate: Gate, pattern: Pattern, panel: Panel, frame: pd.DataFrame) -> None:
        frame = plain(frame)
        common = pattern.published_mask(frame) | (frame["entity_kind"] == "reference")
        mine = gate.allowed(frame)
        self._gate, self._panel = gate, panel
        self._figures = gate.clear(frame)
        self._there = frame.assign(mine=mine, shown=mine & common & frame["entity_kind"].isin(_LEVELS))
        self._there = self._there[self._there["state"] == "value"]
        self._by_indicator = dict(tuple(self._there.groupby("indicator", sort=False)))
        self._engines: dict[Period, Engine] = {}
        self._beside: dict[tuple[Period, str, str, str], list[Floats]] = {}

    def all(self) -> dict[str, Cleared]:
        """Those of all catalogue entries and of the methods, by id."""
        found = {entry.id: self.of(entry.id) for entry in indicators().indicators}
        methods = [key for key in examples().supposed if key not in found]
        return found | {key: self._say(supposed(key), f"example|{key}", state="unknown") for key in methods}

    def of(self, indicator: str) -> Cleared:
        """The example of a catalogue entry in one line, or why there is none; state ``value`` where a figure stands."""
        entry = indicators().indicator(indicator)
        rows = self._by_indicator.get(indicator)
        if rows is not None:
            for use, period, kind, entity, value in self._candidates(entry, rows[rows["shown"]]):
                text = self._text(entry, use, period, kind, entity, value)
                if text is not None:
                    return self._say(text, f"{period}|{indicator}|{kind}|{entity}|{use.source}", use.source)
        why = "。".join(text for text in (self._why(entry, rows), supposed(indicator)) if text)
        return self._say(why, f"example|{indicator}", state="unknown")

    def _say(self, text: str, ref: str, source: str = "office", state: str = "value") -> Cleared:
        return seal(text, reader=self._gate.reader, source=source, ref=ref, state=state, limit=None)

    def _candidates(
        self, entry: Indicator, rows: pd.DataFrame
    ) -> Iterator[tuple[SourceUse, Period, str, str, float]]:  # fmt: skip
        """The town's figures, newest first, then those of chains, then others."""
        rows = rows.assign(
            level=rows["entity_kind"].map({kind: at for at, kind in enumerate(_LEVELS)}),
            age=-rows["period"].map({text: Period(text).ordinal for text in rows["period"].unique()}).astype(int),
        ).sort_values(["level", "age", "entity"])
        for _, level in rows.groupby("level"):
            for row in level.head(_TRIES).to_dict("records"):
                use = next(use for use in entry.sources if use.source == row["source"])
                yield use, Period(str(row["period"])), row["entity_kind"], row["entity"], float(row["value"])

    def _why(self, entry: Indicator, rows: pd.DataFrame | None) -> str:
        reasons = examples().reasons
        if rows is None:
            firm = all(level == "firm" for use in entry.sources for level in use.levels)
            return reasons.firm if firm else reasons.history if entry.id in READY else reasons.empty
        if not rows["mine"].any():
            return reasons.rights
        single = entry.weighs == "always" or not rows["entity_kind"].isin(_LEVELS).any()
        return reasons.single if single else reasons.few

    # -- one figure ------------------------------------------------------------------------------------------------

    def _text(
        self, entry: Indicator, use: SourceUse, period: Period, kind: str, entity: str, value: float
    ) -> str | None:
        """``2026年10月全镇：…＝…``; None where it cannot be worked from what may be printed."""
        figure = self._figures.get(entry.id, period, kind, entity, use.source)
        if figure.number is None:
            return None
        result = Number(figure.number, figure.decimals, figure.unit)
        made, after = self._made(entry, use, period, kind, entity, value, result)
        return (
            None
            if made is None
            else f"{self._when(entry, period)}{self._gate.entity(kind, entity).text}：{made}{after}"
        )

    def _when(self, entry: Indicator, period: Period) -> str:
        """The months a figure is of: those since January of cumulative ones, and of growth in February."""
        yearly = any(use.form == "b203" for use in entry.sources) and not examples().work(entry.id).point
        both = entry.basis == "growth" and period.month == 2
        if period.month > 1 and (entry.id.endswith("_ytd") or yearly or both):
            return f"{self._gate.year(period).text}{self._gate.span(period).text}"
        return self._gate.period(period).text

    def _made(
        self, entry: Indicator, use: SourceUse, period: Period, kind: str, entity: str, value: float, result: Number
    ) -> tuple[str | None, str]:
        """The equation, and what is said after it."""
        words, work = examples().words, examples().work(entry.id)
        if kind == "reference":
            return self._reference(entry, period, entity, result)
        if entry.id == SCORE:
            return self._score(period, result)
        if entry.id in INDICES:
            return self._index(entry, period, work, result), ""
        if work.of:
            return self._of_figures(work, period, kind, entity, use.source, result), ""
        found = worked(self._engine(period), entry, use, kind, entity)
        if found is None or not self._safe(found, entry, use, period, kind, entity):
            return None, ""
        if found.whole is not None:
            return self._sum(entry, use, period, kind, value, found, result)
        if len(work.top) != len(found.terms) or (work.base is None) != (found.base is None):
            return None, ""
        told = entry.weighs == "sums" and found.firms
        behind = words.same if found.same and "_growth" in entry.id else words.firms
        after = _firms(found, behind) if told else ""
        return equation(_formula(entry, work, found, period), result), after

    def _engine(self, period: Period) -> Engine:
        if period not in self._engines:
            self._engines[period] = Engine(View(self._panel, [period]))
        return self._engines[period]

    def _shown(self, indicator: str, period: Period, kind: str, source: str) -> dict[str, float]:
        """The figures of all entities of a kind that may be shown to everybody."""
        rows = self._by_indicator.get(indicator)
        if rows is None:
            return {}
        rows = rows[rows["shown"] & (rows["period"] == str(period)) & (rows["entity_kind"] == kind)]
        rows = rows[rows["source"] == source]
        return dict(zip(rows["entity"], rows["value"].astype(float), strict=True))

    def _sum(
        self, entry: Indicator, use: SourceUse, period: Period, kind: str, value: float, found: Worked, result: Number
    ) -> tuple[str | None, str]:
        """A sum from its largest chains and the rest of them, or else as its mean times how many firms."""
        words, show = examples().words, examples().shown(entry)
        chains = self._shown(entry.id, period, "chain", use.source) if kind == TOWN else {}
        largest = sorted(chains, key=lambda chain: (-chains[chain], chain))[:_CHAINS]
        parts = [("＋", _number(chains[c], show, self._gate.entity("chain", c).text)) for c in largest if chains[c] > 0]
        rest = value - sum(chains[c] for c in largest if chains[c] > 0)
        if parts and rest >= 0:
            if rest > abs(value) * _NOTHING:
                parts.append(("＋", _number(rest, show, words.rest)))
            after = _firms(found, words.firms) if entry.weighs == "sums" else ""
            return equation(total(parts), result) if len(parts) > 1 else None, after
        if not found.firms or value < 0:
            return None, ""
        mean = _number(value / found.firms, show, words.mean)
        firms = Number(found.firms, 0, examples().shows["firms"].unit, words.firms)
        return equation(Op("×", firms, mean), result), ""

    def _of_figures(
        self, work: Work, period: Period, kind: str, entity: str, source: str, result: Number
    ) -> str | None:  # fmt: skip
        """A figure that is the sum of others that may be shown as well."""
        parts = []
        for key in work.of:
            entry = indicators().indicator(key)
            value = self._shown(key, period, kind, source).get(entity)
            if value is None:
                return None
            name = entry.name.partition("（")[0]
            parts.append(("＋", _number(value, examples().shown(entry), name)))
        return equation(total(parts), result)

    def _reference(self, entry: Indicator, period: Period, entity: str, result: Number) -> tuple[str | None, str]:
        if entry.id != "reference_growth":
            return f"{examples().words.quoted}{result.digits(0)}{result.unit}", ""
        level, names = level_of(entry.id), examples().growth
        now, then = (self._shown(level, month, "reference", "reference").get(entity) for month in (period, period - 12))
        if now is None or then is None:
            return None, ""
        shown = self._figures.get(level, period, "reference", entity, "reference")
        pair = [Number(v, shown.decimals, shown.unit, n) for v, n in ((now, names.top[0]), (then, names.base or ""))]
        return equation(Op("−", Op("÷", *pair), Number(1)), result), ""

    # -- the climate -----------------------------------------------------------------------------------------------

    def _score(self, period: Period, result: Number) -> tuple[str | None, str]:
        """The mean of the components' points, brought to the published scale."""
        words, lamps, told, points = examples().words, climate().lamps, [], []
        for component in lamps.components:
            shown = self._shown(component.indicator, period, TOWN, component.source)
            figure = self._figures.get(component.indicator, period, TOWN, TOWN, component.source)
            if figure.number is None:
                continue
            if TOWN not in shown:
                return None, ""
            name = indicators().indicator(component.indicator).name
            mark = component.points(figure.number)
            points.append(("＋", Number(mark)))
            told.append(words.scored.format(name=name, value=f"{figure.text}{figure.unit}", points=mark))
        if not points:
            return None, ""
        mean: Expression = Op("÷", total(points), Number(len(points)))
        made = equation(Op("×", mean, Number(lamps.scale.components)), result)
        return made, f"（{words.rounded}）；{'、'.join(told)}"

    def _index(self, entry: Indicator, period: Period, work: Work, result: Number) -> str | None:
        """A diffusion index from its weights, a composite one from its last point."""
        if found := breadth(self._engine(period), entry.id):
            up, flat, whole = found
            rise = Worked((Part(up), Part(flat, 0.5)), Part(whole))
            return equation(_formula(entry, work, rise, period), result)
        words, source = examples().words, entry.sources[0].source
        before = period - (2 if period.month == 2 else 1)
        before = before - 1 if before.month == 1 else before
        now, last = (self._shown(entry.id, month, TOWN, source).get(TOWN) for month in (period, before))
        if now is None or last is None:
            return None
        step = Number(200.0 * (now - last) / (now + last), 1, "", words.change)
        plus, minus = (Op(sign, Number(200), step) for sign in "＋−")
        return equation(Op("÷", Op("×", Number(last, 1, "", words.series), plus), minus), result)

    # -- what may be printed ---------------------------------------------------------------------------------------

    def _safe(self, found: Worked, entry: Indicator, use: SourceUse, period: Period, kind: str, entity: str) -> bool:
        """Whether every money sum of an example may be known, beside what is told anyway."""
        limits = office().thresholds
        printed = [part for part in (*found.terms, found.base, found.whole) if part is not None]
        of_projects = [part for part in printed if part.groups is not None and part.total != 0]
        if any((p.groups or 0) < limits.groups or (p.top2 or 0.0) > limits.dominance for p in of_projects):
            return False
        unknown = ~known(self._engine(period))
        for own in (part.each for part in printed if part.each is not None):
            for other in (None, *self._sums(entry, use, period, kind, entity)):
                apart = own if other is None else own - other
                if not (_enough(apart) and _enough(np.where(unknown, apart, 0.0))):
                    return False
        return True

    def _sums(self, entry: Indicator, use: SourceUse, period: Period, kind: str, entity: str) -> Iterable[Floats]:
        for month in (period, period - 12, Period(f"{period.year - 1}-12")):
            key = (month, use.source, kind, entity)
            if key not in self._beside:
                self._beside[key] = []
                if month in self._panel.months:
                    engine = self._engine(month)
                    self._beside[key] = list(sums_beside(engine, use.source, kind, entity))
                    engine.forget()
            yield from self._beside[key]


def supposed(key: str) -> str:
    """``设例（数字为假设）：…`` of an indicator or method, '' without one."""
    text = examples().supposed.get(key)
    return f"{examples().words.suppose}：{text}" if text else ""


def _number(value: float, show: Show, name: str = "") -> Number:
    return Number(value * show.multiply, show.decimals, show.unit, name)


def _firms(found: Worked, name: str) -> str:
    return f"；{name}{found.firms}{examples().shows['firms'].unit}"


def _formula(entry: Indicator, work: Work, found: Worked, period: Period) -> Expression:
    """Scale × Σ factor × term [÷ base] + offset; of a mean, how many × how much each."""
    book = examples()
    show = book.shown(entry, work.show)
    if work.mean and found.base is not None:
        count = _number(found.base.total, book.shown(entry, work.base_show), work.base or "")
        return Op("×", count, _number(found.terms[0].total / (found.base.total or 1.0), show, work.top[0]))
    halves = all(part.factor == 0.5 for part in found.terms)
    signed: list[tuple[str, Expression]] = []
    for part, name in zip(found.terms, work.top, strict=True):
        number: Expression = _number(part.total, show, name)
        if part.factor == 0.5 and not halves:
            number = Op("÷", number, Number(2))
        if part.total != 0 or len(found.terms) <= 2:
            signed.append(("−" if part.factor < 0 else "＋", number))
    whole = times(total(signed), [("÷", "2")] if halves else [])
    whole = times(whole, work.factors(work.times, period.month))
    if found.base is not None:
        under = book.shown(entry, work.base_show or work.show)
        whole = Op("÷", whole, _number(found.base.total, under, work.base or ""))
    whole = times(whole, work.factors(work.scale, period.month))
    return Op("−", whole, Number(1)) if "_growth" in entry.id else whole


def _enough(each: Floats) -> bool:
    """Whether a sum of what groups put in may be known; nothing of nobody may."""
    sizes = np.abs(each)
    sizes = np.sort(sizes[sizes > _NOTHING * max(float(sizes.max(initial=0.0)), 1.0)])[::-1]
    limits = office().thresholds
    return not len(sizes) or bool(len(sizes) >= limits.groups and sizes[:2].sum() <= limits.dominance * sizes.sum())
