from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pandas as pd
import pytest
from docx.oxml.ns import qn
from docx.shared import Mm

from qxmonitor.catalog.office import office
from qxmonitor.delivery.briefing import Briefing, Material, build
from qxmonitor.delivery.docx import briefing_docx
from qxmonitor.delivery.files import document_name, write_private
from qxmonitor.delivery.html import briefing_html
from qxmonitor.delivery.xlsx import briefing_xlsx
from qxmonitor.disclosure import Gate, progress, target_needs
from qxmonitor.errors import DisclosureError, QxError
from qxmonitor.period import Period
from tests.delivery import town
from tests.delivery.conftest import DATE
from tests.disclosure.scan import Found, scan, scan_bytes

NAN = float("nan")

SECTIONS = [
    *("一、总体运行", "二、目标进度", "三、产业集群与产业链", "四、重点企业", "五、外贸与保税物流"),
    *("六、风险提示与应对预案", "七、任务进展与企业诉求", "八、上期议定事项落实", "九、数据质量与修订说明"),
]
EDITIONS = ["stats", "joint"]


@pytest.fixture(scope="module")
def papers(views: dict[str, Briefing]) -> dict[str, dict[str, bytes]]:
    return {
        reader: {
            "docx": briefing_docx(view, reader, DATE),
            "xlsx": briefing_xlsx(view, reader, DATE),
            "html": briefing_html(view, reader).encode(),
        }
        for reader, view in views.items()
    }


def paragraphs(content: bytes) -> list[str]:
    return [p.text for p in docx.Document(BytesIO(content)).paragraphs]


def test_letters_are_counted_for_the_statistics_office_only(gate: Callable[..., Gate], material: Material) -> None:
    letters = {"issued": 31, "answered": 22, "verified": 9, "refiled": 5, "open": 4}
    said = {}
    for edition in office().editions:
        view = build(gate(edition.reader), edition, town.PERIOD, replace(material, letters=letters), DATE)
        said[edition.reader] = briefing_html(view, edition.reader)
    assert "发函31份：企业已答复22份（其中核实无误9份），已更正或补报5份，尚待答复4份。" in said["stats"]
    assert "发函" not in said["joint"]


@pytest.mark.parametrize("reader", EDITIONS)
def test_the_same_view_gives_the_same_bytes(
    papers: dict[str, dict[str, bytes]], views: dict[str, Briefing], reader: str
) -> None:
    assert briefing_docx(views[reader], reader, DATE) == papers[reader]["docx"]
    assert briefing_xlsx(views[reader], reader, DATE) == papers[reader]["xlsx"]
    assert briefing_html(views[reader], reader).encode() == papers[reader]["html"]


@pytest.mark.parametrize("reader", EDITIONS)
def test_nine_sections_in_order(papers: dict[str, dict[str, bytes]], reader: str) -> None:
    assert [text for text in paragraphs(papers[reader]["docx"]) if text in SECTIONS] == SECTIONS


def test_sentences(papers: dict[str, dict[str, bytes]]) -> None:
    text = "\n".join(paragraphs(papers["joint"]["docx"]))
    for part in (
        "2026年1—10月清溪镇工业经济运行情况",
        "1—10月，全镇规上工业总产值382.50亿元，同比增长0.8%；其中2026年10月当月38.25亿元",
        "增速比上月低2.0个百分点",
        "参照序列“中国:制造业PMI”2026年10月为50.2%",
        "光电通讯实现产值204.00亿元，同比增长4.2%；电气机械及设备实现产值91.80亿元，同比下降4.1%",
        "另有2条产业链（含其他）因企业家数较少或集中度较高，依规定不予公布。",
        "均未作面向全体成员单位的公开授权",
        "七、任务进展与企业诉求\n《行动方案》19条任务中，本期有12条填报进展：已完成12条，进度滞后12条，任务按期率43.1%，平均完成进度43.1%。",
        "本月走访企业20次，1—10月收到诉求31件，已办结31件，办结率43.1%。",
        "共接收数据文件14份，读入1784行，其中接收1765行、隔离待核19行",
        "报：镇领导班子。",
    ):
        assert part in text


