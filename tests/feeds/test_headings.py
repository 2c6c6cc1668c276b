import pytest
from hypothesis import given
from hypothesis import strategies as st

from qxmonitor.catalog.items import items
from qxmonitor.feeds import open_file, sniff
from qxmonitor.feeds.headings import split
from tests.feeds.books import export, uscc, workbook

ITEMS = {
    "b204_1": {
        "工业总产值(当年价格)": "output", "工业销售产值（当年价格）": "sales", "其中:出口交货值": "export",
        "企业用电量(万千瓦时)": "power",
    },
    "b203": {
        "资产总计": "assets", "负债合计": "liabilities", "平均用工人数": "employees",
        "其中：产成品": "finished_goods",
    },
}  # fmt: skip
YEARS = {"本年": "ty", "上年同期": "ly", "去年同期": "ly", "上年": "ly", "": None}
SPANS = {"本月": "m", "": None} | dict.fromkeys(("1-本月", "1—本月", "1～本月", "1至本月", "１－本月", "累计"), "ytd")
UNITS = ["千元", "万元", "元", ""]


@st.composite
def labels(draw):
    form = draw(st.sampled_from(sorted(ITEMS)))
    item, year = draw(st.sampled_from(sorted(ITEMS[form]))), draw(st.sampled_from(sorted(YEARS)))
    span, unit = draw(st.sampled_from(sorted(SPANS))), draw(st.sampled_from(UNITS))
    parts = draw(st.permutations([part for part in (item, year, span, unit) if part]))
    joint = draw(st.sampled_from([";", "；", " ; ", "；\n"]))
    return form, joint.join(parts), ITEMS[form][item], YEARS[year], SPANS[span], unit


@given(labels())
def test_a_label_means_the_same_in_every_order_of_its_parts(drawn) -> None:
    form, text, item, year, span, unit = drawn
    found = split(text, form)
    assert found[0] is not None
    assert (found[0].id, found[1], found[2]) == (item, year, span)
    assert set(found[3]) == {u for u in (unit, "万千瓦时" if item == "power" else "") if u}


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("流动资产合计;应收账款;1-本月", "receivables"),
        ("应收账款;1-本月;流动资产合计", "receivables"),
        ("1-本月;产成品;流动资产合计;存货", "finished_goods"),
        ("社会保险和住房公积金;应付职工薪酬;1-本月", "payroll"),
    ],
)
def test_of_nested_items_the_inner_one_is_meant(text: str, item: str) -> None:
    found = split(text, "b203")[0]
    assert found is not None
    assert found.id == item


def test_every_column_of_a_table_has_a_chinese_name() -> None:
    assert items().columns_of("b204_1")["export_ly_ytd"] == "出口交货值（上年同期1—本月）"
    assert items().columns_of("b203")["employees_ly"] == "平均用工人数（上年同期）"
    assert list(items().columns_of("self_report"))[-1] == "employees"


@pytest.mark.parametrize(
    "text",
    [
        "本月工业总产值", "工业总产值本月", "工业总产值（本月）", "工业总产值\n本年\n本月",
        "本年/本月/工业总产值", "本年|本月|工业总产值",
        "工业总产值-本月-本年", "本年、本月、工业总产值", "工业总产值（当年价格）本月",
        "工业总产值（本年本月）", "工业总产值(千元)(本月)",
    ],
)  # fmt: skip
def test_a_label_joined_otherwise_is_taken_apart_when_every_part_is_known(text: str) -> None:
    item, year, span, _ = split(text, "b204_1")
    assert item is not None
    assert (item.id, year in (None, "ty"), span) == ("output", True, "m")


@pytest.mark.parametrize(
    "text", ["规模以上工业总产值本月", "工业总产值增速本月", "本月", "上期工业总产值结余", "工业总产值;1-10月"]
)
def test_what_is_not_known_to_the_last_character_stays_unknown(text: str) -> None:
    item, _, span, _ = split(text, "b204_1")
    assert item is None or span is None


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("利润总额（亏损以“-”号填列）;1-本月", "profit"), ("资产总额;1-本月", "assets"),
        ("应收帐款净额;上年同期", "receivables_ly"),
        ("平均从业人员数（人）;1-本月", "employees"), ("研究开发费用;本年累计", "rd_expense"),
        ("存货;其中：产成品;期末", "finished_goods"),
        ("社会保险和住房公积金;应付职工薪酬;1-本月", "payroll"),
        ("应收账款;年初", None), ("应收账款;年初余额;本年", None), ("营业收入;同比增速(%);1-本月", None),
        ("营业收入;比上年增长％;本年", None),
        ("财务费用;其中：利息费用;1-本月", None), ("财务费用;利息费用;1-本月", None),
        ("营业收入;主营业务收入;1-本月", None),
        ("应付职工薪酬;其中:社会保险和住房公积金;1-本月", None), ("资产总计;占比", None),
        ("主营业务收入;1-本月", None),
    ],
)  # fmt: skip
def test_another_figure_than_the_items_is_never_taken_for_it(text: str, column: str | None) -> None:
    rows = export(["统一社会信用代码", "报告期", "负债合计;1-本月", text], [[uscc(1), "2026-10", 5, 7]])
    opened = open_file(workbook({"表": rows}))
    fact = sniff(opened).read(opened).tables["finance_return"].iloc[0]
    taken = {name for name, value in fact.items() if value == 7}
    assert taken == ({column} if column else set())
