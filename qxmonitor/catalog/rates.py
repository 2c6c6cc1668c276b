"""The month's exchange rate (``rates.yml``): yuan a dollar, or nothing while nobody entered one.

:func:`rate` is the one place where a rate comes from. A feed of monthly parameters lays its own over the file's with
:func:`given`, around the call that reads and checks files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from functools import cached_property, lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

_given: ContextVar[Mapping[str, float]] = ContextVar("rates", default=MappingProxyType({}))


class Rate(Entry):
    """One month's rate, who published it and when it was entered."""

    period: str = Field(pattern=r"^\d{4}-(?:0[1-9]|1[0-2])$")
    usd_cny: float = Field(gt=1, lt=20)
    entered: date
    source: str = Field(min_length=2)


class Rates(Entry):
    rates: tuple[Rate, ...]

    @model_validator(mode="after")
    def _one_a_day(self) -> Rates:
        keys = [(entry.period, entry.entered) for entry in self.rates]
        if len(keys) != len(set(keys)):
            raise ValueError("同一个月份在同一天录入了两次")
        return self

    @cached_property
    def by_period(self) -> dict[str, float]:
        """Period → the rate entered last."""
        return {entry.period: entry.usd_cny for entry in sorted(self.rates, key=lambda entry: entry.entered)}


@contextmanager
def given(rates: Mapping[str, float]) -> Iterator[None]:
    """Lay rates from elsewhere (period → yuan a dollar) over the file's, for what runs inside."""
    token = _given.set({**_given.get(), **rates})
    try:
        yield
    finally:
        _given.reset(token)


def rate(period: str) -> float | None:
    """Yuan a dollar in a month; None when none was entered."""
    found = _given.get().get(period)
    return found if found is not None else rates().by_period.get(period)


def rate_column(periods: pd.Series) -> npt.NDArray[np.float64]:
    """:func:`rate` of a column of periods; NaN where there is none."""
    positions, distinct = pd.factorize(periods)
    known = [rate(str(period)) for period in distinct]
    values = np.array([np.nan if value is None else value for value in known] + [np.nan], dtype=np.float64)
    found: npt.NDArray[np.float64] = values[positions]
    return found


@lru_cache(maxsize=1)
def rates() -> Rates:
    """The shipped exchange rates.

    Raises:
        CatalogError: ``rates.yml`` is wrong.
    """
    return load("rates", Rates)
