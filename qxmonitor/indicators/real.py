"""Real growth and value added by single deflation: 现价总产值 × 增加值率 ÷ 出厂价格指数.

Rates and indices are parameters that the upper bureau hands down each month (feed ``parameters``), for the town or for
a two-digit industry; a firm takes its industry's where there is one, else the town's. They are versioned facts, read as
of the panel's time. Where a firm with a return lacks one, the month has no figure at all: nothing is carried over or
assumed, and no figure stands for all firms but a few, since beside the nominal one it would tell of the few.

The index of producer prices has the same month of last year as 100, so a cumulative figure is deflated slot by slot,
each month's output (the difference of two cumulative returns) by its own index; output of January and February by the
mean of their indices, or February's where January's was not handed down. A return that is not here leaves its output to
the next.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.indicators.formula import Parts, formula
from qxmonitor.indicators.output import month_pair
from qxmonitor.indicators.view import Bools, Floats, View

TOWN_SCOPE = "全镇"
RATE, PRICE = "value_added_rate", "producer_price"
_HUNDRED = 100.0
YEAR = 12


def parameter(view: View, name: str, back: int = 0, *, year: bool = True) -> Floats:
    """A parameter as each industry of :func:`industries` has it, as a fraction, by months of the panel, (k, m).

    Each month has that of ``back`` months before; ``year`` says that those of the year so far are wanted.

    NaN where none is known; figures that cannot be (a rate outside 0–100 %, an index that is not positive) are as good
    as missing. February's is the mean with January's, since its output is that of both.
    """
    view.note(f"parameters.{name}", back, year=year or bool(view.february.any()))
    months = {str(month): at for at, month in enumerate(view.panel.months)}
    _, labels = industries(view)
    out = np.full((len(labels), len(months)), np.nan)
    table = view.panel.parameters
    if table is None or table.empty:
        return out
    mine = table[(table["parameter"] == name) & table["period"].isin(list(months))]
    good = (mine["value"] > 0) & (mine["value"] <= _HUNDRED if name == RATE else np.isfinite(mine["value"]))
    mine = mine[good]
    at = mine["period"].map(months).to_numpy(dtype=np.intp)
    scope, value = mine["scope"].astype(str).to_numpy(object), mine["value"].to_numpy(dtype=np.float64) / _HUNDRED
    whole = scope == TOWN_SCOPE
    out[:, at[whole]] = value[whole]
    rows = pd.Index(labels).get_indexer(pd.Index(scope))
    own = (rows >= 0) & (scope != "")
    out[rows[own], at[own]] = value[own]
    february = np.array([month.month == 2 and j > 0 for j, month in enumerate(view.panel.months)])
    at_february = np.flatnonzero(february)
    both = out[:, at_february - 1] + out[:, at_february]
    out[:, at_february] = np.where(np.isfinite(both), both / 2.0, out[:, at_february])
    if back:
        out[:, back:], out[:, :back] = out[:, :-back].copy(), np.nan
    return out


def industries(view: View) -> tuple[npt.NDArray[np.intp], list[str]]:
    """Each firm's two-digit industry as a code, (n,), into sorted labels; a firm without one has ``""``."""
    raw, words = pd.factorize(
        view.panel.firms["industry"].astype(object).where(view.panel.firms["industry"].notna(), "")
    )
    two = pd.Series(words, dtype=object).astype(str).str.extract(r"(\d{2})", expand=False).fillna("")
    labels, codes = np.unique(two.to_numpy(dtype=str), return_inverse=True)
    return codes[raw].astype(np.intp), [str(label) for label in labels]


def _asked(view: View, values: Floats, codes: npt.NDArray[np.intp], shift: int = 0) -> Floats:
    """What each firm's industry has ``shift`` months before the months asked, (k, m) → (n, q); NaN before the panel."""
    columns = view.columns - shift
    taken = values[:, np.maximum(columns, 0)]
    taken[:, columns < 0] = np.nan
    return taken[codes]


def weighted(view: View, name: str, weight: Floats) -> Floats:
    """Σ over the slots of the year of (slot's part of a cumulative measure) × weight, (n, q).

    Args:
        view: the months asked.
        name: a cumulative measure of the panel, such as ``returns.output_ytd``.
        weight: (k, m), as :func:`parameter` gives it.

    Returns:
        NaN in January, where the month's own figure is missing, and where the year began before the panel; a month in
        which any firm lacks a weight it needs is NaN for all.
    """
    here = np.isfinite(view.take(name)) & ~view.january
    codes, _ = industries(view)
    told, total = np.zeros((view.n, view.q)), np.zeros((view.n, view.q))
    for shift in reversed(range(int(view.month.max(initial=1)) - 1)):
        value = view.take(name, shift)
        known = np.isfinite(value) & (shift <= view.month - 2)
        part = np.where(known, value - told, 0.0)
        total += np.where(part != 0.0, part * _asked(view, weight, codes, shift), 0.0)
        told = np.where(known, value, told)
    begun = view.columns >= view.month - 1
    return np.where(begun, _all_or_none(np.where(here, total, np.nan), here), np.nan)


def _all_or_none(values: Floats, wanted: Bools) -> Floats:
    """Figures of a month (n, …), or nothing where one that is wanted is not there."""
    return np.where((wanted & ~np.isfinite(values)).any(axis=0), np.nan, values)


@formula("value_added_ytd")
def value_added(view: View, source: str) -> Parts:
    """工业增加值（累计，现价，测算）."""
    return Parts(weighted(view, f"{source}.output_ytd", parameter(view, RATE)))


@formula("value_added_real_ytd")
def value_added_real(view: View, source: str) -> Parts:
    """工业增加值（累计，上年同期价格，测算）."""
    return Parts(_real_value_added(view, source))


def _real_value_added(view: View, source: str) -> Floats:
    weight = parameter(view, RATE) / parameter(view, PRICE)
    return weighted(view, f"{source}.output_ytd", weight)


@formula("value_added_real_growth_ytd")
def value_added_real_growth(view: View, source: str) -> Parts:
    """工业增加值累计实际增速（测算）: at last year's prices, over last year's at last year's rates."""
    base = weighted(view, f"{source}.output_ly_ytd", parameter(view, RATE, YEAR))
    return Parts(_real_value_added(view, source), base, offset=-1.0)


@formula("output_real_growth")
def real_growth(view: View, source: str) -> Parts:
    """工业总产值当月实际增速（测算）."""
    now, then = month_pair(view, source, "output")
    deflated = now / _asked(view, parameter(view, PRICE, year=False), industries(view)[0])
    return Parts(_all_or_none(deflated, np.isfinite(now)), then, offset=-1.0)


@formula("output_real_growth_ytd")
def real_growth_cumulative(view: View, source: str) -> Parts:
    """工业总产值累计实际增速（测算）."""
    now = weighted(view, f"{source}.output_ytd", 1.0 / parameter(view, PRICE))
    then = view.take(f"{source}.output_ly_ytd")
    return Parts(now, np.where(view.january, np.nan, then), offset=-1.0)


def missing(view: View) -> tuple[str, ...]:
    """Parameters of which a firm with a return lacks one in a month asked or earlier in its year, sorted."""
    output = view.panel.values.get("returns.output_ytd")
    if output is None:
        return ()
    year = np.zeros(len(view.panel.months), dtype=bool)
    for period in view.periods:
        year |= np.array([m.year == period.year and 1 < m.month <= period.month for m in view.panel.months])
    here = np.isfinite(output) & year[None, :]
    codes, _ = industries(view)
    return tuple(name for name in (PRICE, RATE) if (here & ~np.isfinite(parameter(view, name)[codes])).any())