def test_editions_differ_where_they_must(papers: dict[str, dict[str, bytes]]) -> None:
    stats, joint = (scan_bytes(papers[reader]["docx"]) for reader in EDITIONS)
    for secret in ("虚构光电", "婴童用品", "15.30", "停产", "逾期未报："):
        assert secret in stats.text
        assert secret not in joint.text


@pytest.mark.parametrize("kind", ["docx", "xlsx", "html"])
def test_no_paper_of_the_joint_edition_has_a_hidden_figure(papers: dict[str, dict[str, bytes]], kind: str) -> None:
    """C03 and C04: their levels, growth and cumulative figures, as anybody could find them in the file."""
    found = scan_bytes(papers["joint"][kind])
    assert not {1.53, 15.30, 3.06, 30.60, -22.4, 22.4} & found.numbers
    assert not any(name in found.text for name in town.FIRMS["name"])
    assert not any(code in found.text for code in town.FIRMS.index)


@pytest.mark.parametrize("reader", EDITIONS)
@pytest.mark.parametrize("kind", ["docx", "xlsx", "html"])
def test_simulated_data_say_so(papers: dict[str, dict[str, bytes]], reader: str, kind: str) -> None:
    assert "模拟数据" in scan_bytes(papers[reader][kind]).text


@pytest.mark.parametrize("reader", EDITIONS)
def test_no_empty_shows_as_a_number(papers: dict[str, dict[str, bytes]], reader: str) -> None:
    for content in papers[reader].values():
        assert not {"nan", "None", "NaN", "inf"} & set(scan_bytes(content).text.split())


@pytest.mark.parametrize("reader", EDITIONS)
def test_every_page_says_that_it_is_simulated(papers: dict[str, dict[str, bytes]], reader: str) -> None:
    """Pages are printed and passed on singly: the label stands in the head of odd and even pages, and in the chart."""
    section = docx.Document(BytesIO(papers[reader]["docx"])).sections[0]
    assert not section.different_first_page_header_footer
    for header in (section.header, section.even_page_header):
        assert [paragraph.text for paragraph in header.paragraphs] == [office().simulated_label]


def test_real_data_have_no_running_head(material: Material, gate: Callable[..., Gate]) -> None:
    view = build(gate("joint", simulated=False), office().edition("joint"), town.PERIOD, material, DATE)
    section = docx.Document(BytesIO(briefing_docx(view, "joint", DATE))).sections[0]
    assert not section.header.paragraphs[0].text


def test_layout_of_the_page(papers: dict[str, dict[str, bytes]]) -> None:
    document = docx.Document(BytesIO(papers["joint"]["docx"]))
    section = document.sections[0]
    sides = (section.top_margin, section.left_margin, section.right_margin, section.bottom_margin)
    assert [round(side / Mm(1)) for side in sides if side is not None] == [37, 28, 26, 35]
    assert section.page_width is not None and round(section.page_width / Mm(1)) == 210
    grid = section._sectPr.find(qn("w:docGrid"))
    assert grid is not None
    assert grid.get(qn("w:type")) == "linesAndChars"
    assert int(str(grid.get(qn("w:linePitch")))) * 22 <= 12_756  # 225 mm
    assert -1000 < int(str(grid.get(qn("w:charSpace")))) < -840
    assert document.settings.odd_and_even_pages_header_footer
    footer = "".join(run.text for run in section.footer.paragraphs[0].runs)
    assert footer.startswith("— ") and footer.endswith(" —")


