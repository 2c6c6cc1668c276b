from __future__ import annotations

import csv
import hashlib
import re
from io import StringIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree
from python_calamine import CalamineWorkbook
from stdnum.cn import uscc as standard

from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.settings import parse_time
from qxmonitor.simulate import write_town
from tests.simulate.conftest import FIRMS, FIRST, LAST, Town

pytestmark = pytest.mark.slow

EXPORTS = {"b204_1": 3, "b203": 3, "self_report": 3}
"""Forms with one header row, and its 1-based row."""

_DIGITS = str.maketrans("０１２３４５６７８９．－，", "0123456789.-,")


def as_number(cell: Any) -> float | None:
    """What a person reads in a cell."""
    if cell is None or isinstance(cell, int | float):
        return cell
    text = str(cell).translate(_DIGITS).replace(",", "")
    if text in {"", "-", "—", "…", "待核"}:
        return None
    return -float(text[1:-1]) if text.startswith("(") else float(text)


def grid(path: Path, sheet: str) -> list[list[Any]]:
    book = openpyxl.load_workbook(path)
    return [[cell.value for cell in row] for row in book[sheet].iter_rows()]


def blank(line: list[Any]) -> bool:
    return all(cell is None or str(cell).strip() == "" for cell in line)


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("a", 4), ("b", 4), ("c", 5)):
        write_town(tmp_path / name, firms=20, first=Period("2020-11"), last=Period("2021-03"), seed=seed)
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert digests(tmp_path / "a") != digests(tmp_path / "c")


@pytest.mark.parametrize(("first", "last"), [("2019-11", "2020-01"), ("2021-02", "2021-02"), ("2020-06", "2020-07")])
def test_short_runs_are_towns_too(tmp_path: Path, first: str, last: str) -> None:
    write_town(tmp_path, firms=20, first=Period(first), last=Period(last), seed=1)
    assert (tmp_path / "truth.json").exists()


@pytest.mark.parametrize(
    ("firms", "first", "last"), [(19, "2020-01", "2020-06"), (50_000, "2020-01", "2020-06"), (40, "2020-06", "2020-05")]
)
def test_arguments_that_make_no_town(tmp_path: Path, firms: int, first: str, last: str) -> None:
    with pytest.raises(QxError):
        write_town(tmp_path, firms=firms, first=Period(first), last=Period(last), seed=1)


def test_a_folder_with_a_town_is_left_alone(town: Town) -> None:
    with pytest.raises(QxError, match="换一个目录"):
        write_town(town.root, firms=FIRMS, first=FIRST, last=LAST, seed=1)


def test_every_file_is_listed_with_its_bytes(town: Town) -> None:
    listed = {file["path"]: file["sha256"] for file in town.truth["files"]}
    assert listed == {path: sha for path, sha in digests(town.root).items() if path != "truth.json"}
    again = [file for file in town.truth["files"] if "duplicate_of" in file]
    assert again
    assert all(listed[file["duplicate_of"]] == file["sha256"] for file in again)


def test_nothing_arrives_after_the_release_and_folders_are_days(town: Town) -> None:
    closes = release_calendar().released_at(LAST)
    for file in town.truth["files"]:
        day = file["path"].split("/")[1]
        assert parse_time(day) == parse_time(file["known_at"]) <= closes


def test_january_has_no_returns(town: Town) -> None:
    for feed in ("b204_1", "b203", "self_report"):
        held = {file["period"][5:] for file in town.files(feed)}
        assert "01" not in held
        assert "02" in held
    assert "2021-01" in {file["period"] for file in town.files("customs_monthly")}


def test_february_has_only_cumulative_figures(town: Town) -> None:
    for feed in ("b204_1", "self_report"):
        for file in town.files(feed):
            columns = town.figures(file["path"])["columns"]
            single = [i for i, c in enumerate(columns) if c.endswith("_m")]
            for line in town.figures(file["path"])["rows"]:
                empty = all(line[i] is None for i in single)
                assert empty == file["period"].endswith("-02"), file["path"]


