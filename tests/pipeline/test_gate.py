"""The gate's test, from the attacker's side: everything one simulated month sends out, against the files themselves.

Nothing here asks the gate what it allows. Names, codes, contacts, groups and authorisations are read from the
register workbooks, figures from ``truth.json``; mails and documents are scanned as bytes.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest
from jinja2 import DictLoader

from qxmonitor import pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.catalog.release import release_calendar
from qxmonitor.catalog.structure import structure_rules
from qxmonitor.delivery import alerts as alert_mails
from qxmonitor.delivery import render
from qxmonitor.disclosure import Figures
from qxmonitor.errors import DisclosureError
from qxmonitor.period import Period, months
from qxmonitor.scene import Scene
from tests.disclosure.scan import Found, scan
from tests.pipeline.conftest import Ingested, Town

pytestmark = pytest.mark.slow

ITEMS = {"工业总产值": "output", "出口交货值": "export", "期末从业人数": "employees"}
MEASURES = {"output": ("output_m", "output_ytd"), "sales": ("sales_m", "sales_ytd"),
            "export_delivery": ("export_m", "export_ytd"), "power": ("power_m", "power_ytd")}  # fmt: skip
LEAST, DOMINANCE = 3, 0.90


@dataclass(frozen=True)
class Register:
    """The newest register workbook as the attacker (or the clerk) reads it."""

    names: dict[str, set[str]]  # code → current and former names
    customs: dict[str, str]
    chain: dict[str, str]
    group: dict[str, str]
    key_firms: set[str]
    contacts: set[str]
    granted: list[tuple[str, set[str], set[str], str, str]]  # code, items, department names, since, until


@dataclass(frozen=True)
class Issue:
    """All that one month sent out, by who gets it."""

    scene: Scene
    register: Register
    artefacts: dict[str, list[tuple[str, Found]]]
    folder: Path


@pytest.fixture(scope="module")
def issue(ingested: Ingested, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issue]:
    """The town's last month: every mail and both editions, scanned."""
    wh, town = ingested.wh, ingested.town
    pipeline.run(wh, town.last)
    pipeline.deliver(wh)
    out = tmp_path_factory.mktemp("papers")
    found: dict[str, list[tuple[str, Found]]] = {}
    for edition in office().editions:
        for row in pipeline.brief(wh, town.last, edition.id, out):
            path = Path(row["path"])
            found.setdefault(edition.reader, []).append((path.name, scan(path)))
    boxes = {box.address: reader.id for reader in readers().readers for box in reader.mailboxes}
    for path in sorted(wh.settings.maildir.glob("*/new/*")):
        found.setdefault(boxes[path.parent.parent.name], []).append((path.name, scan(path)))
    yield Issue(Scene(wh, town.last), _register(town), found, out)


def _register(town: Town) -> Register:
    path = max(town.landing.rglob("企业名录_*.xlsx"), key=lambda p: p.parent.name)
    book = openpyxl.load_workbook(path, read_only=True)
    head, *rows = [list(row) for row in book["企业名录"].iter_rows(min_row=3, values_only=True)]
    firms = [dict(zip(head, row, strict=False)) for row in rows if row[0]]
    contacts = {str(f[k]).strip() for f in firms for k in ("联系人", "联系电话") if f[k] and len(str(f[k]).strip()) > 1}
    _, *lines = [list(row) for row in book["自报授权"].iter_rows(min_row=2, values_only=True)]
    granted = [
        (str(code), {ITEMS[i] for i in str(items).split("、")}, set(str(who).split("、")), _month(since), _month(until))
        for code, _, items, who, since, until, *_ in lines
        if code
    ]
    return Register(
        names={str(f["统一社会信用代码"]): {str(f[k]) for k in ("企业名称", "曾用名") if f[k]} for f in firms},
        customs={str(f["统一社会信用代码"]): str(f["海关注册编码"]) for f in firms if f["海关注册编码"]},
        chain={str(f["统一社会信用代码"]): str(f["产业链"] or "other") for f in firms},
        group={str(f["统一社会信用代码"]): str(f["所属集团"] or f["统一社会信用代码"]) for f in firms},
        key_firms=set(town.truth["key_firms"]),
        contacts=contacts,
        granted=granted,
    )


def _month(text: object) -> str:
    if not text:
        return "9999-12"
    year, month = re.findall(r"\d+", str(text))[:2]
    return f"{year}-{int(month):02d}"


def _authorised(register: Register, reader: str, period: Period, item: str = "output") -> set[str]:
    """Codes that every member of a reader may see by name, by the workbook alone."""
    words = {entry.id: entry.name for entry in readers().readers}
    members = {words[m] for m in office().members(reader)}
    return {
        code
        for code in register.names
        if all(
            any(
                c == code and item in items and member in who and since <= period <= until
                for c, items, who, since, until in register.granted
            )
            for member in members
        )
    }


