"""The plan's nineteen tasks (``tasks.yml``): clause, short title, and the departments named in its brackets."""

from __future__ import annotations

from functools import lru_cache
from typing import Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load


class Task(Entry):
    clause: int = Field(ge=1, le=19)
    section: str
    title: str
    lead: tuple[str, ...] = Field(min_length=1)


class Tasks(Entry):
    departments: dict[str, str]
    tasks: tuple[Task, ...]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if [task.clause for task in self.tasks] != list(range(1, 20)):
            raise ValueError("任务须为第 1 至 19 条，各一次，依次排列")
        unknown = {d for task in self.tasks for d in task.lead} - set(self.departments)
        if unknown:
            raise ValueError(f"部门编号未定义：{'、'.join(sorted(unknown))}")
        return self


@lru_cache(maxsize=1)
def tasks() -> Tasks:
    """The shipped tasks.

    Raises:
        CatalogError: ``tasks.yml`` is wrong.
    """
    return load("tasks", Tasks)