def test_rows_read_by_a_plain_count(town: Town) -> None:
    for file in town.truth["files"]:
        path = town.path(file["path"])
        if path.suffix == ".xml":
            goods = {"bonded_inv101": "BondInvtDt", "bonded_stock": "BwsDt", "bonded_receipt": "SasStockDt",
                     "customs_declaration": "DecList"}  # fmt: skip
            count = sum(etree.QName(e).localname == goods[file["feed"]] for e in etree.parse(path).iter())
            count = count or int(file["feed"] == "bonded_receipt")
        elif path.suffix == ".csv":
            plain = {"reference": 8, "visits": 2, "parameters": 2, "approved": 2, "customs_public": 2}
            head = 4 if file["form"] == "table" else plain.get(file["feed"], 1)
            lines = list(csv.reader(StringIO(path.read_bytes().decode("gb18030"))))
            count = sum(not blank(line) for line in lines[head:])
        else:
            heads = {"register": (3, 2, 2), "reference": (8,), "b204_1": (3,), "b203": (3,), "self_report": (3,),
                     "investment": (3, 3), "power": (3,), "tasks": (2,), "rd_yearly": (3,),
                     "b204_detail": (3,), "customs_monthly": (3,)}  # fmt: skip
            below = (8,) if file["form"] == "firm" else heads[file["feed"]]
            book = CalamineWorkbook.from_path(str(path))
            count = sum(
                sum(not blank(line) for line in book.get_sheet_by_name(name).to_python(skip_empty_area=False)[head:])
                for name, head in zip(book.sheet_names, below, strict=True)
            )
        assert count == file["rows_read"], file["path"]


@pytest.mark.parametrize("feed", sorted(EXPORTS))
def test_figures_are_those_in_the_cells(town: Town, feed: str) -> None:
    for file in [f for f in town.files(feed) if f["form"] != "firm"][::4]:
        figures = town.figures(file["path"])
        cells = grid(town.path(file["path"]), figures["sheet"])
        assert figures["unit"] in "".join(str(c) for c in cells[1] if c)
        for row, entity, _, *values in figures["rows"]:
            line = cells[row - 1]
            if row not in figures["rejected_rows"]:
                assert line[0] == entity
            read = [as_number(cell) for cell in line[3 : 3 + len(values)]]
            assert read == [pytest.approx(v) if v is not None else None for v in values], (file["path"], row)


def test_firm_forms_hold_their_figures(town: Town) -> None:
    forms = town.files("b204_1", "firm")
    assert len({file["path"][-23:] for file in forms}) >= 2
    for file in forms[::5]:
        figures = town.figures(file["path"])
        cells = grid(town.path(file["path"]), figures["sheet"])
        row, entity, period, *values = figures["rows"][0]
        top = "".join(str(cell) for line in cells[:6] for cell in line if cell)
        assert f"统一社会信用代码：{entity}" in top
        assert f"{period[:4]}年{period[5:]}月" in top
        read = [as_number(cell) for line in cells[row - 1 : row + 3] for cell in line[2:6]]
        assert read == [pytest.approx(v) if v is not None else None for v in values]


def test_months_add_up_to_what_is_printed(town: Town) -> None:
    known = town.known("b204_1")
    checked = 0
    for (entity, period), now in known.items():
        before = known.get((entity, Period(period) - 1))
        if before is None or now["output_m"] is None:
            continue
        for measure in ("output", "sales", "power"):
            assert before[f"{measure}_ytd"] + now[f"{measure}_m"] == pytest.approx(now[f"{measure}_ytd"])
            assert before[f"{measure}_ly_ytd"] + now[f"{measure}_ly_m"] == pytest.approx(now[f"{measure}_ly_ytd"])
        checked += 1
    assert checked > 500