def test_fonts_of_headings_and_body(papers: dict[str, dict[str, bytes]]) -> None:
    document = docx.Document(BytesIO(papers["joint"]["docx"]))

    def font(start: str) -> tuple[str | None, str | None, float | None]:
        paragraph = next(p for p in document.paragraphs if p.text.startswith(start))
        fonts = paragraph.runs[0]._r.rPr.rFonts  # type: ignore[union-attr]
        size = paragraph.runs[0].font.size
        return fonts.get(qn("w:eastAsia")), fonts.get(qn("w:ascii")), size.pt if size else None

    assert font("2026年1—10月清溪镇") == ("方正小标宋简体", "Times New Roman", 22.0)
    assert font("一、") == ("黑体", "Times New Roman", 16.0)
    assert font("（一）") == ("楷体_GB2312", "Times New Roman", 16.0)
    assert font("1—10月，") == ("仿宋_GB2312", "Times New Roman", 16.0)


def test_tables_repeat_their_head_and_the_chart_has_words(papers: dict[str, dict[str, bytes]]) -> None:
    document = docx.Document(BytesIO(papers["joint"]["docx"]))
    for table in document.tables:
        assert table.rows[0]._tr.trPr.find(qn("w:tblHeader")) is not None
    steps, strip, trend = document.element.body.iter(qn("wp:docPr"))
    assert steps.get("descr").startswith("瀑布图：规上工业累计总产值增速分解。上年原报数")
    assert trend.get("descr").startswith("折线图：规上工业总产值同比走势。2026年10月当月同比0.8%")
    captions = [p.text for p in document.paragraphs if p.text.startswith("图")]
    assert strip.get("descr").startswith("灯号图：景气灯号")
    assert "综合警情指数蓝" in strip.get("descr")
    lamps = "景气灯号（红为过热，蓝为过冷，与风险提示级别无关）"
    titles = ["规上工业累计总产值增速分解", lamps, "规上工业总产值同比走势"]
    assert captions == [f"图{number}　{title}" for number, title in enumerate(titles, start=1)]


def test_exact_parts_of_growth_stand_in_the_statistical_edition_alone(papers: dict[str, dict[str, bytes]]) -> None:
    stats, joint = ({kind: scan_bytes(paper).text for kind, paper in papers[r].items()} for r in EDITIONS)
    for kind in ("docx", "html", "xlsx"):
        assert "升规新增" in stats[kind] and "缺报影响" in stats[kind]
        assert not any(word in joint[kind] for word in ("升规新增", "退规减少", "缺报影响", "上年基数修订", "0.31"))
    assert "升规新增拉动1.5个百分点" in stats["docx"]
    assert "同口径企业增减拉动" in joint["docx"]
    for paper in (stats, joint):
        assert "纵轴" not in paper["docx"]  # the axis' words are in the picture


def test_a_growth_that_cannot_be_taken_apart_says_why(material: Material, gate: Callable[..., Gate]) -> None:
    short = town.decomposition().assign(state="expected-absent", reason="base_short", base=float("nan"))
    view = build(gate("stats"), office().edition("stats"), town.PERIOD, replace(material, decomposition=short), DATE)
    text = scan_bytes(briefing_docx(view, "stats", DATE)).text
    assert "累计产值增速分解：上年同期报表不足，本期不作分解" in text
    assert view.waterfall is None and view.chart is not None
    assert view.chart.number.text == "2"  # after the lamps


def test_the_package_is_neutral(papers: dict[str, dict[str, bytes]]) -> None:
    with zipfile.ZipFile(BytesIO(papers["stats"]["docx"])) as archive:
        assert archive.namelist()[0] == "[Content_Types].xml"
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert not any("thumbnail" in name for name in archive.namelist())
        assert b"thumbnail" not in archive.read("_rels/.rels")
    core = docx.Document(BytesIO(papers["stats"]["docx"])).core_properties
    assert (core.author, core.last_modified_by) == (office().issuer, office().issuer)
    assert core.created is not None and core.created.date() == DATE.date()


