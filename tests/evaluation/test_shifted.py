"""The bench of simulated level shifts: what it puts in is where it says, and the scores are what they should be."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from qxmonitor.cli import cli
from qxmonitor.evaluation import shifted
from qxmonitor.evaluation.shifted import APART, KINDS, samples, score
from qxmonitor.signals.level_shift import Shifts

MONTHS = 84


def _knowing(each: int, seed: int) -> list[shifted.Sample]:
    return samples(each, seed, (MONTHS,))


def test_every_kind_is_there_without_shifts_and_with() -> None:
    drawn = _knowing(2, 1)
    assert {sample.kind for sample in drawn} == set(KINDS)
    for sample in drawn:
        assert sample.values.shape == (2, MONTHS) and np.isfinite(sample.values).all(), sample.kind
        for places in sample.places:
            ends = np.diff([0, *places, MONTHS])
            assert (ends >= APART).all()
    plain = [sample for sample in drawn if not sample.places[0]]
    assert [sample.kind for sample in plain] == list(KINDS)
    assert "walk" not in {sample.kind for sample in drawn if sample.places[0]}
    again = _knowing(2, 1)
    assert all(np.array_equal(one.values, other.values) for one, other in zip(drawn, again, strict=True))


def test_who_knows_scores_one_and_who_is_silent_as_never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shifted, "LENGTHS", (MONTHS,))
    drawn = iter(_knowing(3, 2))
    monkeypatch.setattr(shifted, "samples", lambda each, seed: _knowing(each, seed))

    def knowing(_: np.ndarray) -> Shifts:
        places = next(drawn).places
        rows = [row for row, mine in enumerate(places) for _ in mine]
        month = [place for mine in places for place in mine]
        nothing = np.zeros(len(rows))
        return Shifts(np.array(rows, dtype=np.int64), np.array(month, dtype=np.int64), nothing, nothing)

    whole = score(3, 2, knowing)[-1]
    assert (whole["kind"], whole["false"], whole["f1"], whole["none"]) == ("all", 0.0, 1.0, 1.0)
    assert 0.4 < whole["never"] < 0.7
    empty = np.zeros(0, dtype=np.int64)
    silent = score(3, 2, lambda _: Shifts(empty, empty, np.zeros(0), np.zeros(0)))[-1]
    assert silent["f1"] == silent["never"] == whole["never"]


def test_without_a_path_the_command_tells_of_simulated_series(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"kind": "walk", "false": 0.02, "f1": None, "never": None, "none": 0.99},
            {"kind": "all", "false": 0.01, "f1": 0.7, "never": 0.5, "none": 0.99}]  # fmt: skip
    asked = []
    monkeypatch.setattr(shifted, "score", lambda each, seed: asked.append((each, seed)) or rows)
    said = CliRunner().invoke(cli, ["evaluate", "changepoints", "--each", "3", "--seed", "9"])
    assert said.exit_code == 0 and asked == [(3, 9)]
    assert said.stdout.splitlines() == [
        "walk：无突变的序列误报 2.0%",
        "all：无突变的序列误报 1.0%，有突变的序列 F1 0.700（不报 0.500）",
    ]


@pytest.mark.long
def test_the_shipped_detector_on_the_bench(monkeypatch: pytest.MonkeyPatch) -> None:
    """On seeds other than those it was chosen on: ahead of silence, and seldom wrong."""
    monkeypatch.setattr(shifted, "samples", lambda each, seed: samples(each, seed, (MONTHS, 240)))
    *kinds, whole = score(10, 777)
    assert whole["f1"] > whole["never"] + 0.1
    assert whole["false"] <= 0.03 and max(row["false"] for row in kinds) <= 0.1
