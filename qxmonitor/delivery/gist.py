"""What the first page says before anything else: where targets stand, and who has to do how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from qxmonitor.catalog.targets import targets as plan
from qxmonitor.delivery.stories import Story
from qxmonitor.disclosure import Cleared, Gate, TargetProgress
from qxmonitor.disclosure.targets import REACHED, UNMET


@dataclass(frozen=True)
class Standings:
    """How many targets can be told, how many are reached, and how many will not be or were not in time."""

    told: Cleared
    reached: Cleared | None
    short: Cleared | None


@dataclass(frozen=True)
class Duty:
    """Alerts that one department leads."""

    lead: Cleared
    count: Cleared


def standings(gate: Gate, targets: Sequence[TargetProgress]) -> Standings:
    """Count the targets that may be told by how they stand."""
    told = [target for target in targets if target.outlook is not None]

    def those(*said: str) -> Cleared | None:
        some = [target for target in told if target.outlook is not None and target.outlook.text in said]
        return gate.count(some) if some else None

    return Standings(gate.count(told), those(REACHED), those(plan().outlook.words["unlikely"], UNMET))


def by_lead(gate: Gate, stories: Sequence[Story]) -> tuple[Duty, ...]:
    """Stories by the department that leads, in the order they come."""
    leads = {story.lead.text: story.lead for story in stories}
    return tuple(Duty(lead, gate.count([s for s in stories if s.lead.text == word])) for word, lead in leads.items())
