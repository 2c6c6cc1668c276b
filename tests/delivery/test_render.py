from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from jinja2 import DictLoader

from qxmonitor.delivery.render import Renderer, check, put
from qxmonitor.delivery.words import growth, join, measure
from qxmonitor.disclosure import Cleared, Gate
from qxmonitor.errors import DisclosureError, QxError
from tests.delivery import town

Gates = Callable[..., Gate]


@dataclass(frozen=True)
class View:
    name: Any


def renderer(reader: str, **templates: str) -> Renderer:
    made = Renderer(reader)
    for environment in (made._html, made._text):
        environment.loader = DictLoader(templates)
    return made


@pytest.mark.parametrize(
    "planted",
    [
        "{{ firms }}",  # not in the view
        "{{ name.text }}",  # plain text
        "{{ name.number }}",
        "{{ name ~ '' }}",
        "{{ 'C03: 1.53' }}",
        "{{ 42 }}",
        "{{ name | upper }}",  # no such filter
        "{{ name | safe }}",
        "{{ name.__class__ }}",
        "{{ name.__init__.__globals__ }}",
        "{{ self }}",
        "{% macro m() %}x{% endmacro %}{{ m() }}",
        "{{ range(3) }}",
        "{% for c in name.text %}{{ c }}{% endfor %}",
    ],
)
def test_a_planted_template_does_not_render(gate: Gates, planted: str) -> None:
    view = View(gate("gxj").clear(town.frame()).get("output_m", town.PERIOD))
    made = renderer("gxj", planted=planted)
    for render in (made.text, made.html):
        with pytest.raises(DisclosureError):
            render("planted", view)


def test_a_shipped_template_with_a_planted_line_does_not_render(gate: Gates) -> None:
    view = View(gate("gxj").period(town.PERIOD))
    with pytest.raises(DisclosureError):
        renderer("gxj", t="p: {{ name }}{{ unsafe_chain }}").script("t", view)


def test_values_of_another_reader_are_refused(gate: Gates) -> None:
    secret = gate("stats").clear(town.frame()).get("output_m", town.PERIOD, "chain", "C03")
    assert secret.shown
    with pytest.raises(DisclosureError, match="核准给 stats"):
        renderer("gxj", t="{{ name }}").text("t", View(secret))
    with pytest.raises(DisclosureError):
        put(secret, "gxj")


@pytest.mark.parametrize("raw", ["甲厂", 1, 1.5, float("nan"), [1], {"a": 1.0}, town.FIRMS])
def test_raw_values_are_refused_in_a_view_and_in_a_document(raw: object) -> None:
    with pytest.raises(DisclosureError):
        check(View(raw), "gxj")
    with pytest.raises(DisclosureError):
        put(raw, "gxj")


def test_names_are_escaped_in_html_and_plain_in_text(gate: Gates) -> None:
    name = gate("gxj").firm(town.FIRMS.index[1], "self_report", town.PERIOD, "output_m")
    made = renderer("gxj", t="<p>{{ name }}</p>")
    assert made.html("t", View(name)) == "<p>甲乙&lt;b&gt;&amp;&#34;厂&#34;&lt;/b&gt;有限公司</p>"
    assert made.text("t", View(name)) == f"<p>{town.SPECIAL}</p>"


def test_a_name_cannot_become_a_line_of_its_own(gate: Gates) -> None:
    firms = town.FIRMS.assign(name="甲\nh1: 伪造的标题")
    odd = Gate("gxj", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=firms)
    name = odd.firm(firms.index[0], "self_report", town.PERIOD, "output_m")
    (line,) = renderer("gxj", t="p: {{ name }}").script("t", View(name))
    assert (line.marker, line.text.text) == ("p", "甲 h1: 伪造的标题")


def test_a_script_line_without_a_marker_is_an_error(gate: Gates) -> None:
    with pytest.raises(QxError, match="没有标记"):
        renderer("gxj", t="{{ name }}").script("t", View(gate("gxj").period(town.PERIOD)))


def rate(gate: Gates, value: float, state: str = "value") -> Cleared:
    frame = town.frame()
    here = (frame["indicator"] == "output_growth") & (frame["entity"] == "town")
    frame.loc[here, ["value", "state"]] = [value, state]
    return gate("stats").clear(frame).get("output_growth", town.PERIOD)


@pytest.mark.parametrize(
    ("value", "state", "words"),
    [
        (0.052, "value", "同比增长5.2%"),
        (-0.1234, "value", "同比下降12.3%"),
        (0.0, "value", "同比持平"),
        (-0.0004, "value", "同比持平"),  # as shown, with one decimal
        (float("nan"), "expected-absent", "同比增速暂无数据"),  # no base: October is no exempt month
        (-1.0, "value", "本期为零"),
        (float("nan"), "late", "同比增速逾期未报"),
    ],
)
def test_growth_in_words(gate: Gates, value: float, state: str, words: str) -> None:
    assert growth(rate(gate, value, state)).text == words


def test_withheld_in_words(gate: Gates) -> None:
    hidden = gate("gxj").clear(town.frame()).get("output_growth", town.PERIOD, "chain", "C03")
    assert growth(hidden).text == "同比增速不予公布"
    assert measure(hidden).text == "不予公布"


def test_numbers_follow_the_catalogue(gate: Gates) -> None:
    figures = gate("stats").clear(town.frame())
    level = figures.get("output_ytd", town.PERIOD)
    assert measure(level).text == "382.50亿元"  # 3 750 000 千元 × 1.02 × 10 months
    assert figures.get("power_m", town.PERIOD).text == "3825"
    assert rate(gate, -0.0004).text == "0.0"  # no negative zero


def test_join_keeps_readers_apart(gate: Gates) -> None:
    with pytest.raises(DisclosureError):
        join((gate("gxj").period(town.PERIOD), gate("swj").period(town.PERIOD)))
