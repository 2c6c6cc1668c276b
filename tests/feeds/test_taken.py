"""Many small messages read together: each gives what it gives alone, and a bad one costs no other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from qxmonitor import feeds, intake
from qxmonitor.errors import Refused
from qxmonitor.feeds import bonded
from qxmonitor.feeds.base import Batch
from tests.fuzz import messages

REFUSED = 7
"""Three before the messages, three after, and a client's ledger, which does not say when it was sent."""


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Messages of every type, and between them what no feed takes or a feed refuses."""
    other = [
        ("empty", b""),
        ("web page", b"<html></html>"),
        ("no goods", b"<SasStockMessage><a>1</a></SasStockMessage>"),
    ]
    paths = []
    for number, (name, data) in enumerate([*other, *messages.every(), *other]):
        paths.append(tmp_path / f"{number:03} {name}")
        paths[-1].write_bytes(data)
    return paths


def frames(batch: Batch) -> dict[str, pd.DataFrame]:
    return batch.tables | {"lines": batch.lines, "rejects": batch.rejects, "control": batch.control}


def test_together_is_as_alone(files: list[Path]) -> None:
    read = 0
    for path, found in zip(files, feeds.read_files(files), strict=True):
        if isinstance(found, Exception):
            with pytest.raises(type(found), match=str(found)):
                feeds.read_file(path)
            continue
        alone = feeds.read_file(path)
        said = (found.feed, found.form, found.period, found.origin, found.notes, found.cells)
        assert said == (alone.feed, alone.form, alone.period, alone.origin, alone.notes, alone.cells)
        assert frames(found).keys() == frames(alone).keys()
        for name, frame in frames(alone).items():
            pd.testing.assert_frame_equal(frames(found)[name], frame)
        read += 1
    assert read == len(files) - REFUSED


def test_a_readers_own_fault_costs_one_file(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    whole, faults = bonded.take, iter([True])

    def take(opened: feeds.Opened) -> object:
        if next(faults, False):
            raise KeyError("a fault")
        return whole(opened)

    monkeypatch.setattr(bonded, "take", take)
    outcomes = intake.read_kept(files)
    refused = [str(outcome) for outcome in outcomes if isinstance(outcome, Refused)]
    assert len(refused) == REFUSED + 1
    assert sum("读取程序出错" in words for words in refused) == 1
