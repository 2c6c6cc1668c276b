"""A year of an office: verdicts in any order and again, people, silences, a clock and mails, against dicts and loops.

The mails are planned by the real planner, gate and all, into a ledger that is a dict; what it says of each alert is
compared with a model that goes through months and acts one by one.
"""

from __future__ import annotations

import json
import random
from datetime import timedelta
from typing import Any

import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery.alerts import TOLD, Known, plan
from qxmonitor.disclosure import Gate
from qxmonitor.period import Period
from qxmonitor.signals import fold, history, links
from qxmonitor.signals.fold import IDENTITY
from qxmonitor.signals.silence import SILENCE
from tests.signals.life_model import Act, life

LEAD, SUPPLIER, OTHER = "91000000MA00000001", "91000000MA00000002", "91000000MA00000003"
WHO = [
    ("output_drop", "firm", LEAD, "returns"), ("output_drop", "firm", SUPPLIER, "returns"),
    ("output_drop", "firm", OTHER, "returns"), ("silence", "firm", OTHER, "returns"),
]  # fmt: skip
FIRMS = pd.DataFrame(
    {"name": ["甲", "乙", "丙"], "chain": ["C1", "C1", ""], "node": ["b", "a", ""], "key_firm": [True, False, True]},
    index=[LEAD, SUPPLIER, OTHER],
)
CHAINS = pd.DataFrame({"chain": "C1", "chain_name": "链", "node": ["a", "b"], "node_name": "节", "upstream": ["", "a"]})
NOBODY = pd.DataFrame(columns=["subject", "items", "readers", "since", "until"])
FIRST = Period("2026-03")
UNANSWERED = ("opened", "raised", "lowered")


