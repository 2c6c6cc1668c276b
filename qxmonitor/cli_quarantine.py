"""The commands of the quarantine: export, decisions on identity, withdrawal of files."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from qxmonitor.terminal import PERIOD, TIME, Row, answer, as_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from qxmonitor.warehouse import Warehouse


def _decision(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a decision: who, why, and from when on."""
    for option in (
        as_json,
        click.option("--known-at", type=TIME, default=None, help="From when on it counts; default now."),
        click.option("--why", required=True, help="The reason, kept."),
        click.option("--who", required=True, help="Who decides."),
    ):
        command = option(command)
    return command


@click.group()
def quarantine() -> None:
    """Work with the rows that were refused."""


@quarantine.command()
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--feed", default=None)
@click.option("--period", type=PERIOD, default=None)
@click.option("--rule", default=None)
@click.option("--value-free", is_flag=True, help="For operators: where and why, no contents, no firms.")
@as_json
def export(out: Path, json_out: bool, **filters: Any) -> None:
    """Write the quarantine as a workbook, one row a reason; it holds values: statistical channel only."""
    from qxmonitor import quarantine as work

    def line(row: Row) -> str:
        return f"已写出 {row['rows']} 条：{row['path']}"

    answer(lambda wh: ([work.export(wh, out, **filters)], True), json_out, line)


@click.group()
def fix() -> None:
    """Decide how something is to be read; never a value."""


@fix.command()
@click.argument("subject")
@click.argument("uscc")
@_decision
def identity(subject: str, uscc: str, who: str, why: str, known_at: datetime | None, json_out: bool) -> None:
    """Let SUBJECT (name:…, customs:…, org:…) mean the firm USCC; '' instead of a code revokes."""
    from qxmonitor import quarantine as work

    def decide(wh: Warehouse) -> tuple[list[Row], bool]:
        return [work.fix_identity(wh, subject, uscc, who=who, why=why, known_at=known_at)], True

    answer(decide, json_out, lambda row: f"已记录：{row['target']} → {row['value'] or '（撤销）'}")


def _ruled(row: Row) -> str:
    said = f"已记录：{row['target']} → {row['value'] or '（撤销）'}"
    return f"{said}；重读 {row['files']} 份文件，放行 {row['released']} 行，仍隔离 {row['rejected']} 行"


@fix.command()
@click.argument("file")
@click.argument("item")
@click.argument("unit")
@_decision
def unit(file: str, item: str, unit: str, who: str, why: str, known_at: datetime | None, json_out: bool) -> None:
    """Let ITEM ('*': the whole sheet) of FILE (sha256 or path) be given in UNIT; '' instead of a unit revokes."""
    from qxmonitor import quarantine as work

    def decide(wh: Warehouse) -> tuple[list[Row], bool]:
        return [work.fix_unit(wh, file, item, unit, who=who, why=why, known_at=known_at)], True

    answer(decide, json_out, _ruled)


@fix.command()
@click.argument("form")
@click.argument("heading")
@click.argument("meaning")
@_decision
def mapping(form: str, heading: str, meaning: str, who: str, why: str, known_at: datetime | None,
            json_out: bool) -> None:  # fmt: skip
    """Let the unknown HEADING of FORM mean an item or heading it knows, or 'ignore'; '' revokes."""
    from qxmonitor import quarantine as work

    def decide(wh: Warehouse) -> tuple[list[Row], bool]:
        return [work.fix_mapping(wh, form, heading, meaning, who=who, why=why, known_at=known_at)], True

    answer(decide, json_out, _ruled)


def _flag(kind: Any, summary: str) -> click.Command:
    @click.command(name=kind, help=summary)
    @click.argument("file")
    @_decision
    def command(file: str, who: str, why: str, known_at: datetime | None, json_out: bool) -> None:
        from qxmonitor import quarantine as work

        def decide(wh: Warehouse) -> tuple[list[Row], bool]:
            return [work.flag(wh, file, kind, who=who, why=why, known_at=known_at)], True

        words = {"withdraw": "已撤回", "reinstate": "已恢复"}[kind]
        answer(decide, json_out, lambda row: f"{words}：{row['file']}（{row['sha256'][:12]}）")

    return command


withdraw = _flag("withdraw", "Let a file (sha256 or path) count no more from a time on; nothing is deleted.")
reinstate = _flag("reinstate", "Let a withdrawn file count again.")

COMMANDS = (quarantine, fix, withdraw, reinstate)
