"""``decompose`` and ``seasonal`` on a warehouse: what is there adds up, what is not there says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from qxmonitor import growth, pipeline
from qxmonitor.catalog.release import release_calendar
from qxmonitor.indicators.decompose import PARTS
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.simulate import write_town
from qxmonitor.warehouse import Warehouse, store
from tests.disclosure.scan import scan
from tests.pipeline.conftest import Ingested, Town, in_process


@pytest.fixture(scope="module")
def ingested(town: Town, new_module_database: Callable[[str], Settings]) -> Iterator[Ingested]:
    """What growth is made of: register, output returns and parameters."""
    wanted = ("企业名录", "B204-1_2", "月度参数")
    paths = sorted(path for path in town.landing.rglob("*") if path.name.startswith(wanted))
    now = release_calendar().released_at(town.last) + timedelta(days=1)
    with Warehouse(replace(new_module_database("growth"), fixed_now=now)) as wh:
        yield Ingested(wh, town, pipeline.ingest(wh, paths))


def test_a_first_year_says_that_there_is_no_base(ingested: Ingested) -> None:
    answer = in_process(ingested.wh.settings, "decompose", "2025-05", "--json")
    assert answer.code == 0
    first, *rest = answer.rows
    assert (first["what"], first["amount"], first["reason"]) == ("level", None, "上年同期报表不足")
    assert first["state"] != "value"
    assert {row["entity_kind"] for row in rest if row["what"] == "pull"} == {"chain", "industry"}
    real = {row["what"]: row for row in rest if row["what"] != "pull"}
    assert real["output_real_growth_ytd"]["state"] == "value"
    assert real["value_added_real_growth_ytd"]["amount"] is None
    assert real["value_added_real_growth_ytd"]["reason"]


def test_value_added_is_traced_to_every_month_of_the_year_and_its_rates(ingested: Ingested) -> None:
    cells = in_process(ingested.wh.settings, "trace", "value_added_ytd:town:town:2025-05", "--json").rows
    assert {row["field"] for row in cells} == {"output_ytd", "value_added_rate"}
    for field, first in (("output_ytd", 2), ("value_added_rate", 1)):
        months = {row["period"] for row in cells if row["field"] == field}
        assert months == {f"2025-{month:02d}" for month in range(first, 6)}


def test_january_is_not_taken_apart(ingested: Ingested) -> None:
    rows = in_process(ingested.wh.settings, "decompose", "2025-01", "--json").rows
    assert {row["reason"] for row in rows} == {"1月免报，与2月合并计算"}


def test_a_short_history_says_so(ingested: Ingested) -> None:
    (row,) = in_process(ingested.wh.settings, "seasonal", "2025-05", "--json").rows
    assert (row["adjusted"], row["reason"]) == (None, "历史不足")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--entity", "firm:91440000MA0000000X"), "对象写法不对"),
        (("--entity", "chain:"), "对象写法不对"),
        (("--entity", "chain:../../etc"), "没有这个对象"),
        (("--out", "x.pdf"), ".png 或 .xlsx"),
        (("--out", "x.png"), "无法作图：上年同期报表不足"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    ingested: Ingested, tmp_path: Path, words: tuple[str, str], reason: str
) -> None:
    option, value = words
    value = str(tmp_path / value) if option == "--out" else value
    answer = in_process(ingested.wh.settings, "decompose", "2025-05", option, value, "--json")
    assert (answer.code, answer.rows) == (1, [])
    assert reason in answer.err
    assert answer.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_workbook_names_firms_as_text(ingested: Ingested, tmp_path: Path) -> None:
    out = tmp_path / "a" / "why.xlsx"
    assert in_process(ingested.wh.settings, "decompose", "2025-05", "--out", str(out)).code == 0
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["增速分解", "产业链拉动", "行业（两位代码）拉动", "企业拉动"]
    assert "限统计渠道内使用（模拟数据）" in str(book["企业拉动"]["A1"].value)
    assert out.stat().st_mode & 0o777 == 0o600


@pytest.mark.system
def test_a_year_of_returns_adds_up_and_stays_in_its_edition(
    new_module_database: Callable[[str], Settings], tmp_path: Path
) -> None:
    first, last = Period("2024-02"), Period("2025-04")
    write_town(tmp_path / "town", firms=40, first=first, last=last, seed=4)
    now = release_calendar().released_at(last) + timedelta(days=1)
    with Warehouse(replace(new_module_database("growth_year"), fixed_now=now)) as wh:
        pipeline.ingest(wh, [tmp_path / "town" / "landing"])
        pipeline.run(wh, last)
        rows = growth.rows(wh, last)
        parts = {row["what"]: row for row in rows if row["what"] in ("base", "level", *PARTS)}
        cents = {key: round(row["amount"] * 100_000) for key, row in parts.items()}
        assert cents["level"] - cents["base"] == sum(cents[part] for part in PARTS)
        stored = store.read_indicators(wh)
        mine = stored[(stored["indicator"] == "output_ytd") & (stored["entity_kind"] == "town")]
        mine = mine[(mine["period"] == last) & (mine["source"] == "returns")]
        assert parts["level"]["amount"] == pytest.approx(float(mine["value"].iloc[0]), rel=1e-12)
        told = {}
        for edition in ("stats", "joint"):
            paths = [Path(row["path"]) for row in pipeline.brief(wh, last, edition, tmp_path / edition)]
            told[edition] = "".join(scan(path).text for path in paths)
        assert "同企业增减" in told["stats"] and "上年基数修订" in told["stats"]
        assert "同企业增减" not in told["joint"] and "上年基数修订" not in told["joint"]
