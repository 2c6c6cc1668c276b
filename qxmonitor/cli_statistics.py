"""The commands of the statistics office: who has reported what."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qxmonitor.period import Period
from qxmonitor.terminal import PERIOD, Row, answer, as_json, known_at_option

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse


@click.command()
@click.argument("period", type=PERIOD)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The .xlsx to write.")
@known_at_option
@as_json
def board(period: Period, out: Path, known_at: datetime | None, json_out: bool) -> None:
    """Write the receipts board of a month: a row a firm, a column a form, coloured by state."""
    from qxmonitor import board as receipts

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        return [receipts.write(wh, period, out, known_at=known_at)], True

    def line(row: Row) -> str:
        return f"{row['path']}：{row['firms']} 家企业，逾期未报 {row['late']} 份，退回待改 {row['failed']} 份"

    answer(work, json_out, line)


COMMANDS = (board,)
