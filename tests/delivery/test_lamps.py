"""Lamps say hot or cold, risk levels say how bad: their colours must never be taken for one another."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import numpy as np
import pytest

from qxmonitor.catalog.climate import LAMPS
from qxmonitor.delivery.lamps import LAMP_COLOURS, lamps
from qxmonitor.delivery.render import TEMPLATES
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.cleared import seal
from qxmonitor.disclosure.climate import LampRow, LampStrip, climate_view
from qxmonitor.errors import DisclosureError
from qxmonitor.settings import ROOT
from tests.delivery import town

_HEX = re.compile(r"#[0-9a-fA-F]{6}\b")
RISK = _HEX.findall((TEMPLATES / "mail/colour.j2").read_text(encoding="utf-8"))
APART = 35.0
"""CIE 1976 difference; some 2.3 is just noticeable, lamps among themselves differ by at least 12."""


def lab(colour: str) -> np.ndarray:
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255.0
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    ratio = matrix @ linear / np.array([0.95047, 1.0, 1.08883])
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(one: str, other: str) -> float:
    return float(np.linalg.norm(lab(one) - lab(other)))


def test_the_difference_is_that_of_the_textbook() -> None:
    assert lab("#ffffff") == pytest.approx([100.0, 0.0, 0.0], abs=0.05)
    assert lab("#ff0000") == pytest.approx([53.24, 80.09, 67.20], abs=0.1)


def test_no_lamp_looks_like_a_risk_level() -> None:
    assert len(RISK) == 4 and set(LAMP_COLOURS) == set(LAMPS)
    assert min(apart(lamp, risk) for lamp in LAMP_COLOURS.values() for risk in RISK) >= APART


def test_lamps_differ_from_one_another_and_ink_is_read_on_all() -> None:
    assert min(apart(a, b) for a, b in itertools.combinations(LAMP_COLOURS.values(), 2)) >= 12
    assert all(lab(colour)[0] >= 70 for colour in LAMP_COLOURS.values())


def test_each_palette_stands_in_its_own_place_alone() -> None:
    lamp = {colour.lower() for colour in LAMP_COLOURS.values()}
    for folder in ("templates", "plugins", "qxmonitor"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".j2", ".html", ".css", ".js", ".py") and path.name != "lamps.py":
                found = {colour.lower() for colour in _HEX.findall(path.read_text(encoding="utf-8"))}
                assert not found & lamp, path
    own = _HEX.findall((ROOT / "qxmonitor/delivery/lamps.py").read_text(encoding="utf-8"))
    # The red of 模拟数据 stands in all documents; it is no lamp and no level there.
    assert {colour.lower() for colour in own} & {colour.lower() for colour in RISK} <= {"#c8102e"}


def test_the_strip_of_a_reader(gate: Callable[..., Gate]) -> None:
    mine = gate("joint")
    view = climate_view(mine, mine.clear(town.frame()), town.PERIOD, town.PERIOD - 36)
    assert len(view.strip.rows) == 10 and len(view.strip.months) == 13
    assert view.strip.months[-1].text == "2026年10月"
    january = view.strip.months.index(next(m for m in view.strip.months if m.text == "2026年1月"))
    assert {row.cells[january].text for row in view.strip.rows} <= {"免报", "不计"}
    output = next(row for row in view.strip.rows if row.name.text == "工业总产值当月同比")
    assert output.cells[-1].text == "浅蓝"  # 0.8 % is below 3 and not below −2
    assert sum(int(lit.count.number or 0) for lit in view.lit) == 9
    assert view.base.text == "2024年"


def test_a_lamp_is_lit_only_by_a_figure_that_is_shown(gate: Callable[..., Gate]) -> None:
    bank = Gate("banks", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS)
    view = climate_view(bank, bank.clear(town.frame()), town.PERIOD, town.PERIOD - 36)
    assert view.lamp is None and view.lit == ()
    assert all(cell.number is None for row in view.strip.rows for cell in row.cells)
    assert view.coincident.state == "withheld"


def test_the_same_strip_gives_the_same_bytes_to_its_reader_alone() -> None:
    def say(text: str, number: float | None = None) -> object:
        return seal(text, reader="gxj", source="returns", ref="x", number=number)

    cells = tuple(
        say(word, number)
        for word, number in zip(["红", "黄", "绿", "浅蓝", "蓝", "—"], (5.0, 4.0, 3.0, 2.0, 1.0, None), strict=True)
    )
    strip = LampStrip(tuple(say(f"2026年{m}月") for m in range(1, 7)), (LampRow(say("综合"), cells),) * 2)
    first = lamps("gxj", strip, say("题"))
    assert first.png == lamps("gxj", strip, say("题")).png
    with pytest.raises(DisclosureError):
        lamps("swj", strip, say("题"))
