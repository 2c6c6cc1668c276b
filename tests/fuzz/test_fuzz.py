"""A short campaign of the fuzz target, and whether its oracle would see anything."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from qxmonitor import feeds
from qxmonitor.errors import Refused
from qxmonitor.feeds import bonded, bonded_receipt, bonded_stock
from qxmonitor.feeds.base import Batch
from qxmonitor.feeds.bonded_message import KINDS
from tests.fuzz import blobs, oracle, run, seeds


@pytest.fixture(scope="module")
def planted() -> list[seeds.Seed]:
    return seeds.plant()


def read(one: seeds.Seed) -> Batch:
    opened = feeds.open_file(one.data)
    return feeds.sniff(opened).read(opened)


@pytest.mark.slow
def test_every_form_of_the_registry_is_a_seed(planted: list[seeds.Seed]) -> None:
    of_messages = {feed.FEED for feed in (bonded, bonded_receipt, bonded_stock)}
    registered = {(feed.FEED, feed.FORM) for feed in feeds.FEEDS if feed.FEED not in of_messages}
    assert {(one.feed, one.form) for one in planted if one.feed not in of_messages} == registered
    types = {code.lower() for kind in KINDS for code in kind.codes} - {"inv101"} | {bonded.FORM, "commonresponemessage"}
    assert {one.form for one in planted if one.feed in of_messages} == types


@pytest.mark.slow
def test_the_seeds_hold(planted: list[seeds.Seed]) -> None:
    for one in planted:
        batch = read(one)
        assert batch.rows_read
        assert list(oracle.broken(batch, one.private, one.columns)) == [], one.name


@pytest.mark.slow
def test_persons_are_remembered_from_the_seeds(planted: list[seeds.Seed]) -> None:
    private = set().union(*(one.private for one in planted))
    assert any(word.startswith("0000-") for word in private)
    assert any("负责人" in word for word in private)


@pytest.mark.slow
def test_the_same_number_is_the_same_input(planted: list[seeds.Seed]) -> None:
    assert [run.make(planted, 3, n)[0] for n in range(40)] == [run.make(planted, 3, n)[0] for n in range(40)]


@pytest.mark.slow
def test_a_short_campaign_finds_nothing(tmp_path: Path) -> None:
    tally = run.campaign(seed=2, first=0, count=300, out=tmp_path)
    assert tally.findings == {}
    assert tally.inputs == 300
    assert tally.at_rows >= 60
    assert tally.checked


@pytest.mark.slow
def test_the_oracle_sees_each_kind_of_breach(planted: list[seeds.Seed]) -> None:
    one = next(one for one in planted if (one.feed, one.form) == ("b204_1", "export"))
    name = "output_return"

    def said(change) -> str:
        batch = read(one)
        change(batch)
        return " | ".join(oracle.broken(batch, one.private, one.columns))

    person = min(one.private)
    assert "a line nowhere" in said(lambda b: b.tables.update({name: b.tables[name].iloc[1:]}))
    assert "a line twice" in said(lambda b: setattr(b, "lines", pd.concat([b.lines, b.lines.iloc[:1]])))
    assert "other columns" in said(lambda b: b.tables.update({name: b.tables[name].assign(more=1)}))
    assert "infinite" in said(lambda b: b.tables[name].__setitem__("output_m", float("inf")))
    assert "says nan" in said(lambda b: b.tables[name].__setitem__("subject", "nan"))
    assert "person" in said(lambda b: b.tables[name].__setitem__("subject", f"x{person}"))
    assert "note: not Chinese" in said(lambda b: b.notes.append("oops"))
    assert "note: more than one line" in said(lambda b: b.notes.append("一\n二"))
    assert "period" in said(lambda b: b.tables[name].__setitem__("period", "2026-13"))
    assert list(oracle.broken(Refused("Traceback"), set())) == ["refusal: not Chinese"]


def test_noise_is_repeatable_and_changes_something() -> None:
    data = bytes(range(256)) * 4
    assert blobs.noise(random.Random(5), data) == blobs.noise(random.Random(5), data) != data


@pytest.mark.system
def test_a_longer_campaign_finds_nothing(tmp_path: Path) -> None:
    tally = run.campaign(seed=11, first=0, count=1_000_000, limit=40, out=tmp_path)
    assert tally.findings == {}
    assert tally.at_rows >= 0.2 * tally.inputs > 0