def test_last_year_is_mostly_what_was_filed(town: Town) -> None:
    known = town.known("b204_1")
    pairs = [
        (now["output_ly_m"], known[entity, Period(period) - 12]["output_m"])
        for (entity, period), now in known.items()
        if now["output_ly_m"] is not None and (entity, Period(period) - 12) in known
    ]
    same = sum(a == b for a, b in pairs)
    assert 0.85 * len(pairs) < same < len(pairs)


def test_finance_is_cumulative_and_balances(town: Town) -> None:
    for now in town.known("b203").values():
        assert now["current_assets"] <= now["assets"]
        assert now["finished_goods"] <= now["inventories"]
        costs = sum(
            now[c]
            for c in ("cost", "tax_surcharge", "selling_expense", "admin_expense", "rd_expense", "financial_expense")
        )
        assert now["operating_profit"] == pytest.approx(now["revenue"] - costs, abs=60)  # 万元 exports round


def test_self_reports_are_authorised_key_firms_own_copies(town: Town) -> None:
    returns, own = town.known("b204_1"), town.known("self_report")
    key = set(town.truth["key_firms"])
    assert {entity for entity, _ in own} - {""} <= key
    both = [k for k in own if k in returns]
    assert sum(abs(own[k]["output_ytd"] - returns[k]["output_ytd"]) <= 120 for k in both) > 0.9 * len(both)


def test_a_silent_firm_files_nothing(town: Town) -> None:
    silences = [e for e in town.truth["events"] if e["type"] == "silence"]
    assert silences
    for feed in ("b204_1", "b203", "self_report"):
        for file in town.files(feed):
            for _, entity, period, *_ in town.figures(file["path"])["rows"]:
                assert not any(e["entity"] == entity and e["from"] <= period <= e["to"] for e in silences)


def test_rejected_dirt_of_every_kind_is_listed_and_rare(town: Town) -> None:
    rejected = [d for d in town.truth["dirt"] if d["fate"] == "rejected"]
    kinds = {d["kind"] for d in rejected}
    assert kinds >= {
        "uscc_check_digit", "unregistered", "unreadable", "negative", "repeated", "conflict", "future_period",
        "blank_identity", "hs_length", "unknown_mode", "unknown_flow",
    }  # fmt: skip
    feed = {file["path"]: file for file in town.truth["files"]}
    assert all(d["file"] in feed for d in rejected)
    assert len({(d["file"], d["sheet"], d["row"]) for d in rejected}) == len(rejected)
    rows = sum(file["rows_read"] for file in town.truth["files"])
    assert 0.002 < len(rejected) / rows < 0.012


def test_rejected_dirt_is_in_the_cells(town: Town) -> None:
    for dirt in town.truth["dirt"]:
        path = town.path(dirt["file"])
        if dirt["fate"] != "rejected" or path.suffix != ".xlsx" or "企业名录" in path.name:
            continue
        line = grid(path, dirt["sheet"])[dirt["row"] - 1]
        match dirt["kind"]:
            case "uscc_check_digit":
                assert not standard.is_valid(line[0])
            case "unregistered":
                assert standard.is_valid(line[0])
            case "blank_identity":
                assert line[0] is None and line[1] is None
            case "unreadable":
                assert "待核" in line
            case "negative":
                assert any(isinstance(c, int | float) and c < 0 for c in line)
            case "future_period":
                assert "2099" in line[2]
            case _:
                lines = [r for r in grid(path, dirt["sheet"])[3:] if r[0] == line[0]]
                assert len(lines) == 2
                assert (lines[0] == lines[1]) == (dirt["kind"] == "repeated")


def test_dirt_spares_key_firms_and_events(town: Town) -> None:
    key = set(town.truth["key_firms"])
    for feed in ("b204_1", "b203"):
        for file in town.files(feed):
            figures = town.figures(file["path"])
            spoilt = {line[1] for line in figures["rows"] if line[0] in figures["rejected_rows"]}
            assert not spoilt & key
            assert not {e["entity"] for e in town.truth["events"] if e["from"] <= file["period"] <= e["to"]} & spoilt


