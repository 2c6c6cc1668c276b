from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable
from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from qxmonitor.catalog.office import office
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery.words import measure
from qxmonitor.disclosure import Cleared, Gate, pattern, progress
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.errors import DisclosureError
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.settings import ROOT
from tests.delivery import town

ADMINISTRATIVE = ["gxj", "swj", "leaders", "finance", "hr", "invest", "joint"]
ONE, TWO, THREE, FOUR = town.FIRMS.index
SEALERS = {
    "disclosure/gate.py", "disclosure/values.py", "disclosure/cleared.py", "disclosure/notices.py",
    "disclosure/climate.py", "disclosure/targets.py", "disclosure/tasks.py", "delivery/render.py", "delivery/words.py",
    "delivery/chart.py", "delivery/waterfall.py", "delivery/chainmap.py", "delivery/lamps.py",
    "delivery/watch_mail.py", "disclosure/worked.py",
}  # fmt: skip
Gates = Callable[..., Gate]


def test_nobody_else_makes_a_cleared_value() -> None:
    with pytest.raises(DisclosureError):
        Cleared("1", 1.0, "", "gxj", "returns", "x")


def test_a_cleared_value_cannot_be_altered(gate: Gates) -> None:
    value = gate("gxj").period(town.PERIOD)
    with pytest.raises((ValueError, DisclosureError)):
        dataclasses.replace(value, reader="swj")
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.reader = "swj"  # type: ignore[misc]


def test_only_known_modules_hold_the_seal() -> None:
    users = set()
    for path in (ROOT / "qxmonitor").rglob("*.py"):
        names = {
            n.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom)
            for n in node.names
        }
        if names & {"seal", "_SEAL"}:
            users.add(path.relative_to(ROOT / "qxmonitor").as_posix())
    assert users <= SEALERS


@pytest.mark.parametrize("reader", ADMINISTRATIVE)
def test_returns_of_a_firm_stay_in_the_statistical_channel(gate: Gates, reader: str) -> None:
    figures = gate(reader).clear(town.frame())
    cell = figures.get("output_m", town.PERIOD, "firm", ONE, "returns")
    assert (cell.state, cell.number, cell.text) == ("withheld", None, "—")
    assert gate(reader).firm(ONE, "returns", town.PERIOD, "output_m") is None


def test_the_statistics_office_sees_them(gate: Gates) -> None:
    cell = gate("stats").clear(town.frame()).get("output_m", town.PERIOD, "firm", ONE, "returns")
    assert (cell.text, cell.unit, cell.number) == ("4200", "万元", 4200.0)


def test_but_not_for_another_purpose() -> None:
    plain = Gate("stats", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS)
    assert not plain.clear(town.frame()).get("output_m", town.PERIOD, "firm", ONE, "returns").shown


@pytest.mark.parametrize(
    ("reader", "firm", "indicator", "period", "named"),
    [
        ("gxj", ONE, "output_m", "2026-10", True),
        ("swj", ONE, "output_growth", "2026-10", True),
        ("leaders", ONE, "output_m", "2026-10", True),
        ("hr", ONE, "output_m", "2026-10", False),  # not among its readers
        ("stats", ONE, "output_m", "2026-10", False),  # nor is the statistics office
        ("gxj", ONE, "output_m", "2024-12", False),  # before it began
        ("gxj", TWO, "output_m", "2026-12", True),
        ("gxj", TWO, "output_m", "2027-01", False),  # after it ended
        ("swj", TWO, "output_m", "2026-10", False),
        ("gxj", TWO, "export_delivery_m", "2026-10", False),  # another item
        ("gxj", ONE, "export_delivery_m", "2026-10", True),
        ("gxj", ONE, "power_m", "2026-10", False),  # no item covers it
        ("gxj", THREE, "output_m", "2026-10", False),  # no authorisation at all
        ("joint", ONE, "output_m", "2026-10", False),  # three of six members only
    ],
)
def test_self_reports_by_reader_item_and_month(
    gate: Gates, reader: str, firm: str, indicator: str, period: str, named: bool
) -> None:
    name = gate(reader).firm(firm, "self_report", Period(period), indicator)
    assert (name is not None) == named


def test_the_frame_says_the_same_as_the_name(gate: Gates) -> None:
    for reader in ("gxj", "swj", "hr", "stats", "joint"):
        figures = gate(reader).clear(town.frame())
        for firm in town.FIRMS.index:
            shown = figures.get("output_m", town.PERIOD, "firm", firm, "self_report").shown
            assert shown == (gate(reader).firm(firm, "self_report", town.PERIOD, "output_m") is not None)


