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


def test_tasks_are_counted_as_filed(gate: Gates, material: Material) -> None:
    text = paper(gate, material, "joint", tasks=TASKS)
    assert "收到进展填报4件，涉及2条任务，其中正常推进1件、进度滞后2件、已完成1件。" in text
    assert "第7条“加速保税物流发展，做强对外贸易”（商务局，进度滞后，完成35%）" in text
    assert "（工信局，进度滞后）" in text
    assert "没有填报的为第2、3、4、5、6、8、9、" in text
    assert task_report(gate("banks"), TASKS) is not None


def test_appeals_are_counted_and_their_kinds_kept_from_those_with_sums_only(gate: Gates) -> None:
    found = appeals(gate("swj"), VISITS, None)
    assert found is not None
    assert [found.visits.text, found.appeals.text, found.open.text] == ["4", "3", "2"]
    assert [(kind.name.text, kind.count.text) for kind in found.kinds] == [("用工", "2"), ("融资", "1")]
    assert appeals(gate("hr"), VISITS, None) is None, "two firms only stand behind the appeals"
    more = pd.concat([VISITS, VISITS.assign(entity=C, subject=C, appeal="订单", category="market", state="open")])
    summed = appeals(gate("hr"), more, None)
    assert summed is not None and summed.appeals.text == "7" and summed.kinds == ()
    assert appeals(gate("hr"), more, pd.Series({A: "g", B: "g", C: "g"})) is None, "one group"
    assert appeals(gate("stats"), more, None) is None, "visits are not used in the statistical channel"


@pytest.mark.parametrize("feed", sorted({feed.FEED for feed in feeds.FEEDS} - {"output_detail"}))
def test_every_feed_has_a_chinese_name(feed: str) -> None:
    assert not source_name(feed).isascii()