def test_revisions_and_corrections_arrive_a_month_later(town: Town) -> None:
    corrected = [file for file in town.files("b204_1") if file["path"].endswith("_更正.xlsx")]
    assert corrected
    changed = 0
    for file in corrected:
        first = next(
            f for f in town.files("b204_1") if f["path"].endswith(f"B204-1_{file['period'].replace('-', '')}.xlsx")
        )
        assert Period(file["known_at"][:7]) == Period(file["period"]) + 2
        column = town.figures(first["path"])["columns"].index("output_ytd")
        old = {r[1]: r[column] for r in town.figures(first["path"])["rows"]}
        column = town.figures(file["path"])["columns"].index("output_ytd")
        changed += sum(old.get(r[1]) != r[column] for r in town.figures(file["path"])["rows"])
    assert changed


def test_customs_lines_are_what_the_csv_says(town: Town) -> None:
    sheets = [file for file in town.files("customs_monthly") if file["path"].endswith(".csv")]
    assert any(file["path"].endswith("_更正.csv") for file in sheets)
    codes = set()
    for file in sheets[::3]:
        lines = list(csv.reader(StringIO(town.path(file["path"]).read_bytes().decode("gb18030"))))
        assert lines[0][-1] == ""
        assert lines[-1][0] == "合计"
        figures = town.figures(file["path"])
        assert len(figures["rows"]) == len(lines) - 2
        for row, _, _, flow, *_, usd, rmb in figures["rows"]:
            line = lines[row - 1]
            codes.add(line[5])
            if row in figures["rejected_rows"]:
                continue
            assert line[4] == {"I": "进口", "E": "出口"}[flow]
            assert [as_number(line[10]), as_number(line[11])] == [usd, rmb]
            assert rmb == pytest.approx(usd * 6.6, rel=0.06)
    assert {"0110"} < codes


def test_bonded_messages_name_the_owner_behind_the_warehouse(town: Town) -> None:
    documents = town.files("bonded_inv101")
    assert len({file["period"] for file in documents}) == 18
    warehouse = 0
    states, flows = set(), set()
    for file in documents:
        root = etree.parse(town.path(file["path"])).getroot()
        assert etree.QName(root).namespace == "http://www.w3.org/2000/09/xmldsig#"
        head = {etree.QName(e).localname: e.text or "" for e in next(root.iter("{*}BondInvtBsc"))}
        goods = list(root.iter("{*}BondInvtDt"))
        figures = town.figures(file["path"])
        assert [g.findtext("{*}gdsSeqno") for g in goods] == [str(r[0]) for r in figures["rows"]]
        owner = figures["rows"][0][1]
        assert re.fullmatch(r"QD\d{6}[IE]\d{9}", head["bondInvtNo"])
        assert owner in (head["rltEntryBizopEtpsSccd"], head["bizopEtpsSccd"]) or head["rltEntryBizopEtpsno"]
        warehouse += head["bizopEtpsSccd"] != owner
        states.add(head["invtStucd"])
        flows.add(head["impexpMarkcd"])
    assert warehouse > len(documents) / 2
    assert {"0", "3"} <= states
    assert flows == {"I", "E"}