def test_workbook_numbers_are_numbers_as_shown(papers: dict[str, dict[str, bytes]]) -> None:
    book = openpyxl.load_workbook(BytesIO(papers["joint"]["xlsx"]))
    assert all(sheet.sheet_state == "visible" for sheet in book)
    for sheet in book:
        assert not any(d.hidden for d in (*sheet.row_dimensions.values(), *sheet.column_dimensions.values()))
    sheet: Any = book["产业链运行情况"]
    rows = {row[0].value: row for row in sheet.iter_rows(min_row=4)}
    cell = rows["光电通讯"][1]
    assert (cell.value, cell.number_format, cell.data_type) == (20.4, "0.00", "n")
    assert rows["婴幼童玩具用品"][1].value == "—"
    assert all(c.data_type != "f" for s in book for row in s.iter_rows() for c in row)


def test_a_name_like_a_formula_is_text(gate: Callable[..., Gate], material: Material) -> None:
    firms = town.FIRMS.assign(name=["=1+1", "@SUM(A1)", "<w:p/>]]>&", "-2"])
    stats = Gate("stats", "statistics", authorisations=town.AUTHORISED, simulated=True, firms=firms,
                 chains=town.CHAINS, reference=town.REFERENCE)  # fmt: skip
    view = build(stats, office().edition("stats"), town.PERIOD, material, DATE)
    book = openpyxl.load_workbook(BytesIO(briefing_xlsx(view, "stats", DATE)))
    names = [row[0] for row in book["重点企业产值"].iter_rows(min_row=4, max_row=6)]
    assert {(c.value, c.data_type) for c in names} >= {("=1+1", "s"), ("@SUM(A1)", "s")}
    assert "<w:p/>]]>&" in scan_bytes(briefing_docx(view, "stats", DATE)).text
    assert "&lt;w:p/&gt;]]&gt;&amp;" in briefing_html(view, "stats")


def test_a_view_of_one_reader_is_no_document_of_another(views: dict[str, Briefing]) -> None:
    for write in (briefing_docx, briefing_xlsx):
        with pytest.raises(DisclosureError):
            write(views["stats"], "joint", DATE)
    with pytest.raises(DisclosureError):
        briefing_html(views["stats"], "joint")


def test_an_edition_wants_its_own_gate(gate: Callable[..., Gate], material: Material) -> None:
    with pytest.raises(QxError, match="自己的披露闸口"):
        build(gate("gxj"), office().edition("joint"), town.PERIOD, material, DATE)


@pytest.mark.parametrize(
    ("month", "said"),
    [("2026-01", "1月产销总值表、财务状况表免报"), ("2026-02", "2月报表不单列当月数，按制度1—2月合并计算")],
)
def test_january_and_february(gate: Callable[..., Gate], material: Material, month: str, said: str) -> None:
    view = build(gate("joint"), office().edition("joint"), Period(month), material, DATE)
    text = scan_bytes(briefing_docx(view, "joint", DATE)).text
    assert said in text
    assert "按制度免报" not in text.partition("四、重点企业")[2]


@pytest.mark.parametrize(("groups", "told"), [((3, 5, 0), {"stats", "joint"}), ((2, 5, 0), {"stats"})])
def test_returns_that_came_again_are_told_where_enough_groups_did(
    gate: Callable[..., Gate], material: Material, groups: tuple[int, ...], told: set[str]
) -> None:
    counts = pd.DataFrame({"kind": ["late", "refiled", "gone"], "returns": [4, 6, 0], "groups": groups})
    for edition in ("stats", "joint"):
        view = build(gate(edition), office().edition(edition), town.PERIOD, replace(material, refilings=counts), DATE)
        text = scan_bytes(briefing_docx(view, edition, DATE)).text
        assert ("补报4份、更正6份、撤回或退出0份" in text) == (edition in told)
        assert ("由36.00亿元修订为36.55亿元" in text) == ("数据修订" in text) == (edition == "stats")
        assert ("以往月份仍按当期发布数列示" in text) == (edition == "joint")


