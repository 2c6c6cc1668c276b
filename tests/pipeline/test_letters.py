"""Three firms in hand-made files: what each is asked, that it is asked once, and what became of it.

One firm's running total does not add up, one has a row refused, one has not reported. Figures and days are worked out
by plain arithmetic.
"""

from __future__ import annotations

import re
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest

from qxmonitor import letters, look, pipeline, quarantine
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, sql
from tests.feeds.books import uscc, workbook
from tests.pipeline.conftest import environment, in_process
from tests.pipeline.test_validation import book, figures

pytestmark = [pytest.mark.slow, pytest.mark.long]

NOW = datetime(2026, 5, 15, 9, tzinfo=SHANGHAI)
"""A Friday; the output return of April was due on Tuesday the 12th."""

APRIL = Period("2026-04")
DOUBTED, REFUSED, SILENT = 1, 2, 3
NAMES = {DOUBTED: "模拟甲电子公司", REFUSED: "模拟乙塑胶公司", SILENT: '+1+1/../..\\丙<b>"厂|\u202e'}


def register() -> bytes:
    head = ["统一社会信用代码", "企业名称", "海关注册编码", "所属集团", "行业代码", "产业链", "链节点", "经济类型",
            "规上", "高新技术企业", "先进制造业", "高技术制造业", "专精特新", "倍增企业", "境内上市", "研发机构",
            "重点企业", "挂点领导", "纳入年月", "退出年月"]  # fmt: skip
    flags = ["是", *["否"] * 8]
    lines = [
        [uscc(firm), name, None, None, "3970", "C01", "C01-N1", "私营", *flags, None, "2020-01", None]
        for firm, name in NAMES.items()
    ]
    return workbook({"企业名录": [["重点企业名录（模拟数据）"], head, *lines]})


def april(*, off: int = 700, refused: str | None = None) -> dict[int, dict[tuple[str, str], Any]]:
    """The doubted firm's running total is off; the refused one's cell holds words, even another firm's name."""
    rows = {firm: figures(firm, 2026, 4) for firm in (DOUBTED, REFUSED)}
    rows[DOUBTED]["output", "ytd"] += off
    rows[REFUSED]["sales", "m"] = refused or f"{NAMES[DOUBTED]}八千"
    return rows


def put(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)
    return folder


def town(wh: Warehouse, folder: Path) -> None:
    files = {"2025-01-02/名录.xlsx": register()}
    for number in (2, 3):
        rows = {firm: figures(firm, 2026, number) for firm in NAMES}
        files[f"2026-{number + 1:02d}-10/B204-1_{number}.xlsx"] = book(2026, number, rows)
    files["2026-05-11/B204-1_4.xlsx"] = book_of(april())
    receipts = pipeline.ingest(wh, [put(folder, files)])
    assert {row["state"] for row in receipts} == {"accepted"}, [row["reasons"] for row in receipts]


def book_of(rows: dict[int, dict[tuple[str, str], Any]]) -> bytes:
    """Without a 合计 line, which words could not be added up to."""
    sound = {firm: figures(firm, 2026, 4) for firm in rows}
    page = openpyxl.load_workbook(BytesIO(book(2026, 4, sound)))
    sheet = page.active
    assert sheet is not None
    sheet.delete_rows(sheet.max_row)
    for place, values in enumerate(rows.values()):
        for column, value in enumerate(values.values()):
            sheet.cell(sheet.max_row - len(rows) + 1 + place, 4 + column, value)
    out = BytesIO()
    page.save(out)
    return out.getvalue()


