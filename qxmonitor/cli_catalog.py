"""The commands about the catalogue: the method handbook."""

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
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--period", type=PERIOD, default=None, help="Month of the examples; default the newest that was run.")
@known_at_option
@as_json
def catalog(out: Path, period: Period | None, known_at: datetime | None, json_out: bool) -> None:
    """Write the method handbook (指标手册): every indicator, its formula, source and an example; html and Word."""
    from qxmonitor import handbook

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        return handbook.write(wh, out, period, known_at=known_at), True

    def line(row: Row) -> str:
        return f"{row['path']}：{row['indicators']} 个指标，示例月份 {row['period'] or '无'}"

    answer(work, json_out, line)


COMMANDS = (catalog,)