def test_the_register_names_only_valid_simulated_firms(town: Town) -> None:
    issues = town.files("register")
    assert [file["path"].split("/")[1] for file in issues] == sorted({f["path"].split("/")[1] for f in issues})
    first_arrival = min(f["known_at"] for f in town.truth["files"] if f["feed"] != "register")
    assert issues[0]["known_at"] < first_arrival
    for file in issues:
        lines = grid(town.path(file["path"]), "企业名录")
        assert lines[0][0] == "清溪镇重点企业名录（模拟数据）"
        spoilt = {row for _, row in town.rejected(file["path"])}
        for number, line in enumerate(lines[3:], start=4):
            assert standard.is_valid(line[0]) == (number not in spoilt)
            assert line[0][2:8] == "000000"
            assert line[3] is None or line[3].startswith("0000")
            assert line[22] is None or re.fullmatch(r"0000-\d{7}", line[22])
    assert all(line.startswith("0000-") for line in [grid(town.path(issues[-1]["path"]), "企业名录")[3][22]])
    grants = grid(town.path(issues[-1]["path"]), "自报授权")[2:]
    assert {g[3] for g in grants} >= {"工信局", "商务局", "工信局、商务局"}
    assert any(g[5] and g[5] < LAST for g in grants)


def test_the_truth_speaks_of_this_town(town: Town) -> None:
    truth = town.truth
    assert (truth["seed"], truth["firms"], truth["from"], truth["to"], truth["simulated"]) == (
        11,
        FIRMS,
        FIRST,
        LAST,
        True,
    )
    assert len(truth["key_firms"]) >= 12
    assert 0 < len(set(truth["authorised"]) & set(truth["key_firms"])) < len(truth["key_firms"])
    types = {e["type"] for e in truth["events"]}
    asked = {"output_drop", "stop", "silence", "town_shock"}
    assert asked <= types <= asked | {"drift", "supplier_drop"}
    assert all((e["type"] == "supplier_drop") <= (e["cause"] is not None) for e in truth["events"])
    assert set(truth["key_firms"]) < set(truth["noise"]) and all(0.01 < n < 0.6 for n in truth["noise"].values())
    assert any(e["key_firm"] and e["to"] == LAST for e in truth["events"])


def test_the_reference_export_is_the_same_in_both_formats(town: Town) -> None:
    files = town.files("reference")
    for file in files:
        if not file["path"].endswith(".csv"):
            continue
        lines = town.path(file["path"]).read_bytes().decode("gb18030").splitlines()
        assert lines[6] == "来源,模拟数据"
        assert lines[-1].startswith("数据来源：模拟数据")
        assert lines[-2] == ","
    tables = [town.figures(f["path"])["rows"] for f in files if "用电量" in f["path"]]
    assert any(
        "#N/A" in town.path(f["path"]).read_bytes().decode("gb18030") for f in files if f["path"].endswith("csv")
    )
    assert tables[0] == tables[1]


def test_the_bonded_centre_sends_ledgers_papers_and_answers(town: Town) -> None:
    ledgers = town.files("bonded_stock")
    months = {file["period"] for file in ledgers}
    assert len(months) == 18 and len(ledgers) == 19
    parts = [file for file in ledgers if file["period"] == "2020-02"]
    told = [etree.parse(town.path(file["path"])) for file in parts]
    assert [tree.findtext(".//{*}cur_pocket_no") for tree in told] == ["1", "2"]
    assert len({tree.findtext(".//{*}message_id") for tree in told}) == 1
    assert [len(tree.findall(".//{*}BwsBsc")) for tree in told] == [1, 0]
    assert parts[0]["known_at"] < parts[1]["known_at"]
    rows = [row for file in ledgers for row in town.figures(file["path"])["rows"]]
    assert any(row[4] is None for row in rows) and any(row[6] for row in rows) and not all(row[6] for row in rows)
    papers = {file["form"] for file in town.files("bonded_receipt")}
    assert papers == {"sas111", "sas121", "sas201", "sas223", "inv201"}
    deletions = town.files("bonded_receipt", "inv201")
    declared = {town.figures(f["path"])["rows"][0][3]: f["known_at"] for f in town.files("bonded_inv101")}
    for file in deletions:
        (row,) = town.figures(file["path"])["rows"]
        assert declared[row[3]][:7] < file["known_at"][:7], "a month after its document"
