"""Any order of filings, re-filings, registers, grants and decisions gives one answer per known_at; frozen ones stay."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qxmonitor.warehouse import asof, decided
from qxmonitor.warehouse.load import load

pytestmark = pytest.mark.slow

EVENTS = [
    ("output", 0), ("output", 1), ("output", 0), ("register", 1), ("grant", 0), ("grant", 1), ("withdraw", "output0"),
    ("reinstate", "output0"), ("withdraw", "output1"), ("withdraw", "register1"), ("reinstate", "register1"),
    ("withdraw", "grant1"), ("identity", True), ("identity", False),
]  # fmt: skip
"""What happened: a file (the second ``output 0`` is the same bytes again), a flag on one, a decision made or revoked.

Files name the firm as 厂. Register 0, there from the first day on, calls it otherwise and puts it in chain 0;
register 1 calls it 厂 and puts it in chain 1. A grant covers item 0 or 1."""
FILES = ("output", "register", "grant")
BY = {"who": "某", "why": "某"}
DAYS = range(0, len(EVENTS) + 1, 2)
_towns = itertools.count(1)


def model(sha, done, day):
    """Output, chain and granted item read at a day, from the words of the rules; None where nothing is read."""
    seen = [(when, kind, what) for (kind, what), when in done if when <= day]

    def newest(kind):
        """Number of the newest file of a kind that counts; at the same time the greater hash."""
        found = []
        for number in (0, 1):
            arrived = min((when for when, k, what in seen if (k, what) == (kind, number)), default=None)
            flags = [(when, k) for when, k, what in seen if what == f"{kind}{number}"]
            if arrived is not None and max(flags, default=(0, "reinstate"))[1] == "reinstate":
                found.append((arrived, sha(f"{kind}{number}"), number))
        return max(found)[2] if found else None

    said = max((s for s in seen if s[1] == "identity"), default=(0, "", False))[2]
    register = newest("register")
    value = newest("output") if said or register == 1 else None
    return value, register, newest("grant")


class Town:
    """One firm of its own, in a database that all examples share."""

    def __init__(self, warehouse, make) -> None:
        self.warehouse, self.make, self.number = warehouse, make, next(_towns)
        self.firm, self.name = f"91000000MB{self.number:08d}", f"厂{self.number}"
        self.done, self.frozen = [], []
        self.happen(("register", 0), 0)

    def sha(self, text):
        return self.make.sha(f"{self.number}-{text}")

    def happen(self, event, day):
        (kind, what), when = event, {"known_at": self.make.day(day), **BY}
        if kind in FILES:
            load(self.warehouse, [self.make.item(f"{self.number}-{kind}{what}", day, self.file(kind, what))])
        elif kind == "identity":
            decided.decide_identity(self.warehouse, f"name:{self.name}", self.firm if what else "", **when)
        else:
            decided.flag(self.warehouse, self.sha(what), kind, **when)
        self.done.append((event, day))

    def file(self, kind, what):
        if kind == "output":
            return self.make.output({f"name:{self.name}": float(what)})
        if kind == "grant":
            row = {"subject": self.firm, "items": f"{what}", "readers": "gxj", "since": "2020-01", "until": None}
            return self.make.batch("authorisation", [row], feed="register", period=None)
        name = self.name if what else f"另名{self.number}"
        return self.make.register({self.firm: {"name": name, "chain": f"{what}"}})

    def freeze(self):
        self.frozen.append((self.warehouse.newest_recorded(), list(self.done)))


def read(warehouse, day, recorded_at=None):
    """Firm → output, chain, granted item of all towns, as numbers."""
    parts = [
        asof.read(warehouse, table, known_at=day, recorded_at=recorded_at).set_index(key)[column].astype("float64")
        for table, key, column in (
            ("output_return", "entity", "output_m"), ("register_entry", "subject", "chain"),
            ("authorisation", "subject", "items"),
        )
    ]  # fmt: skip
    frame = pd.concat(parts, axis=1, keys=["output", "chain", "item"]).astype(object)
    return frame.where(frame.notna(), None)


def answer(frame, firm):
    return tuple(frame.loc[firm]) if firm in frame.index else (None, None, None)


def one_answer(warehouse, make, days, orders, stop):
    """Recorded in several orders, what is read by any known_at is the model's, and so is what was frozen."""
    # Files in pairs share a day; two decisions never do.
    when = [-(-day // 2) * 2 if kind in FILES else day for (kind, _), day in zip(EVENTS, days, strict=True)]
    towns = [Town(warehouse, make) for _ in orders]
    for town, order in zip(towns, orders, strict=True):
        for step, at in enumerate(order):
            town.happen(EVENTS[at], when[at])
            if step == stop:
                town.freeze()
    for day in DAYS:
        now = read(warehouse, make.day(day))
        for town in towns:
            assert answer(now, town.firm) == model(town.sha, town.done, day)
            for recorded_at, done in town.frozen:
                then = read(warehouse, make.day(day), recorded_at)
                assert answer(then, town.firm) == model(town.sha, done, day)


EXAMPLES = given(
    days=st.permutations(range(1, len(EVENTS) + 1)),
    orders=st.lists(st.permutations(range(len(EVENTS))), min_size=2, max_size=2),
    stop=st.integers(0, len(EVENTS) - 1),
)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@EXAMPLES
def test_the_answer_depends_on_known_at_alone(warehouse, make, days, orders, stop):
    one_answer(warehouse, make, days, orders, stop)


@pytest.mark.long
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@EXAMPLES
def test_the_answer_depends_on_known_at_alone_many_times(warehouse, make, days, orders, stop):
    one_answer(warehouse, make, days, orders, stop)
