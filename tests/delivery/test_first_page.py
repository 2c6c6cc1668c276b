"""What the first page and section 七 say: what happened, who has to do what, and what departments filed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest

from qxmonitor import feeds
from qxmonitor.catalog.office import office
from qxmonitor.delivery.briefing import Material, build
from qxmonitor.delivery.html import briefing_html
from qxmonitor.disclosure import Gate
from qxmonitor.disclosure.tasks import appeals, task_report
from qxmonitor.disclosure.vocabulary import source_name
from tests.delivery import town
from tests.delivery.conftest import DATE

Gates = Callable[..., Gate]

TASKS = pd.DataFrame(
    [(1, "gxj", 100.0, "done"), (1, "swj", 60.0, "on_track"), (7, "swj", 35.0, "behind"), (7, "gxj", None, "behind")],
    columns=["clause", "department", "percent", "state"],
)
A, B, C = "91440000000000001A", "91440000000000002B", "91440000000000003C"
VISITS = pd.DataFrame(
    [
        (A, A, "缺工", "labour", "open"), (A, A, "缺工", "labour", "closed"), (B, B, "贷款", "finance", "working"),
        (None, C, None, None, None),
    ],
    columns=["entity", "subject", "appeal", "category", "state"],
)  # fmt: skip


def paper(gate: Gates, material: Material, reader: str, **more: object) -> str:
    edition = next(entry for entry in office().editions if entry.reader == reader)
    view = build(gate(reader), edition, town.PERIOD, replace(material, **more), DATE)  # type: ignore[arg-type]
    return briefing_html(view, reader)


def test_the_first_page_says_what_happened_and_who_answers(gate: Gates, material: Material) -> None:
    text = paper(gate, material, "stats", tasks=TASKS)
    first = text[text.index("本期要点") : text.index("一、总体运行")]
    assert "风险：风险提示" in first and "级别最高的红色提示：停产1项，模拟婴童用品（东莞）有限公司。" in first
    assert "请办：《" in first and "由统计办牵头，红色提示3日内反馈" in first
    assert "行动计划任务进度滞后或未启动2件" in first
    joint = paper(gate, material, "joint", tasks=TASKS)
    assert "模拟婴童用品" not in joint
    assert "风险：风险提示" in joint[joint.index("本期要点") : joint.index("一、总体运行")]


def test_tasks_that_lag_or_were_not_filed_are_named(gate: Gates, material: Material) -> None:
    text = paper(gate, material, "joint", tasks=TASKS)
    assert "第7条“加速保税物流发展，做强对外贸易”（商务局，进度滞后，完成35%）" in text
    assert "（工信局，进度滞后）" in text
    assert "没有填报的为第2、3、4、5、6、8、9、" in text
    assert task_report(gate("banks"), TASKS) is None


def test_kinds_of_appeals_are_for_firm_level_rights_alone(gate: Gates) -> None:
    found = appeals(gate("swj"), VISITS)
    assert found is not None
    assert [found.appeals.text, found.open.text] == ["3", "2"]
    assert [(kind.name.text, kind.count.text) for kind in found.kinds] == [("用工", "2"), ("融资", "1")]
    assert appeals(gate("hr"), VISITS) is None, "sums only"
    assert appeals(gate("stats"), VISITS) is None, "visits are not used in the statistical channel"
    assert appeals(gate("swj"), VISITS.iloc[3:]) is None, "a visit without an appeal"


def test_risks_without_a_verdict_of_the_month_stand_apart(gate: Gates, material: Material) -> None:
    month = str(town.PERIOD - 1)
    before = material.alerts.assign(period=month, opened=month)
    text = paper(gate, material, "stats", alerts=before)
    apart = text[text.index("本期未作判断（没有新数据，或规则停用等）的有") :].split("</p>")[0]
    assert f"{(town.PERIOD - 1).label}判为" in apart and "模拟婴童用品（东莞）有限公司（停产，" in apart


def test_risks_that_ended_for_want_of_judgements_are_not_said_to_have_lifted(gate: Gates, material: Material) -> None:
    proof = '{"closed_by":"unjudged","trend":"closed"}'
    month = str(town.PERIOD - 6)
    ended = material.alerts.assign(period=month, opened=month, state="closed", closed=str(town.PERIOD), evidence=proof)
    text = paper(gate, material, "stats", alerts=ended)
    apart = text[text.index("自本期起终止跟踪的有") :].split("</p>")[0]
    assert "模拟婴童用品（东莞）有限公司（停产，" in apart and "其后连续6个月没有判断" in apart
    assert "终止跟踪不是解除，不计入办结" in apart and "尚未办结" not in text
    before = paper(gate, material, "stats", alerts=ended.assign(closed=str(town.PERIOD - 1)))
    assert "终止跟踪" not in before


@pytest.mark.parametrize("feed", sorted({feed.FEED for feed in feeds.FEEDS} - {"output_detail"}))
def test_every_feed_has_a_chinese_name(feed: str) -> None:
    assert not source_name(feed).isascii()
