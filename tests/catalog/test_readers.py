from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from qxmonitor.catalog._yaml import HERE, load
from qxmonitor.catalog.mailboxes import Mailbox, wire
from qxmonitor.catalog.office import Delivery, Office
from qxmonitor.catalog.permitted_use import permitted_use
from qxmonitor.catalog.readers import Reader, Readers, readers
from qxmonitor.errors import CatalogError
from qxmonitor.period import SHANGHAI

MAIN = "  - id: gxj\n    name: 工信局\n"
DAY = date(2026, 11, 18)


def reader(*boxes: dict[str, Any], **words: Any) -> Reader:
    return Reader.model_validate(readers().reader("gxj").model_dump() | {"mailboxes": boxes} | words)


def box(role: str, address: str, **days: str) -> dict[str, Any]:
    return {"role": role, "address": address, **days}


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([box("主", "a@x.y")], "a@x.y"),
        ([box("副", "b@x.y"), box("主", "a@x.y")], "a@x.y"),
        ([box("主", "a@x.y", until="2026-11-17"), box("副", "b@x.y")], "b@x.y"),
        ([box("主", "a@x.y", until="2026-11-18"), box("副", "b@x.y")], "a@x.y"),
        ([box("主", "a@x.y", **{"from": "2026-11-19"}), box("副", "b@x.y", **{"from": "2026-11-18"})], "b@x.y"),
        ([box("主", "a@x.y", until="2026-10-31"), box("主", "c@x.y", **{"from": "2026-11-01"})], "c@x.y"),
        ([box("主", "a@x.y", until="2026-11-17"), box("副", "b@x.y", **{"from": "2026-11-19"})], None),
        ([box("副", "b@x.y")], "b@x.y"),
    ],
)
def test_the_principal_then_the_deputy_then_nobody(boxes: list[dict[str, Any]], expected: str | None) -> None:
    found = reader(*boxes).mailbox(DAY)
    assert (found.address if found else None) == expected


def test_a_reader_on_trial_is_read_by_the_statistics_office() -> None:
    own = reader(box("主", "new@x.y"), live=False)
    way = readers().route(own, DAY)
    assert (way.to.id, way.mailbox, way.trial) == ("stats", readers().reader("stats").mailbox(DAY), True)
    assert readers().route(own, DAY, trial=False).mailbox == own.mailbox(DAY)
    live = readers().route(reader(box("主", "new@x.y"), live=True), DAY)
    assert (live.to.id, live.trial) == ("gxj", False)


def test_trial_is_the_default_but_for_the_office_itself_and_the_operators() -> None:
    assert "live" not in yaml.safe_load((HERE / "readers.yml").read_text("utf-8"))["readers"][0]
    assert not readers().reader("stats").on_trial
    assert not readers().reader("operators").on_trial
    entry = readers().reader("gxj").model_dump(exclude={"live"}, by_alias=True)
    assert Reader.model_validate(entry).on_trial


def test_every_shipped_reader_has_a_mailbox_that_leads_nowhere() -> None:
    for entry in readers().readers:
        found = entry.mailbox(DAY)
        assert found is not None
        assert found.address.endswith(".invalid")


def test_operators_have_no_right_to_any_figure() -> None:
    sources = [use.source for use in permitted_use().uses]
    purposes = ("statistics", "monitoring", "support", "operations")
    rights = {permitted_use().right(source, "operators", purpose)[0] for source in sources for purpose in purposes}
    assert rights == {"none"}
    assert not readers().reader("operators").alerts


SLIPS = [
    ("role: 主, address: gxj@", "role: 正, address: gxj@", "只能是 '主' 或 '副'"),
    ("gxj@example.invalid", "gxj", "邮箱写法不对"),
    ("gxj@example.invalid", "gxj@example", "邮箱的域名写法不对"),
    ("gxj@example.invalid", "'g<x>j@example.invalid'", "邮箱写法不对"),
    ("gxj@example.invalid", '"g\\r\\nBcc: x@example.invalid"', "邮箱写法不对"),
    ("gxj@example.invalid", "g xj@example.invalid", "邮箱写法不对"),
    ("gxj@example.invalid", "tjb@example.invalid", "两个接收单位用了同一邮箱"),
    ("gxj@example.invalid}", "gxj@example.invalid, until: soon}", "应为日期，如 2026-11-01"),
    ("gxj@example.invalid}", "gxj@example.invalid, from: 2026-12-01, until: 2026-11-01}", "有效期起止颠倒"),
    ("gxj@example.invalid}", "gxj@example.invalid}, {role: 主, address: g2@example.invalid}", "有效期重叠"),
    ("gxj@example.invalid}", "gxj@example.invalid}, {role: 副, address: GXJ@example.invalid}", "同一邮箱写了两次"),
    ("[{role: 主, address: gxj@example.invalid}]", "[]", "至少要有 1 个"),
    ("mailboxes: [{role: 主, address: gxj@example.invalid}]", "mailbox: gxj@example.invalid", "没有这一项，是否写错"),
    ("live: true", "live: 是", "只能是 true 或 false"),
]


@pytest.mark.parametrize(("right", "wrong", "reason"), SLIPS)
def test_a_slip_is_named_in_chinese_with_its_line(tmp_path: Path, right: str, wrong: str, reason: str) -> None:
    text = (HERE / "readers.yml").read_text("utf-8")
    at = text.index(MAIN)
    (tmp_path / "readers.yml").write_text(text[:at] + text[at:].replace(right, wrong, 1), "utf-8")
    with pytest.raises(CatalogError, match=r"readers\.yml 第 \d+ 行") as caught:
        load("readers", Readers, tmp_path)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_trial_needs_somebody_to_read_instead(tmp_path: Path) -> None:
    text = (
        (HERE / "readers.yml")
        .read_text("utf-8")
        .replace("id: stats", "id: statistics")
        .replace("live: true", "live: false", 1)
    )
    (tmp_path / "readers.yml").write_text(text, "utf-8")
    with pytest.raises(CatalogError, match="须有接收单位 stats 代收"):
        load("readers", Readers, tmp_path)


@pytest.mark.parametrize("minutes", ["[0]", "[5, soon]", "5", "[99999]"])
def test_retries_are_minutes(tmp_path: Path, minutes: str) -> None:
    text = (
        (HERE / "office.yml")
        .read_text("utf-8")
        .replace("retry_minutes: [5, 15, 60, 240, 720]", f"retry_minutes: {minutes}")
    )
    (tmp_path / "office.yml").write_text(text, "utf-8")
    with pytest.raises(CatalogError, match="retry_minutes"):
        load("office", Office, tmp_path)


def test_tries_come_to_an_end() -> None:
    from datetime import datetime, timedelta

    now, plan = datetime(2026, 11, 18, 10, tzinfo=SHANGHAI), Delivery(retry_minutes=(5, 60))
    assert [plan.next_try(n, now) for n in (1, 2, 3)] == [now + timedelta(minutes=5), now + timedelta(hours=1), None]
    assert Delivery(retry_minutes=()).next_try(1, now) is None


def test_a_domain_goes_out_in_ascii() -> None:
    assert wire(Mailbox.model_validate(box("主", "gxj@例子.example")).address) == "gxj@xn--fsqu00a.example"