def test_an_edition_names_whom_all_its_members_may_see(town_pattern: object) -> None:
    everyone = "、".join(office().members("joint"))
    granted = pd.DataFrame(
        {"subject": [ONE], "items": ["output"], "readers": [everyone], "since": ["2026-01"], "until": [None]}
    )
    joint = Gate("joint", "monitoring", authorisations=granted, simulated=True, firms=town.FIRMS)
    assert joint.firm(ONE, "self_report", town.PERIOD, "output_m") is not None
    one_less = granted.assign(readers=everyone.replace("、hr", ""))
    joint = Gate("joint", "monitoring", authorisations=one_less, simulated=True, firms=town.FIRMS)
    assert joint.firm(ONE, "self_report", town.PERIOD, "output_m") is None


def test_every_administrative_reader_gets_the_same_aggregates(gate: Gates) -> None:
    """So that two of them pooling their papers get nothing back."""
    shown = []
    for reader in ADMINISTRATIVE:
        figures = gate(reader).clear(town.frame())
        keys = {k for k in figures.rows if k[2] in ("chain", "town") and k[4] == "returns"}
        shown.append({k for k in keys if figures.get(k[1], Period(k[0]), k[2], k[3], k[4]).shown})
    assert all(each == shown[0] for each in shown)
    october = {k[3] for k in shown[0] if k[:2] == (town.PERIOD, "output_m")}
    assert october == {"C01", "C02", "other", "town"}  # C03 has two groups; C04 goes with it


@pytest.mark.parametrize("indicator", ["groups_over_10yi", "groups_over_100yi", "firms_reported", "reporting_rate"])
def test_concentration_and_reporting_stay_in_the_statistical_channel(gate: Gates, indicator: str) -> None:
    assert gate("stats").clear(town.frame()).get(indicator, town.PERIOD).shown
    for reader in ADMINISTRATIVE:
        assert not gate(reader).clear(town.frame()).get(indicator, town.PERIOD).shown


def test_customs_of_a_firm_only_for_the_commerce_office(gate: Gates) -> None:
    assert gate("swj").firm(ONE, "customs", town.PERIOD, "trade_usd_m") is not None
    for reader in ["stats", *(r for r in ADMINISTRATIVE if r != "swj")]:
        assert gate(reader).firm(ONE, "customs", town.PERIOD, "trade_usd_m") is None
    assert gate("swj").clear(town.frame()).get("trade_usd_m", town.PERIOD, "chain", "C03").shown
    assert not gate("gxj").clear(town.frame()).get("trade_usd_m", town.PERIOD, "chain", "C03").shown


def test_who_is_late_is_told_to_the_statistics_office_only(gate: Gates) -> None:
    late = town.frame()
    late.loc[late["indicator"] == "output_m", ["value", "state"]] = [float("nan"), "late"]
    assert gate("stats").clear(late).get("output_m", town.PERIOD, "firm", ONE, "returns").text == "迟报"
    assert gate("gxj").clear(late).get("output_m", town.PERIOD, "firm", ONE, "returns").state == "withheld"
    assert gate("gxj").clear(late).get("output_m", town.PERIOD).text == "…"


def test_the_empties_are_words_and_never_zero(gate: Gates) -> None:
    figures = gate("gxj").clear(town.frame())
    january = figures.get("output_m", Period("2026-01"))
    assert (january.text, january.number, january.state) == ("免报", None, "expected-absent")
    assert figures.get("output_m", Period("2020-01")).state == "unknown"


def test_a_nan_that_calls_itself_a_value_is_none(gate: Gates) -> None:
    broken = town.frame()
    broken.loc[broken["indicator"] == "output_m", "value"] = float("nan")
    cell = gate("stats").clear(broken).get("output_m", town.PERIOD)
    assert (cell.number, cell.state) == (None, "unknown")


def test_returns_never_feed_support_lists() -> None:
    for reader in readers().readers:
        assert permitted_use().right("returns", reader.id, "support") == ("none", False)
    with pytest.raises(DisclosureError, match="不得为此用途"):
        Gate("stats", "support", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS)


def test_banks_see_public_series_only() -> None:
    gate = Gate("banks", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS,
                chains=town.CHAINS, reference=town.REFERENCE)  # fmt: skip
    figures = gate.clear(town.frame())
    shown = {key for key in figures.rows if figures.get(key[1], Period(key[0]), *key[2:]).shown}
    assert {key[4] for key in shown} == {"reference"}


