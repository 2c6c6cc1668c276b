"""The growth ladder (``ladder.yml``): which step lies where, and from which figures a firm's place is told."""

from __future__ import annotations

from functools import lru_cache
from typing import Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load


class LadderFigure(Entry):
    """A figure of a year a firm is placed by; ``at_least`` says that the true one can only be larger."""

    source: Literal["self_report", "customs"]
    measure: Literal["output", "export_rmb"]
    name: str
    at_least: bool


class Step(Entry):
    """One step: a threshold in thousand yuan, and the shares of it between which a firm is said to approach."""

    id: str = Field(pattern=r"^[a-z][a-z_]*$")
    name: str
    threshold: float = Field(gt=0)
    near: float = Field(gt=0, lt=1)
    upto: float | None = Field(default=None, gt=1)
    below_scale: bool
    note: str


class Doubling(Entry):
    """倍增: a multiple of what the base year's figure was; without a base year there is no progress, only growth."""

    name: str
    base_year: int | None = Field(default=None, ge=2000)
    times: float = Field(gt=1)
    basis: str | None = None

    @model_validator(mode="after")
    def _with_its_basis(self) -> Self:
        if self.base_year is not None and not self.basis:
            raise ValueError("填了倍增基期就要写明文号或出处 basis")
        return self


class Ladder(Entry):
    recent_months: int = Field(ge=1, le=12)
    annualise_from: int = Field(ge=1, le=12)
    divisions: tuple[int, int]
    figures: tuple[LadderFigure, ...] = Field(min_length=1)
    steps: tuple[Step, ...] = Field(min_length=1)
    doubling: Doubling

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        ids = [step.id for step in self.steps]
        if len(set(ids)) < len(ids) or "doubling" in ids:
            raise ValueError("梯队编号重复")
        thresholds = [step.threshold for step in self.steps]
        if thresholds != sorted(set(thresholds)):
            raise ValueError("梯队门槛须由低到高，不得重复")
        return self


@lru_cache(maxsize=1)
def ladder() -> Ladder:
    """The shipped ladder.

    Raises:
        CatalogError: ``ladder.yml`` is wrong.
    """
    return load("ladder", Ladder)