def test_an_empty_town_is_still_a_paper(gate: Callable[..., Gate], material: Material) -> None:
    """Nothing computed, nothing filed: every section says so in a line."""
    nothing = Material(
        material.figures.iloc[:0], material.alerts.iloc[:0], material.firms.iloc[:0], material.progress.iloc[:0],
        material.receipts.iloc[:0], material.revisions.iloc[:0], material.first,
        material.needs.iloc[:0],
    )  # fmt: skip
    view = build(gate("joint"), office().edition("joint"), town.PERIOD, nothing, DATE)
    text = scan_bytes(briefing_docx(view, "joint", DATE)).text
    assert "暂无数据" in text and "本期无风险提示" in text and "本期未接入省、全国参照数据" in text


def test_file_names_and_modes(tmp_path: Path) -> None:
    name = document_name(office().title, town.PERIOD, "统计办", "docx")
    assert name == "经济运行监测简报_2026-10_统计办.docx"
    assert document_name("../a/b", town.PERIOD, 'c:*?"\n', "x") == "..ab_2026-10_c.x"
    path = tmp_path / "documents" / "2026-10" / name
    write_private(path, b"x")
    write_private(path, b"y")
    assert path.read_bytes() == b"y"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_the_scanner_finds_what_is_hidden(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    hidden: Any = book.create_sheet("藏")
    hidden.sheet_state = "hidden"
    hidden["A1"], hidden["B1"] = "甲厂", 12345.678
    book.properties.keywords = "乙厂"
    path = tmp_path / "丙厂.xlsx"
    book.save(path)
    found: Found = scan(path)
    assert 12345.678 in found.numbers
    assert all(name in found.text for name in ("甲厂", "乙厂", "丙厂", "藏"))
    document = docx.Document()
    run = document.add_paragraph().add_run("丁厂 67.8")
    run.font.hidden = True
    document.core_properties.comments = "戊厂"
    out = BytesIO()
    document.save(out)
    found = scan_bytes(out.getvalue())
    assert 67.8 in found.numbers
    assert "丁厂" in found.text and "戊厂" in found.text


def test_a_plan_is_said_once_for_all_its_alerts(papers: dict[str, dict[str, bytes]]) -> None:
    texts = paragraphs(papers["stats"]["docx"])
    drops = next(t for t in texts if t.startswith("【橙】产值下降"))
    assert drops == "【橙】产值下降1项：东莞市虚构光电有限公司（较应有水平下降42.7%）。"
    assert "【红】停产1项：模拟婴童用品（东莞）有限公司（连续4个报告期）。" in texts
    (plan,) = (t for t in texts if t.startswith("应对预案：《统计核实办法（产值异常、停产）》"))
    assert "适用上述2项，由统计办牵头" in plan and "红色提示3日内、橙色提示5日内反馈" in plan
    assert "-100" not in scan_bytes(papers["stats"]["docx"]).text


def test_a_firm_that_stopped_is_no_fall_of_a_hundred_percent(gate: Callable[..., Gate], material: Material) -> None:
    figures = material.figures.copy()
    mine = (figures["entity"] == town.FIRMS.index[1]) & (figures["period"] == str(town.PERIOD))
    figures.loc[mine & (figures["indicator"] == "output_m"), "value"] = 0.0
    figures.loc[mine & (figures["indicator"] == "output_growth"), "value"] = -1.0
    view = build(gate("stats"), office().edition("stats"), town.PERIOD, replace(material, figures=figures), DATE)
    assert [firm.name.text for firm in view.stopped_firms] == [town.FIRMS["name"].iloc[1]]
    assert town.FIRMS["name"].iloc[1] not in [firm.name.text for firm in view.falling_firms]
    text = scan_bytes(briefing_docx(view, "stats", DATE)).text
    assert "其中当月停产的有：甲乙" in text and "100.0%" not in text


def test_without_a_figure_nobody_is_said_not_to_have_fallen(gate: Callable[..., Gate], material: Material) -> None:
    figures = material.figures
    rate = (figures["entity_kind"] == "firm") & (figures["indicator"] == "output_growth")
    view = build(gate("stats"), office().edition("stats"), town.PERIOD, replace(material, figures=figures[~rate]), DATE)
    assert view.firms and not view.falling_firms and not view.told_firms
    text = scan_bytes(briefing_docx(view, "stats", DATE)).text
    assert "本期没有当月同比数。" in text and "没有当月产值同比下降的企业" not in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"months_left": 0, "pace_required": float("nan")}, "目标期已过，还差145家"),
        ({"months_left": 6, "pace_required": 145 / 6}, "还差145家，需月均增加24.17家"),
        ({"months_left": 6, "pace_required": 0.0, "met": True}, "已达到"),
    ],
)  # fmt: skip
def test_what_is_said_of_a_target(gate: Callable[..., Gate], change: dict[str, Any], said: str) -> None:
    table = town.progress().iloc[:1].astype(object)
    for name, value in change.items():
        table[name] = [value]
    (target,) = progress(gate("joint"), table, town.PERIOD)
    assert target.verdict is not None and target.verdict.text == said


