"""What formulas take is written down, for the whole catalogue, without a warehouse; names of figures and their refs."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from qxmonitor.catalog.climate import climate
from qxmonitor.catalog.indicators import indicators
from qxmonitor.catalog.targets import targets
from qxmonitor.errors import QxError
from qxmonitor.indicators.climate import INDICES, READY, climate_rows
from qxmonitor.indicators.engine import Engine
from qxmonitor.indicators.formula import FORMULAS, STRUCTURES
from qxmonitor.indicators.levels import Levels
from qxmonitor.panel import Panel
from qxmonitor.period import Period
from qxmonitor.trace import name_of
from qxmonitor.trace.catalogued import of_scorecard, of_target, settings_of
from qxmonitor.trace.recording import Recording
from qxmonitor.trace.tracer import Asked
from qxmonitor.warehouse import cells
from tests.indicators.town import random_town

PERIOD = Period("2022-04")


@pytest.fixture(scope="module")
def panel() -> Panel:
    rows = [
        (str(p), name, "全镇", 20.0) for p in random_town(2).months for name in ("value_added_rate", "producer_price")
    ]
    handed = pd.DataFrame(rows, columns=["period", "parameter", "scope", "value"])
    return replace(random_town(2).panel(), parameters=handed)


@pytest.mark.parametrize("key", sorted({*FORMULAS, *STRUCTURES}))
def test_every_formula_takes_what_it_uses_through_the_view(panel: Panel, key: str) -> None:
    view = Recording(panel, [PERIOD])
    entry = indicators().indicator(key)
    if key in FORMULAS:
        FORMULAS[key](view, entry.sources[0].source)
    else:
        STRUCTURES[key](view, Levels(panel.firms), entry.sources[0].levels[0])
    taken = view.taken
    assert taken.measures or taken.register or taken.forms
    known = {*cells.TABLES, "parameters", "chains"}
    assert {source for source, _ in taken.measures} <= known
    assert all(month <= PERIOD for months in taken.measures.values() for month in months)


def test_a_plain_sum_takes_one_month_and_a_growth_both_columns(panel: Panel) -> None:
    for key, want in (
        ("output_m", {"output_m"}), ("output_growth", {"output_m", "output_ly_m"}),
        ("sales_ratio_ytd", {"sales_ytd", "output_ytd"}), ("debt_ratio", {"liabilities", "assets"}),
    ):  # fmt: skip
        view = Recording(panel, [PERIOD])
        FORMULAS[key](view, "returns")
        assert view.taken.measures == {("returns", name): {PERIOD} for name in want}
    view = Recording(panel, [PERIOD])
    FORMULAS["import_usd_ytd"](view, "customs")
    assert view.taken.measures == {("customs", "import_usd"): {Period(f"2022-0{m}") for m in range(1, 5)}}
    view = Recording(panel, [PERIOD])
    FORMULAS["output_real_growth"](view, "returns")
    assert view.taken.measures["parameters", "producer_price"] == {PERIOD}


def test_registers_columns_are_heard_of(panel: Panel) -> None:
    view = Recording(panel, [PERIOD])
    FORMULAS["rd_institution_share"](view, "register")
    assert view.taken.register == {"above_scale", "rd_institution", "since", "until"}
    view = Recording(panel, [PERIOD])
    FORMULAS["firms_exited"](view, "register")
    assert view.taken.register == {"above_scale", "until"}


@pytest.mark.parametrize("key", INDICES)
def test_a_climate_figure_names_the_figures_it_is_made_of(panel: Panel, key: str) -> None:
    view = Recording(panel, [PERIOD])
    climate_rows(Engine(view), frozenset({key}))
    used = {(name, source) for name, source, _ in view.taken.figures}
    if key == "climate_score":
        assert used == {(c.indicator, c.source) for c in climate().lamps.components}
    else:
        groups = [g for g in climate().groups if key.endswith(g.id) or key == "climate_leading"]
        named = {(s.indicator, s.source) for group in groups for s in group.series}
        assert named <= used
        stems = {s.indicator.removesuffix("_m") for group in groups for s in group.series}
        assert {name for name, _ in used} <= {f"{stem}{end}" for stem in stems for end in ("", "_m", "_ytd", "_growth")}
    assert key in READY and settings_of(key)


def test_settings_are_those_of_the_catalogue() -> None:
    assert settings_of("output_m") == []
    assert [key for _, key, _ in settings_of("key_nodes")] == ["key_weight", "feeds_nodes"]
    assert {target.id for target in targets().targets if of_target(target.id)} == {t.id for t in targets().targets}
    assert ("scorecards.yml", "firm.least_share", 0.6) in of_scorecard("firm")


@pytest.mark.parametrize(
    ("ref", "names"),
    [
        ("2026-10|output_m|town|town|returns", ["output_m:town:town:2026-10:returns"]),
        ("2026-10|alert:output_drop|firm|X|returns|growth", ["alert.output_drop.growth:firm:X:2026-10:returns"]),
        ("2026-10|target.cluster|town|town|returns|expected", ["target.cluster.expected:town:town:2026-10:returns"]),
        ("2026-10|target.cluster|need", ["target_need.cluster:town:town:2026-10"]),
        ("2026-10|output_growth|town|town|returns|lamp", ["output_growth:town:town:2026-10:returns"]),
        ("2026-08|output_m|town|town|returns|before", ["output_m:town:town:2026-08:returns"]),
        (
            "2026-10|a|town|town|returns|less|2026-10|b|reference|R1|reference",
            ["a:town:town:2026-10:returns", "b:reference:R1:2026-10:reference"],
        ),
        ("|name|chain|C01|register", []),
        ("issue", []),
        ("quality|files", []),
    ],
)  # fmt: skip
def test_a_shown_values_ref_names_its_figure(ref: str, names: list[str]) -> None:
    assert name_of(ref) == names
    assert [Asked.of(name).figure for name in names] == names


@pytest.mark.parametrize("wrong", ["", "a", "a:b:c", "a:b:c:2026-13", "a:b:c:2026-10:d:e"])
def test_a_name_written_otherwise_is_refused_in_one_line(wrong: str) -> None:
    with pytest.raises(QxError) as caught:
        Asked.of(wrong)
    assert "\n" not in str(caught.value)
