"""Every line of every file is accepted or rejected, and rejected is exactly what was planted: counted without us.

Lines are counted here straight from the files by other libraries, and rejects are those of the simulator's truth.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree

from qxmonitor import look, pipeline
from qxmonitor.feeds import reference
from tests.pipeline.conftest import Ingested, Town, in_process, qxmonitor

pytestmark = [pytest.mark.slow, pytest.mark.long]

RECEIPT = {
    "file", "sha256", "feed", "form", "period", "known_at", "rows_read", "accepted", "rejected", "state", "reasons",
}  # fmt: skip
LISTINGS = {
    "receipts": RECEIPT,
    "quarantine": {"file", "sheet", "row", "field", "rule", "reason", "raw"},
    "indicators": {"entity_kind", "entity", "period", "indicator", "value", "unit", "state", "known_at"},
    "alerts": {"id", "type", "entity_kind", "entity", "level", "state", "opened", "period"},
    "ledger": {"recipient", "kind", "subject", "state", "message_id"},
    "bonded": {"period", "entity", "name", "ownership", "tickets", "in_abroad_usd", "out_domestic_usd", "stock_usd",
               "days", "overdue"},
    "bonded_ownership": {"period", "ownership", "firms", "tickets", "stock_usd"},
    "bonded_states": {"kind", "document", "status", "on_day", "living"},
}  # fmt: skip


# -- counting without the readers ----------------------------------------------------------------------------------


def filled(row: Sequence[Any]) -> bool:
    return any(cell is not None and str(cell).strip() for cell in row)


def sheets(path: Path) -> Iterator[list[list[Any]]]:
    book = openpyxl.load_workbook(path)
    for page in book.worksheets:
        yield [list(row) for row in page.iter_rows(values_only=True)]
    book.close()


def below(rows: list[list[Any]], *headings: str, deep: int = 1) -> int:
    """Non-blank rows below the header, which begins with one of the headings and is so many rows deep."""
    at = next(number for number, row in enumerate(rows) if row[0] in headings)
    return sum(filled(row) for row in rows[at + deep :])


def lines_of(path: Path, feed: str, form: str) -> int:
    """How many lines of a file count as read."""
    if feed == "bonded_inv101":
        return len(etree.parse(path).xpath("//*[local-name()='BondInvtDt']"))
    if feed == "bonded_stock":
        return len(etree.parse(path).xpath("//*[local-name()='BwsDt']"))
    if feed == "bonded_receipt":
        return len(etree.parse(path).xpath("//*[local-name()='SasStockDt']")) or 1
    if feed == "customs_declaration":
        return len(etree.parse(path).xpath("//*[local-name()='DecList']"))
    if path.suffix == ".csv":
        rows: list[list[Any]] = list(csv.reader(path.read_text("gb18030").splitlines()))
        if feed in ("reference", "approved"):
            return below(rows, {"reference": "更新时间", "approved": "指标"}[feed])
        if (feed, form) == ("customs_public", "table"):
            return below(rows, "地区", deep=2)
        return below(rows, "数据年月", "走访日期", "年月")
    if feed == "reference":
        return sum(below(rows, "更新时间") for rows in sheets(path))
    if form == "firm":
        return sum(below(rows, "指标名称", deep=2) for rows in sheets(path))
    if feed == "power":
        return sum(below(rows, "用户编号", deep=2) for rows in sheets(path))
    return sum(below(rows, "统一社会信用代码", "产业链代码", "项目代码", "条目", "数据年月") for rows in sheets(path))


# -- files of the town -----------------------------------------------------------------------------------------------


def by_path(town: Town, rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Rows of receipts or quarantine by the file's path as the truth has it."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(Path(row["file"]).relative_to(town.folder).as_posix(), []).append(row)
    return found


def test_every_file_has_one_receipt_and_every_line_is_accepted_or_rejected(ingested: Ingested) -> None:
    town, receipts = ingested.town, by_path(ingested.town, ingested.receipts)
    assert set(receipts) == {file["path"] for file in town.truth["files"]}
    for file in town.truth["files"]:
        (receipt,) = receipts[file["path"]]
        counted = lines_of(town.folder / file["path"], file["feed"], file["form"])
        assert receipt["rows_read"] == counted == file["rows_read"], file["path"]
        assert receipt["accepted"] + receipt["rejected"] == counted, file["path"]
        assert receipt["sha256"] == file["sha256"]
        assert receipt["known_at"] == file["known_at"]
        assert (receipt["feed"], receipt["period"]) == (file["feed"], file["period"]), file["path"]
        assert receipt["state"] == ("duplicate" if "duplicate_of" in file else "accepted")
    assert by_path(town, look.listing(ingested.wh, "receipts")) == receipts


def test_quarantine_holds_as_many_lines_as_the_receipts_say(ingested: Ingested) -> None:
    quarantine = by_path(ingested.town, look.listing(ingested.wh, "quarantine"))
    receipts = by_path(ingested.town, ingested.receipts)
    original = {file["path"]: file.get("duplicate_of", file["path"]) for file in ingested.town.truth["files"]}
    rejected = {path: len({(row["sheet"], row["row"]) for row in rows}) for path, rows in quarantine.items()}
    assert {path: receipts[path][0]["rejected"] for path in receipts} == {
        path: rejected.get(original[path], 0) for path in receipts
    }


def test_quarantine_is_the_planted_dirt_row_by_row_and_nothing_else(ingested: Ingested) -> None:
    quarantine = by_path(ingested.town, look.listing(ingested.wh, "quarantine"))
    found = {(path, row["sheet"], row["row"]) for path, rows in quarantine.items() for row in rows}
    dirt = [piece for piece in ingested.town.truth["dirt"] if piece["fate"] == "rejected"]
    assert Counter(piece["kind"] for piece in dirt).total() >= 30
    assert found == {(piece["file"], piece["sheet"], piece["row"]) for piece in dirt}
    fields = {(path, row["sheet"], row["row"], row["field"]) for path, rows in quarantine.items() for row in rows}
    assert [p for p in dirt if (p["file"], p["sheet"], p["row"], p["field"]) not in fields] == []


def test_a_reason_is_one_chinese_line(ingested: Ingested) -> None:
    for row in look.listing(ingested.wh, "quarantine"):
        assert "\n" not in row["reason"]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in row["reason"])


# -- series side by side ---------------------------------------------------------------------------------------------


def test_series_side_by_side_share_their_lines(ingested: Ingested, tmp_path: Path) -> None:
    said = {"指标名称": ("甲", "乙"), "频率": ("月", "月"), "单位": ("%", "元"), "指标ID": ("S1", "S2"),
            "来源": ("模拟数据", "模拟数据")}  # fmt: skip
    lines = [f"{label},{','.join(values)}" for label, values in said.items()]
    lines += ["2024/11/30,1.5,10", "2024/12/31,#N/A,20", "2025/1/31,2.5,待核", ",,", "数据来源：模拟数据,,"]
    path = tmp_path / "并列.csv"
    path.write_bytes("\r\n".join(lines).encode("gb18030"))
    (receipt,) = pipeline.ingest(ingested.wh, [path])
    assert (receipt["state"], receipt["feed"]) == ("accepted", reference.FEED), receipt["reasons"]
    assert (receipt["rows_read"], receipt["accepted"], receipt["rejected"]) == (4, 3, 1)
    stored = ingested.wh.frame("select series, period, value from reference_point where series in ('S1', 'S2')")
    assert sorted(stored.itertuples(index=False, name=None)) == [
        ("S1", "2024-11", 1.5), ("S2", "2024-11", 10.0), ("S2", "2024-12", 20.0),
    ]  # fmt: skip


# -- the command line's answers --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def answers(ingested: Ingested, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Any]:
    """What the commands gave on the ingested town, each called once."""
    settings, town = ingested.wh.settings, ingested.town
    calls: dict[str, tuple[object, ...]] = {
        "ingest": ("ingest", town.landing),
        "run": ("run", town.last),
        "brief": ("brief", town.last, "--for", "stats", "--out", tmp_path_factory.mktemp("briefing")),
        "deliver": ("deliver",),
        **{f"list {what}": ("list", what) for what in LISTINGS},
    }
    apart = {"ingest", "brief"}  # in a process of its own, where libraries may print what they like
    given = {
        name: (qxmonitor if name in apart else in_process)(settings, *words, "--json") for name, words in calls.items()
    }
    return given.__getitem__


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        ("ingest", RECEIPT),
        ("run", {"period", "values", "verdicts", "open_alerts", "planned"}),
        ("brief", {"path", "sha256"}),
        ("deliver", LISTINGS["ledger"]),
        *((f"list {what}", keys) for what, keys in LISTINGS.items()),
    ],
)
def test_a_command_answers_with_one_array_of_flat_objects(answers: Any, command: str, keys: set[str]) -> None:
    answer = answers(command)
    assert (answer.code, answer.err) == (0, "")
    assert answer.rows
    for row in answer.rows:
        assert keys <= set(row)
        assert not any(isinstance(value, dict) for value in row.values())
        assert all(isinstance(value, list) == (key == "reasons") for key, value in row.items())


def test_the_briefing_is_three_documents(answers: Any) -> None:
    paths = [Path(row["path"]) for row in answers("brief").rows]
    assert {path.suffix for path in paths} == {".docx", ".xlsx", ".html"}
    assert all(path.is_file() for path in paths)


def test_what_was_delivered_stands_in_the_ledger(answers: Any) -> None:
    sent = {row["message_id"] for row in answers("deliver").rows}
    assert sent == {row["message_id"] for row in answers("list ledger").rows}
    assert {row["state"] for row in answers("list ledger").rows} == {"accepted"}
