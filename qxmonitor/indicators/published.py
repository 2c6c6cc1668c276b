"""Published customs figures of the town and the places above it: levels as published, growth as statisticians do.

A place's figure is that of the published table; where the table lacks a level, of the download's lines of that place.
Growth is the published rate; where none is published it is worked out on last year's figure as restated with this
year's, and only then on the one published a year ago. January is not judged, and February is January and February
together. ``ratio_ytd`` sets the two years' published levels against one another, so that a reader sees where the
published rate stands on a restated year ago.
"""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.calendar import DatumState
from qxmonitor.catalog.comparison import comparison, plain_name
from qxmonitor.catalog.release import release_calendar
from qxmonitor.indicators.view import Bools, Floats, View

SOURCE = FORM = "customs_public"
LEVEL = "place"
STEMS = tuple(f"{flow}_{currency}" for flow, currency in product(("import", "export", "trade"), ("usd", "rmb")))
KINDS = ("m", "ytd", "growth", "growth_ytd", "ratio_ytd")
SPANS = ("m", "ytd")
_KEY = ["place_at", "stem_at", "span_at", "month"]

Laid = dict[str, Floats]
"""Part of a published figure → (places, stems, spans, months)."""


def published_rows(view: View) -> pd.DataFrame:
    """Rows of all published indicators in the months asked, of places and currencies that anything is known of.

    Returns:
        ``period, indicator, entity_kind, entity, source, value, state, coverage, groups, top2, hidden_groups``.
    """
    rules = comparison().places
    laid, short = _laid(view)
    known = _figures(view, laid)
    there: Bools = np.isfinite(laid["value"]) | np.isfinite(laid["growth"])
    here: Bools = np.logical_or.reduce(there, axis=2)
    state = _states(view, known, here, short)
    kept: Bools = np.logical_or.reduce(here, axis=2)
    parts = []
    for (k, kind), (s, stem), (p, place) in product(enumerate(KINDS), enumerate(STEMS), enumerate(rules)):
        if not kept[p, s]:
            continue
        value, codes = known[k, p, s][view.columns], state[k, p, s][view.columns]
        frame = {
            "period": [str(period) for period in view.periods], "indicator": f"public_{stem}_{kind}",
            "entity_kind": LEVEL, "entity": place.id, "source": SOURCE, "value": value,
            "state": [DatumState(int(code)).word for code in codes],
            "coverage": np.isfinite(value).astype(np.float64), "groups": 0, "top2": np.nan, "hidden_groups": 0,
        }  # fmt: skip
        parts.append(pd.DataFrame(frame))
    if not parts:
        return pd.DataFrame({name: [] for name in _ROW})
    return pd.concat(parts, ignore_index=True)


_ROW = (
    "period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
    "hidden_groups",
)  # fmt: skip


def _laid(view: View) -> tuple[Laid, Bools]:
    """What is published, laid out, and where a download is here that could not be added up, (places, stems, months).

    A table's figure comes before a download's, and of several names of one place the catalogue's first counts.
    """
    shape = (len(comparison().places), len(STEMS), len(SPANS), len(view.panel.months))
    laid = {part: np.full(shape, np.nan) for part in ("value", "base", "growth")}
    short = np.zeros((shape[0], shape[1], shape[3]), dtype=bool)
    names = {
        plain_name(name): (at, rank) for at, place in enumerate(comparison().places) for rank, name in
        enumerate(place.names)
    }  # fmt: skip
    rows = view.panel.published
    found = rows["place"].map({text: names.get(plain_name(str(text))) for text in rows["place"].unique()})
    rows, found = rows[found.notna()], found[found.notna()]
    if len(rows):
        stem, span = rows["item"].str.rpartition("_")[0], rows["item"].str.rpartition("_")[2]
        rows = rows.assign(
            place_at=found.str[0].astype(int), rank=found.str[1].astype(int),
            stem_at=stem.map(STEMS.index), span_at=span.map(SPANS.index),
            below=rows["told"].ne("table"),
        ).sort_values(["below", "rank"], kind="stable")  # fmt: skip
        refused = rows[rows["told"] == "short"]
        short[refused["place_at"], refused["stem_at"], refused["month"]] = True
        for part, grid in laid.items():
            first = rows[rows[part].notna() & (rows["told"] != "short")].drop_duplicates(_KEY)
            grid[tuple(first[axis].to_numpy(np.intp) for axis in _KEY)] = first[part]
    for currency in ("usd", "rmb"):  # both flows are both together where that is not told itself
        both, trade = [STEMS.index(f"{flow}_{currency}") for flow in ("import", "export")], f"trade_{currency}"
        whole, sides = laid["value"][:, STEMS.index(trade)], laid["value"][:, both].sum(axis=1)
        laid["value"][:, STEMS.index(trade)] = np.where(np.isfinite(whole), whole, sides)
        short[:, STEMS.index(trade)] |= short[:, both].any(axis=1)
    return laid, short


