"""``qxmonitor demo``: a synthetic town lived through month by month, to its newest mails and briefing.

The demonstration has a home of its own below the configured one, named by what it shows, so it never touches a real
warehouse, and a new month makes a new demonstration. Every step may be killed and the demonstration run again; run
again when it is complete it finds everything done and sends nothing.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from qxmonitor import pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import QxError
from qxmonitor.period import Period, months
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse, store


def show(settings: Settings, *, firms: int, length: int, seed: int) -> None:
    """Run the demonstration and say where its mails and documents lie.

    Args:
        settings: the configured home and clock.
        firms: legal entities of the town.
        length: months, ending with the newest released one.
        seed: same seed, same town.

    Raises:
        QxError: a step failed, or what it should have made is not there.
    """
    now = settings.now()
    last = release_calendar().newest_released(now)
    first = last - (length - 1)
    home = settings.home / f"demo-{last}-{firms}x{length}-{seed}"
    town = _town(home, now, firms=firms, first=first, last=last, seed=seed)
    with Warehouse(replace(settings, home=home, smtp_url=None)) as wh:  # nothing leaves the machine
        wh.init()
        _live_through(wh, town / "landing", months(first, last))
        counts = pipeline.run(wh, last)
        sent = pipeline.deliver(wh)
        documents = [
            Path(row["path"])
            for edition in office().editions
            for row in pipeline.brief(wh, last, edition.id, wh.settings.documents_dir)
        ]
        _report(wh, last, counts, sent, documents)


def _town(home: Path, now: datetime, *, firms: int, first: Period, last: Period, seed: int) -> Path:
    """The town's files, simulated once; a half-written town is thrown away."""
    town = home / "town"
    if not town.exists():
        click.echo(f"模拟 {firms} 家企业 {first} 至 {last} 的报送文件……")
        draft = home / "town.part"
        shutil.rmtree(draft, ignore_errors=True)
        pipeline.simulate(now, draft, firms=firms, first=first, last=last, seed=seed)
        draft.rename(town)
    return town


def _live_through(wh: Warehouse, landing: Path, periods: Sequence[Period]) -> None:
    """Take the files in as they arrived and run each month on its release day, as known then."""
    known = store.known_contents(wh)
    folders = sorted(folder for folder in landing.iterdir() if folder.is_dir())
    arrived = 0
    for period in periods:
        released = release_calendar().released_at(period)
        until = next((n for n, folder in enumerate(folders) if folder.name > f"{released:%Y-%m-%d}"), len(folders))
        receipts = pipeline.ingest(wh, folders[arrived:until]) if arrived < until else []
        arrived = until
        fresh = [receipt for receipt in receipts if receipt["sha256"] not in known]
        counts = pipeline.run(wh, period, known_at=released)
        if fresh:
            click.echo(
                f"  {period}：收文 {len(fresh):>3} 件，入库 {sum(r['accepted'] for r in fresh):>5} 行，"
                f"隔离 {sum(r['rejected'] for r in fresh):>2} 行；未结风险提示 {counts['open_alerts']:>3} 条"
            )


def _report(
    wh: Warehouse, period: Period, counts: pipeline.Row, sent: list[pipeline.Row], documents: list[Path]
) -> None:
    """Say what there is, and fail unless it really is there."""
    outbox = wh.settings.maildir
    mails = sorted(outbox.glob("*/new/*"))
    missing = [path for path in documents if not path.is_file()]
    if missing or not mails:
        raise QxError(f"演示没有生成应有的结果：{'、'.join(path.name for path in missing) or '没有邮件'}")
    click.echo(f"\n{period.label}（模拟数据）")
    click.echo(f"  指标值 {counts['values']} 条，判定 {counts['verdicts']} 条，未结风险提示 {counts['open_alerts']} 条")
    click.echo(f"  本次投递邮件 {len(sent)} 封，发件箱共 {len(mails)} 封：")
    for path in mails:
        click.echo(f"    {path}")
    click.echo("  简报：")
    for path in documents:
        click.echo(f"    {path}")
    click.echo("再次运行不会重复发送。")
