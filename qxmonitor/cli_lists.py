"""The lists for 商务局: subsidy per ticket, and firms trading 1 亿元 and more."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qxmonitor.period import Period
from qxmonitor.terminal import PERIOD, Row, answer, as_json, known_at_option

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse


@click.command("support-lists")
@click.argument("period", type=PERIOD)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The .xlsx to write.")
@known_at_option
@as_json
def support_lists(period: Period, out: Path, known_at: datetime | None, json_out: bool) -> None:
    """Write the lists of clause 7 for the year up to a month, from administrative sources, with reasons."""
    from qxmonitor import support

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        return support.write(wh, period, out, known_at=known_at), True

    def line(row: Row) -> str:
        money = "" if row["money"] is None else f"  {row['money']:.2f} 元"
        listed = "列入" if row["listed"] else "不列"
        return f"[{listed}] {row['name']}  {row['figure']:.0f} {row['unit']}{money}  {row['reason']}"

    answer(work, json_out, line)


COMMANDS = (support_lists,)
