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
from qxmonitor.panel import Panel
from qxmonitor.period import Period

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
        :data:`ROW`.
    """
    laid, short = _laid(view)
    there: Bools = np.isfinite(laid["value"]) | np.isfinite(laid["growth"])
    here: Bools = np.logical_or.reduce(there, axis=2)
    known = _figures(view, _added_up(laid["value"]), laid)
    state = _states(view, known, here, _of_both(short))
    kept = _of_both(np.logical_or.reduce(here, axis=2)[..., None])[..., 0]
    k, s, p = (axis.ravel() for axis in np.indices((len(KINDS), len(STEMS), len(kept))))
    k, s, p = k[kept[p, s]], s[kept[p, s]], p[kept[p, s]]
    names = np.array([[f"public_{stem}_{kind}" for stem in STEMS] for kind in KINDS])
    places, words = np.array([place.id for place in comparison().places]), {int(s): s.word for s in DatumState}
    value, months = known[k, p, s][:, view.columns].ravel(), len(view.columns)
    frame = {
        "period": np.tile([str(period) for period in view.periods], len(k)),
        "indicator": np.repeat(names[k, s], months),
        "entity_kind": LEVEL, "entity": np.repeat(places[p], months), "source": SOURCE, "value": value,
        "state": pd.Series(state[k, p, s][:, view.columns].ravel()).map(words),
        "coverage": np.isfinite(value).astype(np.float64), "groups": 0, "top2": np.nan, "hidden_groups": 0,
    }  # fmt: skip
    return pd.DataFrame(frame, columns=list(ROW))


ROW = (
    "period", "indicator", "entity_kind", "entity", "source", "value", "state", "coverage", "groups", "top2",
    "hidden_groups",
)  # fmt: skip
Told = tuple[str, str, Period]
"""Item, part (value, base, growth) and month of something published."""


def stands_on(panel: Panel, indicator: str, place: str, period: Period) -> list[Told]:
    """What is published that a figure is made of; nothing where there is no such figure."""
    view = View(panel, [period])
    laid, _ = _laid(view)
    figures = _figures(view, _added_up(laid["value"]), laid)
    stem, kind = next((s, k) for s in STEMS for k in KINDS if indicator == f"public_{s}_{k}")
    p, at = [str(entry.id) for entry in comparison().places].index(place), int(view.columns[0])
    if not np.isfinite(figures[KINDS.index(kind), p, STEMS.index(stem), at]):
        return []

    def said(part: str, stem: str, span: str, at: int) -> bool:
        return at >= 0 and bool(np.isfinite(laid[part][p, STEMS.index(stem), SPANS.index(span), at]))

    def level(stem: str, span: str, at: int) -> list[Told]:
        flow, _, currency = stem.partition("_")
        if said("value", stem, span, at):
            return [(f"{stem}_{span}", "value", panel.months[at])]
        sides = [f"{side}_{currency}" for side in ("import", "export")]
        if flow == "trade" and all(said("value", side, span, at) for side in sides):
            return [told for side in sides for told in level(side, span, at)]
        if span == "ytd" and at >= 0:
            first = at - panel.months[at].month + 1
            return [told for month in range(first, at + 1) for told in level(stem, "m", month)]
        return []

    span = "ytd" if kind.endswith("ytd") or (kind == "growth" and period.month == 2) else "m"
    if kind == "ratio_ytd":
        return level(stem, span, at) + level(stem, span, at - 12)
    if kind in SPANS:
        return level(stem, span, at)
    if said("growth", stem, span, at):
        return [(f"{stem}_{span}", "growth", period)]
    if said("base", stem, span, at):
        return [*level(stem, span, at), (f"{stem}_{span}", "base", period)]
    return level(stem, span, at) + level(stem, span, at - 12)


def _laid(view: View) -> tuple[Laid, Bools]:
    """What is published, laid out, and where a download is here that could not be added up, (places, stems, months).

    A table's figure comes before a download's; of several names of one place the newest told counts, and of those that
    came together the catalogue's first.
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
        ).sort_values(["below", "known_at", "rank"], ascending=[True, False, True], kind="stable")  # fmt: skip
        refused = rows[rows["told"] == "short"]
        short[refused["place_at"], refused["stem_at"], refused["month"]] = True
        for part, grid in laid.items():
            first = rows[rows[part].notna() & (rows["told"] != "short")].drop_duplicates(_KEY)
            grid[tuple(first[axis].to_numpy(np.intp) for axis in _KEY)] = first[part]
    return laid, short


_SIDES = [(STEMS.index(f"trade_{c}"), [STEMS.index(f"{side}_{c}") for side in ("import", "export")])
          for c in ("usd", "rmb")]  # fmt: skip
"""Both together, and the two."""


def _added_up(value: Floats) -> Floats:
    """Levels with both flows together added up where that is not told itself, (places, stems, …)."""
    found = value.copy()
    for whole, sides in _SIDES:
        found[:, whole] = np.where(np.isfinite(value[:, whole]), value[:, whole], value[:, sides].sum(axis=1))
    return found


def _of_both(mark: Bools) -> Bools:
    """What holds of a flow holds of both together, (places, stems, months)."""
    found = mark.copy()
    for whole, sides in _SIDES:
        found[:, whole] |= np.logical_or.reduce(mark[:, sides], axis=1)
    return found


def _figures(view: View, value: Floats, laid: Laid) -> Floats:
    """Every kind of figure, (kinds, places, stems, months)."""
    months = np.array([month.month for month in view.panel.months])
    january, february = months == 1, months == 2
    base, rate = laid["base"], laid["growth"] / 100.0
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
    found = _over(now, np.where(np.isfinite(base), base, _year_ago(now)))
    return np.where(np.isfinite(rate), rate, found)


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
