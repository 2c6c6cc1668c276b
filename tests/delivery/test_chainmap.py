"""The chain map: layers and states by hand, what each edition may see of it, and forty long-named nodes on a page."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from qxmonitor.catalog.briefing import briefing_forms
from qxmonitor.catalog.office import office
from qxmonitor.delivery import chainmap
from qxmonitor.delivery.briefing import Material, build
from qxmonitor.delivery.docx import briefing_docx
from qxmonitor.delivery.html import briefing_html
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.chainmap import MapChain, chain_maps, layers
from qxmonitor.errors import DisclosureError
from tests.delivery import town
from tests.delivery.conftest import DATE

Gates = Callable[..., Gate]
LONG = "名称特别特别长的精密光电显示模组与智能终端整机组装环节"
MAP = pd.DataFrame(
    [
        ("C01", "光电通讯", "N1", "元件", ""), ("C01", "光电通讯", "N2", "电路", ""),
        ("C01", "光电通讯", "N3", LONG, "N1、N2、N9"), ("C01", "光电通讯", "N4", "整机", "N3"),
        ("C02", "电气机械", "N1", "线缆", ""), ("C02", "电气机械", "N2", "电机", "N1"),
        ("C02", "电气机械", "N3", "配电", "N1"),
    ],
    columns=["chain", "chain_name", "node", "node_name", "upstream"],
)  # fmt: skip
NODES = pd.DataFrame(
    [("C01", "N1", 0.2, 3), ("C01", "N2", 0.1, 1), ("C01", "N3", 0.65, 4), ("C01", "N4", 0.05, 2)],
    columns=["chain", "node", "weight", "groups"],
)
GROWTH = {"C01/N1": 0.05, "C01/N2": -0.2, "C01/N3": -0.01, "C01/N4": 0.0, "C02/N1": -1.0}


def frame() -> pd.DataFrame:
    row = {"period": str(town.PERIOD), "indicator": "output_growth_ytd", "entity_kind": "node", "source": "returns",
           "state": "value", "coverage": 1.0, "groups": 9, "top2": 0.2, "hidden_groups": 9}  # fmt: skip
    nodes = pd.DataFrame([row | {"entity": entity, "value": value} for entity, value in GROWTH.items()])
    return pd.concat([town.frame(), nodes], ignore_index=True)


def told(gate: Gates, reader: str, chains: pd.DataFrame = MAP) -> tuple[Gate, tuple[MapChain, ...]]:
    one = Gate(
        reader, "statistics" if reader == "stats" else "monitoring", authorisations=town.AUTHORISED, simulated=True,
        firms=town.FIRMS, chains=chains, pattern=gate(reader)._pattern,
    )  # fmt: skip
    form = briefing_forms().chain_map
    return one, chain_maps(one, form, one.clear(frame()), chains, NODES, town.PERIOD)


def test_layers_by_the_longest_way_and_a_circle_ends() -> None:
    assert layers(5, np.array([[0, 2], [1, 2], [2, 3], [0, 3]])).tolist() == [0, 0, 1, 2, 0]
    assert layers(3, np.array([[0, 1], [1, 2], [2, 0]])).max() <= 2
    assert layers(1, np.zeros((0, 2), dtype=int)).tolist() == [0]


def test_states_keys_and_weak_nodes_for_firm_level_rights(gate: Gates) -> None:
    _, (first, second) = told(gate, "stats")
    states = [node.state for node in first.nodes]
    assert states == ["up", "falling", "down", "flat"]
    assert [node.state for node in second.nodes] == ["falling", "none", "none"]  # nothing left is no −100 %
    assert [(node.column, node.row) for node in first.nodes] == [(0, 0), (0, 1), (1, 0), (2, 0)]
    assert first.links == ((0, 2), (1, 2), (2, 3))  # N9 is not on the map
    assert [node.single for node in first.nodes] == [False, True, False, False]
    assert [value.text for value in first.nodes[1].weak] == ["仅一家企业（集团）", "累计降幅较大"]
    assert [value.text for value in first.nodes[2].key] == ["★占本链", "65"]
    assert [value.text for value in second.nodes[0].key] == ["★供下游"]  # feeds two


def test_others_see_the_map_and_grey_nodes(gate: Gates) -> None:
    _, chains = told(gate, "joint")
    nodes = [node for chain in chains for node in chain.nodes]
    assert {node.state for node in nodes if f"C01/{'N1'}" in node.name.ref} == {"withheld"}
    assert not any(node.growth.shown or node.weak or node.single for node in nodes)
    assert [node.key != () for node in nodes] == [False] * 4 + [True, False, False]  # the map alone says who feeds two
    assert chains[0].growth.shown, "the chain's own growth is given"


def test_the_picture_is_the_same_each_time_and_says_what_it_shows(gate: Gates) -> None:
    one, chains = told(gate, "stats")
    mark = one.word(office(), "simulated_label")
    form = briefing_forms().chain_map
    picture = chainmap.chain_map(one, form, chains, mark)
    assert chainmap.chain_map(one, form, chains, mark).png == picture.png
    for words in ("元件（增长 +5.0%）", "薄弱：仅一家企业（集团）、累计降幅较大", "元件供" + LONG, "关键节点"):
        assert words in picture.alt.text
    with pytest.raises(DisclosureError):
        chainmap.chain_map(told(gate, "joint")[0], form, chains)


def test_forty_nodes_with_long_names_stay_within_a_page(gate: Gates) -> None:
    rows = []
    for chain in range(5):
        for node in range(8):
            above = "、".join(f"N{a}" for a in range(node) if node // 3 == a // 3 + 1)
            rows.append((f"C0{chain}", f"链{chain}", f"N{node}", f"{LONG}{node}", above))
    one, chains = told(gate, "stats", pd.DataFrame(rows, columns=MAP.columns))
    picture = chainmap.chain_map(one, briefing_forms().chain_map, chains)
    height, width = imread(BytesIO(picture.png)).shape[:2]
    assert height / width <= 215 / 150
    for chain in chains:
        for node in chain.nodes:
            lines, size = chainmap._fitted("stats", node, 40.0, 9.0)
            assert size >= 5.5 and len(lines) * size * 0.3528 <= 9.0


def test_no_map_is_said_and_a_map_stands_in_page_and_word(gate: Gates, material: Material) -> None:
    edition = office().edition("stats")
    one, _ = told(gate, "stats")
    view = build(one, edition, town.PERIOD, replace(material, figures=frame(), chains=MAP, nodes=NODES), DATE)
    assert view.map is not None and view.map.number.text == "4"
    assert view.map.picture.png in docx_pictures(briefing_docx(view, "stats", DATE))
    assert "产业链图：" in briefing_html(view, "stats")
    assert told(gate, "stats", MAP.iloc[:0])[1] == ()
    empty = replace(view, map=None, no_map=one.word(briefing_forms().chain_map, "none"))
    assert "尚未接入" in briefing_html(empty, "stats")


def docx_pictures(content: bytes) -> list[bytes]:
    with zipfile.ZipFile(BytesIO(content)) as parts:
        return [parts.read(name) for name in parts.namelist() if name.endswith(".png")]
