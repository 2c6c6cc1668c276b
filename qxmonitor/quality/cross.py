"""Checks between months, forms and firms: pure functions over as-of frames that give findings, never rejections.

A finding points at two cells, the one that is doubted and the one it is held against. Where one fault shows in several
ways (a month in the wrong unit also breaks the running total), only the check that explains it speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from qxmonitor.catalog.checks import checks
from qxmonitor.catalog.items import Item, items
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period

FINDING = [
    "check", "severity", "entity", "period", "item", "field", "reason",
    "file_id", "sheet", "row", "column", "value",
    "other_file_id", "other_sheet", "other_row", "other_column", "other_value", "other_period",
]  # fmt: skip
FORMS = {"output_return": "b204_1", "finance_return": "b203", "self_report": "self_report"}
"""Tables of one row a firm and month → the form they come from."""

WINDOW = 12
"""Months before the one that is checked that the checks look at."""

_PLACE = ["file_id", "sheet", "row"]
_EXPLAINED = {"cumulative", "last_year", "headcount", "part_above_whole", "unit_jump"}
"""Checks that are silent where the firm's row was copied or is in a wrong unit (that one: where it was copied)."""


def find(frames: Mapping[str, pd.DataFrame], period: Period) -> pd.DataFrame:
    """All findings about one month.

    Args:
        frames: table of :data:`FORMS` → its as-of rows of the month and the :data:`WINDOW` months before.
        period: the month.

    Returns:
        :data:`FINDING`, by check, entity and field.
    """
    parts = []
    for table, frame in frames.items():
        form = FORMS[table]
        now = frame[frame["period"] == period]
        if now.empty:
            continue
        for look in _CHECKS:
            found = look(form, now, frame, period)
            if len(found):
                parts.append(found.assign(table=table))
    if not parts:
        return pd.DataFrame(columns=FINDING)
    whole = _only_what_explains(pd.concat(parts, ignore_index=True))
    entries = checks().by_id
    whole["severity"] = whole["check"].map({key: entry.severity for key, entry in entries.items()})
    whole["reason"] = whole["reason"].where(
        whole["reason"] != "", whole["check"].map({key: entry.reason for key, entry in entries.items()})
    )
    return whole.sort_values(["check", "entity", "table", "field"], kind="stable", ignore_index=True)[FINDING]


def duplicate_filings(table: str, filings: pd.DataFrame) -> pd.DataFrame:
    """Firms whose month stands, with different figures, in several files that became known at the same time.

    Args:
        table: of :data:`FORMS`.
        filings: every known row of the month: entity, period, known_at, file_id, sheet, row and figures.
    """
    if filings.empty:
        return pd.DataFrame(columns=FINDING)
    newest = filings[filings["known_at"] == filings.groupby("entity")["known_at"].transform("max")]
    figures = [name for name in items().columns_of(FORMS[table]) if name in newest]
    distinct = newest.drop_duplicates(["entity", *figures]).sort_values(["entity", *_PLACE])
    several = distinct[distinct.groupby("entity")["file_id"].transform("nunique") > 1]
    first = several.drop_duplicates("entity")
    second = several[several.duplicated("entity")].drop_duplicates("entity").set_index("entity")
    other = second.loc[first["entity"]]
    entry = checks().by_id["duplicate_filing"]
    found = _pointed("duplicate_filing", "", "整行", first, "", other, "", None)
    return found.assign(severity=entry.severity, reason=entry.reason)[FINDING]


# -- the checks ----------------------------------------------------------------------------------------------------


