"""A month whose only files are withdrawn ends as if they had never come."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from qxmonitor import look, pipeline
from qxmonitor.errors import NothingKnown
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, decided, store
from qxmonitor.warehouse.load import load
from tests.warehouse.conftest import Make

MARCH, APRIL = Period("2026-03"), Period("2026-04")
BY = {"who": "某", "why": "发错"}
FIRMS = {firm: {"since": "2020-01"} for firm in (Make.A, Make.B, Make.C)}


@contextmanager
def opened(new_database: Callable[[], Settings], *, march: bool, april: bool) -> Iterator[Warehouse]:
    """A warehouse in which March came on day 110 and April on day 140, as wished, and which has run what came."""
    with Warehouse(replace(new_database(), fixed_now=Make.day(150))) as wh:
        load(wh, [Make.item("register", 0, Make.register(FIRMS))])
        figures = {firm: 100.0 * (at + 1) for at, firm in enumerate(FIRMS)}
        if march:
            load(wh, [Make.item("march", 110, Make.output(figures))])
            pipeline.run(wh, MARCH)
        if april:
            halved = {firm: value / 2 for firm, value in figures.items()}
            load(wh, [Make.item("april", 140, Make.output(halved, period="2026-04"))])
            pipeline.run(wh, APRIL)
        yield wh


def state(wh: Warehouse) -> dict[str, Any]:
    """What stands for the months, without when it was computed."""
    values, verdicts = (
        frame.drop(columns=["run_id", "known_at"]) for frame in (store.read_indicators(wh), store.read_verdicts(wh))
    )
    return {
        "months": store.periods_run(wh), "alerts": look.listing(wh, "alerts"),
        "values": sorted(map(repr, look.flat(values)), key=str), "verdicts": sorted(map(repr, look.flat(verdicts))),
    }  # fmt: skip


def test_withdrawn_it_is_taken_back_and_what_stood_on_it_follows(new_database: Callable[[], Settings]) -> None:
    with opened(new_database, march=False, april=True) as wh:
        expected = state(wh)
    with opened(new_database, march=True, april=True) as wh:
        had = state(wh)
        assert had != expected
        decided.flag(wh, Make.sha("march"), "withdraw", known_at=Make.day(145), **BY)
        assert MARCH in pipeline.land(wh)
        done = pipeline.run(wh, MARCH)
        assert (done["values"], done["verdicts"]) == (0, 0)
        assert state(wh) == expected
        assert pipeline.land(wh) == []
        assert pipeline.run(wh, MARCH)["values"] == 0  # a killed step is simply called again
        assert len(store.read_indicators(wh, MARCH, known_at=Make.day(144))) > 0, "a look back sees it as it was"
        decided.flag(wh, Make.sha("march"), "reinstate", known_at=Make.day(146), **BY)
        pipeline.run(wh, MARCH)
        assert state(wh) == had
        decided.flag(wh, Make.sha("march"), "withdraw", known_at=Make.day(147), **BY)
        pipeline.run(wh, MARCH)
        assert state(wh) == expected


@pytest.mark.long
def test_withdrawn_from_before_it_came_it_goes_as_well(new_database: Callable[[], Settings]) -> None:
    with opened(new_database, march=True, april=False) as wh:
        decided.flag(wh, Make.sha("march"), "withdraw", known_at=Make.day(1), **BY)
        with pytest.raises(NothingKnown):
            pipeline.run(wh, MARCH, known_at=Make.day(105))
        pipeline.run(wh, MARCH)
        assert store.periods_run(wh) == set()
        assert store.read_indicators(wh).empty
        assert look.listing(wh, "alerts") == []


def test_what_was_never_run_has_nothing_to_be_taken_back(new_database: Callable[[], Settings]) -> None:
    with opened(new_database, march=False, april=False) as wh:
        load(wh, [Make.item("march", 110, Make.output({Make.A: 1.0}))])
        decided.flag(wh, Make.sha("march"), "withdraw", known_at=Make.day(120), **BY)
        assert MARCH not in pipeline.land(wh)
        with pytest.raises(NothingKnown):
            pipeline.run(wh, MARCH)
        assert store.periods_run(wh) == set()
