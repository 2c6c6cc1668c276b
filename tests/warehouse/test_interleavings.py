"""Any order of filings, re-filings, withdrawals and decisions gives one answer per known_at; frozen answers stay."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qxmonitor.warehouse import asof, decided
from qxmonitor.warehouse.load import load

pytestmark = pytest.mark.slow

EVENTS = [
    ("file", 0), ("file", 1), ("file", 0), ("withdraw", 0), ("reinstate", 0), ("withdraw", 1), ("identity", True),
    ("identity", False),
]  # fmt: skip
"""What happened: a file (the second ``0`` is the same bytes again), a flag on it, a decision made or revoked."""
BY = {"who": "某", "why": "某"}
_towns = itertools.count(1)


def model(done, day):
    """The value read at a day, from the words of the rule; None where nothing is read."""
    seen = [(when, kind, what) for (kind, what), when in done if when <= day]
    said = max((s for s in seen if s[1] == "identity"), default=None)
    if said is None or not said[2]:
        return None
    found = []
    for number in (0, 1):
        arrived = min((when for when, kind, what in seen if (kind, what) == ("file", number)), default=None)
        flags = [(when, kind) for when, kind, what in seen if kind in ("withdraw", "reinstate") and what == number]
        if arrived is not None and max(flags, default=(0, "reinstate"))[1] == "reinstate":
            found.append((arrived, float(number)))
    return max(found)[1] if found else None


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.permutations(range(1, 9)), order=st.permutations(range(8)))
def test_the_answer_depends_on_known_at_alone(warehouse, make, days, order):
    town = next(_towns)  # each example has a firm of its own, so that one database serves all
    firm, name = f"91000000MB{town:08d}", f"name:厂{town}"
    load(warehouse, [make.item(f"reg{town}", 0, make.register({firm: {"name": f"另名{town}"}}))])

    def read(day, recorded_at=None):
        frame = asof.read(warehouse, "output_return", known_at=make.day(day), recorded_at=recorded_at)
        mine = frame.loc[frame["entity"] == firm, "output_m"].tolist()
        return mine[0] if mine else None

    done, frozen = [], None
    for step, at in enumerate(order):
        (kind, what), day = EVENTS[at], days[at]
        when = {"known_at": make.day(day), **BY}
        if kind == "file":
            load(warehouse, [make.item(f"{town}-{what}", day, make.output({name: float(what)}))])
        elif kind == "identity":
            decided.decide_identity(warehouse, name, firm if what else "", **when)
        else:
            decided.flag(warehouse, make.sha(f"{town}-{what}"), kind, **when)
        done.append((EVENTS[at], day))
        if step == 4:
            frozen = (warehouse.newest_recorded(), list(done))
    for day in range(9):
        assert read(day) == model(done, day)
        assert read(day, frozen[0]) == model(frozen[1], day)
