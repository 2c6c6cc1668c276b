import re
from pathlib import Path

import pytest

from qxmonitor import feeds
from qxmonitor.catalog.sheets import names
from qxmonitor.errors import Refused
from qxmonitor.feeds import FEEDS, open_file, read_file, sniff
from tests.feeds.books import B204, csv, export, uscc, workbook

ROW = [uscc(1), "甲公司", "2026 00 10", 1, 2]
SELF = ("统一社会信用代码", "企业名称", "报告期", "工业总产值_本月", "工业总产值_累计")


def named(data: bytes) -> tuple[str, str]:
    feed = sniff(open_file(data))
    return feed.FEED, feed.FORM


def test_every_feed_module_is_registered_once_and_states_its_form() -> None:
    forms = [(feed.FEED, feed.FORM) for feed in FEEDS]
    assert len(set(forms)) == len(forms)
    folder = Path(str(feeds.__file__)).parent
    modules = {
        p.stem for p in folder.glob("*.py") if re.search(r"^def matches\(opened: Opened\)", p.read_text("utf-8"), re.M)
    }
    assert modules | set(names()) == {str(feed.__name__).rpartition(".")[2] for feed in FEEDS}  # type: ignore[attr-defined]


def test_forms_are_told_by_their_header() -> None:
    b203 = ("统一社会信用代码", "单位详细名称", "报告期", "1-本月;资产总计", "负债合计;上年同期")
    assert named(workbook({"x": export(B204, [ROW])})) == ("b204_1", "export")
    assert named(csv(export(B204, [ROW]))) == ("b204_1", "export")
    assert named(workbook({"x": export(b203, [ROW], title="随便什么")})) == ("b203", "export")
    assert named(workbook({"企业自报": export(SELF, [ROW], title="表")})) == ("self_report", "sheet")


def test_a_return_and_a_self_report_are_never_taken_for_each_other() -> None:
    """They have the same words and different readers: only 自报 above the header tells."""
    assert named(workbook({"表": export(SELF, [ROW], title="重点企业自报主要指标")})) == ("self_report", "sheet")
    assert named(workbook({"表": export(SELF, [ROW], title="某表")})) == ("b204_1", "export")
    assert named(workbook({"表": export(B204, [ROW], title="企业自报")})) == ("self_report", "sheet")
    own = [*ROW[:1], "自报家门有限公司", *ROW[2:]]
    assert named(workbook({"表": export(B204, [own])})) == ("b204_1", "export")


def test_the_name_of_the_file_decides_nothing(tmp_path: Path) -> None:
    path = tmp_path / "海关企业月度数据.csv"
    path.write_bytes(workbook({"x": export(B204, [ROW])}))
    assert read_file(path).feed == "b204_1"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (workbook({"花名册": [["姓名", "部门"], ["甲", "乙"]]}), "工作表 花名册"),
        (csv([["姓名", "部门"], ["甲", "乙"]]), "文本文件"),
        (b"<?xml version='1.0'?><order/>", "XML 根元素 order"),
        (workbook({"空": []}), "未识别的报表"),
    ],
)
def test_an_unknown_form_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Refused, match="未识别的报表：.*" + reason if "未识别" not in reason else reason):
        sniff(open_file(data))


def test_a_workbook_of_two_forms_is_ambiguous() -> None:
    b203 = ("统一社会信用代码", "单位详细名称", "报告期", "1-本月;资产总计")
    with pytest.raises(Refused, match="不明确"):
        sniff(open_file(workbook({"甲": export(B204, [ROW]), "乙": export(b203, [ROW[:4]])})))