def _figures(view: View, laid: Laid) -> Floats:
    """Every kind of figure, (kinds, places, stems, months)."""
    months = np.array([month.month for month in view.panel.months])
    january, february = months == 1, months == 2
    value, base, rate = laid["value"], laid["base"], laid["growth"] / 100.0
    m, told = value[:, :, 0], value[:, :, 1]
    ytd = np.where(np.isfinite(told), told, _since_january(m, months))
    both = [_growth(now, base[:, :, at], rate[:, :, at]) for at, now in enumerate((m, ytd))]
    growth, growth_ytd = (np.where(january, np.nan, found) for found in both)
    growth = np.where(february, growth_ytd, growth)
    return np.stack([m, ytd, growth, growth_ytd, np.where(january, np.nan, _over(ytd, _year_ago(ytd)))])


def _since_january(m: Floats, months: npt.NDArray[np.int64]) -> Floats:
    """Sums of the months since January; NaN when one of them is not there, or lies before the panel."""
    total = np.full(m.shape, np.nan)
    for at, month in enumerate(months.tolist()):
        total[..., at] = m[..., at] + (0.0 if month == 1 else total[..., at - 1] if at else np.nan)
    return total


def _growth(now: Floats, base: Floats, rate: Floats) -> Floats:
    """The published rate, else on the restated year ago, else on the one published then."""
    found = np.where(np.isfinite(rate), rate, _over(now, base))
    return np.where(np.isfinite(found), found, _over(now, _year_ago(now)))


def _year_ago(values: Floats) -> Floats:
    then = np.full(values.shape, np.nan)
    then[..., 12:] = values[..., :-12]
    return then


def _over(now: Floats, then: Floats) -> Floats:
    """Give now ÷ then − 1; NaN for a missing, zero or negative base."""
    ratio = np.full(now.shape, np.nan)
    np.divide(now, then, out=ratio, where=np.nan_to_num(then) > 0)
    return ratio - 1.0


def _states(view: View, known: Floats, here: Bools, short: Bools) -> npt.NDArray[np.uint8]:
    """Not yet due and never published is expected-absent; overdue is late; a download that adds up to nothing failed.

    A place is overdue in a month of which nothing of it is here, once an earlier month of it was.
    """
    calendar, months = release_calendar().feed(FORM), view.panel.months
    due = np.array([calendar.returns_in(p) and calendar.due(p) <= view.panel.known_at for p in months], dtype=bool)
    there = here.any(axis=1)
    began = np.cumsum(there, axis=1) > 0
    late = (due & began & ~there)[None, :, None]
    state = np.full(known.shape, DatumState.EXPECTED_ABSENT, dtype=np.uint8)
    state[np.broadcast_to(late, known.shape)] = DatumState.LATE
    state[np.broadcast_to(short[None], known.shape)] = DatumState.FAILED
    january = np.array([month.month == 1 for month in months])
    state[2:, :, :, january] = DatumState.EXPECTED_ABSENT
    state[np.isfinite(known)] = DatumState.VALUE
    return state
