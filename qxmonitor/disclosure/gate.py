"""The gate: source × reader × purpose, the only maker of cleared values.

A gate is bound to one reader (or edition) and purpose. Figures, names and alerts go in as the frames other parts of
the house make; out come :class:`~qxmonitor.disclosure.cleared.Cleared` values, or the same with state ``withheld``
and no number. A name beside a figure or an alert is a disclosure like the figure itself, and so is the state of a
firm's datum (who is late). An edition read by several may say what each of them may see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd

from qxmonitor.catalog._yaml import Entry
from qxmonitor.catalog.alerting import alerting
from qxmonitor.catalog.climate import made_of
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.office import office
from qxmonitor.catalog.permitted_use import RANK, Right, permitted_use
from qxmonitor.catalog.rules import rules
from qxmonitor.disclosure.authority import Authority
from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.sheets import SHEETS, never_yet, not_due
from qxmonitor.disclosure.suppression import KEY, TOWN, Pattern, plain
from qxmonitor.disclosure.suppression import pattern as suppression_pattern
from qxmonitor.disclosure.values import Alert, Figures, made_of_cleared
from qxmonitor.disclosure.values import number as write_number
from qxmonitor.disclosure.vocabulary import ENTITY_KINDS, EVIDENCE, LEVEL_WORDS, source_name
from qxmonitor.errors import DisclosureError
from qxmonitor.period import Period


class Gate:
    """The gate of one reader and purpose.

    Args:
        reader: a reader's id, or an edition's (``joint``).
        purpose: what for; a purpose the reader does not have is refused.
        authorisations: subject (USCC), items, readers (``、``-joined ids), since, until (periods, blank is open).
        simulated: the figures come from simulated feeds.
        firms: the register, index USCC, column ``name``.
        chains: chain, chain_name (more columns and repeated chains are fine).
        reference: series, name, unit of the reference series.
        detail: entity, entity_kind, name, unit of classes and products.
        pattern: the common suppression pattern; without one, aggregates of an alert are not given, and
            :meth:`clear` works it out of its own frame.
        known_at: as known then; with it a sheet that is not due yet is told from one that nobody has.
        also: readers who see what is made for this one; every one of them must be allowed.

    Raises:
        DisclosureError: the reader may not ask for this purpose.
    """

    def __init__(
        self,
        reader: str,
        purpose: str,
        *,
        authorisations: pd.DataFrame,
        simulated: bool,
        firms: pd.DataFrame,
        chains: pd.DataFrame | None = None,
        reference: pd.DataFrame | None = None,
        detail: pd.DataFrame | None = None,
        pattern: Pattern | None = None,
        known_at: datetime | None = None,
        also: tuple[str, ...] = (),
    ) -> None:
        self.reader, self.purpose, self.simulated = reader, purpose, simulated
        audience = tuple(dict.fromkeys((*office().members(reader), *also)))
        self.authority = Authority(audience, purpose, authorisations)
        self._pattern, self._known_at = pattern, known_at
        self._firms: dict[str, str] = {str(k): str(v) for k, v in firms["name"].items()}
        self._labels = {TOWN: "全镇", "other": "其他"}
        if chains is not None:
            self._labels |= dict(zip(chains["chain"].astype(str), chains["chain_name"].astype(str), strict=True))
            if {"node", "node_name"} <= set(chains.columns):
                nodes = chains["chain"].astype(str) + "/" + chains["node"].astype(str)
                names = chains["chain_name"].astype(str) + "·" + chains["node_name"].astype(str)
                self._labels |= dict(zip(nodes, names, strict=True))
        self._units: dict[str, str] = {}
        if reference is not None:
            self._labels |= dict(zip(reference["series"].astype(str), reference["name"].astype(str), strict=True))
            self._units = dict(zip(reference["series"].astype(str), reference["unit"].astype(str), strict=True))

        self._details: dict[tuple[str, str], str] = {}
        if detail is not None:
            keys = list(zip(detail["entity_kind"].astype(str), detail["entity"].astype(str), strict=True))
            # A name that several classes share is a heading of the form above them.
            classes = detail["entity_kind"].astype(str) == "class"
            names = detail["name"].astype(str).mask(classes & detail["name"].duplicated(keep=False), "")
            names = (detail["entity"].astype(str) + " " + names).str.strip().where(classes, names)
            self._details = dict(zip(keys, names, strict=True))
            self._units |= dict(zip(detail["entity"].astype(str), detail["unit"].astype(str), strict=True))

    # -- figures -----------------------------------------------------------------------------------------------

    def clear(self, frame: pd.DataFrame) -> Figures:
        """Clear an indicator frame; rows the reader may not see become ``withheld``.

        Raises:
            KeyError: an indicator is not in the catalogue.
        """
        frame = plain(frame)
        if self._pattern is None:
            self._pattern = suppression_pattern(frame)
        allowed = self.allowed(frame)
        plain_state = frame["state"].astype(str).where(frame["value"].notna() | (frame["state"] != "value"), "unknown")
        firm_right = frame["source"].map({s: self.authority.right(s) == "firm" for s in frame["source"].unique()})
        # A late or failed return below an aggregate is the statistics office's own business; a sheet is one for all.
        open_ = firm_right.astype(bool) | frame["source"].isin(SHEETS)
        hushed = plain_state.mask(plain_state.isin(["late", "failed"]) & ~open_, "unknown")
        hushed = hushed.mask(not_due(frame, self._known_at), "not-due").mask(never_yet(frame), "unknown")
        state = hushed.where(allowed, "withheld").to_numpy()
        keys = zip(*(frame[name] for name in KEY), strict=True)
        values = frame["value"].to_numpy(dtype=float)
        rows = dict(zip(keys, zip(values.tolist(), state.tolist(), strict=True), strict=True))
        return Figures(self.reader, rows, self._units)

    def allowed(self, frame: pd.DataFrame) -> pd.Series:
        """Row by row of an indicator frame, whether the reader may see it."""
        right = frame["source"].map({s: self.authority.right(s) for s in frame["source"].unique()})
        is_firm = frame["entity_kind"] == "firm"
        aggregate = ~is_firm
        firm_ok = is_firm & self.authority.firm_mask(frame)
        tied = frame["source"].map({s: self.authority.needs_authorisation(s) for s in frame["source"].unique()})
        free = aggregate & right.eq("firm") & ~tied.astype(bool)
        made = {i: {source for _, source in made_of(i)} for i in frame["indicator"].unique()}
        free &= frame["indicator"].map({i: all(map(self._free, sources)) for i, sources in made.items()}).astype(bool)
        only = frame["indicator"].map(
            {i: permitted_use().statistical_indicator(i) for i in frame["indicator"].unique()}
        )
        assert self._pattern is not None
        safe = aggregate & right.isin(["firm", "aggregate"]) & ~only.astype(bool) & self._pattern.published_mask(frame)
        # Empty aggregates state no figure: why they are empty (免报) may be said where the aggregate might be. Finer
        # levels than the chain stay with firm-level rights as a whole (decision 31).
        coarse = frame["entity_kind"].isin(["chain", TOWN, "reference", "place"])
        empty = coarse & right.isin(["firm", "aggregate"]) & ~only.astype(bool) & (frame["state"] != "value")
        known = {i: all(self.authority.right(source) != "none" for source in sources) for i, sources in made.items()}
        return firm_ok | ((free | safe | empty) & frame["indicator"].map(known).astype(bool))

    def _free(self, source: str) -> bool:
        """Firm-level rights on a source that hang on no authorisation."""
        return self.authority.right(source) == "firm" and not self.authority.needs_authorisation(source)

    def clear_one(self, period: Period, indicator: str, kind: str, entity: str, source: str) -> bool:
        """Whether an aggregate of the pattern may be shown to this reader."""
        if self.authority.right(source) == "none":
            return False
        if self._free(source):
            return True
        only = permitted_use().statistical_indicator(indicator)
        return (
            not only and self._pattern is not None and self._pattern.publishes(period, indicator, kind, entity, source)
        )

    # -- names -------------------------------------------------------------------------------------------------

    def firm(self, subject: str, source: str, period: Period, indicator: str = "") -> Cleared | None:
        """A firm's name beside a figure or alert of ``source``; None when that would disclose it.

        With ``source="register"`` the name alone, as the register's own information.
        """
        if not self.authority.firm(source, subject, str(period), permitted_use().item(indicator)):
            return None
        name = self._firms.get(subject, "")
        if not name:
            return None
        return seal(name, reader=self.reader, source=source, ref=f"{period}|name|firm|{subject}|{source}")

    def entity(self, kind: str, entity: str) -> Cleared:
        """The name of a chain, of the town, of a reference series, of a class or a product.

        Raises:
            DisclosureError: it is a firm; those go through :meth:`firm`.
        """
        if kind == "firm":
            raise DisclosureError("企业名称须连同所附数字一并核准")
        return seal(
            self._details.get((kind, entity)) or self._labels.get(entity, entity),
            reader=self.reader,
            source="register",
            ref=f"|name|{kind}|{entity}|register",
        )

    def labelled(self, entity: str) -> bool:
        """Whether a code names a chain, a node, the town or a reference series, and so no firm."""
        return entity in self._labels

    # -- alerts ------------------------------------------------------------------------------------------------

    def alerts(self, frame: pd.DataFrame, on: Period | None = None) -> tuple[Alert, ...]:
        """The alerts this reader may see, most severe first; the others are simply not there.

        Args:
            frame: columns of table ``alert`` (alert_id, rule, entity_kind, entity, source, level, state, opened,
                period, closed, evidence as JSON text); ``label`` and ``cause`` where it was verified.
            on: the month they are told in, for which a firm's name must be cleared as well.
        """
        ordered = frame.sort_values(["level", "rule", "alert_id"], ascending=[False, True, True])
        cleared = [
            alert
            for row in ordered.to_dict("records")
            if (alert := self._alert({str(k): v for k, v in row.items()}, on)) is not None
        ]
        return tuple(cleared)

    def _alert(self, row: dict[str, Any], on: Period | None) -> Alert | None:
        rule, kind, entity, source = (str(row[name]) for name in ("rule", "entity_kind", "entity", "source"))
        if not rules().watches(rule, kind, source):
            return None  # an alert of before the rule was changed
        period, indicator = Period(str(row["period"])), rules().rule(rule).indicator
        free = self._free(source)
        if permitted_use().statistical_rule(rule) and not free:
            return None
        if kind == "firm":
            # Told of every month since it was opened, and in this one: the name must be cleared for all the ends.
            ends = (Period(str(row["opened"])), on or period, period)
            name, *others = (self.firm(entity, source, end, indicator) for end in reversed(ends))
            if name is None or None in others:
                return None
        else:
            if not self.clear_one(period, indicator, kind, entity, source):
                return None
            name = self.entity(kind, entity)
        level = int(row["level"])
        ref = f"{period}|alert:{rule}|{kind}|{entity}|{source}"
        say = self._sayer(source, ref)
        evidence = json.loads(row["evidence"]) if isinstance(row["evidence"], str) else dict(row["evidence"] or {})
        if not free:  # 7 of 8 reported: who has (not) reported is the statistics office's own business
            evidence.pop("coverage", None)
        return Alert(
            alert_id=say(str(row["alert_id"])),
            rule=say(rule),
            level=seal(LEVEL_WORDS[level], reader=self.reader, source=source, ref=ref, number=float(level)),
            entity=name,
            entity_kind=say(ENTITY_KINDS[kind]),
            source=say(source_name(source)),
            state=say(str(row["state"])),
            opened=say(Period(str(row["opened"])).label),
            period=say(period.label),
            label=say(alerting().outcomes[row["label"]]) if row.get("label") else None,
            cause=say(str(row["cause"])) if row.get("cause") else None,
            evidence={
                str(key): found
                for key, value in evidence.items()
                if (found := self._evidence(str(key), value, kind, source, ref, (period, indicator))) is not None
            },
        )

    def _evidence(
        self, name: str, value: Any, kind: str, source: str, ref: str, of: tuple[Period, str]
    ) -> Cleared | None:  # fmt: skip
        """One piece of evidence; a name nobody described is left out rather than guessed at.

        Firms are named one by one, by the month and indicator the alert is ``of``; who may not be named is left out.
        """
        form, ref = EVIDENCE.get(name), f"{ref}|{name}"
        if form == "firms":
            named = [self.firm(code, source, *of) for code in str(value).split("、")]
            text = "、".join(one.text for one in named if one is not None)
            return seal(text, reader=self.reader, source=source, ref=ref, limit=None) if text else None
        if form in (None, "text", "period"):
            if form is None or value is None:
                return None
            text = Period(str(value)).label if form == "period" else str(value)
            return seal(text, reader=self.reader, source=source, ref=ref)
        if not isinstance(value, int | float) or not np.isfinite(value):
            return None
        if form == "rate":
            return self.number(value * 100.0, 1, "%", source, ref)
        if form == "count":
            return self.number(value, 0, "", source, ref)
        # 千元: a firm's in 万元, a chain's or the town's in 亿元
        multiply, decimals, unit = (0.1, 0, "万元") if kind == "firm" else (1e-5, 2, "亿元")
        return self.number(value * multiply, decimals, unit, source, ref)

    def number(self, shown: float, decimals: int, unit: str, source: str, ref: str) -> Cleared:
        """A number cleared elsewhere in this layer, as its reader sees it."""
        return write_number(shown, decimals, unit, self.reader, source, ref)

    def _sayer(self, source: str, ref: str) -> Any:
        return lambda text: seal(text, reader=self.reader, source=source, ref=ref)

    # -- words of the office, and counts of what is shown anyway -------------------------------------------------

    def word(self, entry: Entry, field: str) -> Cleared:
        """A word of the catalogue (a name, a plan, a note): what the office wrote itself.

        Raises:
            DisclosureError: the field is not text.
        """
        text = getattr(entry, field)
        if not isinstance(text, str):
            raise DisclosureError(f"目录字段 {field} 不是文字")
        return seal(text, reader=self.reader, source="office", ref=f"{type(entry).__name__}.{field}", limit=None)

    def line(self, entry: Entry, field: str, number: int) -> Cleared:
        """One line of a catalogue entry's list of texts, such as a plan's measure."""
        text = getattr(entry, field)[number]
        if not isinstance(text, str):
            raise DisclosureError(f"目录字段 {field} 不是文字")
        return seal(text, reader=self.reader, source="office", ref=f"{type(entry).__name__}.{field}", limit=None)

    def label(self, entry: Entry, field: str, key: str) -> Cleared:
        """One text of a catalogue entry's mapping, such as a table's row label.

        Raises:
            KeyError: no such key.
        """
        text = getattr(entry, field)[key]
        if not isinstance(text, str):
            raise DisclosureError(f"目录字段 {field} 不是文字")
        return seal(text, reader=self.reader, source="office", ref=f"{type(entry).__name__}.{field}", limit=None)

    def amount(self, entry: Entry, field: str, unit: str = "", decimals: int = 0) -> Cleared:
        """A number of the catalogue, such as a target's goal."""
        return self.number(float(getattr(entry, field)), decimals, unit, "office", f"{type(entry).__name__}.{field}")

    def blank(self) -> Cleared:
        """An empty cell: nothing is said there."""
        return seal("", reader=self.reader, source="office", ref="blank")

    def period(self, period: Period) -> Cleared:
        """A month, as 2026年10月."""
        return seal(Period(period).label, reader=self.reader, source="office", ref="period")

    def date(self, day: date) -> Cleared:
        """A day, as 2026年11月18日."""
        return seal(f"{day.year}年{day.month}月{day.day}日", reader=self.reader, source="office", ref="date")

    def number_of(self, period: Period) -> Cleared:
        """期号 of a monthly issue."""
        return seal(office().number(period), reader=self.reader, source="office", ref="issue")

    def span(self, period: Period) -> Cleared:
        """The months a cumulative figure covers, as 1—10月."""
        period = Period(period)
        text = f"1—{period.month}月" if period.month > 1 else "1月"
        return seal(text, reader=self.reader, source="office", ref="span")

    def year(self, period: Period) -> Cleared:
        """A month's year, as 2026年."""
        return seal(f"{Period(period).year}年", reader=self.reader, source="office", ref="year")

    def count(self, shown: Sequence[object], unit: str = "") -> Cleared:
        """How many cleared things are shown; each of them is on the same paper.

        Raises:
            DisclosureError: one of them is not made of cleared values.
        """
        if not all(made_of_cleared(item) for item in shown):
            raise DisclosureError("只能清点已核准的内容")
        return self.number(float(len(shown)), 0, unit, "office", "count")

    def tally(self, numbers: Mapping[str, int], unit: str = "") -> dict[str, Cleared]:
        """Counts of files and lines (source ``quality``); withheld as a whole where the reader has no right to them."""
        if self.authority.right("quality") == "none":
            return {
                k: seal("—", reader=self.reader, source="quality", ref=f"quality|{k}", state="withheld")
                for k in numbers
            }
        return {k: self.number(float(v), 0, unit, "quality", f"quality|{k}") for k, v in numbers.items()}

    def refilings(self, counts: Mapping[str, int], groups: Mapping[str, int]) -> dict[str, Cleared] | None:
        """How many returns came late, again or not any more; outside firm-level rights None unless enough groups did.

        Args:
            counts: kind → returns.
            groups: kind → groups behind them.
        """
        few = any(0 < number < office().thresholds.groups for number in groups.values())
        if not self.may("returns", "aggregate") or (few and not self.may("returns", "firm")):
            return None
        return {k: self.number(float(v), 0, "", "returns", f"returns|{k}") for k, v in counts.items()}

    def source(self, key: str) -> Cleared:
        """The name of a source or feed."""
        return seal(source_name(key), reader=self.reader, source="office", ref=f"source|{key}")

    def register_count(self, subjects: Sequence[str], unit: str = "") -> Cleared:
        """How many registered firms there are in a list: register information, no figure of theirs."""
        if self.authority.right("register") == "none":
            return seal("—", reader=self.reader, source="register", ref="register|count", state="withheld")
        return self.number(float(len(set(subjects) & self._firms.keys())), 0, unit, "register", "register|count")

    def revision(self, row: Mapping[str, Any], period: Period) -> tuple[Cleared, Cleared] | None:
        """What a town figure was and is now; None outside the statistical channel.

        However many groups stand behind each revision: one told now less what was printed of the month then is what
        changed in between and was not told, and that of a cumulative figure less that of its month is what changed in
        the months before; either can be a single firm's.

        Args:
            row: indicator, entity_kind, entity, source, before, value (stored unit).
            period: the month revised.
        """
        indicator, kind, entity, source = (str(row[n]) for n in ("indicator", "entity_kind", "entity", "source"))
        if kind == "firm" or not self._free(source):
            return None
        entry, ref = indicators().indicator(indicator), f"{period}|{indicator}|{kind}|{entity}|{source}"
        before, after = (
            self.number(
                float(row[n]) * entry.display.multiply, entry.decimals, entry.display.unit, source, f"{ref}|{n}"
            )
            for n in ("before", "value")
        )
        return before, after

    def may(self, source: str, least: Right) -> bool:
        """Whether the reader's right on a source is at least this."""
        return RANK[self.authority.right(source)] >= RANK[least]

    def same_reader(self, values: Sequence[Cleared]) -> bool:
        """Whether all values were cleared for this gate's reader."""
        return all(value.reader == self.reader for value in values)
