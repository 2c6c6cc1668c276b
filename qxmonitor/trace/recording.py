"""What a formula looks at, written down while it runs, so that a trace cannot drift from the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from qxmonitor.indicators.view import Bytes, Floats, View
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.period import months as months_between

Measure = tuple[str, str]
"""Source and measure, such as ``("returns", "output_m")``."""


@dataclass
class Taken:
    """What was looked at.

    Attributes:
        measures: source and measure → months.
        register: columns of the register.
        forms: forms of which it mattered whether they are here → months.
        figures: indicator, source and level of other figures → months.
    """

    measures: dict[Measure, set[Period]] = field(default_factory=dict)
    register: set[str] = field(default_factory=set)
    forms: dict[str, set[Period]] = field(default_factory=dict)
    figures: dict[tuple[str, str, str], set[Period]] = field(default_factory=dict)


class Recording(View):
    """A view that writes down what is taken from it."""

    def __init__(self, panel: Panel, periods: Sequence[Period], taken: Taken | None = None) -> None:
        super().__init__(panel, periods)
        self.taken = taken if taken is not None else Taken()

    def at(self, periods: Sequence[Period]) -> View:
        return Recording(self.panel, periods, self.taken)

    def note(self, name: str, shift: int = 0, *, year: bool = True) -> None:
        for column in (self.columns - shift)[self.columns - shift >= 0]:
            self._noted(name, self.panel.months[column], year=year)

    def note_register(self, column: str) -> None:
        self.taken.register.add(column)

    def note_figure(self, indicator: str, source: str, level: str) -> None:
        self.taken.figures.setdefault((indicator, source, level), set()).update(self.periods)

    def state(self, form: str) -> Bytes:
        self.taken.forms.setdefault(form, set()).update(self.periods)
        return super().state(form)

    def _pick(self, name: str, values: Floats | None, columns: npt.NDArray[np.intp]) -> Floats:
        for column in columns[columns >= 0]:
            summed = name.startswith("ytd:")
            self._noted(name.removeprefix("ytd:"), self.panel.months[column], year=summed)
        return super()._pick(name, values, columns)

    def _noted(self, name: str, month: Period, *, year: bool) -> None:
        taken = months_between(Period(f"{month.year}-01"), month) if year else (month,)
        source, _, measure = name.partition(".")
        self.taken.measures.setdefault((source, measure), set()).update(taken)
