"""``qxmonitor doctor``: looks at an installation part by part and says what to do about what is wrong."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple

from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery.ledger import Fate
from qxmonitor.delivery.smtp import Smtp
from qxmonitor.delivery.smtp_server import SmtpServer
from qxmonitor.errors import QxError
from qxmonitor.intake import printable
from qxmonitor.landing import folder as landing_folder
from qxmonitor.landing.sftp_server import SftpServer
from qxmonitor.operate.api import Api
from qxmonitor.operate.environment import PORT, folder
from qxmonitor.operate.processes import marked
from qxmonitor.period import SHANGHAI
from qxmonitor.settings import ROOT, Settings
from qxmonitor.warehouse import Warehouse, landed, store

_DISK = 5 << 30
_HEARTBEAT = timedelta(hours=3)
_AHEAD = timedelta(days=60)
"""So far ahead lie the longest deadlines."""
_NAMED = 5
"""Files that are named one by one."""

_RESERVED = ("invalid", "example", "test", "localhost")

Verdict = Literal["ok", "note", "bad"]


class Finding(NamedTuple):
    """One part: how it is, and what to do when it is not well."""

    part: str
    verdict: Verdict
    words: str
    do: str = ""


def examine(settings: Settings, *, port: int = PORT) -> list[Finding]:
    """Look at every part; one that cannot be looked at is a finding, never an error.

    Args:
        settings: the installation.
        port: of its UI.
    """
    found: list[Finding] = []
    for part, look in _LOOKS.items():
        try:
            found += [finding._replace(part=part) for finding in look(settings, port)]
        except QxError as error:
            found.append(Finding(part, "bad", str(error), "按提示处理后再检查"))
        except OSError as error:
            found.append(Finding(part, "bad", f"{error.strerror}：{error.filename}", "检查目录权限"))
    return found


def _judged(well: bool, words: str, do: str) -> Finding:
    return Finding("", "ok", words) if well else Finding("", "bad", words, do)


def _python(_: Settings, __: int) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield _judged(
        (3, 11) <= sys.version_info[:2] < (3, 14), f"Python {version}", "改用 Python 3.11—3.13 重新 make setup"
    )


def _home(settings: Settings, _: int) -> Iterator[Finding]:
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    yield _judged(free >= _DISK, f"{settings.home}，可用 {free / (1 << 30):.0f} GiB", "清理磁盘或迁移目录")
    for private in (settings.originals_dir, settings.documents_dir, settings.maildir, folder(settings)):
        if private.exists() and private.stat().st_mode & 0o077:
            yield Finding("", "bad", f"{private} 对他人可读", f"chmod 700 {private}")


def _catalogue(_: Settings, __: int) -> Iterator[Finding]:
    from qxmonitor.catalog.indicators import indicators
    from qxmonitor.catalog.plans import plans
    from qxmonitor.catalog.rules import rules
    from qxmonitor.catalog.targets import targets

    plans(), targets()
    yield Finding("", "ok", f"指标 {len(indicators().indicators)} 项，规则 {len(rules().rules)} 条，均可读")


def _working_days(settings: Settings, _: int) -> Iterator[Finding]:
    """The year in which the newest deadlines fall; a notice for the next year comes out in November."""
    from qxmonitor.catalog.workdays import workdays

    now = settings.now().astimezone(SHANGHAI)
    years = sorted({now.year, (now + _AHEAD).year})
    if unknown := [str(year) for year in years if not workdays().known(year)]:
        words = f"{'、'.join(unknown)} 年放假调休安排未收录，期限只按周末顺延"
        yield Finding("", "note", words, "升级 chinese-calendar，或在 catalog/workdays.yml 补写")
    else:
        yield Finding("", "ok", f"{'、'.join(map(str, years))} 年放假调休安排已收录")


def _database(settings: Settings, _: int) -> Iterator[Finding]:
    from qxmonitor import pipeline

    with Warehouse(settings) as wh:
        wh.init()
        where = "外部数据库" if settings.database_url else "内置数据库"
        months = sorted(store.periods_run(wh))
        span = f"已计算 {months[0]} 至 {months[-1]}" if months else "尚未计算任何月份"
        yield Finding("", "ok", f"{where}可用，结构为最新；{span}")
        if waiting := pipeline.waiting(wh):
            yield Finding("", "note", f"{waiting} 封邮件待人处理", "qxmonitor list ledger 查看后 release 或 drop")


def _arrivals(settings: Settings, _: int) -> Iterator[Finding]:
    landing = settings.landing_dir
    if landing.exists() and not os.access(landing, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("", "bad", f"收件目录 {landing} 读写不了", "检查目录权限")
    with Warehouse(settings) as wh:
        wh.init()
        waiting = landing_folder.waiting(wh)
        states = landed.fetch_states(wh)
    for name, look in waiting[:_NAMED]:
        shown = printable(Path(name))
        yield Finding("", "note", f"还不能读：{shown}（{look.why or '刚写入，等它不再变化'}）", "见操作手册“收件”")
    if len(waiting) > _NAMED:
        yield Finding("", "note", f"另有 {len(waiting) - _NAMED} 份文件还不能读", "见操作手册“收件”")
    if settings.sftp_url is None:
        yield Finding("", "ok", f"收件目录 {landing}；未配置 SFTP")
        return
    from qxmonitor.landing import fetch

    server = SftpServer.from_url(settings.sftp_url)
    yield Finding("", "ok", f"SFTP {server.name} 可登录，目录 {server.path} 有 {fetch.probe(server)} 项")
    for state in states:
        if state.server == server.name and state.failing_since is not None:
            yield Finding("", "note", f"上次没有全部取回：{state.words}", "处理后运行 qxmonitor fetch")


def _mail(settings: Settings, _: int) -> Iterator[Finding]:
    if settings.smtp_url is None:
        yield Finding("", "note", f"未配置 SMTP，邮件投入 {settings.maildir}", "设置 QXMONITOR_SMTP_URL")
    else:
        server = SmtpServer.from_url(settings.smtp_url)
        try:
            Smtp(server, office().sender_mailbox).probe()
            yield Finding("", "ok", f"邮件服务器 {server.host}:{server.port} 可登录")
        except Fate as fate:
            yield Finding("", "bad", f"邮件服务器 {server.host}:{server.port}：{fate}", "检查网络、证书和口令")
    addresses = [box.address for reader in readers().readers for box in reader.mailboxes]
    if invented := [address for address in addresses if address.rpartition(".")[2] in _RESERVED]:
        yield Finding("", "note", f"{len(invented)} 个邮箱是示例地址", "在 catalog/readers.yml 填写角色邮箱")
    if trial := [reader.name for reader in readers().readers if reader.on_trial]:
        yield Finding("", "note", f"试运行，由统计办代收：{'、'.join(trial)}", "核对后在 readers.yml 写 live: true")


def _fonts(_: Settings, __: int) -> Iterator[Finding]:
    from qxmonitor.delivery.chart import font

    yield Finding("", "ok", f"图表字体 {font().get_name()}")


def _scheduler(settings: Settings, port: int) -> Iterator[Finding]:
    if not marked(folder(settings)):
        yield Finding("", "note", "调度服务未运行", "make up")
        return
    with Api(settings, port=port) as api:
        yield from _asked(settings, api, port)


def _asked(settings: Settings, api: Api, port: int) -> Iterator[Finding]:
    health = api.health()
    if not health:
        yield Finding("", "bad", f"界面端口 {port} 没有应答", f"查看 {folder(settings) / 'logs' / 'services'}")
        return
    for name in ("metadatabase", "scheduler", "dag_processor"):
        state = health.get(name)
        yield _judged(state == "healthy", f"{name}：{state}", "稍候自动重启；不恢复则重启 make up")
    if errors := api.import_errors():
        last = errors[0].strip().splitlines()[-1][:120]
        yield Finding("", "bad", f"{len(errors)} 个 DAG 文件读取失败：{last}", f"检查 {ROOT / 'dags'}")
    if paused := sorted(name for name, dag in api.dags().items() if dag["is_paused"]):
        yield Finding("", "note", f"已暂停：{'、'.join(paused)}", "在界面上启用")


def _heartbeat(settings: Settings, _: int) -> Iterator[Finding]:
    try:
        beat = json.loads(settings.heartbeat.read_text(encoding="utf-8"))
        at, open_, since = beat["at"][:16], len(beat["findings"]), datetime.fromisoformat(beat["at"])
    except FileNotFoundError:
        yield Finding("", "note", "尚无心跳文件", "启用 watch，或运行 qxmonitor watch")
        return
    except (ValueError, KeyError, TypeError):
        yield Finding("", "bad", f"心跳文件无法读取：{settings.heartbeat}", "运行 qxmonitor watch")
        return
    if settings.now() - since > _HEARTBEAT:
        yield Finding("", "bad", f"心跳停在 {at}", "检查 watch 是否在运行")
    else:
        do = "qxmonitor watch 查看" if open_ else ""
        yield Finding("", "note" if open_ else "ok", f"最近值守 {at}，{open_} 项待处理", do)


_LOOKS: dict[str, Callable[[Settings, int], Iterator[Finding]]] = {
    "Python": _python,
    "目录": _home,
    "规则库": _catalogue,
    "工作日": _working_days,
    "数据库": _database,
    "收件": _arrivals,
    "邮件": _mail,
    "字体": _fonts,
    "调度": _scheduler,
    "值守": _heartbeat,
}
