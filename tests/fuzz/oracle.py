"""What must hold for every input, whoever wrote it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from qxmonitor.errors import Refused
from qxmonitor.feeds.base import REJECT_COLUMNS, WHOSE, Batch
from tests.fuzz.seeds import Seed

OPEN_LINES = {("b204_1", "firm"), ("reference", "reference")}
"""Forms with accepted lines that are no row of a table: a firm's form is one row made of many lines, and a gap in a
series is read and no fact."""
OF_MESSAGES = {"bonded_status", "bonded_pocket"}
"""Tables whose rows tell of a message as a whole and stand at none of its lines; an answer without goods is one line,
and the events it tells are what became of it."""
_WORDS_OF_NOTHING = {"nan", "None", "NaT", "<NA>", "inf", "-inf"}
_CHINESE = re.compile("[\u4e00-\u9fff]")
_ONE_LINE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]")
_RULE = re.compile(r"[a-z_]+\.[a-z_]+")
_PERIOD = re.compile(r"\d{4}(?:-(?:0[1-9]|1[0-2]|Q[1-4]))?")
_LONGEST_LINE = 300


def broken(outcome: Batch | Refused, private: set[str], columns: dict[str, list[str]] | None = None) -> Iterator[str]:
    """What does not hold, in words that are the same for the same defect."""
    if isinstance(outcome, Refused):
        yield from _line(str(outcome), "refusal")
        if any(word in str(outcome) for word in private):
            yield "person in a refusal"
        return
    yield from _accounting(outcome)
    yield from _texts(outcome)
    yield from _tables(outcome, columns or {})
    if private:
        said = _everything(outcome)
        if any(word in said for word in private):
            yield f"person: {outcome.feed} {_where(outcome, private)}"


def same(one: Batch | Refused, two: Batch | Refused) -> bool:
    """Whether two readings of the same bytes agree."""
    if isinstance(one, Refused) or isinstance(two, Refused):
        return isinstance(one, Refused) and isinstance(two, Refused) and str(one) == str(two)
    frames = [(one.lines, two.lines), (one.rejects, two.rejects), (one.control, two.control)]
    frames += [(one.tables[name], two.tables[name]) for name in one.tables.keys() & two.tables.keys()]
    return (
        one.tables.keys() == two.tables.keys()
        and all(left.equals(right) for left, right in frames)
        and (one.feed, one.form, one.period, one.cells, one.origin, one.notes)
        == (two.feed, two.form, two.period, two.cells, two.origin, two.notes)
    )


def _line(text: str, what: str) -> Iterator[str]:
    if _ONE_LINE.search(text):
        yield f"{what}: more than one line, or a control character"
    if not _CHINESE.search(text):
        yield f"{what}: not Chinese"
    if not 0 < len(text) <= _LONGEST_LINE:
        yield f"{what}: empty or too long"


def _pairs(frame: pd.DataFrame) -> list[tuple[str, int]]:
    return list(zip(frame["sheet"].tolist(), frame["row"].tolist(), strict=True))


def _accounting(batch: Batch) -> Iterator[str]:
    key = f"{batch.feed}/{batch.form}"
    every = _pairs(batch.lines)
    lines, rejected, control = set(every), set(_pairs(batch.rejects)), set(_pairs(batch.control))
    if batch.rows_read != batch.accepted + len(rejected) or batch.accepted < 0:
        yield f"accounting: {key}: the sum"
    facts = {pair for name, frame in batch.tables.items() if name not in OF_MESSAGES for pair in _pairs(frame)}
    if len(lines) != len(every):
        yield f"accounting: {key}: a line twice"
    if len(control) != len(batch.control):
        yield f"accounting: {key}: a control line twice"
    for name, some in (("rejects", rejected), ("control", control), ("tables", facts)):
        if some - lines:
            yield f"accounting: {key}: {name} beside the lines"
    if rejected & control or rejected & facts or control & facts:
        yield f"accounting: {key}: a line in two places"
    answer = batch.feed == "bonded_receipt" and len(batch.tables.get("bonded_status", ())) > 0
    if (
        lines - rejected - control - facts
        and not (answer and len(lines) == 1)
        and (batch.feed, batch.form) not in OPEN_LINES
    ):
        yield f"accounting: {key}: a line nowhere"
    if any(not 0 < row < 2**31 for _, row in lines):
        yield f"accounting: {key}: a row number that fits nowhere"
    if list(batch.rejects.columns) not in (REJECT_COLUMNS, [*REJECT_COLUMNS, *WHOSE]):
        yield f"accounting: {key}: columns of rejects"


def _texts(batch: Batch) -> Iterator[str]:
    for note in batch.notes:
        yield from _line(note, "note")
    if len(batch.rejects):
        for reason in batch.rejects["reason"].drop_duplicates().tolist():
            yield from _line(str(reason), "reason")
        if not all(_RULE.fullmatch(str(rule)) for rule in batch.rejects["rule"].drop_duplicates().tolist()):
            yield "rule: no id"
        if max(len(str(raw)) for raw in batch.rejects["raw"].tolist()) > 4000:
            yield "raw: too long"
        if not all(
            word == word and word is not None for name in REJECT_COLUMNS for word in batch.rejects[name].tolist()
        ):
            yield "rejects: something missing"
    if len(batch.control) and max(map(len, batch.control["text"].tolist())) > 300:
        yield "control: too long"
    if batch.period is not None and not _PERIOD.fullmatch(str(batch.period)):
        yield "period: none"


def _tables(batch: Batch, columns: dict[str, list[str]]) -> Iterator[str]:
    for name, frame in batch.tables.items():
        if name in columns and list(frame.columns) != columns[name]:
            yield f"table {name}: other columns"
        for column in frame.columns:
            cells = frame[column]
            if cells.dtype.kind == "f":
                if np.isinf(cells.to_numpy()).any():
                    yield f"table {name}: infinite {column}"
            elif (cells.dtype == object or cells.dtype.kind not in "iufbM") and len(cells):
                words = set(cells.dropna().tolist())
                if words & _WORDS_OF_NOTHING:
                    yield f"table {name}: {column} says nan"
                if column == "period" and not all(_PERIOD.fullmatch(str(word)) for word in words):
                    yield f"table {name}: period"
            try:
                pa.array(cells, from_pandas=True)
            except (pa.ArrowException, ValueError, TypeError):
                yield f"table {name}: mixed {column}"


def _everything(batch: Batch) -> str:
    words: list[str] = [*batch.notes, *batch.cells]
    for frame in (*batch.tables.values(), batch.rejects, batch.control):
        for column in frame.columns:
            if frame[column].dtype.kind not in "iufb":
                words += map(str, frame[column].tolist())
    return "\n".join(words)


def _where(batch: Batch, private: set[str]) -> str:
    frames = {**batch.tables, "rejects": batch.rejects, "control": batch.control}
    for name, frame in frames.items():
        for column in frame.columns:
            if any(word in str(cell) for cell in frame[column].tolist() for word in private):
                rule = f" {frame['rule'].iloc[0]}" if name == "rejects" else ""
                return f"in {name}.{column}{rule}"
    return "in a note"


__all__ = ["Seed", "broken", "same"]
