"""Everything bad at once through the real command line: one clear line each, and the good files go in undisturbed."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msoffcrypto.format.ooxml
import pytest

from qxmonitor import pipeline
from qxmonitor.identity import uscc_check_char
from qxmonitor.period import SHANGHAI
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.feeds.books import B204, export, raw_xlsx, uscc, workbook
from tests.feeds.test_opening import bomb
from tests.pipeline.conftest import FACTS, Answer, Town, environment

pytestmark = pytest.mark.slow

NASTY = "a\nb\"c'd<script>alert(1)<script>&;$(x)\r\x1b[31m.xlsx"
GIB = 1 << 30


def platform(period: str, code: str = uscc(1)) -> bytes:
    return workbook({"B204-1": export(B204, [[code, "甲公司", period, 100, 1000]])})


def real_uscc() -> str:
    """A code as the registrars issue them: of an area that exists, of no firm (its serial begins with zeros)."""
    body = "91441900MA0000000"
    return body + uscc_check_char(body)


def bad_files(town: Town) -> dict[str, tuple[bytes, str]]:
    """File name → content, and a word its reason must have."""
    landing = {path.name: path for path in sorted(town.landing.glob("*/*"))}
    export_, sheet, message = (
        next(path for name, path in landing.items() if name.startswith(start)).read_bytes()
        for start in ("B204-1_", "海关企业月度数据_", "INV101_")
    )
    encrypted = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(export_)).encrypt("secret", encrypted)
    entity = message.replace(
        b'<?xml version="1.0" encoding="UTF-8"?>',
        b'<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE Signature [<!ENTITY no "QD0000">]>',
    )
    start = entity.index(b"<bondInvtNo>") + len("<bondInvtNo>")
    entity = entity[:start] + b"&no;" + entity[start + 6 :]
    half = len(sheet) // 2
    middle = half + sheet[half:].index(b"\n") - 8  # inside the figures of a line
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    return {
        "加密.xlsx": (encrypted.getvalue(), "加密"),
        "截断.xlsx": (export_[: len(export_) // 2], "损坏"),
        "压缩炸弹.xlsx": (bomb(claimed=3 << 30), "压缩炸弹"),
        "单元格炸弹.xlsx": (raw_xlsx(far), "单元格"),
        "实体.xml": (entity, "实体"),
        "坏字节.csv": (sheet[:middle] + b"\xff" + sheet[middle:], "字节"),
        "未知.xlsx": (workbook({"通讯录": [["姓名", "部门"], ["甲", "乙"]]}), "未识别"),
        "未知.csv": ("姓名,部门\n甲,乙\n".encode("gb18030"), "未识别"),
        "未来.xlsx": (platform("2099 00 10"), "晚于"),
        "空.xlsx": (b"", "空"),
        "真实.xlsx": (platform("2025 00 04", real_uscc()), "混存"),
        NASTY: (b"%PDF-1.7 " + b"x" * 100, "PDF"),
    }


@dataclass(frozen=True)
class Outcome:
    """The one call with everything in it."""

    answer: Answer
    seconds: float
    peak: int
    wh: Warehouse
    bad: dict[str, tuple[bytes, str]]
    good: dict[str, bytes]

    def receipt(self, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (found,) = (row for row in self.answer.rows if row["sha256"] == digest)
        return found


@pytest.fixture(scope="module")
def outcome(
    town: Town, new_module_database: Callable[[str], Settings], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Outcome]:
    folder = tmp_path_factory.mktemp("received")
    bad = bad_files(town)
    month = sorted(path for day in town.folders[1:6] for path in day.iterdir())
    good = {f"好_{path.name}": path.read_bytes() for path in month}
    good['好 "引号"\n<b>换行.xlsx'] = platform("2025 00 04")
    for name, content in {**{name: content for name, (content, _) in bad.items()}, **good}.items():
        (folder / name).write_bytes(content)
    clock = datetime(2025, 6, 20, 9, tzinfo=SHANGHAI)
    with Warehouse(replace(new_module_database("bad_input"), fixed_now=clock)) as wh:
        pipeline.ingest(wh, [town.folders[0]])  # the register: this warehouse holds simulated data
        answer, seconds, peak = measured(wh.settings, "ingest", folder, "--json")
        yield Outcome(answer, seconds, peak, wh, bad, good)


def measured(settings: Settings, *words: object) -> tuple[Answer, float, int]:
    """Run the command line; its answer, seconds and peak memory in bytes."""
    began = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "qxmonitor", *map(str, words)],
        env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert child.stdout is not None
    with child.stdout:
        said = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    scale = 1 if sys.platform == "darwin" else 1024
    return Answer(child.returncode, said, ""), time.monotonic() - began, usage.ru_maxrss * scale


def test_it_ends_soon_in_little_memory_and_says_that_something_was_refused(outcome: Outcome) -> None:
    assert outcome.answer.code == 1
    assert outcome.seconds <= 60
    assert outcome.peak <= GIB
    assert len(outcome.answer.rows) == len(outcome.bad) + len(outcome.good), "and nothing but the receipts is printed"


def test_each_bad_file_has_one_clear_line(outcome: Outcome) -> None:
    for name, (content, word) in outcome.bad.items():
        receipt = outcome.receipt(content)
        assert (receipt["state"], len(receipt["reasons"])) == ("refused", 1), name
        (reason,) = receipt["reasons"]
        assert word in reason, (name, reason)
        assert len(reason.splitlines()) == 1
        assert len(reason) <= 100, name
        assert "程序出错" not in reason
        assert any("\u4e00" <= letter <= "\u9fff" for letter in reason)


def test_nothing_of_a_bad_file_is_loaded_and_all_of_it_is_kept(outcome: Outcome) -> None:
    loaded = set(outcome.wh.frame("select sha256 from file")["sha256"])
    for name, (content, _) in outcome.bad.items():
        receipt = outcome.receipt(content)
        assert receipt["sha256"] not in loaded, name
        assert (receipt["rows_read"], receipt["accepted"], receipt["rejected"]) == (0, 0, 0)
        assert outcome.wh.files.path(receipt["sha256"]).read_bytes() == content
    files = outcome.wh.frame("select file_id from file")["file_id"]
    for table in FACTS:
        assert set(outcome.wh.frame(f"select distinct file_id from {table}")["file_id"]) <= set(files)


def test_good_files_of_the_call_are_accepted(outcome: Outcome) -> None:
    for name, content in outcome.good.items():
        receipt = outcome.receipt(content)
        assert (receipt["state"], receipt["rows_read"] > 0) == ("accepted", True), (name, receipt)
        assert receipt["accepted"] + receipt["rejected"] == receipt["rows_read"]


def test_a_path_on_a_receipt_is_one_printable_line(outcome: Outcome) -> None:
    for row in outcome.answer.rows:
        assert row["file"].isprintable(), row["file"]


def test_only_bad_files_make_a_call_fail(outcome: Outcome, tmp_path: Path) -> None:
    path = tmp_path / "好.xlsx"
    path.write_bytes(next(iter(outcome.good.values())))
    answer, _, _ = measured(outcome.wh.settings, "ingest", path, "--json")
    assert (answer.code, [row["state"] for row in answer.rows]) == (0, ["duplicate"])
