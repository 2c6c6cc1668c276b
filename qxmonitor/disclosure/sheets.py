"""What may be said of a figure that is missing because a sheet is."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.release import release_calendar
from qxmonitor.period import Period

SHEETS = frozenset({"customs", "bonded", "power"})
"""Sources that send one sheet for all: late or not, it says nothing of any firm."""


def not_due(frame: pd.DataFrame, known_at: datetime | None) -> pd.Series:
    """Row by row of an indicator frame, whether a figure is missing because its sheet is neither here nor due.

    Args:
        frame: period, indicator, source, state, with plain text keys.
        known_at: as known then; None says it of nothing.
    """
    empty = (frame["state"] == "expected-absent") & frame["source"].isin(SHEETS)
    if known_at is None or not empty.any():
        return empty & False
    here = frame[(frame["state"] == "value") & frame["source"].isin(SHEETS)]
    arrived = set(zip(here["period"], here["source"], strict=True))
    pending = {
        (period, indicator, source)
        for period, indicator, source in set(
            zip(*(frame.loc[empty, name] for name in ("period", "indicator", "source")), strict=True)
        )
        if (period, source) not in arrived and _due(indicator, source, Period(period)) > known_at
    }
    keys = zip(frame["period"], frame["indicator"], frame["source"], strict=True)
    return empty & pd.Series([key in pending for key in keys], index=frame.index)


def never_yet(frame: pd.DataFrame) -> pd.Series:
    """Row by row, whether a late sheet is of a month before the first one that is here: nobody was sending any yet.

    Args:
        frame: period, source, state, with plain text keys.
    """
    late = (frame["state"] == "late") & frame["source"].isin(SHEETS)
    first = frame[frame["state"] == "value"].groupby("source")["period"].min().to_dict()
    return late & (frame["period"] < frame["source"].map(lambda source: first.get(source, "9999-12")))


def _due(indicator: str, source: str, period: Period) -> datetime:
    """When the sheet of a figure is due."""
    form = next(use.form for use in indicators().indicator(indicator).sources if use.source == source)
    return release_calendar().feed(form).due(period)
