"""The lamps' bounds: the published scale of nine components, and slips refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from qxmonitor.catalog._yaml import HERE, load
from qxmonitor.catalog.climate import LAMPS, Climate, climate, made_of
from qxmonitor.errors import CatalogError
from qxmonitor.period import Period

PUBLISHED = {"red": (38, 45), "yellow": (32, 37), "green": (23, 31), "light_blue": (17, 22), "blue": (9, 16)}


@pytest.mark.parametrize("total", range(9, 46))
def test_the_published_scale_of_nine_components(total: int) -> None:
    wanted = next(lamp for lamp, (low, high) in PUBLISHED.items() if low <= total <= high)
    assert LAMPS[5 - climate().lamps.scale.points(total)] == wanted


def test_a_worked_month_of_nine_components() -> None:
    """Points 5 4 4 3 3 3 2 2 1 add up to 27: green."""
    shown = [20.0, 12.0, 19.9, 2.0, 3.0, 3.0, 92.0, 2.0, 110.1]
    points = [c.points(value) for c, value in zip(climate().lamps.components, shown, strict=True)]
    assert points == [5, 4, 4, 3, 3, 3, 2, 2, 1]
    assert climate().lamps.scale.points(sum(points)) == 3


def test_hot_in_low_places() -> None:
    days = next(c for c in climate().lamps.components if c.indicator == "receivable_days")
    assert [days.points(value) for value in (50.0, 50.1, 60.0, 90.0, 110.0, 110.1)] == [5, 4, 4, 3, 2, 1]


def test_the_base_year_is_the_first_whole_one() -> None:
    assert [climate().base(Period(p)) for p in ("2023-01", "2023-02", "2023-03", "2023-10")] == [2023, 2023, 2024, 2024]
    assert climate().model_copy(update={"base_year": 2021}).base(Period("2019-10")) == 2021


def test_what_a_climate_figure_is_made_of() -> None:
    assert ("import_rmb_growth", "customs") in made_of("climate_leading")
    assert len(made_of("climate_score")) == 9
    assert made_of("output_m") == ()


@pytest.mark.parametrize(
    ("right", "wrong", "reason"),
    [
        ("bounds: [20, 12, 3, -2]", "bounds: [20, 12, 13, -2]", "逐级"),
        ("bounds: [38, 32, 23, 17]", "bounds: [46, 32, 23, 17]", "得分范围"),
        ("indicator: output_m,", "indicator: output_mm,", "没有指标"),
        (
            "indicator: diffusion, source: returns, kind: rate",
            "indicator: diffusion, source: returns, kind: level",
            "_m",
        ),
        ("source: customs, bounds", "source: bonded, bounds", "没有来源"),
        ("red: 过热, ", "", "五灯"),
        ("id: leading", "id: coincident", "一致"),
        ("indicator: sales_growth", "indicator: output_growth", "一盏灯"),
    ],
)
def test_a_slip_is_refused_in_one_line(tmp_path: Path, right: str, wrong: str, reason: str) -> None:
    text = (HERE / "climate.yml").read_text(encoding="utf-8")
    assert right in text
    (tmp_path / "climate.yml").write_text(text.replace(right, wrong, 1), encoding="utf-8")
    with pytest.raises(CatalogError, match=reason) as caught:
        load("climate", Climate, tmp_path)
    assert "\n" not in str(caught.value)
