"""Investment and technical upgrading from 206-1 and 206-2: the town's projects, whoever owns them.

Growth compares this year's with the sheet's own 上年同期, in which a project without one counts as nothing: new
projects are what growth is made of, and projects that ended stay on the sheet with last year's figure.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from qxmonitor.indicators.formula import Structure, StructureFormula, Term, structure
from qxmonitor.indicators.grouping import Grouping
from qxmonitor.indicators.levels import Levels
from qxmonitor.indicators.view import Bools, Floats, View


def _investment(upgrade: bool, kind: str) -> StructureFormula:
    """Level (``ytd``), ``growth`` or number of projects (``count``) of all projects or those of technical upgrading."""

    def investment(view: View, levels: Levels, level: str) -> Structure:
        projects = view.panel.projects
        view.note("projects.ytd", year=False)
        if kind == "growth":
            view.note("projects.ytd_ly", year=False)
        mine = projects[projects["tech_upgrade"].astype(bool)] if upgrade else projects
        now, then = _grid(view, mine, "ytd"), _grid(view, mine, "ytd_ly")
        if not len(mine):
            nothing = np.full((1, view.q), np.nan)
            return Structure(nothing, groups=np.zeros((1, view.q), dtype=np.int64), top2=nothing, missing=nothing)
        codes, _ = pd.factorize(mine["group"].astype("str"), sort=True)
        grouping = Grouping.of(np.zeros(len(mine), dtype=np.intp), ["town"], codes.astype(np.intp))
        parts = [now, then] if kind == "growth" else [now]
        has = np.isfinite(now) | np.isfinite(then)
        top2 = np.max([grouping.top2(grouping.by_group(part)) for part in parts], axis=0)
        total, before = (grouping.by_entity(grouping.by_group(part)) for part in (now, then))
        value = {"ytd": total, "count": grouping.count(np.isfinite(now) & (now > 0)).astype(np.float64)}.get(kind)
        if value is None:
            base = (before > 0) & ~view.january
            value = np.divide(total, before, out=np.full_like(total, np.nan), where=base) - 1.0
        groups = grouping.groups(has)
        terms, base = _worked(kind, grouping, now, then)
        return Structure(
            np.where(groups > 0, value, np.nan), groups=groups, top2=top2, missing=np.zeros_like(total), terms=terms,
            base=base,
        )  # fmt: skip

    return investment


def _worked(kind: str, grouping: Grouping, now: Floats, then: Floats) -> tuple[tuple[Term, ...], Term | None]:
    """What a figure is worked from: this and last year; all lines but those at rest; the projects' mean."""

    def money(values: Floats) -> Term:
        pairs, behind = grouping.by_group(values), grouping.groups(np.isfinite(values) & (values != 0))
        return Term(grouping.by_entity(pairs), groups=behind, top2=grouping.top2(pairs))

    def count(mark: Bools) -> Floats:
        return grouping.count(mark).astype(np.float64)

    if kind == "growth":
        return (money(now),), money(then)
    working = np.isfinite(now) & (now > 0)
    if kind == "ytd":
        return (money(now),), Term(count(working))
    return (Term(count(np.isfinite(now))), Term(count(np.isfinite(now) & ~working), -1.0)), None


def _grid(view: View, projects: pd.DataFrame, name: str) -> Floats:
    """Rows of projects × asked months: each line in its own month."""
    grid = np.full((len(projects), len(view.panel.months)), np.nan)
    grid[np.arange(len(projects)), projects["month"].to_numpy(dtype=np.intp)] = projects[name].to_numpy(np.float64)
    return view.pick(grid)


for _id, _upgrade, _kind in (
    ("investment_ytd", False, "ytd"),
    ("investment_growth_ytd", False, "growth"),
    ("investment_projects", False, "count"),
    ("upgrade_investment_ytd", True, "ytd"),
    ("upgrade_investment_growth_ytd", True, "growth"),
):
    structure(_id)(_investment(_upgrade, _kind))