def _named(text: str, register: Register) -> set[str]:
    """Codes of firms whose name, former name, code or customs code stands in a text (blanks and widths ignored)."""
    flat = re.sub(r"\s", "", text).translate(str.maketrans("（）", "()"))
    hits = set()
    for code, names in register.names.items():
        words = {re.sub(r"\s", "", n).translate(str.maketrans("（）", "()")) for n in names} | {code, code[8:17]}
        if any(word in flat for word in words | {register.customs.get(code, code)}):
            hits.add(code)
    return hits


# -- the truth's own sums ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def returns(ingested: Ingested) -> pd.DataFrame:
    """Latest B204-1 figures as printed in the files, in 千元, one row a firm and month."""
    town = ingested.town
    files = {f["path"]: f for f in town.truth["files"]}
    frames = []
    for entry in town.truth["figures"]:
        if files[entry["file"]]["feed"] != "b204_1":
            continue
        spoilt = set(map(str, entry.get("rejected_rows", [])))
        part = pd.DataFrame(entry["rows"], columns=entry["columns"])
        part = part[~part["row"].astype(str).isin(spoilt)]
        numbers = [c for c in part.columns if c.endswith(("_m", "_ytd")) and not c.startswith("power")]
        part[numbers] = part[numbers].apply(pd.to_numeric) * (10.0 if entry["unit"] == "万元" else 1.0)
        frames.append(part.assign(known=files[entry["file"]]["known_at"]))
    table = pd.concat(frames, ignore_index=True).sort_values("known", kind="stable")
    return table.drop_duplicates(["entity", "period"], keep="last")


def _safe(sums: pd.Series) -> bool:
    """At least three groups, and no two hold more than nine tenths."""
    sizes = sums.abs().sort_values(ascending=False)
    total = float(sizes.sum())
    return len(sizes) >= LEAST and (total == 0.0 or float(sizes.iloc[:2].sum()) / total <= DOMINANCE + 1e-9)


def _shown(figures: Figures, indicator: str, period: Period) -> set[str]:
    chains = {
        chain for chain in figures.entities("chain") if figures.get(indicator, period, "chain", chain, "returns").shown
    }
    return chains | ({"town"} if figures.get(indicator, period, source="returns").shown else set())


@pytest.fixture(scope="module")
def published(issue: Issue) -> Figures:
    """What an administrative reader may see of returns (all see the same; the figures themselves are not trusted)."""
    return issue.scene.gate("joint", "monitoring").clear(issue.scene.figures)


# -- what is in the papers ---------------------------------------------------------------------------------------


def test_every_reader_has_something_to_scan(issue: Issue) -> None:
    assert {"stats", "joint", "gxj", "swj", "leaders"} <= issue.artefacts.keys()
    assert [len(issue.artefacts[edition]) >= 3 for edition in ("stats", "joint")] == [True, True]
    assert _named(issue.artefacts["stats"][0][1].text, issue.register)


def test_names_only_where_the_workbook_authorises_them(issue: Issue) -> None:
    """Outside the statistical channel a firm is named by its unexpired authorisation, or to the centre's department."""
    period = issue.scene.period
    for reader, artefacts in issue.artefacts.items():
        if reader == "stats":
            continue
        allowed = _authorised(issue.register, reader, period)
        if reader == "swj":  # the bonded centre's own data are its business: owners of overdue goods are named there
            alerts = issue.scene.alerts
            allowed |= set(alerts.loc[alerts["source"] == "bonded", "entity"])
        for name, found in artefacts:
            assert _named(found.text, issue.register) <= allowed, (reader, name)


def test_codes_and_contacts_are_in_no_paper(issue: Issue) -> None:
    for reader, artefacts in issue.artefacts.items():
        for name, found in artefacts:
            assert not [c for c in issue.register.contacts if c in found.text], (reader, name)
            assert not [c for c in issue.register.names if c in found.text], (reader, name)
            assert not [c for c in issue.register.customs.values() if c in found.text], (reader, name)
            assert not re.search(r"(?<![\d.])1[3-9]\d{9}(?!\d)", found.text), (reader, name)