@pytest.mark.parametrize(
    ("key", "period", "change", "way", "share", "verdict"),
    [
        ("cluster_optoelectronics", "2022-06", {"current": 250.0, "share": 0.5, "elapsed": 0.5, "pace_required": 41.67},
         "1—6月累计，为全年目标的50.0%，时间进度50.0%", "50.0", "还差250.0亿元，需月均增加41.67亿元"),
        ("cluster_optoelectronics", "2021-06", {"current": 250.0, "share": 0.5, "elapsed": 0.5},
         "1—6月累计，相当于2022年全年目标的50.0%，本年时间进度50.0%", "50.0", "目标为2022年全年数"),
        ("cluster_optoelectronics", "2026-10", {"current": 250.0, "share": NAN, "months_left": 0},
         "1—10月累计，", "…", "目标期已过，目标为2022年全年数"),
        ("industrial_investment", "2022-06", {"current": 158.5, "points": 148.5, "share": NAN, "met": True},
         "目前，", "高148.5", "已达到，比目标高148.5个百分点"),
        ("industrial_investment", "2022-06", {"current": 2.0, "points": -8.0, "share": NAN, "pace_required": 8 / 6},
         "目前，", "低8.0", "还差8.0个百分点，需月均提高1.33个百分点"),
        ("industrial_investment", "2022-06", {"current": 10.0, "points": 0.0, "share": NAN, "met": True},
         "目前，", "持平", "已达到，与目标持平"),
        ("listed", "2022-06", {"current": 2.0, "share": 2 / 3, "pace_required": 2 / 6},  # 突破3家: four of them
         "目前，为目标的66.7%", "66.7", "还差2家，需月均增加0.33家"),
        ("firms_above_scale", "2022-06", {"share": 0.81875, "pace_required": 145 / 6},
         "目前，为目标的81.9%", "81.9", "还差145家，需月均增加24.17家"),
    ],
)  # fmt: skip
def test_how_far_on_the_way_a_target_is_said_to_be(
    gate: Callable[..., Gate], monkeypatch: pytest.MonkeyPatch, key: str, period: str, change: dict[str, Any],
    way: str, share: str, verdict: str,
) -> None:  # fmt: skip
    monkeypatch.setattr(Gate, "clear_one", lambda *args: True)
    left = {"months_left": 6, "pace_required": NAN, "met": False, "target": key, "state": "value", "points": NAN}
    table = town.progress().iloc[:1].astype(object).assign(**(left | change))
    (target,) = progress(gate("joint"), table, Period(period))
    assert target.verdict is not None and target.outlook is not None
    assert f"{target.spans.text}，{target.way.text if target.way else ''}" == way
    assert (target.share.text, target.verdict.text) == (share, verdict)
    assert target.over == (key in ("cluster_optoelectronics", "listed"))
    stands_in = key in ("value_added", "industrial_investment", "advanced_mfg", "hightech_mfg", "upgrade_investment")
    assert (target.note is not None) == stands_in, key
    assert target.outlook.text == (
        "目标期已过" if period == "2026-10" else "已达到" if change.get("met") else "不作预测"
    )


