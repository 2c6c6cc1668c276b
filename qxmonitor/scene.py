"""A month as known at one time, with what a gate needs beside it: panel, figures, alerts, authorisations."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from qxmonitor import indicators, signals
from qxmonitor.catalog.readers import DESK, Reader
from qxmonitor.delivery.alerts import Known
from qxmonitor.disclosure import Gate, Pattern, Successive, outside, pattern, successive
from qxmonitor.disclosure.dependence import FIGURES
from qxmonitor.panel import Panel
from qxmonitor.period import Period, months
from qxmonitor.warehouse import Warehouse, asof, given, issues, life, proving, store
from qxmonitor.warehouse.panel import read_panel

HISTORY = 37
"""Months a panel looks back: three years, so that trailing years and runs of months have what they need."""

FIGURE_MONTHS = 24
"""Months of figures a mail or briefing is cleared with: what an earlier month hid stays hidden in sums over it."""


class Scene:
    """Everything a mail or briefing of one month is made from; ``panel``: what is known, where it was read already.

    Attributes:
        period: the month.
        known_at: as known then; None is newest.
        recorded_at: as recorded then; fixed at the start, so that a load under way changes nothing.
        panel: the facts.
        figures: the indicator frame of the last :data:`FIGURE_MONTHS` months; firms, nodes and industries of the month.
        given: what readers outside the statistical channel were given before (``warehouse.given``).
        outside: the indicator frame for them: earlier months as they were given.
        alerts: folded from the verdicts that counted then, up to the month; nobody's is explained by another's yet,
            since that depends on who may see which.
        verdicts: of the month.
        events: what people did with alerts and found out about them.
        judged: whether the month itself was run by then (January has a run, though nothing to judge).
    """

    def __init__(
        self,
        wh: Warehouse,
        period: Period,
        known_at: datetime | None = None,
        recorded_at: datetime | None = None,
        panel: Panel | None = None,
    ) -> None:
        self.wh, self.period, self.known_at = wh, period, known_at
        self.recorded_at = recorded_at or issues.newest_recorded(wh)
        if panel is None or period not in panel.months[HISTORY - 1 :]:
            panel = read_panel(wh, period, months=HISTORY, known_at=known_at, recorded_at=self.recorded_at)
        self.panel: Panel = panel.window(period, HISTORY)
        asked = months(period - (FIGURE_MONTHS - 1), period)
        self.figures = indicators.compute(self.panel, asked, fine=[period])
        self.given = given.read(wh, self.recorded_at)
        self.outside = outside(self.figures, self.given, period)
        self.pattern: Pattern = pattern(self.outside, earlier=self._successive())
        self.authorisations = asof.read(wh, "authorisation", known_at=known_at, recorded_at=self.recorded_at)
        raised = store.read_raised(wh, known_at=known_at, recorded_at=self.recorded_at)
        self.events = life.events(wh, known_at=known_at, recorded_at=self.recorded_at)
        run = store.periods_run(wh, known_at=known_at, recorded_at=self.recorded_at)
        upto = {month for month in run if month <= period}
        self.alerts = signals.fold(raised[raised["period"] <= period], self.events, upto)
        self.verdicts = store.read_verdicts(wh, period, known_at=known_at, recorded_at=self.recorded_at)
        self.judged = period in run

    def _successive(self) -> Successive:
        """What must be held back because of the issues given out of the last twelve months."""
        noted = given.issues(self.wh, self.period - 11, self.period, self.recorded_at)
        panels = [
            read_panel(self.wh, issue.period, months=HISTORY, known_at=issue.known_at, recorded_at=issue.recorded_at)
            for issue in noted[-2:]
        ]
        same = next((panel for panel in panels if panel.months[-1] == self.period), None)
        before = next((panel for panel in reversed(panels) if panel.months[-1] < self.period), None)
        return successive(self.panel, self.period, self.given, before, same)

    def gate(self, reader: str, purpose: str, also: tuple[str, ...] = ()) -> Gate:
        """The gate of a reader or edition; all gates of a scene share one suppression pattern."""
        return Gate(
            reader, purpose, also=also, authorisations=self.authorisations, simulated=self.panel.simulated,
            pattern=self.pattern, firms=self.panel.firms, chains=self.panel.chains, reference=self.panel.reference,
            detail=indicators.named(self.panel), known_at=self.panel.known_at,
        )  # fmt: skip

    def gate_for(self, reader: Reader) -> Gate:
        """The gate a reader's mail is made with; on trial the statistics office, which reads it, is in the audience."""
        return self.gate(reader.id, reader.purposes[0], also=(DESK,) if reader.on_trial else ())

    def known(self) -> Known:
        """What mails and briefings go by beside the alerts: what was told, silences, and who explains whom."""
        return Known(
            told=life.told(self.wh, until=self.period - 1),
            silences=life.silences(self.wh, known_at=self.known_at, recorded_at=self.recorded_at),
            linked=signals.links(self.panel.firms, self.panel.chains),
            firms=self.panel.firms,
            verdicts=self.verdicts,
            false_shares=proving.false_shares(self.wh, self.recorded_at),
            nodes=self.figures[(self.figures["entity_kind"] == "node") & self.figures["indicator"].isin(FIGURES)],
        )

    def reported(self) -> float:
        """Share of the expected output returns that are here; 0 when none is expected."""
        rows = self.figures
        mine = (rows["period"] == self.period) & (rows["entity_kind"] == "town") & (rows["source"] == "returns")
        share = rows.loc[mine & (rows["indicator"] == "reporting_rate"), "value"]
        return float(share.iloc[0]) if len(share) and pd.notna(share.iloc[0]) else 0.0
