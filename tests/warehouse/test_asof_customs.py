"""Vintages of the monthly sheet, declarations and published totals: reads against a plain reading of the rules."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from qxmonitor.period import Period
from qxmonitor.warehouse import Warehouse, asof, sql
from qxmonitor.warehouse.core import FOREVER
from qxmonitor.warehouse.load import load
from qxmonitor.warehouse.panel import read_panel

pytestmark = pytest.mark.slow

RANK = ["preliminary", "monthly", "corrected", "final"]


def trade(make, text, day, lines):
    """lines: (firm, month, vintage, dollars)."""
    rows = [
        {
            "subject": s,
            "period": p,
            "flow": "E",
            "mode": "0110",
            "hs": "85340090",
            "partner": "x",
            "usd": u,
            "vintage": v,
        }
        for s, p, v, u in lines
    ]
    return make.item(text, day, make.batch("trade_line", rows, feed="customs_monthly", period=None))


def model(arrivals, make, known_day):
    """Firm and month → dollars, by the words of the rule: the highest vintage known, then the newest file of it."""
    first_known = {}
    for text, day, _ in arrivals:
        first_known[text] = min(day, first_known.get(text, day))
    contents = {text: lines for text, _, lines in arrivals}
    best = {}
    for text, day in first_known.items():
        if day > known_day:
            continue
        for firm, month, vintage, _ in contents[text]:
            standing = (RANK.index(vintage or "monthly"), day, make.sha(text))
            mine = sorted(u for f, m, v, u in contents[text] if (f, m, v) == (firm, month, vintage))
            best[firm, month] = max(best.get((firm, month), (standing, mine)), (standing, mine))
    return {unit: figures for unit, (_, figures) in best.items()}


def read(wh, known_at):
    frame = asof.read(wh, "trade_line", known_at=known_at)
    found: dict[tuple[str, str], list[float]] = {}
    for firm, month, usd in zip(frame["entity"], frame["period"], frame["usd"], strict=True):
        found.setdefault((firm, month), []).append(usd)
    return {unit: sorted(figures) for unit, figures in found.items()}


def random_arrivals(make, seed):
    dice = random.Random(seed)
    contents = {}
    for number in range(9):
        whole = dice.choice([*RANK, None])
        contents[f"sheet{number}"] = [
            (dice.choice([make.A, make.B]), dice.choice(["2026-01", "2026-02"]),
             whole if dice.random() < 0.8 else dice.choice(RANK), float(dice.randrange(1000)))
            for _ in range(4)
        ]  # fmt: skip
    arrivals = [(text, dice.randrange(5), lines) for text, lines in contents.items()]
    return [*arrivals, *((text, dice.randrange(5), contents[text]) for text in dice.sample(sorted(contents), 2))]


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.long) for seed in (3, 4, 5))])
def test_any_order_of_loading_gives_the_same_vintage_at_every_time(embedded, make, new_database, seed):
    arrivals = random_arrivals(make, seed)
    expected = {day: model(arrivals, make, day) for day in range(5)}
    assert len({str(found) for found in expected.values()}) > 1, "the months are told anew as time goes by"
    for order in range(2):
        random.Random(100 * seed + order).shuffle(arrivals)
        with Warehouse(new_database()) as wh:
            load(wh, [make.item("register", 0, make.register({make.A: {}, make.B: {}}))])
            for arrival in arrivals:
                load(wh, [trade(make, *arrival)])
            assert {day: read(wh, make.day(day)) for day in range(5)} == expected
            lines = wh.frame(sql.query("panel_trade"), FOREVER, FOREVER, "2026-01", "2026-02")
            exports = lines[lines["flow"] == "E"].groupby(["entity", "period"])["usd"].sum().to_dict()
            assert exports == {unit: sum(figures) for unit, figures in expected[4].items()}


def test_a_flash_estimate_that_comes_late_displaces_nothing(warehouse, make):
    load(warehouse, [make.item("r", 0, make.register({make.A: {}, make.B: {}}))])
    both = [(make.A, "2026-01"), (make.B, "2026-01")]
    load(warehouse, [trade(make, "flash", 1, [(*unit, "preliminary", 1.0) for unit in both])])
    load(warehouse, [trade(make, "monthly", 2, [(*unit, "monthly", 2.0) for unit in both])])
    load(warehouse, [trade(make, "corrected", 3, [(make.A, "2026-01", "corrected", 3.0)])])
    load(warehouse, [trade(make, "again", 4, [(*unit, "monthly", 4.0) for unit in both])])
    load(warehouse, [trade(make, "flash again", 5, [(*unit, "preliminary", 5.0) for unit in both])])
    seen = [[read(warehouse, make.day(day)).get(unit) for unit in both] for day in range(6)]
    assert seen == [[None, None], [[1.0], [1.0]], [[2.0], [2.0]], [[3.0], [2.0]], [[3.0], [4.0]], [[3.0], [4.0]]]


def test_a_declaration_comes_whole_from_the_newest_file_that_has_it(warehouse, make):
    def declared(text, day, lines):
        rows = [
            {"subject": make.A, "period": entered[:7], "entry_id": entry, "entered_on": pd.Timestamp(entered),
             "flow": "E", "mode": "0110", "hs": "95030089", "partner": "美国", "currency": "USD", "amount": amount}
            for entry, entered, amount in lines
        ]  # fmt: skip
        return make.item(text, day, make.batch("declaration_line", rows, feed="customs_declaration", period=None))

    load(warehouse, [make.item("r", 0, make.register({make.A: {}}))])
    load(warehouse, [declared("v2", 2, [("E1", "2026-02-01", 5.0)])])
    load(
        warehouse,
        [declared("v1", 1, [("E1", "2026-01-31", 1.0), ("E1", "2026-01-31", 2.0), ("E2", "2026-01-31", 4.0)])],
    )
    assert sorted(asof.read(warehouse, "declaration_line")["amount"]) == [4.0, 5.0]
    assert asof.read(warehouse, "declaration_line", last="2026-01")["amount"].tolist() == [4.0]
    assert sorted(asof.read(warehouse, "declaration_line", known_at=make.day(1))["amount"]) == [1.0, 2.0, 4.0]


def test_a_declaration_of_an_unknown_firm_is_withheld(warehouse, make):
    row = {
        "subject": make.B, "period": "2026-01", "entry_id": "E1", "entered_on": pd.Timestamp(2026, 1, 1), "flow": "E",
        "mode": "0110", "hs": "95030089", "partner": "美国", "currency": "USD", "amount": 1.0,
    }  # fmt: skip
    batch = make.batch("declaration_line", [row], feed="customs_declaration")
    (receipt,) = load(warehouse, [make.item("d", 1, batch)])
    assert (receipt["accepted"], receipt["rejected"]) == (0, 1)
    assert asof.read(warehouse, "declaration_line").empty


def test_a_published_figure_is_the_newest_of_its_kind(warehouse, make):
    def total(text, day, **changed):
        row = {"period": "2026-01", "flow": "E", "hs": "95030089", "partner": "美国", "mode": "", "district": "",
               "quantity": 1.0, "usd": 1.0, "rmb": None}  # fmt: skip
        batch = make.batch("trade_total", [row | changed], feed="customs_public", origin=None)
        return make.item(text, day, batch)

    load(
        warehouse,
        [
            total("newer", 2, usd=3.0),
            total("older", 1),
            total("yuan", 1, usd=None, rmb=7.0),
            total("finer", 1, district="44199"),
            total("next month", 1, period="2026-02", usd=9.0),
        ],
    )
    found = asof.read(warehouse, "trade_total", last="2026-01").astype(object)
    assert sorted(found[["district", "usd", "rmb"]].fillna(0.0).to_numpy().tolist()) == [
        ["", 0.0, 7.0], ["", 3.0, 0.0], ["44199", 1.0, 0.0],
    ]  # fmt: skip


def test_a_published_table_that_comes_again_counts_from_then_on(warehouse, make):
    def table(text, day, rows):
        batch = make.batch("published_trade", rows, feed="customs_public", period="2025-12", origin=None)
        return make.item(text, day, batch)

    def row(place, item, value, growth=None):
        return {"period": "2025-12", "place": place, "item": item, "value": value, "base": None, "growth": growth}

    first = [row("清溪镇", "export_rmb_ytd", 100.0, 5.0), row("东莞市", "export_rmb_ytd", 900.0)]
    load(warehouse, [table("re-issued", 3, [row("清溪镇", "export_rmb_ytd", 97.0, 2.0)]), table("first", 1, first)])
    told = {}
    for day in (0, 1, 3):
        found = asof.read(warehouse, "published_trade", known_at=make.day(day))
        told[day] = {place: value for place, value in zip(found["place"], found["value"], strict=True)}
    assert told == {0: {}, 1: {"清溪镇": 100.0, "东莞市": 900.0}, 3: {"清溪镇": 97.0, "东莞市": 900.0}}


def test_a_download_adds_up_where_it_is_whole(warehouse, make):
    def download(text, day, amounts, rejects=(), **changed):
        rows = [
            {"period": "2025-11", "flow": "E", "hs": f"{chapter:02d}030089", "partner": "美国", "mode": "10",
             "district": "00001", "quantity": 1.0, "usd": None, "rmb": amount} | changed
            for chapter, amount in amounts.items()
        ]  # fmt: skip
        bad = [("Sheet1", 99, "商品编码", "customs.hs", "商品编码不是 8 位", "1")][: len(rejects)]
        batch = make.batch("trade_total", rows, feed="customs_public", origin=None, rejects=bad)
        return make.item(text, day, batch)

    whole = {84: 10.0, 85: 20.0, 90: 1.0, 94: 2.0, 95: 3.0}
    load(
        warehouse,
        [
            download("whole", 1, whole),
            download("coarser", 1, {84: 36.0}, partner="", mode=""),
            download("one chapter", 2, {85: 22.0}),
            download("revised", 3, {84: 10.0, 85: 23.0, 90: 1.0, 95: 3.0}),
            download("cut short", 4, whole, rejects=(1,)),
        ],
    )
    told = {}
    for day in (0, 1, 2, 3, 4):
        panel = read_panel(warehouse, Period("2025-12"), months=2, known_at=make.day(day))
        told[day] = panel.published[["place", "item", "value", "told"]].to_numpy().tolist()
    name = ["00001", "export_rmb_m"]
    assert told == {
        0: [], 1: [[*name, 36.0, "download"]], 2: [[*name, 36.0, "download"]], 3: [[*name, 37.0, "download"]],
        4: [[*name, 36.0, "short"]],
    }  # fmt: skip
