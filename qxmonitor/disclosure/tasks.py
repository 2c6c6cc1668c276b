"""Section 七 of the briefing beside its figures, cleared: which tasks lag, and what firms visited asked for.

Both are the departments' own administrative papers (``permitted_use.yml``: tasks, visits). What they write in free text
is not among it: it may name anybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

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
    """Progress as filed for a month: what lags, counted in ``slow`` (None of nothing), and clauses unfiled."""

    slow: Cleared | None
    lagging: tuple[Lagging, ...]
    unfiled: tuple[Cleared, ...]


@dataclass(frozen=True)
class Appeals:
    """Appeals of a month's visits, by kind."""

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


def appeals(gate: Gate, visited: pd.DataFrame | None) -> Appeals | None:
    """Appeals by kind; None where the reader has no firm-level right to them, or there were none.

    Args:
        gate: of the reader.
        visited: one row an appeal, or a visit without one: appeal, category, state.
    """
    asked = None if visited is None else visited[visited["appeal"].notna()]
    if asked is None or asked.empty or not gate.may(_VISITS, "firm"):
        return None
    return Appeals(
        appeals=_count(gate, _VISITS, len(asked)),
        open=_count(gate, _VISITS, int((~asked["state"].isin(_DONE)).sum())),
        kinds=_shares(gate, _VISITS, asked["category"], _first_words(_VISITS, "category")),
    )


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