@pytest.mark.parametrize(
    ("reader", "expected"),
    [
        ("stats", {("firm", ONE), ("firm", THREE), ("firm", FOUR), ("chain", "C02"), ("chain", "C03")}),
        ("gxj", {("firm", ONE), ("firm", TWO), ("chain", "C02")}),
        ("swj", {("firm", ONE), ("chain", "C02")}),
        ("hr", {("chain", "C02")}),
        ("joint", {("chain", "C02")}),
    ],
)
def test_alerts_by_reader(gate: Gates, reader: str, expected: set[tuple[str, str]]) -> None:
    cleared = gate(reader).alerts(town.alerts())
    seen = {tuple(alert.rule.ref.split("|")[2:4]) for alert in cleared}
    assert seen == expected
    assert not any({"top2", "groups", "hidden_groups"} & alert.evidence.keys() for alert in cleared)
    if reader != "stats":
        assert all(alert.source.text == "企业自报" for alert in cleared if alert.entity_kind.text == "企业")


def test_an_alert_opened_before_the_authorisation_is_not_told(gate: Gates) -> None:
    old = town.alerts().assign(opened="2024-08")
    assert {alert.entity_kind.text for alert in gate("gxj").alerts(old)} == {"产业链"}


def test_an_alert_is_not_told_after_the_authorisation_ran_out(gate: Gates) -> None:
    """甲乙 may be named to 工信局 until December 2026, and its alert of October still stands open in January."""
    for month, told in (("2026-10", True), ("2026-12", True), ("2027-01", False)):
        found = gate("gxj").alerts(town.alerts(), Period(month))
        assert (town.SPECIAL in {alert.entity.text for alert in found}) == told, month


def test_without_a_pattern_no_aggregate_alert_is_told() -> None:
    bare = Gate("gxj", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS)
    assert {alert.entity_kind.text for alert in bare.alerts(town.alerts())} == {"企业"}


def test_targets_follow_their_indicators(gate: Gates) -> None:
    states = {
        reader: [line.current.state for line in progress(gate(reader), town.progress(), town.PERIOD)]
        for reader in ("stats", "gxj")
    }
    # register count, output of a chain since January, concentration, no feed
    assert states["stats"] == ["value", "value", "value", "unknown"]
    assert states["gxj"] == ["value", "value", "withheld", "unknown"]


def test_revisions_are_told_in_the_statistical_channel_alone(gate: Gates) -> None:
    rows = town.revisions().to_dict("records")
    assert all(gate("stats").revision(row, Period(row["period"])) is not None for row in rows)
    for reader in ("gxj", "swj", "joint"):
        assert [gate(reader).revision(row, Period(row["period"])) for row in rows] == [None, None]


def test_revisions_that_are_each_safe_give_a_single_firm_back_together(gate: Gates) -> None:
    """Why. Thousand yuan of the town: two subtractions that a reader of all issues could do if each were told.

    September's issue prints 1000. Firm A re-files September (+30, alone, so October's issue tells nothing); then B, C
    and D do (+10 each), and November's issue would tell "1030 → 1060": 1030 − 1000 is A's. And where B, C and D re-file
    October (+10 each) besides A's September, October's own figure moves by 30 and its cumulative one by 60: A's again.
    """
    base = {"entity_kind": "town", "entity": "town", "source": "returns"}
    told = [
        {"indicator": "output_m", "period": "2026-09", "before": 1_030.0, "value": 1_060.0},
        {"indicator": "output_m", "period": "2026-10", "before": 1_000.0, "value": 1_030.0},
        {"indicator": "output_ytd", "period": "2026-10", "before": 9_000.0, "value": 9_060.0},
    ]
    assert told[0]["before"] - 1_000.0 == 30.0
    assert (told[2]["value"] - told[2]["before"]) - (told[1]["value"] - told[1]["before"]) == 30.0
    assert {gate("joint").revision(base | row, Period(str(row["period"]))) for row in told} == {None}


def test_counts_are_of_cleared_things_only(gate: Gates) -> None:
    assert gate("gxj").count([gate("gxj").period(town.PERIOD)]).text == "1"
    with pytest.raises(DisclosureError):
        gate("gxj").count([ONE, TWO])


def test_words_come_from_the_catalogue_only(gate: Gates) -> None:
    with pytest.raises(DisclosureError):
        gate("gxj").word(office(), "thresholds")
    with pytest.raises(DisclosureError):
        gate("gxj").entity("firm", ONE)


@pytest.mark.parametrize("bad", ["甲\r\nBcc: x@y", "甲\u2028乙", "\u202e甲", "甲\x00乙", "甲\ufeff乙"])
def test_names_become_one_printable_line(bad: str) -> None:
    line = one_line(bad)
    assert line.isprintable()
    assert len(line.splitlines()) == 1


FINER = ["node", "industry", "mode", "market", "chapter"]