def test_where_a_target_is_heading(gate: Callable[..., Gate]) -> None:
    end = {"expected": 690.4, "low80": 660.2, "high80": 720.6, "low95": 640.0, "high95": 741.0, "chance": 0.0004}
    table = town.progress().iloc[:1].assign(months_left=6, pace_required=145 / 6, outlook="难以达到", **end)
    (target,) = progress(gate("joint"), table, town.PERIOD)
    assert target.forecast is not None and target.outlook is not None
    assert target.forecast.text == "按走势预测期末为690家（80%区间660至721，95%区间640至741），难以达到"
    assert (target.ending.text, target.outlook.text) == ("690（660至721）", "难以达到")
    (without,) = progress(gate("joint"), table.assign(expected=float("nan")), town.PERIOD)
    assert without.forecast is not None and without.forecast.text == "历史数据不足，不作预测"
    assert without.outlook is not None and without.outlook.text == "不作预测"
    assert without.ending.text == "…"


def test_a_chain_that_may_not_be_shown_is_part_of_the_rest(gate: Callable[..., Gate]) -> None:
    shown = {}
    for reader in EDITIONS:
        mine = gate(reader)
        rest = mine.period(town.PERIOD)
        (need,) = target_needs(mine, town.needs(), town.progress(), town.PERIOD, rest)
        shown[reader] = {part.name.text: part.more.text for part in need.chains}
        assert need.gap.text == "9.5" and need.beyond is not None
        told = sum(part.more.number or 0.0 for part in need.chains) + (need.beyond.number or 0.0)
        assert told == pytest.approx(9.5)
    assert list(shown["stats"]) == ["光电通讯", "婴幼童玩具用品"]
    assert list(shown["joint"]) == ["光电通讯", "2026年10月"]


def test_a_target_that_may_not_be_shown_needs_nothing_said(gate: Callable[..., Gate]) -> None:
    hidden = town.progress()
    hidden.loc[hidden["target"] == "cluster_optoelectronics", "entity"] = "C03"
    mine = gate("joint")
    assert target_needs(mine, town.needs(), hidden, town.PERIOD, mine.blank()) == ()


@pytest.mark.parametrize(("lag", "words"), [(2.0, "料件进口领先产值2个报告期"), (0.0, "料件进口与产值同步")])
def test_the_lead_of_imports_is_told_with_its_interval(
    gate: Callable[..., Gate], material: Material, lag: float, words: str
) -> None:
    figures = town.frame()
    for key, value in {"": lag, "_r": 0.624, "_low": 0.312, "_high": 0.815}.items():
        figures.loc[figures["indicator"] == f"import_lead{key}", "value"] = value
    for edition in office().editions:
        view = build(gate(edition.reader), edition, town.PERIOD, replace(material, figures=figures), DATE)
        said = f"{words}，相关系数0.62（95%区间0.31至0.81，1—2月为一期），只是统计上的关联，不说明因果。"
        assert said in briefing_html(view, edition.reader)


def test_what_an_edition_may_not_use_is_not_called_missing(papers: dict[str, dict[str, bytes]]) -> None:
    text = "\n".join(paragraphs(papers["stats"]["docx"]))
    assert "走访、诉求记录依规定不列入本版。" in text and "未接入走访" not in text


def test_without_sheets_of_tasks_and_visits_the_briefing_says_so(gate: Callable[..., Gate], material: Material) -> None:
    figures = town.frame()
    figures = figures[~figures["source"].isin(["tasks", "visits"])]
    edition = office().editions[0]
    view = build(gate(edition.reader), edition, town.PERIOD, replace(material, figures=figures), DATE)
    page = briefing_html(view, edition.reader)
    assert "本期没有收到任务进展填报表。" in page and "本期未接入走访、诉求记录。" in page
