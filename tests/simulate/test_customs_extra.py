"""Declarations, published totals and vintages say the same as the monthly sheet they stand beside."""

from __future__ import annotations

import csv
from collections import Counter
from io import StringIO

import openpyxl
import pytest
from lxml import etree

from tests.simulate.conftest import Town

pytestmark = pytest.mark.slow


def monthly(town: Town, period: str) -> dict[str, object]:
    (file,) = [f for f in town.files("customs_monthly") if f["path"].endswith(f"_{period.replace('-', '')}.csv")]
    return town.figures(file["path"])


def test_declarations_of_a_firm_add_up_to_its_monthly_lines(town: Town) -> None:
    files = town.files("customs_declaration")
    assert len(files) == 18
    for file in files[::4]:
        blocks = [f for f in town.truth["figures"] if f["file"] == file["path"]]
        declared: Counter[tuple[str, ...]] = Counter()
        for block in blocks:
            for _, firm, _, entry, flow, mode, hs, partner, quantity, _, _ in block["rows"]:
                assert entry[8] == {"I": "1", "E": "0"}[flow] and block["sheet"] == entry and len(entry) == 18
                declared[firm, flow, mode, hs[:8], partner] += quantity
        firms = {key[0] for key in declared}
        sheet = monthly(town, file["period"])
        spoilt = {row[1] for row in sheet["rows"] if row[0] in sheet["rejected_rows"]}
        told: Counter[tuple[str, ...]] = Counter()
        for _, firm, period, flow, mode, hs, partner, quantity, *_ in sheet["rows"]:
            if firm in firms - spoilt and period == file["period"]:
                told[firm, flow, mode, hs, partner] += quantity
        assert {key: n for key, n in declared.items() if key[0] not in spoilt} == dict(told)


def test_declarations_are_spelt_as_customs_spells_them(town: Town) -> None:
    root = etree.parse(town.path(town.files("customs_declaration")[0]["path"])).getroot()
    heads = list(root.iter("{*}DecHead"))
    assert all(head.find("{*}GrossWet") is not None and head.find("{*}PromiseItmes") is not None for head in heads)
    assert {line.findtext("{*}TradeCurr") for line in root.iter("{*}DecList")} <= {"502", "USD", "142"}


def test_published_totals_are_the_sums_of_the_town(town: Town) -> None:
    files = town.files("customs_public", "customs_public")
    assert len(files) == 17, "the last month's comes after its release"
    for file in files[::5]:
        lines = list(csv.reader(StringIO(town.path(file["path"]).read_bytes().decode("gb18030"))))
        assert "模拟数据" in lines[0][0] and lines[1][-1] == ""
        figures = town.figures(file["path"])
        assert len(lines) - 2 == len(figures["rows"])
        for row in figures["rows"]:
            printed = float(lines[row[0] - 1][14].replace(",", ""))
            assert printed == (row[8] if row[8] is not None else row[9])


def test_the_published_table_says_a_little_more_than_the_town(town: Town) -> None:
    files = town.files("customs_public", "table")
    assert [f["period"] for f in files if f["period"].endswith("-01")] == [], "January comes with February"
    assert len(files) == 32, "in yuan and in dollars"
    sums: Counter[tuple[str, str]] = Counter()
    for file in town.files("customs_public", "customs_public"):
        for _, _, period, flow, *_, _usd, rmb in town.figures(file["path"])["rows"]:
            sums[period, flow] += rmb or 0
    for file in files:
        text = town.path(file["path"]).read_bytes().decode("gb18030")
        lines = list(csv.reader(StringIO(text)))
        figures = town.figures(file["path"])
        assert "模拟数据" in lines[0][0] and figures["unit"] in lines[1][0]
        if figures["unit"].endswith("美元"):
            continue
        size = {"亿元": 1e8, "万元": 1e4}[figures["unit"]]
        printed = {(row[1], row[3]): row[4:] for row in figures["rows"]}
        assert {place for place, _ in printed} == {"清溪镇", "模拟市", "模拟省", "模拟全国"}
        for flow, item in (("E", "export_rmb_m"), ("I", "import_rmb_m")):
            if sums[file["period"], flow] and ("清溪镇", item) in printed:
                value = printed["清溪镇", item][0] * size
                assert value == pytest.approx(1.03 * sums[file["period"], flow], abs=size)
    later = [f for f in files if f["period"] > "2021-01"]
    rates = [row[5] for f in later for row in town.figures(f["path"])["rows"] if row[1] == "模拟省"]
    assert rates and all(rate is not None and -60 < rate < 60 for rate in rates)


def test_some_months_are_told_three_times(town: Town) -> None:
    flash = [f for f in town.files("customs_monthly") if f["path"].endswith("_快讯.xlsx")]
    mended = [f for f in town.files("customs_monthly") if f["path"].endswith("_修正.csv")]
    assert [f["period"] for f in flash] == [f["period"] for f in mended] == ["2020-04", "2020-10", "2021-04"]
    for early, late in zip(flash, mended, strict=True):
        (usual,) = [f for f in town.files("customs_monthly") if f["path"].endswith(
            f"_{early['period'].replace('-', '')}.csv")]  # fmt: skip
        assert early["known_at"] < usual["known_at"] < late["known_at"]
        page = openpyxl.load_workbook(town.path(early["path"]))["快讯"]
        assert "快讯" in page["A1"].value
        assert all(row[10] % 1000 == 0 for row in town.figures(early["path"])["rows"])
        assert "数据版本" in town.path(late["path"]).read_bytes().decode("gb18030").splitlines()[0]
