"""What a reader may see around alerts: silences, how much was judged, and how many false alarms to expect of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.catalog.rules import rules
from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.gate import Gate
from qxmonitor.disclosure.suppression import plain
from qxmonitor.disclosure.values import number
from qxmonitor.disclosure.vocabulary import ENTITY_KINDS
from qxmonitor.period import Period

_ANY = "*"


@dataclass(frozen=True)
class SilenceLine:
    """A silence as its reader may see it: of what, of whom, until when, who answers for it and why."""

    rule: Cleared
    target: Cleared
    first: Cleared
    last: Cleared
    who: Cleared
    why: Cleared


@dataclass(frozen=True)
class Checked:
    """New alerts with a p value under false-discovery control.

    Attributes:
        rate: largest share of false ones among those that pass.
        sure: how many pass.
        false: how many of these are false at most, on average.
        unsure: how many do not pass; None where all do.
    """

    rate: Cleared
    sure: Cleared
    false: Cleared
    unsure: Cleared | None


def silence_lines(gate: Gate, silences: pd.DataFrame, period: Period) -> tuple[SilenceLine, ...]:
    """The silences a reader may see; one of a firm, node or chain hints at a notice and stays with who sees returns.

    Args:
        gate: of the reader.
        silences: silence_id, rule, entity_kind, entity, chain, first, last, who, why; ``*`` is anything.
        period: the month they are told in.
    """
    ordered = silences.sort_values(["last", "silence_id"]).to_dict("records")
    lines = [_line(gate, {str(k): v for k, v in row.items()}, period) for row in ordered]
    return tuple(line for line in lines if line is not None)


def _line(gate: Gate, row: dict[str, Any], period: Period) -> SilenceLine | None:
    kind, entity, chain = (str(row[name]) for name in ("entity_kind", "entity", "chain"))
    firm = kind == "firm" or (entity != _ANY and entity not in ("town", "other") and kind == _ANY)
    single = firm or entity not in (_ANY, "town", "other") or chain != _ANY
    if single and not gate.may("returns", "firm"):
        return None

    def say(text: str) -> Cleared:
        return seal(text, reader=gate.reader, source="office", ref=f"silence|{row['silence_id']}")

    if entity != _ANY and firm and not gate.labelled(entity):
        target = gate.firm(entity, "register", period) or say(entity)
    elif entity != _ANY:
        target = gate.entity(kind, entity)
    elif chain != _ANY:
        target = gate.entity("chain", chain)
    else:
        target = say(ENTITY_KINDS.get(kind, "全部对象"))
    names = {rule.id: rule.name for rule in rules().rules}
    return SilenceLine(
        rule=say(names.get(str(row["rule"]), "各类提示")),
        target=target,
        first=gate.period(Period(str(row["first"]))),
        last=gate.period(Period(str(row["last"]))),
        who=say(str(row["who"])),
        why=say(str(row["why"])),
    )


def judged(gate: Gate, verdicts: pd.DataFrame) -> dict[str, int]:
    """How many of a month's verdicts a reader might have seen an alert of, by rule.

    Args:
        gate: of the reader.
        verdicts: period, rule, entity_kind, entity, source.
    """
    known = {rule.id: rule.indicator for rule in rules().rules}
    frame = verdicts[verdicts["rule"].isin(known)]
    if frame.empty:
        return {}
    rows = frame[["period", "rule", "entity_kind", "entity", "source"]].assign(
        indicator=frame["rule"].map(known), state="value", value=0.0
    )
    rows = plain(rows)
    tied = {rule for rule in known if permitted_use().statistical_rule(rule)}
    mine = gate.allowed(rows) & (~rows["rule"].isin(tied) | gate.may("returns", "firm"))
    counts = rows.loc[mine, "rule"].value_counts()
    return {str(rule): int(count) for rule, count in counts.items()}


def expected_false(gate: Gate, counts: Mapping[str, int], rates: Mapping[str, float]) -> Cleared:
    """How many of a month's alerts are false by the rules' own rates, rounded to whole ones (one at least, if any).

    Args:
        gate: of the reader.
        counts: rule → how many judgements (:func:`judged`).
        rates: rule → probability of a false alarm in one of them.
    """
    expected = sum(count * rates.get(rule, 0.0) for rule, count in counts.items())
    return number(max(round(expected), 1 if expected > 0 else 0), 0, "", gate.reader, "office", "expected_false")


def checked(gate: Gate, sure: int, unsure: int, rate: float) -> Checked:
    """What false-discovery control found of a month's new alerts.

    Args:
        gate: of the reader.
        sure: how many pass.
        unsure: how many do not.
        rate: declared.
    """

    def say(value: float, decimals: int, unit: str, name: str) -> Cleared:
        return number(value, decimals, unit, gate.reader, "office", name)

    return Checked(
        rate=say(rate * 100, 0, "%", "false_discovery"),
        sure=say(sure, 0, "", "discoveries"),
        false=say(rate * sure, 1, "", "false_discoveries"),
        unsure=say(unsure, 0, "", "doubtful") if unsure else None,
    )
