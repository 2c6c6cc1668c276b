"""Runs inputs in a child with limits, and counts what came of them."""

from __future__ import annotations

import gc
import json
import os
import random
import resource
import select
import signal
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import FrameType
from typing import Any

import pyarrow as pa

from qxmonitor import feeds, quality
from qxmonitor.errors import Refused
from qxmonitor.feeds.base import Batch
from qxmonitor.period import SHANGHAI
from tests.fuzz import blobs, oracle, seeds
from tests.fuzz.seeds import Seed

SECONDS = 5
"""Of processor time for one input; a wait of a minute ends the child."""
MEMORY = 1 << 30
"""What a child may take beyond what it began with."""
WAIT = 60
_NOW = datetime(2026, 11, 20, 9, 0, tzinfo=SHANGHAI)
_CHECKED = 40


@dataclass
class Tally:
    """What came of a campaign."""

    inputs: int = 0
    read: int = 0
    at_rows: int = 0
    checked: int = 0
    readers: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, -1)
    peak: float = 0.0
    seconds: float = 0.0
    findings: dict[str, list[int]] = field(default_factory=dict)

    def summary(self) -> str:
        """One line."""
        readers = ", ".join(f"{name} {count}" for name, count in self.readers.most_common())
        share = 100 * self.at_rows / max(self.inputs, 1)
        return (
            f"{self.inputs} inputs, {self.read} read, {share:.0f} % at row level, {self.checked} validated "
            f"({readers}); "
            f"slowest {self.slowest[0]:.2f} s (no. {self.slowest[1]}), peak {self.peak:.0f} MiB, "
            f"{self.seconds:.0f} s; findings: {len(self.findings)}"
        )

    def add(self, line: dict[str, Any]) -> None:
        """Count one line of a child's report."""
        number = int(line["n"])
        for words in line.get("bad", ()):
            self.findings.setdefault(words, []).append(number)
        if "checked" in line:
            self.checked += line["checked"]
            return
        self.inputs += 1
        self.peak = max(self.peak, line["peak"])
        self.slowest = max(self.slowest, (line["s"], number))
        if line["feed"]:
            self.read += 1
            self.at_rows += line["rows"] > 0
            self.readers[line["feed"]] += 1
        else:
            self.reasons[line.get("why", "")[:16]] += 1


def make(planted: list[Seed], seed: int, number: int) -> tuple[bytes, bool, str, Seed]:
    """Input ``number``: bytes, whether persons stand where they are named, how it was made, and from what."""
    rng = random.Random(f"{seed}:{number}")
    one = rng.choices(planted, [each.weight for each in planted])[0]
    data, named, how = blobs.case(rng, one)
    return data, named, how, one


def campaign(seed: int, first: int, count: int, limit: float = 0, out: Path | None = None) -> Tally:
    """Run inputs ``first`` to ``first + count``; findings are kept in ``out``."""
    pa.set_cpu_count(1)
    planted = seeds.plant()
    gc.collect()
    gc.freeze()
    tally, begin, at = Tally(), time.monotonic(), first
    while at < first + count and not (limit and time.monotonic() - begin > limit):
        left = limit - (time.monotonic() - begin) if limit else 0
        at = _child(planted, seed, at, first + count, left, tally)
    tally.seconds = time.monotonic() - begin
    if out and tally.findings:
        out.mkdir(parents=True, exist_ok=True)
        for words, numbers in tally.findings.items():
            for number in numbers[:2]:
                data, _, how, one = make(planted, seed, number)
                (out / f"{seed}-{number}.bin").write_bytes(data)
                (out / f"{seed}-{number}.txt").write_text(f"{words}\n{one.name}\n{how}\n", encoding="utf-8")
    return tally


