"""What every command shares at the terminal: how words become values, and rows become lines or ``--json``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.settings import Settings, parse_time

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse

Row = dict[str, Any]

as_json = click.option("--json", "json_out", is_flag=True, help="One JSON array on standard output.")


class PeriodType(click.ParamType[Period]):
    """``2026-10`` on the command line."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Period:
        try:
            return Period(value)
        except ValueError:
            self.fail(f"{value!r} 不是月份，应如 2026-10", param, ctx)


class TimeType(click.ParamType[datetime]):
    """A day or a moment; Shanghai's when it has no offset."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return parse_time(value)
        except QxError as error:
            self.fail(str(error), param, ctx)


PERIOD, TIME = PeriodType(), TimeType()
known_at_option = click.option("--known-at", type=TIME, default=None, help="Only what was known then.")


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """The warehouse of the environment, migrated."""
    from qxmonitor.warehouse import Warehouse

    with reported(), Warehouse(Settings.from_env()) as wh:
        wh.init()
        yield wh


@contextmanager
def reported(json_out: bool = False) -> Iterator[None]:
    """An error a person can act on becomes one line and exit code 1."""
    try:
        yield
    except QxError as error:
        if json_out:
            click.echo("[]")
        click.echo(f"错误：{error}", err=True)
        sys.exit(1)
    except OSError as error:  # a full disk, a folder that cannot be made or written
        if error.filename is None:
            raise
        if json_out:
            click.echo("[]")
        click.echo(f"错误：文件或文件夹无法使用：{error.filename}（{error.strerror}）", err=True)
        sys.exit(1)


def answer(work: Callable[[Warehouse], tuple[list[Row], bool]], json_out: bool, line: Callable[[Row], str]) -> None:
    """Do the work on the warehouse, print its rows, and end with 1 unless all went well."""
    from qxmonitor.warehouse import Warehouse

    with reported(json_out), Warehouse(Settings.from_env()) as wh:
        wh.init()
        rows, fine = work(wh)
        print_rows(rows, json_out, line)
    if not fine:
        sys.exit(1)


def cell(value: Any) -> str:
    """A value of a listing as a person reads it: lists joined, nothing as a dash, whole numbers without a point.

    >>> cell(["甲", "乙"]), cell(None), cell(2.0)
    ('甲；乙', '-', '2')
    """
    if isinstance(value, list):
        return "；".join(map(str, value)) or "-"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "-" if value in (None, "") else str(value)


def spot(sheet: Any, place: Any) -> str:
    """A place in a file as ``sheet!C5``; a csv has no sheets.

    >>> spot("财务状况", "I28"), spot("", "L12")
    ('财务状况!I28', 'L12')
    """
    return f"{sheet}!{place}" if sheet else str(place)


def print_rows(rows: Sequence[Row], json_out: bool, line: Callable[[Row], str]) -> None:
    """Print rows as lines, or as the one array."""
    if json_out:
        click.echo(json.dumps(rows, ensure_ascii=False, default=str, allow_nan=False))
        return
    if not rows:
        click.echo("（没有可列的内容）", err=True)
    for row in rows:
        click.echo(line(row))
