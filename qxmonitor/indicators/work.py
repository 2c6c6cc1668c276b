"""How the plan's tasks go and what became of firms' appeals, from the sheets that departments fill.

A task counts once, whoever reports it: of several departments the slowest says how it stands. An appeal is counted in
the month of the visit and stands as the newest ledger has it; sums since January need every month's ledger.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from qxmonitor.catalog.tasks import tasks as catalogued
from qxmonitor.indicators.formula import Structure, StructureFormula, Term, structure
from qxmonitor.indicators.levels import Levels
from qxmonitor.indicators.view import Bools, Floats, View

_SLOW = {"done": 0.0, "on_track": 1.0, "not_started": 2.0, "behind": 3.0}
"""State of a task → how slow it is."""


def _tasks(kind: str) -> StructureFormula:
    """``reported``, ``done``, ``behind``, ``on_track`` (a share) or ``percent`` (a mean), of the town's tasks."""

    def tasks(view: View, levels: Levels, level: str) -> Structure:
        view.note("tasks.percent" if kind == "percent" else "tasks.state", year=False)
        lines = view.panel.tasks
        said = lines.assign(
            slow=lines["state"].map(_SLOW).astype(np.float64), share=lines["percent"].astype(np.float64) / 100.0
        )
        each = said.groupby(["month", "clause"]).agg(slow=("slow", "max"), share=("share", "mean")).reset_index()
        value, (count, told) = np.full((1, view.q), np.nan), np.zeros((2, 1, view.q))
        for column, month in enumerate(view.columns):
            mine = each[each["month"] == month]
            known = mine["share" if kind == "percent" else "slow"].dropna().to_numpy(dtype=np.float64)
            count[0, column], told[0, column] = len(mine), len(mine) if kind == "reported" else len(known)
            if told[0, column]:
                value[0, column] = _of_tasks(kind, known, len(mine))
        return replace(_told(value, count, told, np.zeros((1, view.q))), **_worked(kind, value, told))

    return tasks


def _worked(kind: str, value: Floats, told: Floats) -> dict[str, Any]:
    """What a figure of the tasks is worked from: a count of how many, or a sum over a count."""
    if kind in ("on_track", "percent"):
        return {"terms": (Term(np.nan_to_num(value) * told),), "base": Term(told)}
    whole = np.full_like(told, len(catalogued().tasks)) if kind == "reported" else told
    return {"terms": (Term(whole), Term(whole - np.nan_to_num(value), -1.0))}


def _of_tasks(kind: str, known: Floats, count: int) -> float:
    if kind == "reported":
        return float(count)
    if kind == "percent":
        return float(known.mean())
    if kind == "on_track":
        return float((known <= _SLOW["on_track"]).mean())
    return float((known == _SLOW[kind]).sum())


def _visits(kind: str) -> StructureFormula:
    """``visits`` of the month; since January ``appeals``, those ``closed``, and the ``share`` of these."""

    def visits(view: View, levels: Levels, level: str) -> Structure:
        year = kind != "visits"
        view.note("visits.state" if kind in ("closed", "share") else "visits.visited", year=year)
        lines = view.panel.visits
        lines = lines[lines["appeal"].astype(bool)] if year else lines
        here = _whole(view) if year else view.arrived("visits")
        value = np.full((1, view.q), np.nan)
        count, told, top2, groups = np.zeros((4, 1, view.q))
        for column in np.flatnonzero(here):
            last = view.columns[column]
            mine = lines[lines["month"].between(last - view.month[column] + 1 if year else last, last)]
            known = int(mine["state"].notna().sum()) if kind in ("closed", "share") else len(mine)
            closed, shares = int((mine["state"] == "closed").sum()), mine["group"].value_counts(normalize=True)
            count[0, column], told[0, column] = len(mine), known
            groups[0, column], top2[0, column] = len(shares), float(shares.head(2).sum())
            found = closed / known if kind == "share" and known else closed if kind == "closed" else len(mine)
            value[0, column] = found if kind != "share" or known else np.nan
        return _told(value, count, told, top2, groups)

    return visits


def _whole(view: View) -> Bools:
    """Months asked up to which every ledger since January is here, (q,)."""
    years = view.accumulate(np.zeros((1, len(view.panel.months))), "visits")
    here: Bools = np.isfinite(view.pick(years))[0]
    return here


def _told(value: Floats, count: Floats, told: Floats, top2: Floats, groups: Floats | None = None) -> Structure:
    """Of the town: units in all, those with what the figure needs, and the groups they are of (each its own)."""
    missing = np.where(count > 0, 1.0 - told / np.maximum(count, 1.0), 0.0)
    units = np.maximum(count if groups is None else groups, np.isfinite(value))
    return Structure(value, groups=units.astype(np.int64), top2=top2, missing=missing)


for _id, _kind in (
    ("tasks_reported", "reported"),
    ("tasks_done", "done"),
    ("tasks_behind", "behind"),
    ("tasks_on_track_share", "on_track"),
    ("tasks_percent", "percent"),
):
    structure(_id)(_tasks(_kind))
for _id, _kind in (
    ("visits_m", "visits"),
    ("appeals_ytd", "appeals"),
    ("appeals_closed_ytd", "closed"),
    ("appeals_closed_share", "share"),
):
    structure(_id)(_visits(_kind))
