"""Section 九 of the briefing: what was received, what came again, and what moved with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from qxmonitor.catalog.indicators import indicators
from qxmonitor.delivery.stories import TypeGroup
from qxmonitor.delivery.tables import COUNTS
from qxmonitor.disclosure import Cleared, Figures, Gate
from qxmonitor.period import Period


@dataclass(frozen=True)
class Quality:
    files: Cleared
    read: Cleared
    accepted: Cleared
    rejected: Cleared
    expected: Cleared
    reported: Cleared
    rate: Cleared
    late: tuple[TypeGroup, ...]
    letters: dict[str, Cleared] | None
    """Letters to firms by what became of them; for firm-level rights only, None where none was written."""


@dataclass(frozen=True)
class Moved:
    """A headline figure of the month before as it was printed, and as it is now."""

    month: Cleared
    name: Cleared
    before: Cleared
    now: Cleared


def quality(
    gate: Gate, figures: Figures, receipts: pd.DataFrame, letters: Mapping[str, int] | None, period: Period,
    late: tuple[TypeGroup, ...],
) -> Quality:  # fmt: skip
    """What was received, who has not reported, and the letters about the month."""
    shown = gate.may("quality", "firm") and letters is not None and letters["issued"] > 0
    sums = {name: int(receipts[name].sum()) if len(receipts) else 0 for name in COUNTS}
    counts = gate.tally(sums)
    return Quality(
        files=counts["files"],
        read=counts["rows_read"],
        accepted=counts["accepted"],
        rejected=counts["rejected"],
        expected=figures.get("firms_expected", period),
        reported=figures.get("firms_reported", period),
        rate=figures.get("reporting_rate", period),
        late=late,
        letters=gate.tally(letters) if shown and letters is not None else None,
    )


def refiled(gate: Gate, counts: pd.DataFrame | None) -> Mapping[str, Cleared] | None:
    """How many returns of earlier months came late, again or not any more since the last issue; None of none."""
    if counts is None or not counts["returns"].any():
        return None
    returns, groups = (
        {str(kind): int(n) for kind, n in zip(counts["kind"], counts[name], strict=True)}
        for name in ("returns", "groups")
    )
    return gate.refilings(returns, groups)


def moved(gate: Gate, figures: Figures, revisions: pd.DataFrame, period: Period) -> tuple[Moved, ...]:
    """Figures that the last issue printed of its own month and that read otherwise now, where both may be shown."""
    found = []
    for row in revisions[revisions["period"] == str(period - 1)].to_dict("records"):
        pair = gate.revision({str(k): v for k, v in row.items()}, period - 1)
        entry = indicators().indicator(str(row["indicator"]))
        if pair is not None and pair[0].text != pair[1].text and figures.get(entry.id, period - 1).shown:
            found.append(Moved(gate.period(period - 1), gate.word(entry, "name"), *pair))
    return tuple(found)
