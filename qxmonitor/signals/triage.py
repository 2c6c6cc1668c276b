"""Which of a reader's alerts a mail tells, and why not the others: silences, inhibition, news, false discovery, budget.

An alert is news when it was never mailed to the reader, or became due since (:mod:`qxmonitor.signals.fold`); so what
was silenced, explained or over budget last month comes up again by itself, and what goes on unchanged does not.
How sure an alert is goes by the least p of the months it stands: a fall that has become usual is no less certain.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.alerting import alerting
from qxmonitor.catalog.rules import rules
from qxmonitor.period import Period
from qxmonitor.signals.fold import UNANSWERED
from qxmonitor.signals.inhibit import explain
from qxmonitor.signals.silence import silenced_by

MAILED, HELD, EXPLAINED, SILENCED, UNCERTAIN, BUDGET = "mailed", "held", "explained", "silenced", "uncertain", "budget"
_WIDTH = {"town": 0, "chain": 1, "industry": 1, "node": 2}
"""What is wider comes first among alerts of one level; a firm last."""

Floats = npt.NDArray[np.float64]


def triage(
    alerts: pd.DataFrame, mailed: Mapping[str, str], silences: pd.DataFrame, linked: pd.DataFrame, firms: pd.DataFrame,
    judged: Mapping[str, int], period: Period, budget: int,
) -> pd.DataFrame:  # fmt: skip
    """Decide for each alert of a reader what the mail of a month does with it.

    Args:
        alerts: those that hold by the verdict of the month, and that the reader may see.
        mailed: alert id → the newest month whose mail told this reader of it.
        silences: as :func:`qxmonitor.signals.silence.active` takes them.
        linked: as :func:`qxmonitor.signals.inhibit.links` gives them.
        firms: the register, index USCC: chain.
        judged: rule → how many verdicts of the month the reader's alerts were picked from.
        period: the month.
        budget: how many new economic alerts a mail holds.

    Returns:
        The alerts, suppliers in state ``explained``, with ``part`` (mailed, held, explained, silenced, uncertain,
        budget) and ``by`` (the alert or silence that is the reason, else '').
    """
    quiet = silenced_by(alerts, silences, firms, period)
    loud = explain(alerts[quiet == ""], linked)
    found = pd.concat([loud, alerts[quiet != ""]]).reindex(alerts.index)
    proof = [json.loads(text) for text in found["evidence"].astype(str)]
    by = _series([str(p.get("explained_by", "")) for p in proof], found.index)
    last = _series([mailed.get(str(key), "") for key in found["alert_id"]], found.index)
    due = _series([str(p.get("due", period)) for p in proof], found.index)
    news = np.where(last == "", found["state"].isin(UNANSWERED), due > last)
    part = pd.Series(np.where(news, MAILED, HELD), found.index, dtype="object")
    part[found["state"] == "explained"] = EXPLAINED
    part[quiet != ""] = SILENCED
    by[quiet != ""] = quiet[quiet != ""]
    economic = {rule.id for rule in rules().rules if rule.economic}
    fresh = (part == MAILED) & (last == "") & found["rule"].isin(economic)
    scores = np.array([float(p.get("p_least", p.get("p", np.nan))) for p in proof], dtype=np.float64)
    tests = sum(judged.get(rule, 0) for rule in set(found["rule"][fresh & np.isfinite(scores)]))
    part[fresh & doubtful(np.where(fresh, scores, np.nan), tests, alerting().false_discovery)] = UNCERTAIN
    fresh &= part == MAILED
    ranked = found.assign(
        width=np.array([-_WIDTH.get(str(kind), 3) for kind in found["entity_kind"]], dtype=np.int64),
        size=np.array([_size(p) for p in proof], dtype=np.float64),
        long=np.array([float(p.get("alerts", 1)) for p in proof], dtype=np.float64),
    )
    down = ["level", "width", "size", "long"]
    order = ranked[fresh].sort_values([*down, "alert_id"], ascending=[*([False] * len(down)), True])
    part[order.index[budget:]] = BUDGET
    return found.assign(part=part, by=by)


def _series(values: list[str], index: pd.Index) -> pd.Series:
    return pd.Series(np.array(values, dtype=object), index, dtype="object")


def doubtful(p: Floats, tests: int, rate: float) -> npt.NDArray[np.bool_]:
    """Which p values do not stand when false discoveries may be a share ``rate`` (Benjamini & Hochberg 1995, step-up).

    Args:
        p: (n,) p values of what spoke, NaN where a rule gives none; those never are doubtful.
        tests: how many judgements they were picked from, at least as many as there are.
        rate: between 0 and 1.

    >>> doubtful(np.array([0.001, 0.03, np.nan, 0.2]), 4, 0.1).tolist()
    [False, False, False, True]
    """
    has = np.isfinite(p)
    ordered = np.sort(p[has])
    rank = np.arange(1, len(ordered) + 1)
    passed = ordered[ordered <= rate * rank / max(tests, len(ordered), 1)]
    limit = passed[-1] if len(passed) else -np.inf
    return np.asarray(has & (np.nan_to_num(p, nan=-np.inf) > limit))


def _size(proof: Mapping[str, object]) -> float:
    """How large the deviation is: from own expectation, else the adjusted growth, else the growth, else nothing."""
    for name in ("size", "adjusted", "growth"):
        value = proof.get(name)
        if isinstance(value, int | float):
            return abs(float(value))
    return 0.0
