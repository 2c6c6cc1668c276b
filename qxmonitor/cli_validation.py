"""The commands about data quality: findings of a month, reconciliation between sources, Data Docs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qxmonitor.period import Period
from qxmonitor.terminal import PERIOD, Row, answer, as_json, known_at_option, spot

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse


@click.command()
@click.argument("period", type=PERIOD)
@known_at_option
@click.option("--values", is_flag=True, help="With the figures on both sides; for the statistics office only.")
@as_json
def check(period: Period, known_at: datetime | None, values: bool, json_out: bool) -> None:
    """Check a month across rows, files and months: findings with the cells on both sides, nothing rejected."""
    from qxmonitor import letters

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        found = letters.check(wh, period, known_at=known_at, values=values)
        asked = letters.counts(wh, period, known_at=known_at)
        if asked["issued"] and not json_out:
            click.echo("函件：发出{issued}、已答复{answered}（核实{verified}）、已更正或补报{refiled}、"
                       "待答复{open}".format(**asked))  # fmt: skip
        return found, True

    def line(row: Row) -> str:
        mark = {"critical": "严重", "warning": "提示"}[row["severity"]]
        places = ((row[f"{side}sheet"] if row[f"{side}row"] else "", row[f"{side}cell"]) for side in ("", "other_"))
        here, there = (spot(*place) for place in places)  # a total's places name their sheets
        there = there if row["other_file"] == row["file"] else f"{row['other_file']} {there}"  # a file is named once
        shown = [row.get("value"), row.get("other_value")]
        figures = f"  {shown[0]} / {shown[1]}" if shown != [None, None] else ""
        verified = f"  已核实（{row['explained']}）" if row["explained"] else ""
        whose = " ".join(filter(None, [row["name"], row["entity"], row["field"]]))
        return f"[{mark}] {whose}：{row['reason']}（{row['file']} {here} ↔ {there}）{figures}{verified}"

    answer(work, json_out, line)


@click.command()
@click.argument("period", type=PERIOD)
@click.option(
    "--kind", default=None, help="Default: all.",
    type=click.Choice(["mirror", "bonded", "declarations", "self_report", "approved", "self_report_approved"]),
)  # fmt: skip
@click.option("--for", "reader", default="stats", show_default=True, help="Who looks; must be allowed both sources.")
@click.option("--details", is_flag=True, help="The rows on both sides of each gap instead of the gaps.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), default=None, help="Also write an .xlsx.")
@known_at_option
@as_json
def reconcile(
    period: Period, kind: str | None, reader: str, details: bool, out: Path | None, known_at: datetime | None,
    json_out: bool,
) -> None:  # fmt: skip
    """Reconcile sources firm by firm: each gap with the rows on both sides; for the statistics office."""
    from qxmonitor import validation

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        found = validation.reconcile(wh, period, kind=kind, reader=reader, known_at=known_at)
        if out is not None:
            validation.write_xlsx(wh, found, period, out)
        return validation.rows(found.details if details else found.gaps), True

    def line(row: Row) -> str:
        kind_name = validation.KIND_NAMES[row["kind"]]
        if details:
            place = f"{row['file']} {spot(row['sheet'], row['cell'])}"
            return f"{kind_name} {row['entity']} {row['item']}  {row['source']} {place} = {row['value']}"
        left, right = f"{row['left_source']} {row['left']}", f"{row['right_source']} {row['right']:.0f}"
        what = f"{kind_name} {row['entity']} {row['item']}（{row['basis']}，{row['unit']}）"
        rows = f"（{row['left_rows']} ↔ {row['right_rows']}）"
        return f"{what}：{left}，{right}，差 {row['gap']:.0f}；{row['reason']}{rows}"

    answer(work, json_out, line)


@click.command()
@click.argument("what", type=click.Choice(["quality"]))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Default: below the home.")
@click.option("--full", is_flag=True, help="With offending values; for the statistical channel only.")
@click.option("--period", type=PERIOD, default=None, help="With --full: the month; default the newest released.")
@known_at_option
@as_json
def docs(
    what: str, out: Path | None, full: bool, period: Period | None, known_at: datetime | None, json_out: bool
) -> None:
    """Write the Data Docs: what every rule said of every file, without values; with --full one month with them."""
    from qxmonitor import datadocs
    from qxmonitor.catalog.release import release_calendar

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        if full:
            month = period or release_calendar().newest_released(known_at or wh.settings.now())
            return datadocs.build_full(wh, out or datadocs.full_folder(wh.settings), month, known_at=known_at), True
        return datadocs.build(wh, out or datadocs.folder(wh.settings), known_at=known_at), True

    answer(work, json_out, lambda row: str(row["path"]))


COMMANDS = (check, reconcile, docs)
