"""The commands that say why output grew."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from qxmonitor.period import Period
from qxmonitor.terminal import PERIOD, Row, answer, as_json, known_at_option

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse


@click.command()
@click.argument("period", type=PERIOD)
@click.option("--entity", default="town", show_default=True, help="town, chain:ID or industry:NN.")
@click.option("--basis", type=click.Choice(["month", "cumulative"]), default="cumulative", show_default=True)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="A .png or .xlsx to write.")
@known_at_option
@as_json
def decompose(
    period: Period,
    entity: str,
    basis: Literal["month", "cumulative"],
    out: Path | None,
    known_at: datetime | None,
    json_out: bool,
) -> None:
    """Take growth apart: same firms, entry, exit, moves, missing returns, restated bases; and who pulled how much."""
    from qxmonitor import growth

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        if out is not None:
            growth.write(wh, period, out, entity=entity, basis=basis, known_at=known_at)
        return growth.rows(wh, period, entity=entity, basis=basis, known_at=known_at), True

    answer(work, json_out, _line)


@click.command()
@click.argument("period", type=PERIOD)
@click.option("--entity", default="town", show_default=True, help="town, chain:ID or industry:NN.")
@known_at_option
@as_json
def seasonal(period: Period, entity: str, known_at: datetime | None, json_out: bool) -> None:
    """Adjust output for season and Spring Festival, January and February together, up to a month."""
    from qxmonitor import growth

    def line(row: Row) -> str:
        if row["adjusted"] is None:
            return f"{row['period']}  {row['reason']}"
        change = "" if row["change"] is None else f"  环比 {row['change']:+.1%}"
        return f"{row['period']}  {row['original']:,.0f} 千元/月  季调后 {row['adjusted']:,.0f}{change}"

    answer(lambda wh: (growth.seasonal(wh, period, entity=entity, known_at=known_at), True), json_out, line)


def _line(row: Row) -> str:
    if row["amount"] is None and row["points"] is not None:
        return f"{row['name']}  {row['points']:+.2f}%"
    if row["amount"] is None:
        return f"{row['name']}  {row['reason']}"
    points = "" if row["points"] is None else f"  {row['points']:+.2f} 个百分点"
    firms = "" if row["firms"] is None else f"  {row['firms']} 家"
    reason = f"  {row['reason']}" if row["reason"] else ""
    name = {"chain": "产业链 ", "industry": "行业 "}.get(row["entity_kind"], "") if row["what"] == "pull" else ""
    return f"{name}{row['name']}  {row['amount']:,.2f} 千元{points}{firms}{reason}"


COMMANDS = (decompose, seasonal)