def _cumulative(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Last cumulative + month = cumulative, wherever the form has a month and last month had a return."""
    calendar = release_calendar().feed(form)
    if items().form(form).columns != "month_and_cumulative" or not calendar.month_column_in(period):
        return pd.DataFrame()
    first = period.month == 1
    if not first and not calendar.returns_in(period - 1):
        return pd.DataFrame()
    both = now if first else _beside(now, frame[frame["period"] == period - 1])
    parts = []
    for item in _monthly(form):
        month, total = both[f"{item.id}_m"], both[f"{item.id}_ytd"]
        before = 0.0 if first else both[f"{item.id}_ytd_b"]
        broken = ((before + month - total).abs() > _slack(item, total)).to_numpy(dtype=bool)
        rows = both[broken]
        if first:
            parts.append(_pointed("cumulative", item.id, f"{item.name}（1—本月）", rows, f"{item.id}_ytd",
                                  rows, f"{item.id}_m", None))  # fmt: skip
        else:
            parts.append(
                _found("cumulative", item.id, f"{item.name}（1—本月）", rows, f"{item.id}_ytd", f"{item.id}_ytd")
            )
    return _stack(parts)


def _part_above_whole(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Parts of one whole together no greater than it; single parts are checked row by row when they come in."""
    parts = []
    endings = ("_m", "_ytd") if items().form(form).columns == "month_and_cumulative" else ("",)
    for whole in items().items_of(form):
        children = [item for item in items().items_of(form) if item.parent == whole.id]
        if len(children) < 2:
            continue
        for ending in endings:
            column = whole.id + ending
            total = now[[child.id + ending for child in children]].sum(axis=1, min_count=len(children))
            rows = now[(total - now[column] > _slack(whole, now[column])).to_numpy(dtype=bool)]
            names = "、".join(child.name for child in children)
            parts.append(_pointed("part_above_whole", whole.id, f"{names}与{whole.name}", rows,
                                  children[0].id + ending, rows, column, None))  # fmt: skip
    return _stack(parts)


def _unit_jump(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """A figure about a power of ten away from the firm's last positive one, when power use moved nothing like it."""
    bounds = checks().unit_jump
    earlier = frame[(frame["period"] < period) & (frame["period"] >= period - bounds.months)].sort_values("period")
    power = _ratio(now, earlier, "power_m" if form == "b204_1" else None)
    parts = []
    for item, column in _levels(form, period):
        if item.kind == "persons":
            continue
        level = column.endswith("_m") or column in bounds.stocks
        within = earlier if level else earlier[earlier["period"].str[:4] == period[:4]]
        before = within[within[column] > 0].drop_duplicates("entity", keep="last")
        both = _beside(now[now[column] > 0], before)
        size = np.log10(both[column].to_numpy(np.float64) / both[f"{column}_b"].to_numpy(np.float64))
        power_of_ten = np.abs(np.rint(size))
        jumped = np.isin(power_of_ten, bounds.powers) & (np.abs(np.abs(size) - power_of_ten) <= bounds.within)
        if item.kind != "power":
            moved = np.abs(both["entity"].map(power).to_numpy(np.float64, na_value=np.nan))
            jumped &= ~(moved > 0.5)  # power moved threefold or more: the firm itself stopped or started
        rows = both[jumped]
        found = _found("unit_jump", item.id, items().columns_of(form)[column], rows, column, column)
        times = [f"{10 ** int(p)}" for p in power_of_ten[jumped]]
        found["reason"] = [f"与本企业上次填报相差约 {each} 倍，可能计量单位填错" for each in times]
        parts.append(found)
    return _stack(parts).drop_duplicates(["entity", "item"]) if parts else pd.DataFrame()


def _copied_month(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Every figure of the month as last month: of a monthly form the month's own, else all of this year's."""
    before = frame[frame["period"] == period - 1]
    columns = [column for item in items().items_of(form) for column in (_month_column(form, item),) if column in now]
    return _same_rows("copied_month", now, before, columns)


def _copied_firm(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """All figures of one firm equal to those of another in the same month."""
    columns = [name for name in items().columns_of(form) if name in now]
    values = now[columns]
    enough = ((values != 0) & values.notna()).sum(axis=1) >= checks().copied.at_least
    rows = now[enough.to_numpy(dtype=bool)].sort_values("entity")
    again = rows[rows.duplicated(columns, keep="first")]
    if again.empty:
        return pd.DataFrame()
    firsts = rows[~rows.duplicated(columns, keep="first")]
    both = again.merge(firsts, on=columns, suffixes=("", "_b"))
    return _pointed("copied_firm", "", "整行", both, "", _other(both), "", None)


def _last_year(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The form's own 上年同期 beside what the firm filed a year ago."""
    both = _beside(now, frame[frame["period"] == period - 12])
    parts = []
    for item in items().items_of(form):
        for column in _current(form, item):
            stated = _stated_last_year(column)
            if stated not in both or f"{column}_b" not in both:
                continue
            filed = both[f"{column}_b"]
            allowed = np.maximum(_slack(item, filed), checks().last_year.relative * filed.abs())
            rows = both[((both[stated] - filed).abs() > allowed).to_numpy(dtype=bool)]
            parts.append(_found("last_year", item.id, items().columns_of(form)[stated], rows, stated, column))
    return _stack(parts)


def _power_without_output(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    if form != "b204_1":
        return pd.DataFrame()
    span = "m" if release_calendar().feed(form).month_column_in(period) else "ytd"
    rows = now[((now[f"output_{span}"] == 0) & (now[f"power_{span}"] > checks().power.at_least)).to_numpy(dtype=bool)]
    return _pointed("power_without_output", "output", "工业总产值", rows, f"output_{span}", rows, f"power_{span}", None)


def _headcount(form: str, now: pd.DataFrame, frame: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Persons far from the firm's last return."""
    bounds, parts = checks().headcount, []
    earlier = frame[(frame["period"] < period) & (frame["period"] >= period - 3)].sort_values("period")
    for item in items().items_of(form):
        column = item.column or item.id
        if item.kind != "persons" or column not in now:
            continue
        before = earlier[earlier[column] > 0].drop_duplicates("entity", keep="last")
        both = _beside(now, before)
        moved = (both[column] - both[f"{column}_b"]).abs()
        far = (moved > bounds.relative * both[f"{column}_b"]) & (moved >= bounds.persons)
        rows = both[far.to_numpy(dtype=bool)]
        parts.append(_found("headcount", item.id, item.name, rows, column, column))
    return _stack(parts)


_Look = Callable[[str, pd.DataFrame, pd.DataFrame, Period], pd.DataFrame]
_CHECKS: tuple[_Look, ...] = (
    _cumulative, _part_above_whole, _unit_jump, _copied_month, _copied_firm, _last_year, _power_without_output,
    _headcount,
)  # fmt: skip


# -- parts ---------------------------------------------------------------------------------------------------------


def _monthly(form: str) -> list[Item]:
    return [item for item in items().items_of(form) if not item.single]


def _current(form: str, item: Item) -> list[str]:
    """An item's columns of this year."""
    if item.single:
        return [item.column or item.id]
    return [f"{item.id}_m", f"{item.id}_ytd"] if items().form(form).columns == "month_and_cumulative" else [item.id]


def _month_column(form: str, item: Item) -> str:
    return _current(form, item)[0]


def _levels(form: str, period: Period) -> list[tuple[Item, str]]:
    """Items with the columns whose level is compared with an earlier one; a month before a running total."""
    return [(item, column) for item in items().items_of(form) for column in _current(form, item)]


def _stated_last_year(column: str) -> str:
    stem, _, span = column.rpartition("_")
    return f"{stem}_ly_{span}" if span in ("m", "ytd") else f"{column}_ly"


def _slack(item: Item, level: pd.Series) -> pd.Series:
    floor = getattr(checks().slack, item.kind)
    return (checks().relative * level.abs()).clip(lower=floor).fillna(floor)


def _ratio(now: pd.DataFrame, earlier: pd.DataFrame, column: str | None) -> dict[str, float]:
    """Firm → decimal logarithm of how a column moved since its last positive value."""
    if column is None or column not in now:
        return {}
    before = earlier[earlier[column] > 0].drop_duplicates("entity", keep="last")
    both = _beside(now[now[column] > 0], before)
    moved = np.log10(both[column].to_numpy(np.float64) / both[f"{column}_b"].to_numpy(np.float64))
    return dict(zip(both["entity"], moved.tolist(), strict=True))


def _same_rows(check: str, now: pd.DataFrame, before: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    both = _beside(now, before)
    left = both[columns].to_numpy(np.float64)
    right = both[[f"{name}_b" for name in columns]].to_numpy(np.float64)
    equal = ((left == right) | (np.isnan(left) & np.isnan(right))).all(axis=1)
    enough = ((left != 0) & ~np.isnan(left)).sum(axis=1) >= min(checks().copied.at_least, len(columns))
    rows = both[equal & enough]
    return _pointed(check, "", "整行", rows, "", _other(rows), "", None)


def _beside(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    return now.merge(before, on="entity", suffixes=("", "_b"))


def _other(both: pd.DataFrame) -> pd.DataFrame:
    """The second half of rows laid side by side, under its own names."""
    names = [name for name in both if str(name).endswith("_b")]
    return both[names].rename(columns={name: str(name).removesuffix("_b") for name in names})


def _found(check: str, item: str, field: str, both: pd.DataFrame, column: str, other: str) -> pd.DataFrame:
    return _pointed(check, item, field, both, column, _other(both), other, None)


def _pointed(
    check: str, item: str, field: str, rows: pd.DataFrame, column: str, other: pd.DataFrame, other_column: str,
    reason: str | None,
) -> pd.DataFrame:  # fmt: skip
    """Findings from rows and those they are held against, line by line."""
    nothing = np.full(len(rows), np.nan)
    return pd.DataFrame(
        {
            "check": check, "entity": rows["entity"].to_numpy(), "period": rows["period"].to_numpy(), "item": item,
            "field": field, "reason": reason or "",
            **{name: rows[name].to_numpy() for name in _PLACE}, "column": column,
            "value": rows[column].to_numpy() if column else nothing,
            **{f"other_{name}": other[name].to_numpy() for name in _PLACE}, "other_column": other_column,
            "other_value": other[other_column].to_numpy() if other_column else nothing,
            "other_period": other["period"].to_numpy(),
        }
    )  # fmt: skip


def _stack(parts: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _only_what_explains(found: pd.DataFrame) -> pd.DataFrame:
    """Without what another finding of the same firm and form explains; one finding an item and check."""
    whole = found[found["check"].isin(["copied_firm", "copied_month"])]
    copied = pd.MultiIndex.from_frame(whole[["table", "entity"]])
    jumps = found[found["check"] == "unit_jump"]
    jumped = pd.MultiIndex.from_frame(jumps[["table", "entity"]])
    rows = pd.MultiIndex.from_frame(found[["table", "entity"]])
    explained = found["check"].isin(_EXPLAINED) & rows.isin(copied)
    explained |= found["check"].isin(_EXPLAINED - {"unit_jump"}) & rows.isin(jumped)
    return found[~explained].drop_duplicates(["check", "table", "entity", "item"]).reset_index(drop=True)
