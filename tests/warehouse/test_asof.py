"""The as-of rule against a plain reading of it, on random arrivals in any order."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from qxmonitor.warehouse import Warehouse, asof
from qxmonitor.warehouse.load import load

pytestmark = pytest.mark.slow


def oracle(arrivals, make, known_day=None, recorded=None):
    """Firm and month → output, by the words of the rule. arrivals: (text, day, values by (firm, month)), as loaded."""
    first_known = {}
    for number, (text, day, _values) in enumerate(arrivals):
        if recorded is None or number <= recorded:
            first_known[text] = min(day, first_known.get(text, day))
    contents = {text: values for text, _day, values in arrivals}
    best = {}
    for text, day in first_known.items():
        if known_day is None or day <= known_day:
            for unit, value in contents[text].items():
                best[unit] = max(best.get(unit, (-1, "", 0.0)), (day, make.sha(text), value))
    return {unit: value for unit, (_day, _sha, value) in best.items()}


def read(wh, **when):
    frame = asof.read(wh, "output_return", **when)
    assert not frame.duplicated(["entity", "period"]).any()
    return dict(zip(zip(frame["entity"], frame["period"], strict=True), frame["output_m"], strict=True))


def random_arrivals(make, seed):
    dice = random.Random(seed)
    contents = {}
    for number in range(6):
        units = {(dice.choice([make.A, make.B]), dice.choice(["2026-01", "2026-02"])) for _ in range(3)}
        contents[f"file{number}"] = {unit: float(dice.randrange(1000)) for unit in sorted(units)}
    arrivals = [(text, dice.randrange(4), values) for text, values in contents.items()]
    arrivals += [(text, dice.randrange(4), contents[text]) for text in dice.sample(sorted(contents), 2)]
    return arrivals


def item(make, text, day, values):
    rows = [{"subject": firm, "period": month, "output_m": value} for (firm, month), value in values.items()]
    return make.item(text, day, make.batch("output_return", rows, period=None))


@pytest.mark.parametrize("seed", range(8))
def test_reads_agree_with_the_oracle_in_any_order_and_frozen_reads_never_change(warehouse, make, seed):
    arrivals = random_arrivals(make, seed)
    random.Random(seed + 100).shuffle(arrivals)
    load(warehouse, [make.item("register", 0, make.register({make.A: {}, make.B: {}}))])
    frozen = []
    for number, (text, day, values) in enumerate(arrivals):
        load(warehouse, [item(make, text, day, values)])
        if number % 3 == 2:
            frozen.append((number, warehouse.newest_recorded()))
    for known_day in (None, 0, 1, 2, 3):
        when = {"known_at": None if known_day is None else make.day(known_day)}
        assert read(warehouse, **when) == oracle(arrivals, make, known_day)
        for number, recorded_at in frozen:
            assert read(warehouse, **when, recorded_at=recorded_at) == oracle(arrivals, make, known_day, number)


@pytest.mark.slow
def test_the_order_of_arrival_never_matters(embedded, make, new_database):
    arrivals = [("register", 2, None), *random_arrivals(make, 77)]
    seen = []
    for seed in range(4):
        random.Random(seed).shuffle(arrivals)
        with Warehouse(new_database()) as wh:
            for text, day, values in arrivals:
                register = make.item(text, day, make.register({make.A: {}, make.B: {}}))
                load(wh, [register if values is None else item(make, text, day, values)])
            seen.append([read(wh, known_at=make.day(day)) for day in range(5)])
    assert all(reads == seen[0] for reads in seen)
    assert seen[0][1] == {} and seen[0][2], "nothing is matched before the register is known"


def test_a_connection_frozen_like_another_sees_what_that_one_sees(warehouse, make):
    load(warehouse, [make.item("register", 0, make.register({make.A: {}}))])
    with warehouse.adbc() as one, warehouse.adbc() as two, warehouse.adbc() as three:
        asof.frozen(one)
        before = asof.rows(one, "output_return", None, None, None, None).num_rows
        load(warehouse, [item(make, "file", 1, {(make.A, "2026-01"): 5.0})])
        asof.frozen(two, like=one)
        asof.frozen(three)
        seen = [asof.rows(each, "output_return", None, None, None, None).num_rows for each in (one, two, three)]
    assert before == 0 and seen == [0, 0, 1]


def test_a_unit_of_many_lines_comes_from_one_file(warehouse, make):
    def trade(text, day, lines):
        rows = [
            {"subject": s, "period": p, "flow": "E", "mode": "0110", "hs": "85", "partner": "x", "usd": u}
            for s, p, u in lines
        ]
        return make.item(text, day, make.batch("trade_line", rows, period=None))

    load(
        warehouse,
        [
            make.item("r", 0, make.register({make.A: {}, make.B: {}})),
            trade("old", 1, [(make.A, "2026-01", 1.0), (make.A, "2026-01", 2.0), (make.B, "2026-01", 4.0)]),
            trade("new", 2, [(make.A, "2026-01", 8.0), (make.A, "2026-02", 16.0)]),
        ],
    )
    frame = asof.read(warehouse, "trade_line")
    assert sorted(frame["usd"]) == [4.0, 8.0, 16.0]
    assert sorted(asof.read(warehouse, "trade_line", known_at=make.day(1))["usd"]) == [1.0, 2.0, 4.0]


def test_a_document_is_one_unit_even_when_its_month_moves(warehouse, make):
    def document(text, day, period, rows):
        lines = [
            {"subject": make.A, "period": period, "document": "QD1", "declared_on": pd.Timestamp(period + "-28"),
             "flow": "I", "living": True, "mode": "5000", "hs": "85", "usd": usd}
            for usd in rows
        ]  # fmt: skip
        return make.item(text, day, make.batch("bonded_line", lines, feed="bonded_inv101", period=period))

    load(warehouse, [make.item("r", 0, make.register({make.A: {}}))])
    load(warehouse, [document("v1", 1, "2026-01", [1.0, 2.0]), document("v2", 2, "2026-02", [5.0])])
    assert asof.read(warehouse, "bonded_line")["usd"].tolist() == [5.0]
    assert asof.read(warehouse, "bonded_line", last="2026-01").empty
    assert sorted(asof.read(warehouse, "bonded_line", known_at=make.day(1))["usd"]) == [1.0, 2.0]


def test_a_firms_authorisations_and_a_chain_come_whole_from_the_newest_file_that_has_them(warehouse, make):
    def register(text, day, grants, nodes):
        more = {
            "authorisation": pd.DataFrame(
                [{"sheet": "自报授权", "row": 3 + n, "subject": s, "items": i, "readers": "gxj", "since": "2026-01",
                  "until": None} for n, (s, i) in enumerate(grants)]
            ),
            "chain_node": pd.DataFrame(
                [{"sheet": "产业链图谱", "row": 3 + n, "chain": c, "chain_name": c, "node": k, "node_name": k,
                  "upstream": None} for n, (c, k) in enumerate(nodes)]
            ),
        }  # fmt: skip
        return make.item(
            text, day, make.register({make.A: {}, make.B: {}}, more={k: v for k, v in more.items() if len(v)})
        )

    load(
        warehouse,
        [register("r1", 1, [(make.A, "output"), (make.A, "export"), (make.B, "output")], [("C1", "a"), ("C1", "b")])],
    )
    load(warehouse, [register("r2", 2, [(make.A, "employees")], [("C1", "c"), ("C2", "d")])])
    grants = asof.read(warehouse, "authorisation")
    assert sorted(zip(grants["subject"], grants["items"], strict=True)) == [(make.A, "employees"), (make.B, "output")]
    chains = asof.read(warehouse, "chain_node")
    assert sorted(chains["node"]) == ["c", "d"]
    assert sorted(asof.read(warehouse, "chain_node", known_at=make.day(1))["node"]) == ["a", "b"]
