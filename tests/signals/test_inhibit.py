"""Who explains whom, on a chain map worked out by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from qxmonitor.signals import explain, links

CHAINS = pd.DataFrame(
    [("C1", "glass", ""), ("C1", "lens", "glass"), ("C1", "camera", "lens、shell"), ("C1", "shell", ""),
     ("C2", "glass", ""), ("C2", "toy", "glass")],
    columns=["chain", "node", "upstream"],
)  # fmt: skip
FIRMS = pd.DataFrame(
    [
        ("LEAD", "C1", "camera", True), ("MID", "C1", "lens", True), ("LENS", "C1", "lens", False),
        ("GLASS", "C1", "glass", False), ("SHELL", "C1", "shell", False), ("PEER", "C1", "camera", False),
        ("OTHER", "C2", "glass", False), ("FREE", "", "", False),
    ],
    columns=["uscc", "chain", "node", "key_firm"],
).set_index("uscc")  # fmt: skip


def alert(
    entity: str, level: int, opened: str, *, kind: str = "firm", rule: str = "output_drop", **more: str
) -> dict[str, object]:
    row = {
        "alert_id": f"{rule}:{kind}:{entity}:returns:{opened}", "rule": rule, "entity_kind": kind, "entity": entity,
        "source": "returns", "level": level, "state": "opened", "opened": opened, "period": "2026-10", "closed": None,
    }  # fmt: skip
    proof = {"trend": more.pop("trend", "held")}
    return row | more | {"evidence": json.dumps(proof, separators=(",", ":"))}


def explained(*rows: dict[str, object]) -> dict[str, str]:
    table = explain(pd.DataFrame(rows), links(FIRMS, CHAINS))
    hit = table[table["state"] == "explained"]
    return {row.entity: json.loads(row.evidence)["explained_by"].split(":")[2] for row in hit.itertuples()}


def test_a_lead_firm_explains_whoever_supplies_it_however_far_up_and_a_chain_its_firms() -> None:
    found = links(FIRMS, CHAINS)
    pairs = set(found.itertuples(index=False, name=None))
    assert {pair for pair in pairs if pair[0] == "firm"} == {
        ("firm", "LEAD", "LENS"), ("firm", "LEAD", "GLASS"), ("firm", "LEAD", "SHELL"), ("firm", "MID", "GLASS"),
    }  # fmt: skip
    assert {firm for kind, cause, firm in pairs if (kind, cause) == ("chain", "C1")} == {
        "LENS",
        "GLASS",
        "SHELL",
        "PEER",
    }
    assert ("chain", "C2", "OTHER") in pairs and not any("FREE" in pair for pair in pairs)


def test_a_map_that_runs_in_a_circle_comes_to_an_end() -> None:
    circle = pd.DataFrame([("C1", "a", "b"), ("C1", "b", "a")], columns=["chain", "node", "upstream"])
    firms = pd.DataFrame({"chain": "C1", "node": ["a", "b", "a"], "key_firm": [True, False, False]}, index=list("LXY"))
    found = links(firms, circle)
    assert set(found.loc[found["cause_kind"] == "firm", "entity"]) == {"X", "Y"}


def test_one_alarm_of_the_lead_firm_explains_seven_of_its_suppliers() -> None:
    rows = [alert("LEAD", 4, "2026-09"), *(alert(firm, 3, "2026-10") for firm in ("LENS", "GLASS", "SHELL"))]
    assert explained(*rows) == dict.fromkeys(("LENS", "GLASS", "SHELL"), "LEAD")


@pytest.mark.parametrize(
    ("cause", "effect"),
    [
        (alert("LEAD", 4, "2026-10"), alert("LENS", 3, "2026-09")),  # it fell before
        (alert("LEAD", 4, "2026-09", state="closed"), alert("LENS", 3, "2026-10")),
        (alert("LEAD", 4, "2026-09", trend="quiet"), alert("LENS", 3, "2026-10")),
        (alert("LEAD", 4, "2026-09"), alert("LENS", 3, "2026-10", state="in_hand")),  # somebody sees to it
        (alert("LEAD", 4, "2026-09"), alert("LENS", 3, "2026-10", rule="stop")),  # a standstill is its own matter
        (alert("LEAD", 4, "2026-09"), alert("OTHER", 3, "2026-10")),
        (alert("LEAD", 4, "2026-09"), alert("MID", 3, "2026-10")),  # a lead firm is never explained
        (alert("C1", 2, "2026-09", kind="chain"), alert("LENS", 3, "2026-10")),  # worse than its chain
    ],
)  # fmt: skip
def test_what_does_not_explain(cause: dict[str, object], effect: dict[str, object]) -> None:
    assert explained(cause, effect) == {}


def test_the_lead_firm_stands_before_the_chain_and_the_chain_is_enough() -> None:
    chain, effect = alert("C1", 3, "2026-08", kind="chain"), alert("LENS", 3, "2026-10")
    assert explained(chain, effect) == {"LENS": "C1"}
    assert explained(chain, effect, alert("LEAD", 1, "2026-10")) == {"LENS": "LEAD"}


def shock(
    level: int = 1, opened: str = "2026-10", begun: str = "2026-08", leads: str = "LEAD", suppliers: str = "LENS"
) -> dict[str, object]:
    said = {"leads": leads, "suppliers": suppliers, "begun": begun, "trend": "opened"}
    proof = json.dumps(said, separators=(",", ":"), ensure_ascii=False)
    return alert("C1", level, opened, kind="chain", rule="lead_firm_shock") | {"evidence": proof}


def test_a_shock_explains_the_lead_firm_and_its_suppliers_whenever_they_were_told_since_it_fell() -> None:
    """The lead firm's own alert and one supplier's stood before the shock was told, another's comes in its month."""
    rows = [
        shock(), alert("LEAD", 4, "2026-08"), alert("LENS", 3, "2026-09"), alert("GLASS", 3, "2026-10"),
        alert("SHELL", 3, "2026-07"), alert("PEER", 1, "2026-10"), alert("MID", 2, "2026-10"),
    ]  # fmt: skip
    assert explained(*rows) == dict.fromkeys(("LEAD", "LENS", "GLASS"), "C1")
    key = [shock(suppliers="LENS、MID"), *rows[1:]]
    assert explained(*key) == dict.fromkeys(("LEAD", "LENS", "GLASS", "MID"), "C1"), "a key firm, if it is named"
    assert explained(*rows, alert("C1", 2, "2026-09", kind="chain", rule="total_drop"))["GLASS"] == "C1"


def test_a_shock_that_is_quiet_or_closed_explains_nothing_and_two_lead_firms_share_one() -> None:
    quiet = shock() | {"evidence": json.dumps({"leads": "LEAD", "begun": "2026-08", "trend": "quiet"})}
    quiet["evidence"] = str(quiet["evidence"]).replace(" ", "")
    rows = [alert("LEAD", 4, "2026-09"), alert("LENS", 3, "2026-10")]
    assert explained(quiet, *rows) == {"LENS": "LEAD"}
    both = explained(shock(leads="LEAD、MID"), alert("MID", 2, "2026-09"), *rows)
    assert both == dict.fromkeys(("LEAD", "MID", "LENS"), "C1")
