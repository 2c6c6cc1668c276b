"""Why output grew, as one reader may see it: the steps of a waterfall, and what each chain pulled.

The exact parts (升规, 退规, moves, missing and restated returns) often stand on one or two firms each, and two
issues of a month laid side by side would give single firms back. So the parts of the decomposition go to firm-level
rights alone. Everybody else gets steps worked out of figures already printed for them, as printed, which so tell
nothing new: the firms of the comparable basis, from the level and its growth, and the rest as one sum.

Shown parts add up to shown wholes (:func:`~qxmonitor.disclosure.rounding.apportion`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qxmonitor.catalog.briefing import WaterfallForm
from qxmonitor.disclosure.cleared import Cleared
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.rounding import apportion
from qxmonitor.disclosure.suppression import TOWN
from qxmonitor.disclosure.values import Figures, number
from qxmonitor.period import Period

_PARTS = ("same", "entry", "exit", "reclassified", "unreported", "revision")
_YI = 1e-5
"""千元 in 亿元."""
_EXACT_DECIMALS, _DERIVED_DECIMALS = 2, 1
_SOURCE = "returns"


@dataclass(frozen=True)
class Step:
    """One bar: an amount in 亿元, and what it adds to the growth in percentage points (blank for the two levels)."""

    name: Cleared
    amount: Cleared
    points: Cleared


@dataclass(frozen=True)
class Waterfall:
    """From last year's level through the parts to this year's; ``growth`` is that of the two levels."""

    first: Step
    parts: tuple[Step, ...]
    last: Step
    growth: Cleared
    note: Cleared

    @property
    def steps(self) -> tuple[Step, ...]:
        return (self.first, *self.parts, self.last)


@dataclass(frozen=True)
class Pull:
    """What one chain gave to the town's growth."""

    name: Cleared
    change: Cleared
    points: Cleared


def exact_waterfall(gate: Gate, form: WaterfallForm, row: dict[str, Any]) -> Waterfall | None:
    """The steps of one row of a decomposition; None where the reader has no firm-level right or there is no base.

    Args:
        gate: the reader's.
        form: the names of the steps.
        row: of ``indicators.decompose``: period, basis, entity_kind, entity, state, growth, base, the parts, level.
    """
    if not _exact(gate) or row["state"] != "value" or not float(row["base"]) > 0:
        return None
    kept = [part for part in _PARTS if float(row[part])]
    base, level = float(row["base"]), float(row["level"])
    amounts = {part: float(row[part]) * _YI for part in kept}
    points = [float(row[part]) / base * 100.0 for part in kept]
    ref = f"{row['period']}|decompose_{row['basis']}|{row['entity_kind']}|{row['entity']}|{_SOURCE}"
    return _waterfall(gate, form, ref, base * _YI, amounts, level * _YI, points, _EXACT_DECIMALS, "note")


def derived_waterfall(
    gate: Gate, form: WaterfallForm, figures: Figures, period: Period, kind: str = TOWN, entity: str = TOWN
) -> Waterfall | None:
    """The steps that follow from the figures shown to the reader anyway; None where one of them is not shown."""
    level, then, growth = (
        figures.get(key, month, kind, entity, _SOURCE)
        for key, month in (("output_ytd", period), ("output_ytd", period - 12), ("output_growth_ytd", period))
    )
    if level.number is None or then.number is None or growth.number is None or not then.number > 0:
        return None
    same = _change(level.number, growth.number)
    amounts = {"comparable": same, "scope": level.number - then.number - same}
    points = [value / then.number * 100.0 for value in amounts.values()]
    ref = f"{period}|decompose_cumulative|{kind}|{entity}|{_SOURCE}"
    numbers = (then.number, amounts, level.number)
    return _waterfall(gate, form, ref, *numbers, points, _DERIVED_DECIMALS, "note_outside")


