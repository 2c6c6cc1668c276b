"""``qxmonitor demo``: a synthetic town, its history loaded in bulk, its last months lived through by the scheduler.

The demonstration has a home of its own below the configured one, named by what it shows, so it never touches a real
warehouse, and a new month makes a new demonstration. Every step may be killed and the demonstration run again; run
again when it is complete it finds everything done and sends nothing. What it started it ends, whatever happens.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from qxmonitor import pipeline
from qxmonitor.catalog.office import office
from qxmonitor.catalog.release import FAMILIES, release_calendar
from qxmonitor.errors import QxError
from qxmonitor.operate.api import Api
from qxmonitor.operate.processes import Services
from qxmonitor.operate.up import free_port, wait_ready
from qxmonitor.period import Period
from qxmonitor.settings import Settings
from qxmonitor.simulate import staged_for_show
from qxmonitor.warehouse import Warehouse, store

SCHEDULED = 6
"""How many of the newest months go through the scheduler; those before are loaded in bulk."""

_INGESTS = tuple(f"ingest_{family}" for family in FAMILIES)
_OTHERS = ("monitor", "briefing", "rebuild", "deliver", "watch")
_PATIENCE = 900.0


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
    alone = replace(settings, home=home, smtp_url=None, sftp_url=None, quiet=0.0)  # nothing leaves or enters
    with Warehouse(alone) as wh:
        wh.init()
        begun = store.periods_run(wh)
        _history(wh, town / "landing", last - SCHEDULED)
        _arrive(town / "landing", wh.settings.landing_dir, last - SCHEDULED)
        before = _mails(wh)
        with Services(wh.settings, port=free_port(), paused=True) as run:
            click.echo("启动数据库、调度器和界面……")
            with Api(wh.settings, port=run.port) as api:
                wait_ready(run, api, dags=len(_INGESTS) + len(_OTHERS) + 1)
                _live_through(wh, run, api, last, again=last in begun)
        _report(wh, last, len(_mails(wh)) - len(before))


def _town(home: Path, now: datetime, *, firms: int, first: Period, last: Period, seed: int) -> Path:
    """The town's files, simulated once; a half-written town is thrown away."""
    town = home / "town"
    if not town.exists():
        click.echo(f"模拟 {firms} 家企业 {first} 至 {last} 的报送文件……")
        draft = home / "town.part"
        shutil.rmtree(draft, ignore_errors=True)
        staged = staged_for_show(firms)
        pipeline.simulate(now, draft, firms=firms, first=first, last=last, seed=seed, staged=staged)
        draft.rename(town)
    return town


def _history(wh: Warehouse, landing: Path, until: Period) -> None:
    """Take in all that arrived by the release of a month, and run that month as known then (and all before it)."""
    if until in store.periods_run(wh):
        return
    released = release_calendar().released_at(until)
    folders = [folder for folder in sorted(landing.iterdir()) if folder.name <= f"{released:%Y-%m-%d}"]
    receipts = pipeline.ingest(wh, folders)
    counts = pipeline.run(wh, until, known_at=released)
    click.echo(
        f"  历史数据批量入库，至 {until}：收文 {len(receipts)} 件，入库 {sum(r['accepted'] for r in receipts)} 行，"
        f"隔离 {sum(r['rejected'] for r in receipts)} 行；未结风险提示 {counts['open_alerts']} 条"
    )


def _arrive(landing: Path, inbox: Path, after: Period) -> None:
    """Lay what arrived later into the landing folder, as the offices would have sent it."""
    released = release_calendar().released_at(after)
    for folder in sorted(landing.iterdir()):
        if folder.name > f"{released:%Y-%m-%d}" and not (inbox / folder.name).exists():
            draft = inbox / f".{folder.name}"
            shutil.rmtree(draft, ignore_errors=True)
            shutil.copytree(folder, draft)
            draft.rename(inbox / folder.name)


def _live_through(wh: Warehouse, run: Services, api: Api, last: Period, *, again: bool) -> None:
    """The newest months through the scheduler: landed, taken in, monitored, drawn up, approved, delivered."""

    def settled(what: str) -> None:
        api.settle(what, _PATIENCE, tell)

    def tell() -> None:
        wh.revive()
        run.watch()
        for month in sorted(store.periods_run(wh) - told):
            told.add(month)
            click.echo(f"  {month} 已计算")

    told = store.periods_run(wh)
    api.pause("land", False)
    api.trigger("land")
    settled("登记到文")
    for dag in (*_INGESTS, *_OTHERS):
        api.pause(dag, False)
    if again:
        click.echo(f"经调度器重算 {last}……")
        api.trigger("rebuild", last)
    else:
        click.echo(f"经调度器回填 {last - (SCHEDULED - 1)} 至 {last}……")
        for dag in _INGESTS:
            api.backfill(dag, last - (SCHEDULED - 1), last)
    settled("入库和监测")
    api.trigger("land")  # re-filed returns of months before these wait as well, and hold the mails back
    settled("改报入库")
    for question in api.questions():
        click.echo(f"批准：{question['subject']}")
        api.answer(question, "批准", note="演示")
    settled("审批")
    api.trigger("deliver")
    settled("发送")
    failed = [run["dag_id"] for run in api.runs("~", states=("failed",))]
    if failed:
        raise QxError(f"有流程运行失败：{'、'.join(sorted(set(failed)))}，日志见 {run.logs.parent}")


def _mails(wh: Warehouse) -> list[Path]:
    return sorted(wh.settings.maildir.glob("*/new/*"))


def _report(wh: Warehouse, period: Period, sent: int) -> None:
    """Say what there is, and fail unless it really is there."""
    mails = _mails(wh)
    folders = sorted((wh.settings.documents_dir / str(period)).glob("*"))
    documents = [path for folder in folders for path in sorted(folder.iterdir())]
    if len(documents) < 3 * len(office().editions) or not mails:
        raise QxError("演示没有生成应有的结果：" + ("没有简报" if mails else "没有邮件"))
    alerts = store.read_alerts(wh)
    counts = store.run_counts(wh, store.stamps(wh, [period])[0].run_id or 0)
    click.echo(f"\n{period.label}（模拟数据）")
    click.echo(
        f"  指标值 {counts['values']} 条，判定 {counts['verdicts']} 条，"
        f"未结风险提示 {int((alerts['state'] != 'closed').sum())} 条"
    )
    click.echo(f"  本次投递邮件 {sent} 封，发件箱共 {len(mails)} 封：")
    for path in mails:
        click.echo(f"    {path}")
    click.echo("  简报：")
    for path in documents:
        click.echo(f"    {path}")
    click.echo("再次运行不会重复发送。")