@pytest.fixture(scope="module")
def held(new_module_database: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse that holds the town; each test has a copy."""
    settings = replace(new_module_database("letters"), fixed_now=NOW)
    with Warehouse(settings) as wh:
        town(wh, tmp_path_factory.mktemp("files"))
    return settings


@pytest.fixture
def copy(new_database: Callable[..., Settings], held: Settings) -> Callable[[], Settings]:
    return lambda: new_database(held)


@pytest.fixture
def wh(copy: Callable[[], Settings]) -> Iterator[Warehouse]:
    with Warehouse(copy()) as wh:
        yield wh


def test_a_month_whose_only_finding_is_a_printed_total_asks_no_firm(
    new_database: Callable[[], Settings], tmp_path: Path
) -> None:
    rows = {firm: figures(firm, 2026, 4) for firm in NAMES}
    files = {"2025-01-02/名录.xlsx": register(), "2026-05-11/B204-1_4.xlsx": book(2026, 4, rows, off=90)}
    with Warehouse(replace(new_database(), fixed_now=NOW)) as wh:
        pipeline.ingest(wh, [put(tmp_path / "in", files)])
        assert {row["check"] for row in look.listing(wh, "findings", period="2026-04")} == {"control_total"}
        assert letters.issue(wh, APRIL, tmp_path / "out", kinds=("query",))["letters"] == 0


def at(wh: Warehouse, moment: datetime) -> None:
    wh.settings = replace(wh.settings, fixed_now=moment)


def words(path: Path) -> str:
    document = docx.Document(str(path))
    cells = ["｜".join(cell.text for cell in row.cells) for table in document.tables for row in table.rows]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def states(wh: Warehouse, **options: Any) -> dict[str, str]:
    return {row["number"]: row["state"] for row in letters.listing(wh, **options)}


GOLDEN = """\
清溪镇统计办
统计资料　限本企业与统计部门使用【模拟数据】\t查〔2026〕1号
关于核实2026年4月统计数据的函
模拟甲电子公司：
经审核，你单位2026年4月统计报表有下列1项需要核实。请于2026年5月22日前书面答复：填报有误的，请更正后重新报送；\
数据属实的，请说明情况。统计数据由企业填报，我办不代为修改。
清溪镇统计办
2026年5月15日
回　执（查〔2026〕1号，请于2026年5月22日前盖章交回）
□数据属实，情况说明：＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿＿
□填报有误，已于＿＿＿＿＿＿更正后重新报送
填表人：＿＿＿＿＿＿　统计负责人：＿＿＿＿＿＿　日期：＿＿＿＿＿＿
序号｜报表｜位置｜指标｜问题｜企业所报数｜要求
1｜工业产销总值表｜B204-1!E4｜工业总产值（1—本月）｜上期累计加本月不等于本期累计；对照2026年3月：18006千元｜24826千元｜核实说明"""


def test_each_firm_is_asked_about_its_own(wh: Warehouse, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = letters.issue(wh, APRIL, out)
    assert made == {"period": "2026-04", "new": 3, "letters": 3, "path": str(out / "2026-04")}
    folder = out / "2026-04"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["催〔2026〕1号_+1+1....丙b厂.docx", "函件目录_2026-04.xlsx", "查〔2026〕1号_模拟甲电子公司.docx",
                     "查〔2026〕2号_模拟乙塑胶公司.docx"]  # fmt: skip
    assert words(folder / names[2]) == GOLDEN
    refused, urged = words(folder / names[3]), words(folder / names[0])
    assert "（略）八千｜更正后重报" in refused
    assert "1｜工业产销总值表｜2026年5月12日｜2026年5月13日起逾期未报｜3个工作日｜补报" in urged
    assert "请于2026年5月19日前补报" in urged
    texts = {DOUBTED: words(folder / names[2]), REFUSED: refused, SILENT: urged}
    for firm, text in texts.items():
        for other in {*NAMES} - {firm}:
            assert NAMES[other] not in text
            assert uscc(other) not in text
    assert set(re.findall(r"\d+(?=千元)", "".join(texts.values()))) == {"24826", "18006"}  # the doubted firm's own
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    page = openpyxl.load_workbook(folder / names[1]).active
    assert page is not None
    rows = list(page.iter_rows(values_only=True))
    assert "模拟数据" in str(rows[1][0])
    assert {row[0] for row in rows[3:]} == {"催〔2026〕1号", "查〔2026〕1号", "查〔2026〕2号"}
    assert not any(isinstance(cell.value, str) and cell.data_type == "f" for row in page for cell in row)


def test_again_gives_the_same_letters_and_no_new_one(wh: Warehouse, tmp_path: Path) -> None:
    letters.issue(wh, APRIL, tmp_path / "a")
    assert letters.issue(wh, APRIL, tmp_path / "b")["new"] == 0
    assert written(tmp_path / "a" / "2026-04") == written(tmp_path / "b" / "2026-04")
    at(wh, NOW + timedelta(days=3))
    assert letters.issue(wh, APRIL, tmp_path / "c", kinds=["query"])["new"] == 0
    later = written(tmp_path / "c" / "2026-04")
    assert len(later) == 3
    first = written(tmp_path / "a" / "2026-04")
    assert all(first[name] == text for name, text in later.items() if "目录" not in name)
    # the finance return is due on the 16th: by the 18th all three are urged, the silent one by a supplement
    assert letters.issue(wh, APRIL, tmp_path / "c")["new"] == 3
    (urged,) = [row for row in letters.listing(wh) if row["kind"] == "urge" and row["supplement_to"]]
    assert (urged["entity"], urged["supplement_to"]) == (uscc(SILENT), "催〔2026〕1号")


def test_a_new_item_makes_a_supplement_and_a_refiled_return_settles_one(wh: Warehouse, tmp_path: Path) -> None:
    letters.issue(wh, APRIL, tmp_path / "out")
    at(wh, NOW + timedelta(days=5))
    refiled = april(off=900, refused="8000")
    refiled[REFUSED]["sales", "m"] = figures(REFUSED, 2026, 4)["sales", "m"]
    pipeline.ingest(wh, [put(tmp_path / "more", {"2026-05-19/B204-1_改.xlsx": book_of(refiled)})])
    made = letters.issue(wh, APRIL, tmp_path / "out", kinds=["query"])
    assert made["new"] == 1
    rows = {row["number"]: row for row in letters.listing(wh)}
    assert rows["查〔2026〕3号"]["supplement_to"] == "查〔2026〕1号"
    assert {number: row["state"] for number, row in rows.items()} == {
        "催〔2026〕1号": "逾期未答", "查〔2026〕1号": "已更正", "查〔2026〕2号": "已更正", "查〔2026〕3号": "待答复",
    }  # fmt: skip
    (text,) = [words(path) for path in (tmp_path / "out" / "2026-04").glob("查*3号*")]
    assert "关于补充核实2026年4月统计数据的函" in text
    assert "本函是对查〔2026〕1号的补充。" in text
    assert "25026千元" in text
    # as known before, nothing of this had happened
    assert set(states(wh, known_at=NOW).values()) == {"待答复"}
    # the silent firm reports, too
    late = {SILENT: figures(SILENT, 2026, 4)}
    pipeline.ingest(wh, [put(tmp_path / "late", {"2026-05-20/B204-1_丙.xlsx": book_of(late)})])
    assert states(wh)["催〔2026〕1号"] == "已补报"


def test_the_same_mistake_filed_again_is_the_same_item(wh: Warehouse, tmp_path: Path) -> None:
    letters.issue(wh, APRIL, tmp_path / "out")
    at(wh, NOW + timedelta(days=1))
    again = dict(reversed(april().items()))
    pipeline.ingest(wh, [put(tmp_path / "more", {"2026-05-16/又报.xlsx": book_of(again)})])
    assert letters.issue(wh, APRIL, tmp_path / "out")["new"] == 0
    assert set(states(wh).values()) == {"待答复"}


def test_the_life_of_an_answer(wh: Warehouse, tmp_path: Path) -> None:
    letters.issue(wh, APRIL, tmp_path / "out")
    at(wh, NOW + timedelta(days=3))
    for _ in range(2):
        letters.answer(wh, "查[2026]001号", text="数据属实，\n上月漏报补计", who="甲公司统计员", verified=True)
    (row,) = [row for row in letters.listing(wh) if row["number"] == "查〔2026〕1号"]
    assert (row["state"], row["answers"], row["verified"], row["open_items"]) == ("已答复", 1, True, 1)
    assert "查〔2026〕1号" not in states(wh, only_open=True)
    (finding,) = look.listing(wh, "findings", period="2026-04")
    assert (finding["check"], finding["explained"]) == ("cumulative", "查〔2026〕1号")
    (before,) = look.listing(wh, "findings", period="2026-04", known_at=NOW)
    assert before["explained"] == ""
    assert [row["explained"] for row in letters.check(wh, APRIL)] == ["查〔2026〕1号"]
    answered = {"issued": 3, "answered": 1, "verified": 1, "refiled": 0, "open": 2}
    assert letters.counts(wh, APRIL) == answered
    assert letters.counts(wh, APRIL, known_at=NOW) == answered | {"answered": 0, "verified": 0, "open": 3}
    assert letters.counts(wh, APRIL + 1) == dict.fromkeys(answered, 0)
    said = in_process(wh.settings, "check", "2026-04").out
    assert "已核实（查〔2026〕1号）" in said and "发出3、已答复1（核实1）、已更正或补报0、待答复2" in said
    letters.answer(wh, "查〔2026〕1号", text="更正：确有误", who="甲公司统计员")
    (row,) = [row for row in letters.listing(wh) if row["number"] == "查〔2026〕1号"]
    assert (row["answers"], row["verified"]) == (2, False)
    assert states(wh, known_at=NOW)["查〔2026〕1号"] == "待答复"
    at(wh, datetime(2026, 5, 23, 0, tzinfo=SHANGHAI))
    assert states(wh, only_open=True) == {"查〔2026〕2号": "逾期未答", "催〔2026〕1号": "逾期未答"}
    assert letters.issue(wh, APRIL, tmp_path / "out", kinds=["query"])["new"] == 0


def test_an_answer_that_cannot_be(wh: Warehouse, tmp_path: Path) -> None:
    letters.issue(wh, APRIL, tmp_path / "out")
    for number, text, who, days, reason in (
        ("查〔2026〕9号", "是", "甲", None, "没有这份函件"),
        ("'; drop table letter; --", "是", "甲", None, "没有这份函件"),
        ("查〔2026〕1号", " \n", "甲", None, "须写明"),
        ("查〔2026〕1号", "是", "", None, "须写明"),
        ("查〔2026〕1号", "是", "甲", -1, "不能早于"),
        ("查〔2026〕1号", "是", "甲", 1, "不能晚于"),
    ):
        when = None if days is None else NOW + timedelta(days=days)
        with pytest.raises(QxError, match=reason):
            letters.answer(wh, number, text=text, who=who, known_at=when)
    assert set(states(wh).values()) == {"待答复"}


def test_letters_as_known_before_and_a_withdrawn_file(wh: Warehouse, tmp_path: Path) -> None:
    before = datetime(2026, 5, 11, 12, tzinfo=SHANGHAI)  # filed, and nothing is late yet
    assert letters.issue(wh, APRIL, tmp_path / "out", known_at=before)["letters"] == 2
    assert letters.issue(wh, APRIL, tmp_path / "out")["new"] == 1
    name = wh.frame(sql.query("file_paths")).set_index("file_id")["file"].loc[4]
    quarantine.flag(wh, name, "withdraw", who="统计办", why="收错")
    assert states(wh)["查〔2026〕1号"] == "已更正"
    assert states(wh, known_at=before)["查〔2026〕1号"] == "待答复"
    assert letters.issue(wh, APRIL, tmp_path / "out")["new"] == 2  # without the file both are late
    with pytest.raises(QxError, match="不能晚于"):
        letters.issue(wh, APRIL, tmp_path / "out", known_at=NOW + timedelta(days=1))


def test_nothing_to_ask(settings: Settings, tmp_path: Path) -> None:
    moment = replace(settings, fixed_now=NOW)
    found = in_process(moment, "letters", "2026-04", "--out", tmp_path / "out")
    assert (found.code, found.out) == (0, "2026-04：无需发函\n")
    page = openpyxl.load_workbook(tmp_path / "out/2026-04/函件目录_2026-04.xlsx").active
    assert page is not None
    assert page["A4"].value == "无需发函"
    assert in_process(moment, "list", "letters", "--open", "--json").rows == []


def test_the_command_line(wh: Warehouse, tmp_path: Path) -> None:
    made = in_process(wh.settings, "letters", "2026-04", "--out", tmp_path / "out", "--kind", "urge", "--json")
    assert made.rows == [{"period": "2026-04", "new": 1, "letters": 1, "path": str(tmp_path / "out" / "2026-04")}]
    assert "公司" not in made.out
    said = in_process(wh.settings, "letters", "answer", "催〔2026〕1号", "--text", "停电", "--who", "丙", "--json")
    assert said.rows == [{"number": "催〔2026〕1号", "who": "丙", "verified": False}]
    (row,) = in_process(wh.settings, "list", "letters", "--json").rows
    assert (row["number"], row["state"], row["answer_by"]) == ("催〔2026〕1号", "已答复", "2026-05-19")
    assert in_process(wh.settings, "letters", "answer", "催〔2026〕7号", "--text", "x", "--who", "y").code == 1


def test_two_at_once_make_one_numbering(wh: Warehouse, tmp_path: Path) -> None:
    made: list[int] = []

    def work(name: str) -> None:
        with Warehouse(wh.settings) as own:
            made.append(letters.issue(own, APRIL, tmp_path / name)["new"])

    threads = [threading.Thread(target=work, args=(name,)) for name in ("same", "same", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [0, 0, 3]
    assert written(tmp_path / "same/2026-04") == written(tmp_path / "other/2026-04")
    assert sorted(states(wh)) == ["催〔2026〕1号", "查〔2026〕1号", "查〔2026〕2号"]


KILLED = """
import os, signal, sys
from pathlib import Path
from qxmonitor import cli, letters
from qxmonitor.warehouse import letters as record

def dies(work, at):
    calls = []
    def either(*words):
        calls.append(words)
        if len(calls) == at:
            if isinstance(words[0], Path):
                words[0].with_name(f".{words[0].name}.part").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*words)
    return either

if sys.argv[1] == "recording":
    record.append = dies(record.append, 2)  # the letters are in, their items are not
else:
    letters.write_private = dies(letters.write_private, 2)
cli.cli(["letters", "2026-04", "--out", sys.argv[2]])
"""


@pytest.mark.system
def test_killed_while_writing_a_second_run_completes(
    wh: Warehouse, tmp_path: Path, copy: Callable[[], Settings]
) -> None:
    """Killed between two tables, then in the middle of printing."""
    out = tmp_path / "out"
    for where, letters_there in (("recording", 0), ("printing", 3)):
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, where, str(out)], env=environment(wh.settings), capture_output=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert len(states(wh)) == letters_there
    assert len(written(out / "2026-04")) == 2  # a letter and half of another
    assert letters.issue(wh, APRIL, out) == {"period": "2026-04", "new": 0, "letters": 3, "path": f"{out / '2026-04'}"}
    with Warehouse(copy()) as other:
        letters.issue(other, APRIL, tmp_path / "undisturbed")
    assert written(out / "2026-04") == written(tmp_path / "undisturbed" / "2026-04")


def test_a_folder_that_is_a_link_is_refused(wh: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "2026-04").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(QxError, match="链接"):
        letters.issue(wh, APRIL, tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []
