from __future__ import annotations

import json

import numpy as np

from qxmonitor.signals.evidence import evidence, extend


def test_numbers_are_rounded_missing_ones_left_out_and_the_text_is_json() -> None:
    texts = evidence(3, {
        "basis": "month", "growth": np.array([-0.123456789, np.nan, 1e-7]), "months": np.array([1, 2, 3]),
        "who": np.array(["a", None, "c"], dtype=object), "current": np.array([1e12, -0.0, 123456.5]),
    })  # fmt: skip
    assert [json.loads(t) for t in texts] == [
        {"basis": "month", "growth": -0.123457, "months": 1, "who": "a", "current": 1e12},
        {"basis": "month", "months": 2, "current": 0},
        {"basis": "month", "growth": 0, "months": 3, "who": "c", "current": 123456.5},
    ]
    assert not any(" " in t for t in texts)


def test_extending_keeps_what_was_there() -> None:
    texts = np.array(["{}", '{"a":1}'], dtype=object)
    longer = extend(texts, {"b": np.array([2, 3])})
    assert [json.loads(t) for t in longer] == [{"b": 2}, {"a": 1, "b": 3}]
    assert len(extend(texts[:0], {"b": np.array([])})) == 0
