"""What the gate hands out: figures by key, alerts and targets, all of cleared values; and how a number is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass

from qxmonitor.catalog.indicators import indicators
from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.suppression import TOWN
from qxmonitor.period import Period

STATE_TEXT = {
    "withheld": "—", "expected-absent": "免报", "late": "迟报", "failed": "待核", "not-due": "未到", "unknown": "…",
}  # fmt: skip
NOTHING = "zero"
"""State of a growth rate whose figure fell to nothing: it is 停产 or 为零 in words, never −100 %."""

"""What stands in a table where there is no figure; ``late`` and ``failed`` only for firm-level rights, else ``…``."""

Key = tuple[str, str, str, str, str]
"""period, indicator, entity_kind, entity, source."""


@dataclass(frozen=True)
class Alert:
    """One alert as its reader may see it; ``evidence`` holds the numbers of the verdict by name.

    ``label`` and ``cause``: what verifying it found, where somebody did.
    """

    alert_id: Cleared
    rule: Cleared
    level: Cleared
    entity: Cleared
    entity_kind: Cleared
    source: Cleared
    state: Cleared
    opened: Cleared
    period: Cleared
    evidence: Mapping[str, Cleared]
    label: Cleared | None = None
    cause: Cleared | None = None


@dataclass(frozen=True)
class Figures:
    """Cleared figures by key; asking for one that is not there gives an honest empty."""

    reader: str
    rows: Mapping[Key, tuple[float, str]]
    units: Mapping[str, str]

    def get(
        self, indicator: str, period: Period, entity_kind: str = TOWN, entity: str = TOWN, source: str | None = None
    ) -> Cleared:
        """One figure; without ``source`` the first of the catalogue's sources that has it.

        Raises:
            KeyError: no such indicator in the catalogue.
        """
        names = [use.source for use in indicators().indicator(indicator).sources] if source is None else [source]
        for name in names:
            key = (str(period), indicator, entity_kind, entity, name)
            if key in self.rows:
                return self._make(key, *self.rows[key])
        return self._make((str(period), indicator, entity_kind, entity, names[0]), 0.0, "unknown")

    def _make(self, key: Key, value: float, state: str) -> Cleared:
        ref = "|".join(key)
        if state != "value":
            # Customs knows no exempt month; its growth of January alone is just not worked out.
            if state == "expected-absent" and not _exempt(key):
                state = "unknown"
            uncounted = state == "expected-absent" and key[4] in ("customs", "customs_public", "bonded")
            unpublished = state == "late" and key[4] == "customs_public"  # nobody who files is late with it
            text = "不计" if uncounted else "未公布" if unpublished else STATE_TEXT[state]
            return seal(text, reader=self.reader, source=key[4], ref=ref, state=state)
        entry = indicators().indicator(key[1])
        if "_growth" in key[1] and value <= -1.0:
            text = "停产" if key[2] == "firm" and key[1].startswith("output_") else "为零"
            return seal(text, reader=self.reader, source=key[4], ref=ref, state=NOTHING)
        if "_growth" in key[1]:  # nearly nothing is not nothing
            value = max(value, (10.0**-entry.decimals - 100.0) / 100.0)
        unit = self.units.get(key[3], "") if entry.display.unit == "原单位" else entry.display.unit
        if key[2] == "firm" and unit == "亿元":  # a single firm's money is told in 万元
            return number(value * entry.display.multiply * 1e4, 0, "万元", self.reader, key[4], ref)
        return number(value * entry.display.multiply, entry.decimals, unit, self.reader, key[4], ref)

    def latest(self, indicator: str, entity: str, source: str, upto: Period) -> tuple[Period, Cleared] | None:
        """The newest figure of a reference series no later than a month; None when there is none."""
        months = [k[0] for k in self.rows if k[1:] == (indicator, "reference", entity, source) and k[0] <= upto]
        shown = [m for m in months if self.rows[m, indicator, "reference", entity, source][1] == "value"]
        if not shown:
            return None
        month = Period(max(shown))
        return month, self.get(indicator, month, "reference", entity, source)

    def entities(self, entity_kind: str) -> tuple[str, ...]:
        """Entities of a kind that have any row, sorted."""
        return tuple(sorted({key[3] for key in self.rows if key[2] == entity_kind}))


def _exempt(key: Key) -> bool:
    """Whether the calendar leaves the figure empty: January, or February's single month; else it just has no base."""
    month = Period(key[0]).month
    return month == 1 or (month == 2 and "growth" not in key[1])


def number(shown: float, decimals: int, unit: str, reader: str, source: str, ref: str) -> Cleared:
    """A number as shown: rounded, without a negative zero."""
    rounded = round(float(shown), decimals) + 0.0
    text = f"{rounded:.{decimals}f}"
    return seal(text, reader=reader, source=source, ref=ref, number=rounded, unit=unit, decimals=decimals)


def missing(reader: str, source: str, ref: str) -> Cleared:
    """A figure there is none of."""
    return seal(STATE_TEXT["unknown"], reader=reader, source=source, ref=ref, state="unknown")


def made_of_cleared(item: object) -> bool:
    """Whether something is a cleared value, or a tuple or dataclass of such."""
    if isinstance(item, Cleared):
        return True
    if isinstance(item, tuple):
        return all(made_of_cleared(part) for part in item)
    return is_dataclass(item) and any(isinstance(getattr(item, f.name), Cleared) for f in fields(item))
