"""What the office's own catalogue brings to a figure: thresholds, weights, bounds and goals, by file and key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qxmonitor.catalog.climate import climate
from qxmonitor.catalog.ladder import ladder
from qxmonitor.catalog.rules import rules
from qxmonitor.catalog.scorecards import Scorecard, scorecards
from qxmonitor.catalog.structure import structure_rules
from qxmonitor.catalog.targets import targets
from qxmonitor.indicators.stress import WEIGHTS

Setting = tuple[str, str, Any]
"""File, key and value."""

_STRUCTURE = {
    "weak_nodes": ("falling",), "key_nodes": ("key_weight", "feeds_nodes"), "general_trade_share": ("general_modes",),
    "processing_trade_share": ("processing_modes",),
}  # fmt: skip


def settings_of(indicator: str) -> list[Setting]:
    """The settings an indicator of the catalogue is computed with; none for most."""
    found = [("structure.yml", key, getattr(structure_rules(), key)) for key in _STRUCTURE.get(indicator, ())]
    if indicator == "stress_index":
        found += [("indicators/stress.py", f"weights.{name}", weight) for name, weight in WEIGHTS.items()]
    if indicator.startswith(("climate_", "import_lead")):
        found += _climate(indicator)
    return found


def _climate(indicator: str) -> Iterator[Setting]:
    rules_, file = climate(), "climate.yml"
    if indicator == "climate_score":
        for lamp in rules_.lamps.components:
            yield file, f"lamps.{lamp.indicator}.bounds", lamp.bounds
        yield file, "lamps.scale.components", rules_.lamps.scale.components
        yield file, "lamps.scale.least", rules_.lamps.scale.least
    elif indicator.startswith("import_lead"):
        for key in ("chapters", "farthest", "confidence", "least"):
            yield file, f"lead.{key}", getattr(rules_.lead, key)
    else:
        yield file, "base_year", rules_.base_year
        yield file, "least", rules_.least
        for group in rules_.groups:
            if indicator.endswith(group.id):
                for series in group.series:
                    yield file, f"groups.{group.id}.{series.indicator}.weight", series.weight


def of_target(key: str) -> list[Setting]:
    """A target's goal and what it is measured by."""
    target = next(entry for entry in targets().targets if entry.id == key)
    return [
        ("targets.yml", f"{key}.{name}", getattr(target, name)) for name in ("goal", "baseline", "per", "start", "end")
    ]


def of_ladder(step: str) -> list[Setting]:
    """A step's threshold and ends; of the doubling plan its base and times."""
    entry: Any = next((s for s in ladder().steps if s.id == step), None)
    names = ("threshold", "near", "upto") if entry else ("base_year", "times")
    entry = entry or ladder().doubling
    shared = [("ladder.yml", name, getattr(ladder(), name)) for name in ("recent_months", "annualise_from")]
    return [*shared, *(("ladder.yml", f"{step}.{name}", getattr(entry, name)) for name in names)]


def of_scorecard(which: str) -> list[Setting]:
    """Weights, errors and draws of ``firm`` or ``cluster``."""
    card: Scorecard = getattr(scorecards(), which)
    shared = ("least_share", "marks", "sureness", "draws", "seed", "interval")
    found: list[Setting] = [("scorecards.yml", f"{which}.{name}", getattr(card, name)) for name in shared]
    for part in card.components:
        for name in ("weight", "error", "low", "high"):
            found.append(("scorecards.yml", f"{which}.{part.id}.{name}", getattr(part, name)))
    return found


def of_rule(rule: str, kind: str, source: str) -> list[Setting]:
    """A rule's marks for a kind of entity and a source."""
    watch = rules().rule(rule).watching(kind, source)
    return [
        ("rules.yml", f"{rule}.{name}", getattr(watch.levels, name)) for name in ("blue", "yellow", "orange", "red")
    ]
