"""Section 七 of the briefing, cleared: how far the plan's tasks are, and what firms visited asked for.

Both are the departments' own administrative papers (``permitted_use.yml``: tasks, visits). What they write in free text
is not among it: it may name anybody. Outside a firm-level right on visits, counts are given once enough groups stand
behind them, and no kinds of appeal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from qxmonitor.catalog.office import office
from qxmonitor.catalog.sheets import sheets
from qxmonitor.catalog.tasks import tasks
from qxmonitor.disclosure.cleared import Cleared, seal
from qxmonitor.disclosure.gate import Gate

_TASKS, _VISITS = "tasks", "visits"
_BEHIND = ("behind", "not_started")
_DONE = ("closed", "declined")


@dataclass(frozen=True)
class Share:
    """How many of something are of one kind."""

    name: Cleared
    count: Cleared


@dataclass(frozen=True)
class Lagging:
    """A task that its department says is behind, or not begun; ``percent`` None where none was stated."""

    clause: Cleared
    title: Cleared
    department: Cleared
    state: Cleared
    percent: Cleared | None


@dataclass(frozen=True)
class TaskReport:
    """Progress as filed for a month: how many reports on how many clauses, by state; what lags; clauses unfiled.

    ``slow`` counts what lags, None of nothing.
    """

    reports: Cleared
    clauses: Cleared
    states: tuple[Share, ...]
    slow: Cleared | None
    lagging: tuple[Lagging, ...]
    unfiled: tuple[Cleared, ...]


@dataclass(frozen=True)
class Appeals:
    """Visits of a month with the appeals they brought; ``kinds`` for firm-level rights only."""

    visits: Cleared
    appeals: Cleared
    open: Cleared
    kinds: tuple[Share, ...]


def task_report(gate: Gate, filed: pd.DataFrame | None) -> TaskReport | None:
    """Progress of the tasks; None where the reader has no right to it or nothing was filed.

    Args:
        gate: of the reader.
        filed: one row a clause and department: clause, department, percent (0 to 100), state (``forms/tasks.yml``).
    """
    if filed is None or filed.empty or not gate.may(_TASKS, "firm"):
        return None
    plan, words = tasks(), _first_words(_TASKS, "state")
    titles = {task.clause: task.title for task in plan.tasks}
    known = filed[filed["clause"].isin(titles)].sort_values(["clause", "department"])
    slow = known[known["state"].isin(_BEHIND)]
    missing = [clause for clause in titles if clause not in set(known["clause"])]
    return TaskReport(
        reports=_count(gate, _TASKS, len(known)),
        clauses=_count(gate, _TASKS, known["clause"].nunique()),
        states=_shares(gate, _TASKS, known["state"], words),
        slow=_count(gate, _TASKS, len(slow)) if len(slow) else None,
        lagging=tuple(
            Lagging(
                clause=_count(gate, _TASKS, int(row["clause"])),
                title=_say(gate, _TASKS, titles[int(row["clause"])]),
                department=_say(gate, _TASKS, plan.departments.get(str(row["department"]), str(row["department"]))),
                state=_say(gate, _TASKS, words[str(row["state"])]),
                percent=None if pd.isna(row["percent"])
                else gate.number(round(float(row["percent"])), 0, "%", _TASKS, "tasks"),
            )
            for row in slow.to_dict("records")
        ),
        unfiled=tuple(_count(gate, _TASKS, clause) for clause in missing),
    )  # fmt: skip


def appeals(gate: Gate, visited: pd.DataFrame | None, groups: pd.Series | None) -> Appeals | None:
    """Visits and appeals; None where the reader has no right to them, too few groups stand behind them, or none were.

    Args:
        gate: of the reader.
        visited: one row an appeal, or a visit without one: entity (USCC or null), subject, appeal, category, state.
        groups: USCC → group; a firm without one is its own. None is no groups.
    """
    if visited is None or visited.empty or not gate.may(_VISITS, "aggregate"):
        return None
    asked = visited[visited["appeal"].notna()]
    if not gate.may(_VISITS, "firm"):
        behind = [_groups(frame, groups) for frame in (visited, asked, asked[~asked["state"].isin(_DONE)])]
        if any(0 < count < office().thresholds.groups for count in behind):
            return None
    words = _first_words(_VISITS, "category")
    return Appeals(
        visits=_count(gate, _VISITS, len(visited)),
        appeals=_count(gate, _VISITS, len(asked)),
        open=_count(gate, _VISITS, int((~asked["state"].isin(_DONE)).sum())),
        kinds=_shares(gate, _VISITS, asked["category"], words) if gate.may(_VISITS, "firm") else (),
    )


def _groups(visited: pd.DataFrame, groups: pd.Series | None) -> int:
    known = {} if groups is None else groups[groups.fillna("") != ""].to_dict()
    firm = visited["entity"].astype(object).where(visited["entity"].notna(), visited["subject"].astype(object))
    return len({known.get(code, code) for code in firm})


def _shares(gate: Gate, source: str, kinds: pd.Series, words: Mapping[str, str]) -> tuple[Share, ...]:
    """How many of each kind, in the order of the form's choices."""
    counts = kinds.value_counts()
    return tuple(
        Share(_say(gate, source, word), _count(gate, source, int(counts[key])))
        for key, word in words.items()
        if key in counts
    )


def _first_words(form: str, column: str) -> dict[str, str]:
    return {key: words[0] for key, words in sheets()[form].by_id[column].choices.items()}


def _say(gate: Gate, source: str, text: str) -> Cleared:
    return seal(text, reader=gate.reader, source=source, ref=source, limit=None)


def _count(gate: Gate, source: str, count: int) -> Cleared:
    return gate.number(float(count), 0, "", source, source)
