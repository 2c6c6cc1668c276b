"""The handbook's worked examples: right as printed, and nothing printed that may not be known."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest

from qxmonitor.catalog.examples import examples
from qxmonitor.catalog.handbook import handbook
from qxmonitor.catalog.indicators import indicators
from qxmonitor.disclosure import Cleared, Gate, pattern
from qxmonitor.disclosure.arithmetic import Number, Op, equation, times, total
from qxmonitor.disclosure.worked import Examples
from qxmonitor.indicators import compute
from tests.indicators.town import Town, random_town
from tests.worked import equations, holds

GRANTS = pd.DataFrame(columns=["subject", "items", "readers", "since", "until"])


def full_town(seed: int) -> Town:
    """Everybody on the register with every return, all in one chain but a few, and of no group; ratios make sense."""
    town = random_town(seed, count=18)
    for at, (code, row) in enumerate(sorted(town.firms.items())):
        row.update(since=None, until=None, group=code, above_scale=True, chain=f"C0{at % 2 + 1}")
    town.late.clear()
    town.failed.clear()
    town.authorised.clear()
    for at, code in enumerate(sorted(town.firms)):
        for period in town.months:
            for source in ("returns", "finance"):
                row: dict[str, Any] = town.forms[source].setdefault((code, period), {})
                names = next(iter(rows for rows in town.forms[source].values() if rows))
                filled = {name: 1000.0 + 37 * at + 3 * period.month + len(name) for name in names}
                row.update(filled if period.month > 1 else {})
    return town


def written(town: Town) -> dict[str, Cleared]:
    """Their examples for the statistics office."""
    panel = town.panel()
    frame = compute(panel, town.months[-5:], fine=[town.months[-1]])
    shared = pattern(frame)
    gate = Gate(
        "stats", "statistics", authorisations=GRANTS, simulated=True, firms=panel.firms, chains=panel.chains,
        pattern=shared,
    )  # fmt: skip
    return Examples(gate, shared, panel, frame[frame["entity_kind"] != "firm"]).all()


@pytest.fixture(scope="module")
def told() -> dict[str, Cleared]:
    return written(full_town(7))


def test_every_page_has_an_example_or_says_why_not(told: dict[str, Cleared]) -> None:
    words = examples()
    reasons = (words.words.suppose, *words.reasons.model_dump().values())
    assert set(told) == {e.id for e in indicators().indicators} | {m.id for m in handbook().methods}
    for key, example in told.items():
        assert example.text and example.reader == "stats", key
        assert example.shown or example.text.startswith(reasons), key


def test_the_arithmetic_comes_out_as_printed(told: dict[str, Cleared]) -> None:
    worked = {key: equations(example.text) for key, example in told.items()}
    wrong = [told[key].text for key, found in worked.items() if not all(holds(*pair) for pair in found)]
    assert not wrong
    shown = [key for key, example in told.items() if example.shown and worked[key]]
    assert len(shown) > 50
    assert all(worked[key] for key, example in told.items() if example.shown and key != "reference_value")


def test_so_does_that_of_the_supposed_ones() -> None:
    for key, text in examples().supposed.items():
        assert all(holds(*pair) for pair in equations(text)), key
    without = [key for key, text in examples().supposed.items() if not equations(text)]
    assert set(without) <= {"groups_over_100yi", "import_lead", "import_lead_r"}


def test_who_can_have_no_figure_here_has_a_supposed_one(told: dict[str, Cleared]) -> None:
    always = {e.id for e in indicators().indicators if e.weighs == "always"}
    assert always <= set(examples().supposed)
    for key in always:
        assert not told[key].shown and not re.search(r"\d{4}年", told[key].text), key


def test_a_base_that_would_give_one_newcomer_away_is_not_printed() -> None:
    """Output since January less that of the firms with a last year is the newcomer's."""
    town = full_town(7)
    new = min(town.firms)
    for (code, _), row in town.forms["returns"].items():
        if code == new and row:
            row.update({name: None for name in row if "_ly_" in name})
    told = written(town)
    chain = town.chains[town.firms[new]["chain"]]
    for key in ("output_growth_ytd", "sales_growth_ytd", "power_growth_ytd"):
        assert "全镇" not in told[key].text and chain not in told[key].text, told[key].text
    assert "全镇" in told["output_ytd"].text


def test_digits_are_added_until_it_comes_out() -> None:
    ratio = Op("−", Op("÷", Number(1.004, 2, "亿元", "本期"), Number(1.0, 2, "亿元", "上年同期")), Number(1))
    assert equation(ratio, Number(0.4, 1, "%")) == "本期1.004亿元÷上年同期1.000亿元−1＝0.4%"
    assert equation(ratio, Number(0.6, 1, "%")) is None
    halves = times(total([("＋", Number(3)), ("−", Number(2))]), [("÷", "2")])
    assert equation(halves, Number(0.5, 1)) == "（3−2）÷2＝0.5"
    assert equation(Op("÷", Number(1), Number(0)), Number(1)) is None
