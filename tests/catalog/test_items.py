import shutil
from pathlib import Path

import pytest
import yaml

from qxmonitor.catalog._yaml import HERE, load
from qxmonitor.catalog.items import Items, items, plain
from qxmonitor.errors import CatalogError


def test_words_are_compared_in_their_plain_form() -> None:
    assert plain(" 其中： 出口\n交货值 ") == "出口交货值"
    assert plain("１—本月") == plain("1～本月") == plain("1-本月") == "1-本月"
    assert plain("（一）资产总计") == "资产总计"
    assert plain("减：营业成本") == "营业成本"


def test_no_word_means_two_things() -> None:
    catalogue = items()
    for form in catalogue.forms:
        names = catalogue.names_of(form.id)
        assert not names.keys() & catalogue.key_words.keys()
        assert not [name for name in names if catalogue.year_and_span(name) or catalogue.units.kind(name)]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("items: [output, sales, export, power]", "items: [output, saless]", "未定义的指标：saless"),
        ("name: 出口交货值", "name: 工业销售产值", "指标名称重复：工业销售产值"),
        ("parent: sales", "parent: nothing", "上级指标未定义：export"),
        ("kind: power", "kind: energy", "kind"),
    ],
)
def test_a_wrong_catalogue_says_why(tmp_path: Path, old: str, new: str, reason: str) -> None:
    shutil.copy(HERE / "items.yml", tmp_path)
    path = tmp_path / "items.yml"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    with pytest.raises(CatalogError, match=reason):
        load("items", Items, tmp_path)


def test_columns_are_those_of_the_warehouse() -> None:
    sql = (HERE.parents[1] / "sql/migrations/versions/0001_foundation.sql").read_text("utf-8")
    for form in items().forms:
        body = sql.split(f"create table {form.table} (")[1].split("primary key")[0]
        declared = [word.split()[0] for word in body.replace("\n", " ").split(",") if "double precision" in word]
        assert declared == list(items().columns_of(form.id))


def test_the_file_is_plain_yaml() -> None:
    assert yaml.safe_load((HERE / "items.yml").read_text("utf-8"))["forms"]
