"""From batches to judged batches: gather by table, judge once, give every file its own verdicts back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import Refused
from qxmonitor.feeds import numbers
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE, Batch
from qxmonitor.period import Period
from qxmonitor.quality import files, rows
from qxmonitor.quality.measures import beside
from qxmonitor.quality.suites import WHOLE_FILE, suite
from qxmonitor.quality.verdicts import Verdict, weigh

_SHOWN_ROWS = 8
_MONTH = re.compile(r"\d{4}-\d{2}")


def check(batches: Sequence[Batch], now: datetime) -> list[Batch | Refused]:
    """Judge batches; the inputs are left as they are.

    Args:
        batches: files as read, in any number.
        now: the present; later months are refused.

    Returns:
        One outcome a batch, in order: the batch with critical rows moved to ``rejects``, warnings in ``notes`` and
        a summary of all ``verdicts``; or a :class:`Refused` when the file as a whole breaks a critical rule, or every
        row of it speaks of the future.

    Raises:
        QxError: a suite could not be run.
    """
    found = [_Findings() for _ in batches]
    for table in sorted({name for batch in batches for name in batch.tables}):
        _check_table(table, batches, now, found)
    _check_files(batches, found)
    return [_outcome(batch, finding) for batch, finding in zip(batches, found, strict=True)]


class _Findings:
    """What was found about one file."""

    def __init__(self) -> None:
        self.dropped: dict[str, npt.NDArray[np.bool_]] = {}
        self.rejects: list[pd.DataFrame] = []
        self.notes: list[str] = []
        self.summaries: list[dict[str, Any]] = []
        self.refusal = ""
        self.rows = self.future = 0
        self.latest = ""


def _check_table(table: str, batches: Sequence[Batch], now: datetime, found: list[_Findings]) -> None:
    having = [number for number, batch in enumerate(batches) if len(batch.tables.get(table, ()))]
    if not having:
        return
    frame = pd.concat([batches[number].tables[table] for number in having], ignore_index=True)
    sizes = np.array([len(batches[number].tables[table]) for number in having])
    file = np.repeat(np.array(having, dtype=np.int64), sizes)
    rejects = _Moved(frame, file, [batch.factors for batch in batches])

    future = rows.in_future(frame, now)
    labels = suite(table)
    rejects.add(future, rows.FUTURE, labels.period_label, frame["period"] if future.any() else None)
    repeated = ~future & rows.repeated(table, frame, file)
    rejects.add(repeated, rows.REPEATED, labels.unit_label, None)
    alone = np.flatnonzero(~future & ~repeated)
    conflict = np.zeros(len(frame), dtype=bool)
    conflict[alone[rows.conflicting(table, frame.iloc[alone], file[alone])]] = True
    rejects.add(conflict, rows.CONFLICT, labels.unit_label, None)

    kept = np.flatnonzero(~(future | repeated | conflict))
    weighed = weigh(table, beside(table, frame.iloc[kept].assign(_file=file[kept]), batches))
    verdicts = [verdict for verdict in weighed if len(verdict.rows)]
    for verdict in verdicts:
        if verdict.critical:
            mask = np.zeros(len(frame), dtype=bool)
            mask[kept[verdict.rows]] = True
            rejects.add(mask, (verdict.rule, verdict.reason), verdict.field, frame.get(verdict.column), verdict.column)
    gone = _whole_lines(frame, file, rejects.mask) if labels.beside else rejects.mask
    moved = rejects.frame()
    warned = _warnings(verdicts, kept, gone, frame, file)

    begin = np.concatenate(([0], np.cumsum(sizes)))
    by_file = dict(tuple(moved.groupby("_file", sort=False))) if len(moved) else {}
    for place, number in enumerate(having):
        part = slice(begin[place], begin[place + 1])
        finding = found[number]
        finding.dropped[table] = gone[part]
        finding.rows += int(sizes[place])
        finding.future += int(future[part].sum())
        if future[part].any():
            finding.latest = max(finding.latest, str(frame["period"].iloc[part][future[part]].max()))
        if number in by_file:
            finding.rejects.append(_with_lines(batches[number], table, by_file[number]))
        finding.notes += warned.get(number, [])
    between = ((rows.FUTURE, labels.period_label, future), (rows.REPEATED, labels.unit_label, repeated),
               (rows.CONFLICT, labels.unit_label, conflict))  # fmt: skip
    seen: list[Seen] = [
        (rule, field, "critical", reason, "", None, np.flatnonzero(m)) for (rule, reason), field, m in between
    ]
    seen += [
        (v.rule, v.field, "critical" if v.critical else "warning", v.reason, v.column, kept[v.judged], kept[v.rows])
        for v in weighed
    ]
    _summarise(table, seen, frame, file, batches, found)


Seen = tuple[str, str, str, str, str, npt.NDArray[np.int64] | None, npt.NDArray[np.int64]]
"""Rule, field, severity, reason, column, positions judged (None: all), positions that break it."""


def _summarise(
    table: str,
    seen: Sequence[Seen],
    frame: pd.DataFrame,
    file: npt.NDArray[np.int64],
    batches: Sequence[Batch],
    found: list[_Findings],
) -> None:
    """Count the verdicts by file and rule; the columns of a rule add up."""
    rules: dict[str, list[Seen]] = {}
    for entry in seen:
        rules.setdefault(entry[0], []).append(entry)
    having, size = np.unique(file).tolist(), len(batches)
    for rule, entries in rules.items():
        evaluated, unexpected = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
        where: dict[int, list[str]] = {}
        for _, _, _, _, column, judged, broken in entries:
            evaluated += np.bincount(file if judged is None else file[judged], minlength=size)
            unexpected += np.bincount(file[broken], minlength=size)
            for number in np.unique(file[broken]).tolist():
                mine = frame[["sheet", "row"]].iloc[broken[file[broken] == number][: files.SHOWN_PLACES]]
                where.setdefault(number, []).extend(
                    files.addresses(batches[number], mine["sheet"], mine["row"], column)
                )
        fields = [entry[1] for entry in entries]
        field = fields[0] if len(fields) == 1 else f"{fields[0]}等 {len(fields)} 项"
        for number in having:
            found[number].summaries.append(
                files.summary(table, rule, field, entries[0][2], entries[0][3], evaluated[number], unexpected[number],
                              where.get(number, []))
            )  # fmt: skip


def _check_files(batches: Sequence[Batch], found: list[_Findings]) -> None:
    """Judge each file as a whole, by what its rows came to."""
    having = [number for number, batch in enumerate(batches) if batch.rows_read]
    if not having:
        return
    chosen = [batches[number] for number in having]
    for verdict in files.weigh(chosen, [_rejected(batches[n], found[n]) for n in having]):
        broken = set(verdict.rows.tolist())
        for place, number in enumerate(having):
            finding, batch = found[number], batches[number]
            where: list[str] = []
            if place in broken:
                where = files.places(batch, verdict)
                said = files.words(batch, verdict)
                if verdict.critical:
                    finding.refusal = finding.refusal or (said or verdict.reason)
                elif said:
                    finding.notes.append(said)
            if verdict.judged[place]:
                finding.summaries.append(
                    files.summary(WHOLE_FILE, verdict.rule, verdict.field,
                                  "critical" if verdict.critical else "warning", verdict.reason,
                                  1, int(place in broken), where)
                )  # fmt: skip


def _rejected(batch: Batch, finding: _Findings) -> int:
    """Lines of a file that are rejected, by its reader or here."""
    parts = [part[["sheet", "row"]] for part in (batch.rejects, *finding.rejects) if len(part)]
    return len(pd.concat(parts).drop_duplicates()) if parts else 0


def _whole_lines(
    frame: pd.DataFrame, file: npt.NDArray[np.int64], gone: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Series (measures) printed side by side share their lines; a line is rejected with all of them."""
    if not gone.any():
        return gone
    keys = pd.MultiIndex.from_arrays([file, frame["sheet"], frame["row"]])
    found: npt.NDArray[np.bool_] = keys.isin(keys[gone])
    return found