def finer(source: str, indicator: str) -> pd.DataFrame:
    """The chains' rows again as rows of finer levels, safe by every count, half of them empty."""
    rows = town.frame()
    rows = rows[(rows["entity_kind"] == "chain") & (rows["source"] == source) & (rows["indicator"] == indicator)]
    parts = [rows.assign(entity_kind=kind, groups=50, top2=0.1, hidden_groups=50) for kind in FINER]
    parts += [part.assign(entity="Z9", value=float("nan"), state="late") for part in parts]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("reader", ADMINISTRATIVE)
@pytest.mark.parametrize(("source", "indicator"), [("returns", "output_m"), ("customs", "export_usd_ytd")])
def test_levels_finer_than_the_chain_need_firm_rights(gate: Gates, reader: str, source: str, indicator: str) -> None:
    """However safe a node or market is by itself: its chain less the other nodes, or a second partition crossed with
    the chains, would give single firms back. Not even why it is empty is told."""
    frame = pd.concat([town.frame(), finer(source, indicator)], ignore_index=True)
    figures = gate(reader).clear(frame)
    told = {state for key, (_, state) in figures.rows.items() if key[1] == indicator and key[2] in FINER}
    free = reader == "swj" and source == "customs"
    assert told == ({"value", "late"} if free else {"withheld"})


def test_finer_levels_change_nothing_of_what_is_published() -> None:
    """Nor does the pattern of chains and town depend on them."""
    frame = town.frame()
    more = pd.concat([frame, finer("returns", "output_m")], ignore_index=True)
    assert pattern(more).published == pattern(frame).published


def test_the_statistics_office_sees_nodes_and_industries(gate: Gates) -> None:
    figures = gate("stats").clear(finer("returns", "output_m"))
    assert {state for _, state in figures.rows.values()} <= {"value", "late", "expected-absent"}


@pytest.mark.parametrize(
    ("state", "day", "words"),
    [
        ("expected-absent", 10, ("not-due", "未到", "未到发布时间")),
        ("expected-absent", 20, ("unknown", "…", "暂无数据")),
        ("late", 20, ("late", "迟报", "逾期未报")),
        ("failed", 20, ("failed", "待核", "尚待核实")),
    ],
)
def test_a_sheet_for_all_says_whether_it_is_due(state: str, day: int, words: tuple[str, str, str]) -> None:
    """The customs sheet of October is due by the 14th of November; who owes a return stays the office's business.

    Before the first sheet that is here nobody was sending any.
    """
    rows = [
        ["2026-08", "export_usd_m", "town", "town", "customs", np.nan, state, np.nan, 0, np.nan, 0],
        ["2026-09", "export_usd_m", "town", "town", "customs", 5.0, "value", 1.0, 5, 0.5, 0],
        ["2026-10", "export_usd_m", "town", "town", "customs", np.nan, state, np.nan, 0, np.nan, 0],
        ["2026-10", "output_m", "town", "town", "returns", np.nan, "late", np.nan, 0, np.nan, 0],
    ]
    names = [
        "period",
        "indicator",
        "entity_kind",
        "entity",
        "source",
        "value",
        "state",
        "coverage",
        "groups",
        "top2",
        "hidden_groups",
    ]
    gate = Gate(
        "leaders", "monitoring", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS,
        known_at=datetime(2026, 11, day, tzinfo=SHANGHAI),
    )  # fmt: skip
    figures = gate.clear(pd.DataFrame(rows, columns=names))
    cell = figures.get("export_usd_m", Period("2026-10"), "town", "town", "customs")
    assert (cell.state, cell.text, measure(cell).text) == words
    before = figures.get("export_usd_m", Period("2026-08"), "town", "town", "customs")
    assert before.state == ("unknown" if state in ("late", "expected-absent") else state)
    assert figures.get("output_m", Period("2026-10"), "town", "town", "returns").state == "unknown"


def test_a_class_is_named_with_its_code_and_never_by_a_heading() -> None:
    detail = pd.DataFrame(
        [["3976", "class", "主要行业小类", "千元"], ["2929", "class", "主要行业小类", "千元"],
         ["3831", "class", "电线、电缆制造", "千元"], ["玩具/万个", "product", "玩具", "万个"]],
        columns=["entity", "entity_kind", "name", "unit"],
    )  # fmt: skip
    gate = Gate("stats", "statistics", authorisations=town.AUTHORISED, simulated=True, firms=town.FIRMS, detail=detail)
    names = [gate.entity(kind, entity).text for entity, kind, *_ in detail.itertuples(index=False)]
    assert names == ["3976", "2929", "3831 电线、电缆制造", "玩具"]
