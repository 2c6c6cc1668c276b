"""A warehouse whose landing folder is watched, and files that arrive there as senders write them."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from qxmonitor.period import SHANGHAI
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse

NOW = datetime(2026, 11, 18, 10, tzinfo=SHANGHAI)
QUIET = 0.4
"""Seconds; the writers of these tests never pause for so long while they write."""


@pytest.fixture
def wh(new_database: Callable[[], Settings]) -> Iterator[Warehouse]:
    """An open, empty warehouse; a file must have been still for a moment."""
    with Warehouse(replace(new_database(), fixed_now=NOW, quiet=QUIET)) as opened:
        opened.settings.landing_dir.mkdir(parents=True)
        yield opened


WRITER = """
import os, sys, time
path, begin, end, pause, set_back = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
with open(path, "ab" if begin else "wb") as stream:
    for number in range(begin, end):
        stream.write(b"%08d\\n" % number)
        stream.flush()
        if set_back:
            os.utime(path, (1_700_000_000, 1_700_000_000))
        if number == begin:
            print("writing", flush=True)
        time.sleep(pause)
"""


def writer(
    path: Path, *, begin: int = 0, end: int = 100, pause: float = 0.02, set_back: bool = False
) -> subprocess.Popen[bytes]:
    """A process that writes numbered lines slowly; it has begun when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, path, str(begin), str(end), str(pause), "x" if set_back else ""],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    with process.stdout as said:
        assert said.readline() == b"writing\n"
    return process


def lines(end: int) -> bytes:
    """What the writer has written in the end."""
    return b"".join(b"%08d\n" % number for number in range(end))


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """``ulimit -f``: no file of this process may grow beyond so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
