"""The commands by which files come in from elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from qxmonitor.terminal import Row, answer, as_json

if TYPE_CHECKING:
    from qxmonitor.warehouse import Warehouse

_STATES = {"fetched": "已取回", "waiting": "稍后再取", "failed": "未能取回"}


@click.command()
@as_json
def fetch(json_out: bool) -> None:
    """Bring what is new on the SFTP server (QXMONITOR_SFTP_URL) into the landing folder; the server is only read."""
    from qxmonitor import pipeline
    from qxmonitor.errors import QxError

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        if not wh.settings.sftp_url:
            raise QxError("未设置 QXMONITOR_SFTP_URL")
        rows = pipeline.fetch(wh)
        return rows, all(row["state"] != "failed" for row in rows)

    def line(row: Row) -> str:
        return f"[{_STATES[row['state']]}] {row['remote']}（{row['bytes']} 字节）{row['file'] or row['why']}"

    answer(work, json_out, line)


@click.command()
@as_json
def land(json_out: bool) -> None:
    """Keep, recognise and index what lies in the landing folder; list the months to take in."""
    from qxmonitor import pipeline
    from qxmonitor.landing import folder

    def work(wh: Warehouse) -> tuple[list[Row], bool]:
        rows = [{"period": str(period)} for period in pipeline.land(wh)]
        if left := folder.waiting(wh):
            click.echo(f"收件目录里有 {len(left)} 份文件还不能读，见 qxmonitor doctor", err=True)
        return rows, True

    answer(work, json_out, lambda row: str(row["period"]))


COMMANDS = (fetch, land)
