"""Lists for departments: those of clause 7 for 商务局, and the growth ladder with the evaluation of firms."""

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


@click.command("evaluate-firms")
@click.argument("period", type=PERIOD)
@click.option("--for", "reader", required=True, help="The department: gxj or swj.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="The .xlsx to write.")
@known_at_option
@as_json
def evaluate_firms(period: Period, reader: str, out: Path, known_at: datetime | None, json_out: bool) -> None:
    """Write the growth ladder and the scores of firms for a department, with reasons; returns are never used."""
    from qxmonitor import assessment

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        return assessment.write(wh, period, reader, out, known_at=known_at), True

    def line(row: Row) -> str:
        if row["list"] == "ladder":
            return f"[{row['step']}·{row['state']}] {row['name']}  {row['reason']}"
        if row["rank"] is None:
            return f"[不评分] {row['name']}  {row['reason']}"
        ends = f"第{row['rank']:.0f}名（{row['best']:.0f}—{row['worst']:.0f}）"
        return f"[评价 {row['class'] or '不分类'}] {row['name']}  {row['score']:.1f}分  {ends}  {row['reason']}"

    answer(work, json_out, line)


COMMANDS = (support_lists, evaluate_firms)
