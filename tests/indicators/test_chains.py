"""Chains, concentration and movements on the register, worked out on paper."""

from __future__ import annotations

import pandas as pd
import pytest

from qxmonitor.indicators import compute
from qxmonitor.indicators.chains import node_table
from qxmonitor.period import Period, months
from tests.indicators.test_hand_values import figure
from tests.indicators.town import Town, firm, usccs

PERIOD = Period("2022-04")
A, B, C, D, E, F = usccs(6)


@pytest.fixture(scope="module")
def one() -> Town:
    """Parts (A 30, B 10) supply boards (C 40, D 20) and sets (E 100); F, in no chain, left in March."""
    place = {A: ("C01", "N1"), B: ("C01", "N1"), C: ("C01", "N2"), D: ("C01", "N2"), E: ("C01", "N3"), F: ("", "")}
    firms = {code: firm(code, chain=chain, node=node) for code, (chain, node) in place.items()}
    firms[B]["since"], firms[F]["until"] = "2022-02", "2022-03"
    output = {A: (30.0, 60.0), B: (10.0, 10.0), C: (40.0, 40.0), D: (20.0, 20.0), E: (100.0, 50.0)}
    returns = {(code, "2022-04"): {"output_ytd": now, "output_ly_ytd": then} for code, (now, then) in output.items()}
    forms = {s: {} for s in ("finance", "self_report", "customs", "bonded")} | {"returns": returns}
    chain = {("C01", "N1"): None, ("C01", "N2"): "N1", ("C01", "N3"): "N1、N2"}
    return Town(months(Period("2021-12"), PERIOD), firms, forms, chains={"C01": "光电通讯"}, upstream=chain)


@pytest.fixture(scope="module")
def frame(one: Town) -> pd.DataFrame:
    return compute(one.panel(), [PERIOD])


@pytest.mark.parametrize(
    ("indicator", "kind", "entity", "value"),
    [
        ("node_weight", "node", "C01/N1", 40 / 200),
        ("node_weight", "node", "C01/N3", 0.5),
        ("cr1_output", "chain", "C01", 0.5),
        ("cr1_output", "node", "C01/N1", 0.75),
        ("cr4_output", "chain", "C01", 190 / 200),
        ("hhi_output", "chain", "C01", 15**2 + 5**2 + 20**2 + 10**2 + 50**2),
        ("single_group_nodes", "chain", "C01", 1),  # E alone
        ("weak_nodes", "chain", "C01", 2),  # E alone, and parts at 40 after 70
        ("key_nodes", "chain", "C01", 3),  # boards and sets hold 30 % and more, parts supply two nodes
        ("supplier_exposure", "node", "C01/N1", (60 * 40 / 60 + 100 * 1) / 160),
        ("supplier_exposure", "node", "C01/N2", 1.0),
        ("supplier_exposure", "chain", "C01", (40 * 140 / 160 + 60 * 1) / 100),
        ("firms_entered", "town", "town", 1),
        ("firms_exited", "town", "town", 1),
    ],
)
def test_worked_by_hand(frame: pd.DataFrame, indicator: str, kind: str, entity: str, value: float) -> None:
    row = figure(frame, indicator, kind, entity)
    assert row["state"] == "value"
    assert row["value"] == pytest.approx(value, rel=1e-12)


def test_nobody_downstream_is_no_exposure_and_the_dominance_of_a_concentration_is_total(frame: pd.DataFrame) -> None:
    assert figure(frame, "supplier_exposure", "node", "C01/N3")["state"] == "expected-absent"
    assert figure(frame, "cr4_output", "chain", "C01")["top2"] == 1.0


def test_a_node_says_why_it_is_key_or_weak(one: Town) -> None:
    table = node_table(one.panel(), PERIOD).set_index("node")
    assert table["key"].tolist() == ["供应多个下游节点", "占本链产值 30% 以上", "占本链产值 30% 以上"]
    assert table["weak"].tolist() == ["累计下降超过 5%", "", "仅一家企业（集团）"]
    assert table.loc["N1", "growth"] == pytest.approx(40 / 70 - 1)


def test_a_missing_return_makes_a_concentration_late_not_wrong(one: Town) -> None:
    """Without the largest firm the others' shares would be twice what they are."""
    short = Town(one.months, one.firms, {**one.forms, "returns": dict(one.forms["returns"])}, chains=one.chains,
                 upstream=one.upstream)  # fmt: skip
    del short.forms["returns"][E, "2022-04"], short.forms["returns"][D, "2022-04"]
    short.late = {("b204_1", E, "2022-04"), ("b204_1", D, "2022-04")}
    row = figure(compute(short.panel(), [PERIOD]), "cr1_output", "chain", "C01")
    assert (row["state"], row["coverage"]) == ("late", 0.6)


def test_a_node_is_not_called_single_while_the_other_groups_return_is_missing(one: Town) -> None:
    """Nor does a node have a weight, or an exposure, in a chain too much of which is not here."""
    forms = {**one.forms, "returns": {key: row for key, row in one.forms["returns"].items() if key[0] != D}}
    short = Town(one.months, one.firms, forms, chains=one.chains, upstream=one.upstream)
    short.late = {("b204_1", D, "2022-04")}
    found = compute(short.panel(), [PERIOD])
    assert figure(found, "single_group_nodes", "chain", "C01")["value"] == 1  # E alone; boards are C's and D's
    assert "仅一家" not in node_table(short.panel(), PERIOD).set_index("node").loc["N2", "weak"]

    del forms["returns"][C, "2022-04"]
    short.late.add(("b204_1", C, "2022-04"))
    found = compute(short.panel(), [PERIOD])
    for indicator in ("node_weight", "supplier_exposure"):
        row = figure(found, indicator, "node", "C01/N1")  # its own returns are all here
        assert (row["state"], row["coverage"]) == ("late", 0.6)
    assert node_table(short.panel(), PERIOD)["key"].tolist() == ["供应多个下游节点", "", ""]  # nobody weighs 30 %
