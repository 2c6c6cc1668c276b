"""拉动点: how much of the published growth each firm, chain or industry gave.

On the comparable basis of the growth itself, firms i that have this year's figure N and the form's 上年同期 L:

    growth = Σ(N − L) ÷ ΣL,    points of a member = Σ over its firms of (N − L) ÷ ΣL over all

so that the points of all members add up to the growth. Points of single firms are a figure of a return each: they
stay in the statistical channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from qxmonitor.indicators.decompose import CENTS, Basis, Flows, Level, Places, cents_of
from qxmonitor.indicators.view import View
from qxmonitor.panel import Panel
from qxmonitor.period import Period

COLUMNS = ["period", "basis", "entity_kind", "entity", "base", "level", "change", "points"]
"""base, level and change in 千元 on the comparable basis; points as a fraction of the town's comparable base."""


def contributions(
    panel: Panel,
    periods: Sequence[Period],
    *,
    by: Level | Literal["firm"] = "chain",
    basis: Basis = "cumulative",
    measure: str = "output",
) -> pd.DataFrame:
    """Contribution of every member with a figure to the town's growth.

    Args:
        panel: what is known.
        periods: the months asked, within the panel; January gives no row.
        by: whose contributions.
        basis: the month alone (1—2月 in February), or from January on.
        measure: ``output``, ``sales``, ``export`` or ``power``.

    Returns:
        :data:`COLUMNS`; points are NaN where the town's base is not positive. By period, largest contribution first.

    Raises:
        QxError: a month asked lies outside the panel.
    """
    view = View(panel, periods)
    raw = Flows.of(view, basis, measure)
    wild = raw.unbelievable()
    wild[:, wild.any(axis=0)] = True  # one absurd figure leaves nobody's share of the growth believable
    flows = raw.without(wild)
    both = np.isfinite(flows.now) & np.isfinite(flows.restated)
    base, now = (np.where(both, cents_of(values), 0) for values in (flows.restated, flows.now))
    total = base.sum(axis=0)
    if by == "firm":
        entities, counted = tuple(str(code) for code in panel.firms.index), both
    else:
        places = Places.of(panel.firms, None, by)
        entities, counted = places.entities, places.count(places.now, both) > 0
        base, now = places.sums(places.now, base), places.sums(places.now, now)
    change = now - base
    points = np.divide(change, total, out=np.full(change.shape, np.nan), where=np.broadcast_to(total > 0, change.shape))
    period, entity = np.nonzero(counted.T)
    frame = pd.DataFrame(
        {
            "period": np.array([str(p) for p in view.periods], dtype=object)[period],
            "basis": basis,
            "entity_kind": by,
            "entity": np.array(entities, dtype=object)[entity],
            "base": base.T[period, entity] / CENTS,
            "level": now.T[period, entity] / CENTS,
            "change": change.T[period, entity] / CENTS,
            "points": points.T[period, entity],
        },
        columns=COLUMNS,
    )
    return frame.sort_values(["period", "change", "entity"], ascending=[True, False, True], ignore_index=True)
