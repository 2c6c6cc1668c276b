"""How risk notices live and are told (``alerting.yml``): reminders, budgets, inhibition, escalation, false alarms."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.rules import rules

STATES = ("opened", "raised", "lowered", "acknowledged", "in_hand", "resolved", "explained", "closed")
"""Of an alert. The first three wait for an answer; ``explained``: another alert is its cause, and is told instead."""

CLOSERS = ("quiet", "review", "person", "unjudged")
"""What closed an alert: quiet verdicts, one after people had resolved it, a person, or that nothing judges it any more.

The last is no good news: nothing is known of the risk."""

SILENCE_STATES = ("active", "to_come", "over")
"""Of a silence in a month."""

OUTCOMES = ("true", "false", "explained")
"""What a verification may find."""


class Months(Entry):
    """A number of months, by rule."""

    default: int = Field(ge=1, le=24)
    rules: dict[str, Annotated[int, Field(ge=1, le=24)]]

    def of(self, rule: str) -> int:
        """The months of one rule."""
        return self.rules.get(rule, self.default)


class Budget(Entry):
    """How many new alerts a reader's mail of a month holds at most."""

    default: int = Field(ge=1, le=500)
    readers: dict[str, Annotated[int, Field(ge=1, le=500)]]

    def of(self, reader: str) -> int:
        """The budget of one reader."""
        return self.readers.get(reader, self.default)


class Rates(Entry):
    """Probability of a false alarm in one judgement of something steady, by rule."""

    default: float = Field(ge=0, le=1)
    rules: dict[str, Annotated[float, Field(ge=0, le=1)]]

    def of(self, rule: str) -> float:
        """The rate of one rule."""
        return self.rules.get(rule, self.default)


class Inhibition(Entry):
    """Rules whose alarm at a lead firm or a chain explains alarms of other rules at the firms that supply it."""

    causes: tuple[str, ...]
    effects: tuple[str, ...]


class Alerting(Entry):
    """The whole file; ``escalation`` names the reader above a lead.

    ``unjudged`` is after how many months run without any verdict an alert closes; ``states``, ``closed_by`` (for the
    state closed) and ``outcomes`` are the readers' words.
    """

    remind: Months
    unjudged: Months
    budget: Budget
    false_discovery: float = Field(gt=0, le=1)
    false_alarms: Rates
    inhibition: Inhibition
    escalation: dict[str, str]
    drill_label: str = Field(min_length=1)
    held_label: str = Field(min_length=1)
    first_label: str = Field(min_length=1)
    states: dict[str, str]
    closed_by: dict[str, str]
    silence_states: dict[str, str]
    outcomes: dict[str, str]

    @model_validator(mode="after")
    def _known(self) -> Self:
        known = {rule.id for rule in rules().rules}
        named = {
            *self.remind.rules,
            *self.unjudged.rules,
            *self.false_alarms.rules,
            *self.inhibition.causes,
            *self.inhibition.effects,
        }
        if unknown := sorted(named - known):
            raise ValueError(f"没有规则 {'、'.join(unknown)}")
        people = {reader.id for reader in readers().readers}
        if unknown := sorted({*self.budget.readers, *self.escalation, *self.escalation.values()} - people):
            raise ValueError(f"没有接收单位 {'、'.join(unknown)}")
        if any(lead == above for lead, above in self.escalation.items()):
            raise ValueError("上一级单位不能是自己")
        for words, wanted in (
            (self.states, STATES), (self.closed_by, CLOSERS), (self.silence_states, SILENCE_STATES),
            (self.outcomes, OUTCOMES),
        ):  # fmt: skip
            if set(words) != set(wanted):
                raise ValueError(f"须为 {'、'.join(wanted)}，缺一不可")
        return self

    def state(self, state: str, closed_by: str | None) -> str:
        """A state in words; of a closed alert by what closed it.

        >>> alerting().state("closed", "person"), alerting().state("raised", None)
        ('人工解除', '已升级')
        """
        return self.closed_by[closed_by] if state == "closed" and closed_by in self.closed_by else self.states[state]


@lru_cache(maxsize=1)
def alerting() -> Alerting:
    """The shipped file.

    Raises:
        CatalogError: ``alerting.yml`` is wrong.
    """
    return load("alerting", Alerting)