def _child(planted: list[Seed], seed: int, at: int, end: int, limit: float, tally: Tally) -> int:
    """Run inputs in a child until all are done, time is up or it dies; returns the number to go on with."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 on: Arrow's idle threads; the child makes its own
        child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reader)
            _work(planted, seed, at, end, limit, writer)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    rest, doing = b"", at
    why = "the child died"
    while True:
        if not select.select([reader], [], [], WAIT)[0]:
            why = f"no answer in {WAIT} s"
            os.kill(child, signal.SIGKILL)
        piece = os.read(reader, 1 << 16)
        if not piece:
            break
        *whole, rest = (rest + piece).split(b"\n")
        for raw in whole:
            line = json.loads(raw)
            tally.add(line)
            if "checked" not in line:
                doing = line["n"] + 1
    os.close(reader)
    _, status = os.waitpid(child, 0)
    if os.waitstatus_to_exitcode(status) == 0:
        return doing if limit else end
    tally.findings.setdefault(f"{why} ({os.waitstatus_to_exitcode(status)})", []).append(doing)
    tally.inputs += 1
    return doing + 1


def _work(planted: list[Seed], seed: int, at: int, end: int, limit: float, report: int) -> None:
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _late)
    begin = time.monotonic()
    waiting: list[tuple[int, Batch, set[str]]] = []
    for number in range(at, end):
        if limit and time.monotonic() - begin > limit:
            break
        data, named, _, one = make(planted, seed, number)
        private = one.private if named else set()
        start = time.process_time()
        outcome, bad = attempt(data, private, one.columns, again=number % 16 == 0)
        line: dict[str, Any] = {"n": number, "s": round(time.process_time() - start, 4), "feed": "", "rows": 0,
                                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}  # fmt: skip
        if isinstance(outcome, Batch):
            line |= {"feed": f"{outcome.feed}/{outcome.form}", "rows": outcome.rows_read}
            if number % 8 == 0 and outcome.rows_read:
                waiting.append((number, outcome, private))
        elif outcome is not None:
            line["why"] = str(outcome)
        if bad:
            line["bad"] = bad
        os.write(report, json.dumps(line).encode() + b"\n")
        if len(waiting) >= _CHECKED:
            _check(waiting, report)
            waiting = []
    if waiting:
        _check(waiting, report)


def attempt(
    data: bytes, private: set[str], columns: dict[str, list[str]] | None = None, *, again: bool = False
) -> tuple[Batch | Refused | None, list[str]]:
    """Read one input; what came of it, and what did not hold."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        outcome = _read(data)
        bad = sorted(set(oracle.broken(outcome, private, columns)))
        if again and not oracle.same(outcome, _read(data)):
            bad.append("read twice, two answers")
    except Exception as error:
        return None, [_signature(error)]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return outcome, bad


def _read(data: bytes) -> Batch | Refused:
    try:
        opened = feeds.open_file(data)
        return feeds.sniff(opened).read(opened)
    except Refused as refusal:
        return refusal


def _check(waiting: list[tuple[int, Batch, set[str]]], report: int) -> None:
    """Validate batches together, and one by one where that fails."""
    bad: dict[int, list[str]] = {}
    try:
        judged = quality.check([batch for _, batch, _ in waiting], _NOW)
        for (number, batch, private), outcome in zip(waiting, judged, strict=True):
            found = sorted(set(oracle.broken(outcome, private)))
            if isinstance(outcome, Batch) and outcome.rows_read != batch.rows_read:
                found.append("validation: other lines")
            bad[number] = [f"validated: {words}" for words in found]
    except Exception:
        for number, batch, _ in waiting:
            try:
                quality.check([batch], _NOW)
            except Exception as error:
                bad[number] = ["validated: " + _signature(error)]
    os.write(report, json.dumps({"n": waiting[0][0], "checked": len(waiting)}).encode() + b"\n")
    for number, words in bad.items():
        if words:
            os.write(report, json.dumps({"n": number, "checked": 0, "bad": words}).encode() + b"\n")


class _Late(Exception):
    pass


def _late(_signal: int, _frame: FrameType | None) -> None:
    raise _Late(f"more than {SECONDS} s")


def _signature(error: BaseException) -> str:
    """Type and our own last line, so that one defect is one finding."""
    ours = [step for step in traceback.extract_tb(error.__traceback__) if "/qxmonitor/" in step.filename]
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno} {ours[-1].name}" if ours else "?"
    return f"{type(error).__name__} in {place}"


def show(seed: int, number: int, out: Path | None) -> int:
    """Print what becomes of one input."""
    data, named, how, one = make(seeds.plant(), seed, number)
    print(f"{one.name}, {how}, {len(data)} bytes")
    if out:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{seed}-{number}.bin").write_bytes(data)
    outcome = _read(data)
    print(outcome if isinstance(outcome, Refused) else f"{outcome.feed}/{outcome.form}, {outcome.rows_read} rows")
    bad = sorted(set(oracle.broken(outcome, one.private if named else set(), one.columns)))
    print("\n".join(bad) or "all holds")
    return 1 if bad else 0
