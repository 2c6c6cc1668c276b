"""The command that says what changed between two knowledge times."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qxmonitor.period import Period
from qxmonitor.terminal import PERIOD, TIME, Row, answer, as_json

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse


@click.command()
@click.argument("period", type=PERIOD)
@click.option("--from", "since", type=TIME, default=None, help="The earlier time; default: the month's release.")
@click.option("--to", "until", type=TIME, default=None, help="The later time; default: now.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=None, help="Also write an .xlsx there."
)
@as_json
def revisions(period: Period, since: datetime | None, until: datetime | None, out: Path | None, json_out: bool) -> None:
    """What changed in a month between two times: firms' figures, both cells, and the indicators that moved."""
    from qxmonitor import revisions as report

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        if out is not None:
            return report.write(wh, period, out, since=since, until=until), True
        return report.rows(wh, period, since=since, until=until), True

    answer(work, json_out, _line)


def _line(row: Row) -> str:
    from qxmonitor.delivery.revisions import KINDS, LEVELS, place

    before, after = (_said(row[side]) for side in ("before", "after"))
    change = "" if row["percent"] is None else f"（{row['percent']:+.2f}%）"
    if row["what"] == "indicator":
        what = f"{LEVELS[row['entity_kind']]} {row['name']} {row['label']}"
        return f"[指标] {what}：{before} → {after} {row['unit']}{change}"
    head = f"[{KINDS[row['kind']]}] {row['entity']} {row['name']} {row['period']} {row['label']}"
    where = f"{place(row, 'before') or '—'} → {place(row, 'after') or '—'}"
    return f"{head}：{before} → {after} {row['unit']}{change}；{where}"


def _said(value: float | str | None) -> str:
    return "—" if value is None else value if isinstance(value, str) else f"{value:,.10g}"


COMMANDS = (revisions,)
