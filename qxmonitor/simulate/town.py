"""Writes a whole synthetic town: landing folders by day of arrival, and the truth beside them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.simulate import (
    administrative,
    approved,
    b203,
    b204,
    bonded,
    bonded_centre,
    customs,
    customs_extra,
    detail,
    reference,
    register,
    self_report,
)
from qxmonitor.simulate.events import TOWN_SHOCK, plan_events, shock_periods
from qxmonitor.simulate.filing import World
from qxmonitor.simulate.model import live
from qxmonitor.simulate.population import populate
from qxmonitor.simulate.truth import Landing

MIN_FIRMS, MAX_FIRMS = 20, 5000

WRITERS = (
    register,
    bonded,
    self_report,
    b204,
    customs,
    b203,
    reference,
    administrative,
    bonded_centre,
    detail,
    approved,
    customs_extra,
)
"""Who writes what; the order is that of their random streams, so a new one comes last."""


def write_town(
    out: Path, *, firms: int, first: Period, last: Period, seed: int, staged: Mapping[str, int] | None = None,
    exactly: bool = False,
) -> None:  # fmt: skip
    """Write ``out/landing/<YYYY-MM-DD>/…`` by day of arrival and ``out/truth.json``; same arguments, same bytes.

    Args:
        out: an empty or new folder.
        firms: legal entities in the town's register, 20 to 5,000.
        first: first month of returns.
        last: last month; nothing arrives after its release.
        seed: of every random draw.
        staged: how many events of each kind begin in the last months, beside those at the fixed prevalence
            (``events.plan_events``).
        exactly: that many, or no town.

    Raises:
        QxError: the arguments make no town, it has not firms enough for what is asked ``exactly``, or ``out`` already
            holds one.
    """
    if not MIN_FIRMS <= firms <= MAX_FIRMS:
        raise QxError(f"企业数须在 {MIN_FIRMS} 到 {MAX_FIRMS} 之间：{firms}")
    if last < first:
        raise QxError(f"起止月份颠倒：{first} 至 {last}")
    if (out / "landing").exists() or (out / "truth.json").exists():
        raise QxError(f"目录里已有模拟数据，请换一个目录：{out}")

    town = populate(firms, first, last, seed)
    events = plan_events(town, first, last, seed, staged, exactly=exactly)
    economy = live(town, events, first, last, seed)
    landing = Landing(out, release_calendar().released_at(last))
    world = World.of(town, economy, events, (first, last), seed, landing)

    for source in WRITERS:
        source.write_all(world)
    landing.write_truth(_head(world, firms))


def _head(world: World, firms: int) -> dict[str, object]:
    """Everything in the truth but files, figures and dirt."""
    code, key = world.town.column("uscc"), world.town.column("key")
    noise = np.round(world.town.temper.one_step, 4)
    shocks = shock_periods(world.first, world.last)
    authorisations = world.town.authorisations
    return {
        "seed": world.seed,
        "firms": firms,
        "from": world.first,
        "to": world.last,
        "simulated": True,
        "key_firms": [c for c, is_key in zip(code, key, strict=True) if is_key],
        "noise": dict(zip(code.tolist(), noise.tolist(), strict=True)),
        "authorised": code[world.town.authorised(world.last)].tolist(),
        "authorisations": [
            {"entity": code[firm], "items": items, "readers": readers, "from": since, "to": until or None}
            for firm, items, readers, since, until in authorisations.to_numpy(dtype=object).tolist()
        ],
        "events": [
            {
                "type": "town_shock",
                "entity": "town",
                "from": p,
                "to": p,
                "size": TOWN_SHOCK[p],
                "key_firm": False,
                "cause": None,
            }
            for p in shocks
        ]
        + [
            {
                "type": event.type,
                "entity": code[event.firm],
                "from": event.start,
                "to": event.end,
                "size": event.size,
                "key_firm": bool(key[event.firm]),
                "cause": None if event.cause is None else code[event.cause],
            }
            for event in world.events
        ],
    }