def exact_pulls(gate: Gate, rows: pd.DataFrame, period: Period) -> tuple[Pull, ...]:
    """Contributions of the chains as ``indicators.contributions`` gives them; none without a firm-level right."""
    rows = rows[(rows["period"] == str(period)) & (rows["entity_kind"] == "chain") & rows["points"].notna()]
    if not _exact(gate) or rows.empty:
        return ()
    points = apportion([value * 100.0 for value in rows["points"].tolist()], 1)
    names = [gate.entity("chain", str(entity)) for entity in rows["entity"]]
    return _pulls(gate, period, names, [value * _YI for value in rows["change"].tolist()], points, _EXACT_DECIMALS)


def derived_pulls(gate: Gate, figures: Figures, period: Period, rest: Cleared) -> tuple[Pull, ...]:
    """Contributions that follow from the levels and rates shown to the reader; ``rest`` names the remaining chains."""
    whole, rate = (figures.get(key, period, source=_SOURCE) for key in ("output_ytd", "output_growth_ytd"))
    if whole.number is None or rate.number is None:
        return ()
    found = []
    chains = figures.entities("chain")
    for entity in chains:
        level, growth = (
            figures.get(key, period, "chain", entity, _SOURCE) for key in ("output_ytd", "output_growth_ytd")
        )
        if level.number is not None and growth.number is not None:
            found.append((gate.entity("chain", entity), _change(level.number, growth.number)))
    if not found:
        return ()
    total = _change(whole.number, rate.number)
    found.sort(key=lambda pair: (-pair[1], pair[0].text))
    if len(found) < len(chains):
        found.append((rest, total - sum(change for _, change in found)))
    names, changes = [name for name, _ in found], [change for _, change in found]
    base = whole.number - total
    if not base > 0:
        return ()
    points = apportion([change / base * 100.0 for change in changes], 1, rate.number)
    return _pulls(gate, period, names, changes, points, _DERIVED_DECIMALS)


def _entity(name: Cleared) -> str:
    """The chain a name was cleared for; ``rest`` for the words that name the remaining ones."""
    parts = name.ref.split("|")
    return parts[3] if parts[1:3] == ["name", "chain"] else "rest"


def _exact(gate: Gate) -> bool:
    return gate.may(_SOURCE, "firm")


def _change(level: float, growth: float) -> float:
    """What a level grew by at a growth rate in per cent."""
    return level * growth / (100.0 + growth)


def _waterfall(
    gate: Gate, form: WaterfallForm, ref: str, base: float, amounts: dict[str, float], level: float,
    points: Sequence[float], decimals: int, note: str,
) -> Waterfall:  # fmt: skip
    ends = round(base, decimals), round(level, decimals)
    shown = apportion(list(amounts.values()), decimals, ends[1] - ends[0])
    pull = apportion(points, 1)

    def step(key: str, amount: float, gain: float | None) -> Step:
        where = f"{ref}|{key}"
        blank = gate.blank()
        return Step(
            name=gate.label(form, "steps", key),
            amount=number(amount, decimals, "亿元", gate.reader, _SOURCE, where),
            points=blank if gain is None else number(gain, 1, "个百分点", gate.reader, _SOURCE, where),
        )

    return Waterfall(
        first=step("base", ends[0], None),
        parts=tuple(step(key, a, p) for key, a, p in zip(amounts, shown, pull, strict=True)),
        last=step("level", ends[1], None),
        growth=number(sum(pull), 1, "%", gate.reader, _SOURCE, f"{ref}|growth"),
        note=gate.word(form, note),
    )


def _pulls(
    gate: Gate, period: Period, names: Sequence[Cleared], changes: Sequence[float], points: Sequence[float],
    decimals: int,
) -> tuple[Pull, ...]:  # fmt: skip
    return tuple(
        Pull(
            name,
            number(change, decimals, "亿元", gate.reader, _SOURCE, f"{period}|pull|chain|{_entity(name)}|{_SOURCE}"),
            number(gain, 1, "个百分点", gate.reader, _SOURCE, f"{period}|pull|chain|{_entity(name)}|{_SOURCE}"),
        )
        for name, change, gain in zip(names, changes, points, strict=True)
    )