class _Moved:
    """Gathers the rows that leave a table, with the reason."""

    def __init__(
        self, frame: pd.DataFrame, file: npt.NDArray[np.int64], factors: Sequence[Mapping[str, float]]
    ) -> None:
        self._frame, self._file, self._factors = frame, file, factors
        self.mask = np.zeros(len(frame), dtype=bool)
        self._parts: list[pd.DataFrame] = []

    def add(
        self,
        mask: npt.NDArray[np.bool_],
        rule: tuple[str, str],
        field: str,
        raw: pd.Series | None,
        column: str = "",
    ) -> None:
        if not mask.any():
            return
        self.mask |= mask
        chosen = self._frame.loc[mask].reindex(columns=["sheet", "row", *WHOSE])
        text = [_plain(value) for value in self._written(raw[mask], mask, column)] if raw is not None else ""
        self._parts.append(
            chosen.assign(field=field, rule=rule[0], reason=rule[1], raw=text, _file=self._file[mask], _column=column)
        )

    def _written(self, raw: pd.Series, mask: npt.NDArray[np.bool_], column: str) -> list[object]:
        """Offending figures in the unit in which they were printed."""
        where = zip(self._file[mask].tolist(), self._frame.loc[mask, "sheet"].tolist(), strict=True)
        factor = np.array([self._factors[file].get(f"{sheet}|{column}", 1.0) for file, sheet in where])
        if (factor == 1).all():
            return list(raw)
        return list(numbers.scaled(raw.to_numpy(np.float64), factor, back=True))

    def frame(self) -> pd.DataFrame:
        return pd.concat(self._parts, ignore_index=True) if self._parts else pd.DataFrame()


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return "" if value is None else str(value)