def test_no_return_of_a_single_firm_outside_the_statistical_channel(issue: Issue, returns: pd.DataFrame) -> None:
    """A firm's figure is searched beside its name, in every unit; self-reports are what the firm gave itself."""
    period = issue.scene.period
    now = returns[returns["period"] == period].set_index("entity")
    for reader, artefacts in issue.artefacts.items():
        if reader == "stats":
            continue
        for name, found in artefacts:
            for line in found.texts:
                for code in _named(line, issue.register):
                    secret = now.loc[code, ["sales_m", "sales_ytd"]].dropna().tolist() if code in now.index else []
                    words = {f"{v * k:.{d}f}" for v in secret for k, d in ((1, 0), (0.1, 0), (1e-5, 2)) if v * k >= 1}
                    assert not words & set(re.findall(r"\d+(?:\.\d+)?", line)), (reader, name)


def test_no_empty_shows_as_a_number_and_no_fall_to_nothing_as_one(issue: Issue) -> None:
    for reader, artefacts in issue.artefacts.items():
        for name, found in artefacts:
            assert not re.search(r"\b(nan|none|inf|infinity|nat|undefined)\b", found.text, re.I), (reader, name)
            assert "100.0%" not in re.sub(r"(覆盖率|目标的|时间进度|占)100\.0%", "", found.text), (reader, name)
            assert -100.0 not in found.numbers, (reader, name)


def test_coverage_is_not_told_outside_the_statistical_channel(issue: Issue) -> None:
    """7 of 8 reported would say that somebody did not. A sheet for all may be late; the key to the signs says so."""
    for reader, artefacts in issue.artefacts.items():
        for name, found in artefacts:
            text = found.text.replace("“迟报”为逾期未报", "")
            told = re.findall(".{0,30}(?:覆盖率|上报率|逾期未报|迟报).{0,10}", text)
            assert reader == "stats" or told == [], (reader, name)


def test_every_artefact_says_it_is_simulated(issue: Issue) -> None:
    for artefacts in issue.artefacts.values():
        for name, found in artefacts:
            assert office().simulated_label in found.text, name


def test_workbooks_hide_nothing_and_say_nothing_of_us(issue: Issue) -> None:
    for path in issue.folder.glob("*.xlsx"):
        book = openpyxl.load_workbook(path)
        assert not book.defined_names and book.properties.creator == office().issuer
        for sheet in book:
            assert sheet.sheet_state == "visible" and sheet.freeze_panes == "B4"
            hidden = [*sheet.row_dimensions.values(), *sheet.column_dimensions.values()]
            assert not any(d.hidden for d in hidden)
            cells = [c for row in sheet.iter_rows() for c in row if c.value is not None]
            assert all(c.data_type in "ns" and c.comment is None for c in cells)
            assert all(c.number_format.strip("0.") == "" for c in cells if c.data_type == "n")


# -- what can be worked out of them ------------------------------------------------------------------------------


def _groups(issue: Issue, rows: pd.DataFrame, column: str) -> pd.DataFrame:
    known = rows[rows["entity"].isin(issue.register.names) & rows[column].notna()]
    return known.assign(
        chain=known["entity"].map(issue.register.chain), group=known["entity"].map(issue.register.group)
    )


def _periods(issue: Issue) -> list[Period]:
    return [p for p in months(Period("2025-02"), issue.scene.period)]


@pytest.mark.parametrize("stem", ["output", "sales", "export_delivery"])
def test_aggregates_their_remainders_and_differences_are_safe(
    issue: Issue, published: Figures, returns: pd.DataFrame, stem: str
) -> None:
    """Each shown chain; the town less all shown chains; and both again less the firms anybody sees by name."""
    tried = 0
    for period, (suffix, column) in itertools.product(_periods(issue), zip(("m", "ytd"), MEASURES[stem], strict=True)):
        shown = _shown(published, f"{stem}_{suffix}", period)
        rows = _groups(issue, returns[returns["period"] == period], column)
        if not shown or rows.empty:
            continue
        item = {"output": "output", "export_delivery": "export"}.get(stem, "output")
        named = {
            c
            for r in readers().readers
            if r.id not in ("banks", "operators")
            for c in _authorised(issue.register, r.id, period, item)
        }
        unions = [rows[rows["chain"] == chain] for chain in shown - {"town"}]
        if "town" in shown:
            unions += [rows, rows[~rows["chain"].isin(shown)]]
        for union in unions:
            if union.empty:
                continue
            tried += 1
            assert _safe(union.groupby("group")[column].sum()), (period, stem, suffix)
            rest = union[~union["entity"].isin(named)]
            if not rest.empty and stem != "sales":
                assert _safe(rest.groupby("group")[column].sum()), (period, stem, suffix, "less the named")
    assert tried > 3


