"""What of a reader's alerts is mailed; the false-discovery control against scipy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from qxmonitor.period import Period
from qxmonitor.signals.inhibit import LINKS
from qxmonitor.signals.silence import SILENCE, expired, silenced_by
from qxmonitor.signals.triage import doubtful, triage

NOW = Period("2026-10")
FIRMS = pd.DataFrame({"chain": ["C1", "C2", ""]}, index=["A", "B", "C"])
NO_SILENCE, NO_LINKS = pd.DataFrame(columns=SILENCE), pd.DataFrame(columns=LINKS)


def alert(
    entity: str, level: int = 1, *, kind: str = "firm", state: str = "opened", rule: str = "output_drop", **proof: Any
) -> dict[str, Any]:
    return {
        "alert_id": f"{rule}:{kind}:{entity}:returns:2026-09", "rule": rule, "entity_kind": kind, "entity": entity,
        "source": "returns", "level": level, "state": state, "opened": "2026-09", "period": "2026-10", "closed": None,
        "evidence": json.dumps({"trend": "held", "due": "2026-09", **proof}),
    }  # fmt: skip


def parts(
    *rows: dict[str, Any],
    mailed: dict[str, str] | None = None,
    budget: int = 99,
    tests: int = 0,
    silences: pd.DataFrame = NO_SILENCE,
) -> list[str]:
    mailed = {f"output_drop:firm:{entity}:returns:2026-09": month for entity, month in (mailed or {}).items()}
    judged = {"output_drop": tests}
    table = triage(pd.DataFrame(list(rows)), mailed, silences, NO_LINKS, FIRMS, judged, NOW, budget)
    return table["part"].tolist()


def test_a_fall_that_has_become_usual_is_no_less_sure() -> None:
    """Told late (silenced, explained, over budget before), it stands by its first month's proof."""
    assert parts(alert("A", p=0.3, p_least=0.0001), tests=100) == ["mailed"]
    assert parts(alert("A", p=0.3), tests=100) == ["uncertain"]


def silence(first: str, last: str, **target: str) -> pd.DataFrame:
    row = {
        "silence_id": "S1",
        "rule": "*",
        "entity_kind": "*",
        "entity": "*",
        "chain": "*",
        "first": first,
        "last": last,
        "who": "甲",
        "why": "检修",
    }
    return pd.DataFrame([row | target])


def test_what_was_told_is_told_again_when_it_became_due_since() -> None:
    assert parts(alert("A")) == ["mailed"]
    assert parts(alert("A"), mailed={"A": "2026-09"}) == ["held"]
    assert parts(alert("A", due="2026-10"), mailed={"A": "2026-09"}) == ["mailed"]
    assert parts(alert("A"), mailed={"A": "2026-08"}) == ["mailed"], "it was raised in a month that was never mailed"


def test_who_answered_before_any_mail_need_not_be_told() -> None:
    assert parts(alert("A", state="in_hand")) == ["held"]
    assert parts(alert("A", state="acknowledged", due="2026-10"), mailed={"A": "2026-09"}) == ["mailed"]


def test_over_budget_the_less_severe_wider_larger_and_longer_stay_out() -> None:
    rows = [
        alert("A", 2, adjusted=-0.31), alert("B", 2, adjusted=-0.35), alert("C", 3, adjusted=-0.4),
        alert("C1", 2, kind="chain", adjusted=-0.2), alert("A", 1, rule="silence"),
    ]  # fmt: skip
    assert parts(*rows, budget=3) == ["budget", "mailed", "mailed", "mailed", "mailed"], "a late return is no new alert"
    assert parts(*rows, budget=1) == ["budget", "budget", "mailed", "budget", "mailed"]
    again = parts(*rows, budget=1, mailed={"C": "2026-08", "B": "2026-08"})
    assert again == ["budget", "mailed", "mailed", "mailed", "mailed"], "what was told before goes on beside the budget"


def test_what_the_control_of_false_discoveries_leaves_out() -> None:
    rows = [alert("A", p=0.0004), alert("B", p=0.04), alert("C")]
    assert parts(*rows, tests=200) == ["mailed", "uncertain", "mailed"]
    assert parts(*rows, tests=2) == ["mailed", "mailed", "mailed"]


@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=20), st.integers(0, 50))
def test_doubtful_is_what_benjamini_hochberg_does_not_reject(values: list[float], silent: int) -> None:
    p = np.array(values, dtype=float)
    spoke = p[np.isfinite(p)]
    found = doubtful(p, len(spoke) + silent, 0.1)
    assert not found[~np.isfinite(p)].any()
    if len(spoke):
        adjusted = false_discovery_control([*spoke, *[1.0] * silent], method="bh")[: len(spoke)]
        far = np.abs(adjusted - 0.1) > 1e-12  # where rounding does not decide
        assert (~found[np.isfinite(p)])[far].tolist() == (adjusted <= 0.1)[far].tolist()


def test_silences_hold_for_rule_entity_and_chain_in_their_months() -> None:
    nodes = [alert("C1/a", kind="node"), alert("C2/a", kind="node")]
    rows = pd.DataFrame([alert("A"), alert("B"), alert("C1", kind="chain"), alert("A", rule="stop"), *nodes])
    for target, hit in (
        ({"entity": "A"}, [1, 0, 0, 1, 0, 0]), ({"entity": "A", "rule": "stop"}, [0, 0, 0, 1, 0, 0]),
        ({"chain": "C1"}, [1, 0, 1, 1, 1, 0]), ({"entity": "C1"}, [0, 0, 1, 0, 0, 0]),
        ({"rule": "output_drop"}, [1, 1, 1, 0, 1, 1]), ({"entity_kind": "chain"}, [0, 0, 1, 0, 0, 0]),
    ):  # fmt: skip
        held = silenced_by(rows, silence("2026-09", "2026-10", **target), FIRMS, NOW)
        assert (held == "S1").astype(int).tolist() == hit
    for first, last in (("2026-11", "2026-12"), ("2026-01", "2026-09")):
        assert not silenced_by(rows, silence(first, last, rule="stop"), FIRMS, NOW).any()


def test_a_silence_is_announced_once_it_is_over() -> None:
    held = silence("2026-08", "2026-09", entity="A")
    assert [len(expired(held, month)) for month in (NOW - 1, NOW, NOW + 1)] == [0, 1, 0]
    assert parts(alert("A"), silences=silence("2026-10", "2026-10", entity="A")) == ["silenced"]
    assert parts(alert("A"), silences=held) == ["mailed"]
    ended = silence("2026-10", "2026-09", entity="A")
    assert not len(expired(ended, NOW)), "one ended before it began was never one"
