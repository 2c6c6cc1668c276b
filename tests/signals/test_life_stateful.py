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

    @rule()
    def tick(self) -> None:
        self.now = self.now + 1

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
        self.mailed_by_model |= {key: str(self.now) for key, part in found.items() if part == "mailed"}

    def teardown(self) -> None:
        """Whatever the order, and twice: one story."""
        rows = self.verdicts()
        mixed = random.Random(self.clock).sample(rows + rows[::2], len(rows) + len(rows[::2]))
        again = list(reversed(self.events)) + self.events[::2]
        columns = [*IDENTITY, "period", "level", "evidence"]
        table, other = (pd.DataFrame(some, columns=columns) for some in (rows, mixed))
        done, redone = (pd.DataFrame(e) if e else None for e in (self.events, again))
        pd.testing.assert_frame_equal(fold(table, done), fold(other, redone))
        pd.testing.assert_frame_equal(history(table, done), history(other, redone))

    # -- the model -------------------------------------------------------------------------------------------------

    def expected(self) -> dict[str, str]:
        """What the mail of the month does with each alert that holds."""
        now, month = {}, str(self.now)
        for who in WHO:
            acts: set[Act] = {
                (e["period"], e["turn"], e["kind"], e["who"], e["why"])
                for e in self.events
                if tuple(e[name] for name in IDENTITY) == who
            }
            episodes, _ = life(who[0], self.levels[who], acts)
            for one in episodes[-1:]:
                if one["state"] != "closed" and one["trend"] != "quiet" and one["seen"] == month:
                    now[":".join([*who, one["opened"]])] = (who, one)
        quiet = {s["entity"] for s in self.silences if s["first"] <= month <= s["last"]}
        causes = [
            one["opened"] for who, one in now.values() if who == WHO[0] and LEAD not in quiet
        ]  # fmt: skip
        found = {}
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

    def verdicts(self) -> list[dict[str, Any]]:
        proof = json.dumps({"growth": -0.5}, separators=(",", ":"))
        return [
            dict(zip(IDENTITY, who, strict=True)) | {"period": month, "level": level, "evidence": proof}
            for who, months in self.levels.items()
            for month, level in months.items()
        ]

    def alerts(self) -> pd.DataFrame:
        columns = [*IDENTITY, "period", "level", "evidence"]
        return fold(pd.DataFrame(self.verdicts(), columns=columns), pd.DataFrame(self.events) if self.events else None)


TestOffice = Office.TestCase
TestOffice.settings = settings(
    max_examples=6, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