def _with_lines(batch: Batch, table: str, moved: pd.DataFrame) -> pd.DataFrame:
    """Rejects of a table's rows, spread over the source lines that each row stands for.

    A row of a list is its own line. A firm's form is one row made of many lines: all of them are rejected, and the
    offending text stays with the line its cell lies in.
    """
    rejects = moved[[*REJECT_COLUMNS, *WHOSE]]
    frame = batch.tables[table]
    spare = _unclaimed(batch)
    if spare.empty or suite(table).own_lines:
        return rejects
    owners = frame[["sheet", "row"]].rename(columns={"row": "owner"}).astype({"owner": "int64"})
    spare = pd.merge_asof(
        spare.astype({"row": "int64"}).sort_values("row"),
        owners.sort_values("owner"),
        left_on="row",
        right_on="owner",
        by="sheet",
    ).dropna(subset=["owner"])
    if spare.empty:
        return rejects
    spare["owner"] = spare["owner"].astype("int64")
    cells = pd.Series([batch.cells.get(f"{s}|{c}", "") for s, c in zip(moved["sheet"], moved["_column"], strict=True)])
    at = pd.to_numeric(cells.str.extract(r"(\d+)$")[0]).to_numpy(dtype=float, na_value=np.nan)
    first = moved.assign(_at=np.where(np.isnan(at), moved["row"], at).astype("int64"))
    others = first.merge(spare, left_on=["sheet", "row"], right_on=["sheet", "owner"], suffixes=("_own", ""))
    whole = pd.concat([first, others.drop(columns=["row_own", "owner"])], ignore_index=True)
    whole["raw"] = whole["raw"].where(whole["row"] == whole["_at"], "")
    return whole[[*REJECT_COLUMNS, *WHOSE]]


def _unclaimed(batch: Batch) -> pd.DataFrame:
    """Lines that are neither a table's row, nor rejected, nor control: the further lines of a form."""
    claimed = [
        frame[["sheet", "row"]] for frame in (*batch.tables.values(), batch.rejects, batch.control) if len(frame)
    ]
    if len(batch.lines) == sum(map(len, claimed)):
        return batch.lines.iloc[:0]
    keys = pd.MultiIndex.from_frame(batch.lines[["sheet", "row"]])
    taken = pd.MultiIndex.from_frame(pd.concat(claimed)) if claimed else keys[:0]
    return batch.lines[~keys.isin(taken)]


def _warnings(
    verdicts: list[Verdict],
    kept: npt.NDArray[np.int64],
    gone: npt.NDArray[np.bool_],
    frame: pd.DataFrame,
    file: npt.NDArray[np.int64],
) -> dict[int, list[str]]:
    """Notes by file: the reason, how many rows, and which; never a value."""
    notes: dict[int, list[str]] = {}
    for verdict in verdicts:
        if verdict.critical:
            continue
        positions = kept[verdict.rows]
        positions = positions[~gone[positions]]
        for number in np.unique(file[positions]).tolist():
            mine = positions[file[positions] == number]
            lines = frame["row"].to_numpy()[mine[:_SHOWN_ROWS]].tolist()
            shown = "、".join(str(line) for line in lines) + ("…" if len(mine) > _SHOWN_ROWS else "")
            notes.setdefault(number, []).append(
                f"{verdict.field}：{verdict.reason}，共 {len(mine)} 行（第 {shown} 行）"
            )
    return notes


def _outcome(batch: Batch, found: _Findings) -> Batch | Refused:
    if found.future and found.future == found.rows:
        return Refused(f"报告期 {_label(found.latest)} 晚于当前月份，整份不收")
    if found.refusal:
        return Refused(found.refusal)
    verdicts = [*files.reader_rejects(batch), *found.summaries]
    if not found.rejects:
        return replace(
            batch, notes=[*batch.notes, *_unscheduled(batch.feed, batch.tables), *found.notes], verdicts=verdicts
        )
    tables = {
        name: frame[~found.dropped[name]].reset_index(drop=True) if name in found.dropped else frame
        for name, frame in batch.tables.items()
    }
    period = batch.period
    if found.future and period is not None:
        months = pd.concat([frame["period"] for frame in tables.values() if "period" in frame])
        period = Period(str(months.mode().max())) if len(months) else period
    return replace(
        batch,
        period=period,
        tables=tables,
        rejects=pd.concat([part for part in (batch.rejects, *found.rejects) if len(part)], ignore_index=True),
        notes=[*batch.notes, *_unscheduled(batch.feed, tables), *found.notes],
        verdicts=verdicts,
    )


def _unscheduled(feed: str, tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """The remark on months of which the calendar wants no return: January, or a slip of the pen."""
    calendar = release_calendar().by_feed.get(feed)
    if calendar is None:
        return []
    stated = {str(month) for table in tables.values() if "period" in table for month in table["period"].unique()}
    months = [month for month in sorted(stated) if _MONTH.fullmatch(month) and not calendar.returns_in(Period(month))]
    said = "、".join(_label(month) for month in months[:6])
    return [f"按发布日历，{calendar.name}没有 {said} 的报表，仍照收，请核对报告期"] if months else []


def _label(period: str) -> str:
    return f"{period[:4]}年{int(period[5:])}月" if _MONTH.fullmatch(period) else period