class Office(RuleBasedStateMachine):
    """Months go by; whatever is judged, done or mailed twice or late leaves one story."""

    def __init__(self) -> None:
        super().__init__()
        self.now = FIRST
        self.levels: dict[tuple[Any, ...], dict[str, int]] = {who: {} for who in WHO}
        self.events: list[dict[str, Any]] = []
        self.silences: list[dict[str, Any]] = []
        self.ledger: dict[str, bytes] = {}
        self.told: list[dict[str, Any]] = []
        self.mailed_by_model: dict[str, str] = {}
        self.heard: dict[str, str] = {}
        """Alert → the newest month whose mail spoke of it; ``ended``: whose mail said that it closed."""
        self.ended: dict[str, str] = {}
        self.clock = 0
        self.gate = Gate("stats", "statistics", authorisations=NOBODY, simulated=True, firms=FIRMS, chains=CHAINS)

    @rule(who=st.sampled_from(WHO), back=st.sampled_from([0, 0, 0, 1, 2]), level=st.sampled_from([0, 1, 2, 2, 3, 4]))
    def judge(self, who: tuple[Any, ...], back: int, level: int) -> None:
        """A month is judged, late perhaps; judged again it comes out the same."""
        self.levels[who].setdefault(str(self.now - back), level)

    @rule(
        who=st.sampled_from(WHO), by=st.sampled_from(["张", "李"]),
        kind=st.sampled_from(["acknowledge", "take", "resolve", "close", "reopen"]),
    )  # fmt: skip
    def act(self, who: tuple[Any, ...], kind: str, by: str) -> None:
        self.clock += 1
        at = release_calendar().released_at(self.now) + timedelta(minutes=self.clock)
        self.events.append(
            dict(zip(IDENTITY, who, strict=True))
            | {"period": str(self.now), "kind": kind, "who": by, "why": "已办", "known_at": at, "turn": self.clock}
        )

    @rule(entity=st.sampled_from([LEAD, SUPPLIER, OTHER]), months=st.integers(0, 1))
    def silence(self, entity: str, months: int) -> None:
        any_ = dict.fromkeys(SILENCE[1:5], "*")
        span = {"first": str(self.now), "last": str(self.now + months), "who": "张", "why": "检修"}
        self.silences.append({"silence_id": f"S{len(self.silences)}", **any_, "entity": entity, **span})

    @rule(months=st.sampled_from([1, 1, 1, 4]))
    def tick(self, months: int) -> None:
        """Months go by and are run, whether or not there is anything to judge in them."""
        self.now = self.now + months

    @rule()
    def mail(self) -> None:
        """The mails of the month are planned, or planned again."""
        date = release_calendar().released_at(self.now)
        told = pd.DataFrame(self.told, columns=TOLD)
        known = Known(told, pd.DataFrame(self.silences, columns=SILENCE), links(FIRMS, CHAINS), FIRMS)
        planned = plan({"stats": self.gate}, self.alerts(), self.now, date, known=known)
        (message,) = planned.messages
        if message.message_id in self.ledger:
            return
        self.ledger[message.message_id] = message.body
        self.told += planned.told.to_dict("records")
        found = dict(zip(planned.told["alert_id"], planned.told["part"], strict=True))
        assert found == self.expected()
        month = str(self.now)
        self.mailed_by_model |= {key: month for key, part in found.items() if part == "mailed"}
        self.ended |= {key: month for key, part in found.items() if part == "closed"}
        heard = ("mailed", "explained", "carried", "closed")
        self.heard |= {key: month for key, part in found.items() if part in heard}

    def teardown(self) -> None:
        """Whatever the order, and twice: one story."""
        rows = self.verdicts()
        mixed = random.Random(self.clock).sample(rows + rows[::2], len(rows) + len(rows[::2]))
        again = list(reversed(self.events)) + self.events[::2]
        columns = [*IDENTITY, "period", "level", "evidence"]
        table, other = (pd.DataFrame(some, columns=columns) for some in (rows, mixed))
        done, redone = (pd.DataFrame(e) if e else None for e in (self.events, again))
        run, rerun = self.run(), [*reversed(self.run()), *self.run()[::2]]
        pd.testing.assert_frame_equal(fold(table, done, run), fold(other, redone, rerun))
        pd.testing.assert_frame_equal(history(table, done, run), history(other, redone, rerun))

    # -- the model -------------------------------------------------------------------------------------------------

    def expected(self) -> dict[str, str]:
        """What the mail of the month does with each alert that holds, was not judged, or is over."""
        now, month = {}, str(self.now)
        quiet = {s["entity"] for s in self.silences if s["first"] <= month <= s["last"]}
        found: dict[str, str] = {}
        for who in WHO:
            acts: set[Act] = {
                (e["period"], e["turn"], e["kind"], e["who"], e["why"])
                for e in self.events
                if tuple(e[name] for name in IDENTITY) == who
            }
            episodes, _ = life(who[0], self.levels[who], acts, set(self.run()))
            for one in episodes:
                key = ":".join([*who, one["opened"]])
                if one["state"] == "closed":
                    unheard = key not in self.heard or self.ended.get(key, "") >= one["closed"]
                    if not unheard if one["closed_by"] == "unjudged" else one["closed"] == month:
                        found[key] = "closed"
                elif one["trend"] != "quiet" and one["seen"] == month:
                    now[key] = (who, one)
                elif one["trend"] != "quiet":
                    found[key] = "silenced" if who[2] in quiet else "carried"
        causes = [
            one["opened"] for who, one in now.values() if who == WHO[0] and LEAD not in quiet
        ]  # fmt: skip
        for key, (who, one) in now.items():
            last = self.mailed_by_model.get(key)
            if who[2] in quiet:
                found[key] = "silenced"
            elif who == WHO[1] and one["state"] in UNANSWERED and any(opened <= one["opened"] for opened in causes):
                found[key] = "explained"
            elif last is None:
                found[key] = "mailed" if one["state"] in UNANSWERED else "held"
            else:
                found[key] = "mailed" if one["due"] > last else "held"
        return found

    def run(self) -> list[str]:
        """The months run so far; the earliest that can be judged late is two before the first."""
        return [str(FIRST - 2 + ahead) for ahead in range(self.now.ordinal - FIRST.ordinal + 3)]

    def verdicts(self) -> list[dict[str, Any]]:
        proof = json.dumps({"growth": -0.5, "told": "低五成", "limit": "提示线"}, separators=(",", ":"))
        return [
            dict(zip(IDENTITY, who, strict=True)) | {"period": month, "level": level, "evidence": proof}
            for who, months in self.levels.items()
            for month, level in months.items()
        ]

    def alerts(self) -> pd.DataFrame:
        columns = [*IDENTITY, "period", "level", "evidence"]
        done = pd.DataFrame(self.events) if self.events else None
        return fold(pd.DataFrame(self.verdicts(), columns=columns), done, self.run())


TestOffice = Office.TestCase
TestOffice.settings = settings(
    max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_a_notice_that_nothing_judges_any_more_is_told_once_to_who_heard_of_it() -> None:
    """One walk through the office by hand: told, carried, closed for want of any verdict, and said once."""
    office = Office()
    office.judge(who=WHO[2], back=0, level=2)
    for months in (1, 4, 1, 1, 1):
        office.mail()
        office.tick(months=months)
    office.mail()
    parts = [(one["period"], one["part"]) for one in office.told]
    assert parts == [("2026-03", "mailed"), ("2026-04", "carried"), ("2026-08", "carried"), ("2026-09", "closed")]
    office.judge(who=WHO[2], back=0, level=1)
    office.tick(months=1)
    office.judge(who=WHO[2], back=0, level=1)
    office.mail()
    assert office.told[-1]["part"] == "mailed" and office.told[-1]["alert_id"].endswith("2026-11"), "a new notice"
    office.teardown()