@pytest.mark.parametrize("stem", ["output", "sales", "export_delivery"])
def test_successive_issues_give_no_hidden_month_back(issue: Issue, published: Figures, stem: str) -> None:
    """Cumulative − last cumulative is the month: a chain hidden in a month is not given in both cumulatives."""
    for period in _periods(issue)[1:]:
        now, before = (_shown(published, f"{stem}_ytd", p) for p in (period, period - 1))
        assert (now & before) - {"town"} <= _shown(published, f"{stem}_m", period), (stem, period)


def test_an_authorisation_that_ran_out_names_nobody(issue: Issue) -> None:
    """Every month of the town against the workbook, and one month past each end."""
    for reader in (r.id for r in readers().readers if r.id not in ("stats", "banks", "operators")):
        gate = issue.scene.gate(reader, "monitoring")
        ends = {Period(until) + 1 for *_, until in issue.register.granted if until != "9999-12"}
        for period in {*_periods(issue), *ends}:
            told = {c for c in issue.register.names if gate.firm(c, "self_report", period, "output_m")}
            assert told <= _authorised(issue.register, reader, period), (reader, period)


def test_on_trial_the_audience_is_both(issue: Issue) -> None:
    """A department's mail read by the statistics office names only firms that both may see."""
    live = readers().reader("gxj")
    on_trial = issue.scene.gate_for(live.model_copy(update={"live": False}))
    assert issue.scene.gate_for(live).authority.members == ("gxj",)
    assert on_trial.authority.members == ("gxj", "stats")
    for period in _periods(issue):
        told = {c for c in issue.register.names if on_trial.firm(c, "self_report", period, "output_m")}
        both = (_authorised(issue.register, reader, period) for reader in ("gxj", "stats"))
        assert told <= set.intersection(*both)


def test_trade_of_a_firm_is_for_the_commerce_office_only(issue: Issue) -> None:
    frame = issue.scene.figures
    trade = frame[(frame["entity_kind"] == "firm") & frame["source"].isin(["customs", "bonded"])]
    assert len(trade)
    for reader in ("gxj", "leaders", "finance", "hr", "invest", "joint"):
        figures = issue.scene.gate(reader, "monitoring").clear(trade)
        assert {state for _, state in figures.rows.values()} == {"withheld"}, reader


@pytest.mark.parametrize(
    "wish",
    ["{{ levels[0].types[0].stories[0].entity._number }}", "{{ 1 + 1 }}", "{{ town.ref }}", "{{ reader.number }}",
     "{{ firms }}", "{{ levels }}", "{{ town.__class__ }}"],
)  # fmt: skip
def test_a_planted_template_that_asks_for_more_does_not_render(
    issue: Issue, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    scene = issue.scene
    gate = scene.gate("gxj", "monitoring")
    shown: Any = alert_mails.view(
        gate, readers().reader("gxj"), scene.alerts, scene.period, release_calendar().released_at(scene.period)
    )
    monkeypatch.setattr(render, "_loader", lambda: DictLoader({"planted": f"{{{{ town }}}} {wish}"}))
    for form in (render.Renderer("gxj").html, render.Renderer("gxj").text):
        with pytest.raises(DisclosureError):
            form("planted", shown)


def test_a_mail_of_one_reader_is_not_rendered_for_another(issue: Issue) -> None:
    scene = issue.scene
    shown = alert_mails.view(
        scene.gate("stats", "statistics"), readers().reader("stats"), scene.alerts, scene.period,
        release_calendar().released_at(scene.period),
    )  # fmt: skip
    with pytest.raises(DisclosureError):
        render.Renderer("gxj").html("mail/alerts.html.j2", shown)


def test_nodes_that_depend_on_imports_are_in_the_commerce_offices_mail_alone(issue: Issue) -> None:
    rows, rules, gate = issue.scene.figures, structure_rules(), issue.scene.gate("swj", "monitoring")
    nodes = rows[(rows["entity_kind"] == "node") & (rows["period"].astype(str) == str(issue.scene.period))]
    wide = nodes.pivot_table(index="entity", columns="indicator", values="value", observed=True)
    share, imports = wide["import_dependence"].round(3), (wide["import_rmb_ytd"] / 1e8).round(2)
    mine = wide[(share >= rules.import_dependent) & (imports >= rules.import_least_yuan / 1e8)]
    names = {gate.entity("node", node).text for node in mine.index if gate.labelled(node)}
    assert names, "the town has such nodes"
    heard = []
    for reader, artefacts in issue.artefacts.items():
        for name, found in artefacts:
            told = {node for node in names if re.search(f"{re.escape(node)}：进口占", found.text)}
            assert told == (names if reader == "swj" else set()), (reader, name)
            assert reader == "swj" or "进口依存" not in found.text, (reader, name)
            heard += [reader] if told else []
    assert "swj" in heard
