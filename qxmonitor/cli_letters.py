"""The commands of letters to firms: writing them for a month, noting what was answered."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from qxmonitor.period import Period
from qxmonitor.terminal import PERIOD, TIME, Row, answer, as_json, known_at_option


class _Letters(click.Group):
    """``letters PERIOD`` writes; ``letters answer NUMBER`` is a command of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["write", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Letters)
def letters() -> None:
    """Letters to firms about doubtful figures and late returns; to write them: letters PERIOD --out DIR."""


@letters.command()
@click.argument("period", type=PERIOD)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--kind", type=click.Choice(["query", "urge"]), default=None, help="Default: both.")
@known_at_option
@as_json
def write(period: Period, out: Path, kind: str | None, known_at: datetime | None, json_out: bool) -> None:
    """Write the letters of a month and their index; they hold returns: statistical channel only."""
    from qxmonitor import letters as work
    from qxmonitor.delivery.letters import KINDS

    def line(row: Row) -> str:
        if not row["letters"]:
            return f"{row['period']}：无需发函"
        return f"{row['period']}：新发 {row['new']} 封，共 {row['letters']} 封，位于 {row['path']}"

    kinds = (kind,) if kind else tuple(KINDS)
    answer(lambda wh: ([work.issue(wh, period, out, kinds=kinds, known_at=known_at)], True), json_out, line)


@letters.command(name="answer")
@click.argument("number")
@click.option("--text", required=True, help="What the firm answered, kept.")
@click.option("--who", required=True, help="Who answered.")
@click.option("--verified", is_flag=True, help="The figures are right as they stand.")
@click.option("--known-at", type=TIME, default=None, help="Since when it is known; default now.")
@as_json
def answer_(number: str, text: str, who: str, verified: bool, known_at: datetime | None, json_out: bool) -> None:
    """Note a firm's answer to a letter; answers are added, never changed."""
    from qxmonitor import letters as work

    answer(
        lambda wh: ([work.answer(wh, number, text=text, who=who, verified=verified, known_at=known_at)], True),
        json_out,
        lambda row: f"已记录：{row['number']}",
    )


COMMANDS = (letters,)
