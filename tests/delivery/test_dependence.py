"""进口依存较高的节点: in 商务局's mail alone; to everybody else the mail is the same whatever the nodes are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery.alerts import Known, plan, view
from qxmonitor.disclosure import Gate, Pattern
from qxmonitor.disclosure.dependence import dependent_nodes
from tests.delivery import town
from tests.delivery.conftest import DATE
from tests.delivery.test_alerts import body

Gates = Callable[..., Gate]
CHAINS = pd.DataFrame(
    [("C01", "光电通讯", node, name, "") for node, name in (("N1", "光模块"), ("N2", "外壳"), ("N3", "镜头"))],
    columns=["chain", "chain_name", "node", "node_name", "upstream"],
)
NODES = {"C01/N1": (0.72, 3.4e8), "C01/N2": (0.498, 9e8), "C01/N3": (0.91, 1.2e7), "C01/N9": (0.99, 9e9),
         "other/other": (0.95, 8e8)}  # fmt: skip
"""Share of imports and imports in yuan: N2 is below the mark, N9 is on no map."""


def frame(nodes: dict[str, tuple[float, float]], period: str = str(town.PERIOD)) -> pd.DataFrame:
    rows = [
        {"period": period, "indicator": indicator, "entity_kind": "node", "entity": entity, "source": "customs",
         "value": value, "state": "value", "coverage": 1.0, "groups": 1, "top2": 1.0, "hidden_groups": 1}
        for entity, pair in nodes.items()
        for indicator, value in zip(("import_dependence", "import_rmb_ytd"), pair, strict=True)
    ]  # fmt: skip
    return pd.DataFrame(rows)


@pytest.fixture
def gates(town_pattern: Pattern) -> Gates:
    def make(reader: str, **more: Any) -> Gate:
        purpose = readers().reader(reader).purposes[0] if reader != "joint" else "monitoring"
        return Gate(
            reader, purpose, authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS, chains=CHAINS,
            reference=town.REFERENCE, pattern=town_pattern, **more,
        )  # fmt: skip

    return make


def test_the_trade_department_reads_them_most_dependent_first(gates: Gates) -> None:
    (message,) = plan({"swj": gates("swj")}, town.alerts(), town.PERIOD, DATE, known=Known(nodes=frame(NODES))).messages
    plain = body(message)
    part = plain[plain.index("进口依存较高") :].split("\n\n")[0].splitlines()
    assert part[1].startswith("只按海关企业月度表计算") and "50%以上" in part[1] and "0.05亿元以上" in part[1]
    assert part[2:] == [
        "● 光电通讯·镜头：进口占91.0%，累计进口0.12亿元", "● 光电通讯·光模块：进口占72.0%，累计进口3.40亿元",
    ]  # fmt: skip
    page = body(message, "html")
    assert "<li>光电通讯·镜头：进口占91.0%，累计进口0.12亿元</li>" in page and "外壳" not in page and "N9" not in page


@pytest.mark.parametrize("reader", [entry.id for entry in readers().readers if entry.alerts and entry.id != "swj"])
def test_no_other_reader_gets_a_hint(gates: Gates, reader: str) -> None:
    mails = [
        plan({reader: gates(reader)}, town.alerts(), town.PERIOD, DATE, known=known).messages
        for known in (Known(), Known(nodes=frame(NODES)), Known(nodes=frame({"C01/N1": (1.0, 7e9)})))
    ]
    assert [m.body for m in mails[0]] == [m.body for m in mails[1]] == [m.body for m in mails[2]]
    assert all("进口依存" not in body(m, form) for m in mails[1] for form in ("plain", "html"))


def test_neither_an_edition_nor_a_mail_on_trial_nor_another_month_has_them(gates: Gates) -> None:
    nodes = frame(NODES)
    assert dependent_nodes(gates("swj"), nodes, town.PERIOD) is not None
    assert dependent_nodes(gates("swj", also=("stats",)), nodes, town.PERIOD) is None, "the desk reads it on trial"
    assert dependent_nodes(gates("joint"), nodes, town.PERIOD) is None
    assert dependent_nodes(gates("swj"), nodes, town.PERIOD - 1) is None
    assert {edition.reader for edition in office().editions} == {"stats", "joint"}
    assert dependent_nodes(gates("stats"), nodes, town.PERIOD) is None
    nothing = nodes.assign(value=float("nan"), state="late")
    assert dependent_nodes(gates("swj"), nothing, town.PERIOD) is None
    played = view(
        gates("swj"), readers().reader("swj"), town.alerts(), town.PERIOD, DATE, Known(nodes=nodes), drill=True
    )[0]
    assert played.dependent is None, "a drill shows nothing real"
