"""A reader who keeps every issue of the joint meeting's briefing subtracts one from the other, month after month."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qxmonitor import pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.disclosure import to_give
from qxmonitor.disclosure.successive import changes
from qxmonitor.period import Period
from qxmonitor.scene import HISTORY, Scene
from qxmonitor.settings import Settings
from qxmonitor.simulate import write_town
from qxmonitor.warehouse import Warehouse, given, issues
from qxmonitor.warehouse.panel import read_panel
from tests.pipeline.conftest import Town

pytestmark = [pytest.mark.slow, pytest.mark.long]

FAMILIES = {"output": "output", "sales": "sales", "export_delivery": "export", "power": "power"}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    folder = tmp_path_factory.mktemp("successive") / "town"
    first, last = Period("2025-02"), Period("2025-07")
    write_town(folder, firms=60, first=first, last=last, seed=8)
    return Town(folder, first, last, json.loads((folder / "truth.json").read_text(encoding="utf-8")))


def give(wh: Warehouse, period: Period) -> tuple[Scene, pd.DataFrame]:
    """What the approval of a month's joint edition does; returns the scene and its cleared figures."""
    scene = Scene(wh, period)
    edition = office().edition("joint")
    gate = scene.gate(edition.reader, edition.purpose)
    figures = gate.clear(scene.outside)
    rows = scene.outside[scene.outside["entity_kind"] != "firm"]
    rows = rows[(rows["source"] == "returns") & (rows["period"].astype(str) <= period)]
    names = [rows[name].astype(str) for name in ("indicator", "period", "entity_kind", "entity", "source")]
    keys = zip(*names, strict=True)
    shown = rows[[figures.get(key[0], Period(key[1]), *key[2:]).state == "value" for key in keys]]
    assert scene.recorded_at is not None
    issue = issues.note(
        wh, period, "joint", known_at=scene.panel.known_at, recorded_at=scene.recorded_at, files={}, counts="[]"
    )
    with wh.engine.begin() as connection:
        given.note(connection, issue, to_give(scene.outside, scene.pattern.held, scene.given, period))
    return scene, shown


def test_the_differences_of_successive_issues_show_no_single_firm(
    new_database: Callable[[], Settings], town: Town, tmp_path: Path
) -> None:
    limits = office().thresholds
    kept: dict[Period, pd.DataFrame] = {}
    checked = moved = held = 0
    before: Scene | None = None
    with Warehouse(replace(new_database(), fixed_now=release_calendar().released_at(town.first))) as wh:
        for period in town.periods:
            now = release_calendar().released_at(period) + timedelta(hours=1)
            wh.settings = replace(wh.settings, fixed_now=now)
            pipeline.ingest(wh, [folder for folder in town.folders if folder.name <= f"{now:%Y-%m-%d}"])
            scene, shown = give(wh, period)
            kept[period] = shown
            held += len(scene.pattern.held)
            if before is not None:
                then, today = kept[period - 1], shown
                for earlier, rows in kept.items():  # what was printed before is printed the same or not at all
                    both = rows.merge(today, on=["indicator", "period", "entity"], suffixes=("_then", "_now"))
                    both = both[both["period"].astype(str) <= earlier]
                    assert np.allclose(both["value_then"], both["value_now"], equal_nan=True)
                for indicator, measure in FAMILIES.items():
                    ytd, month = (
                        today[
                            (today["indicator"] == f"{indicator}_{part}") & (today["period"].astype(str) == period)
                        ].set_index("entity")["value"]
                        for part in ("ytd", "m")
                    )
                    last = then[
                        (then["indicator"] == f"{indicator}_ytd") & (then["period"].astype(str) == period - 1)
                    ].set_index("entity")["value"]
                    rest = (ytd - month - last).dropna()
                    truth = changes(
                        read_panel(
                            wh, period - 1, months=HISTORY, known_at=before.panel.known_at,
                            recorded_at=before.recorded_at,
                        ),
                        scene.panel, [f"returns.{measure}_ytd"], period - 1,
                    )  # fmt: skip
                    moved += len(truth.rows)
                    for entity, shown_difference in rest.items():
                        checked += 1
                        safe = truth.safe(None if entity == "town" else [str(entity)], limits)
                        assert safe or abs(shown_difference) < 1e-6, (period, indicator, entity, shown_difference)
            before = scene
    assert checked > 10
    assert moved > 0, "nobody re-filed, so nothing was tried"
    assert held > 0
