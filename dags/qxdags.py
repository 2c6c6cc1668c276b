"""What the DAGs share: assets, defaults, form fields, and how a task gets at the library.

DAG files say when things happen and in which order; what happens is a verb of :mod:`qxmonitor.pipeline`. Heavy modules
are imported inside tasks only, since these files are parsed over and over.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import Asset, Param
from airflow.sdk.exceptions import AirflowSkipException
from reporting_period import ReportingPeriodTimetable

from qxmonitor.catalog.release import release_calendar
from qxmonitor.errors import NothingKnown
from qxmonitor.period import Period
from qxmonitor.settings import Settings, parse_time

if TYPE_CHECKING:
    from qxmonitor.delivery.smtp_server import SmtpServer
    from qxmonitor.landing.sftp_server import SftpServer
    from qxmonitor.warehouse import Warehouse

CONNECTION = "qxmonitor_smtp"
SFTP_CONNECTION = "qxmonitor_sftp"

LANDED = Asset("landed", uri="x-qxmonitor://landed")
STATISTICS = Asset("statistics", uri="x-qxmonitor://facts/statistics")
CUSTOMS = Asset("customs", uri="x-qxmonitor://facts/customs")
BONDED = Asset("bonded", uri="x-qxmonitor://facts/bonded")
MONITORED = Asset("monitored", uri="x-qxmonitor://monitored")
PLANNED = Asset("planned", uri="x-qxmonitor://planned")
FACTS = {"statistics": STATISTICS, "customs": CUSTOMS, "bonded": BONDED}
NAMES = {"statistics": "统计报表", "customs": "海关数据", "bonded": "保税物流数据"}

TAGS = {
    "按期": "one run a reporting period",
    "即时": "about now, refuses backfills",
    "运维": "upkeep of the installation",
}
NOW_ONLY = {"scheduled", "manual"}
"""Run types of a DAG that is about now: a backfill of it means nothing and is refused."""

DEFAULTS: dict[str, Any] = {
    "start_date": pendulum.datetime(2020, 1, 1, tz="Asia/Shanghai"),
    "catchup": False,
    "max_active_runs": 4,
    "default_args": {"owner": "统计办"},
}

_MOMENT = r"^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d.*)?$"

# Empty by default and nullable: a plain string with an empty default is a required field of Airflow's form.
PERIOD = Param(
    None, type=["null", "string"], pattern=r"^$|^20\d\d-(0[1-9]|1[0-2])$", title="所属期",
    description="如 2026-10。留空取最新发布期。回填时务必留空：每个月各算各的。",
)  # fmt: skip
KNOWN_AT = Param(
    None, type=["null", "string"], format="date-time", title="回看时点", pattern=_MOMENT,
    description="只用当时已知的数据重算，不发邮件。留空用现在已知的全部数据。",
)  # fmt: skip
NOTIFY = Param(
    None, type=["null", "string"], pattern=r"^$|^.{4,100}$", title="补发通知的理由",
    description="默认不发。填写理由（4 字以上）即补发该期邮件，理由写入台账并印在邮件上；同一理由只发一次。",
)  # fmt: skip


def on_release(assets: Any = None, *, scheduled: bool = True) -> ReportingPeriodTimetable:
    """A run a month on the release day of the calendar, and for every partition of ``assets``."""
    release = release_calendar().release
    return ReportingPeriodTimetable(day=release.day, hour=release.hour, assets=assets, scheduled=scheduled)


@contextmanager
def warehouse() -> Iterator[Warehouse]:
    """The town's warehouse, for the stretch of a task."""
    from qxmonitor.warehouse import Warehouse

    with Warehouse(Settings.from_env()) as wh:
        wh.init()
        yield wh


def period_of(partition_key: str | None, params: dict[str, Any]) -> Period:
    """The month a run is about: of its form, of its partition key, else the newest released one."""
    wanted = params.get("period") or partition_key
    return Period(wanted) if wanted else release_calendar().newest_released(Settings.from_env().now())


def compute(partition_key: str | None, params: dict[str, Any], outlet_events: Any) -> str:
    """Run a month, and say which months came out anew; what ``monitor`` and ``rebuild`` both do."""
    from qxmonitor import pipeline

    period = period_of(partition_key, params)
    known_at = parse_time(params["known_at"]) if params.get("known_at") else None
    with warehouse() as wh:
        try:
            counts = pipeline.run(wh, period, known_at=known_at, notify=params.get("notify") or "")
        except NothingKnown as nothing:  # an installation that has just begun
            raise AirflowSkipException(str(nothing)) from None
    print(f"{period}: {counts}")  # counts only, no figures: the task's log is read by operators
    # What the newest month's briefing waited for may have been this one.
    newest = [] if known_at else [str(release_calendar().newest_released(Settings.from_env().now()))]
    outlet_events[MONITORED].add_partitions([str(period), *counts["also"].split(), *newest])
    return str(period)


def decision(answer: dict[str, Any]) -> dict[str, Any]:
    """What a person answered to a draft: ``approved``, ``who`` and ``why``."""
    return {
        "approved": answer["chosen_options"] == ["批准"],
        "who": (answer["responded_by_user"] or {}).get("name") or "未署名",
        "why": (answer["params_input"] or {}).get("note") or "",
    }


def mail_server() -> SmtpServer | None:
    """The mail server of Airflow's connection ``qxmonitor_smtp``; None without one, or when the settings name theirs.

    ``security`` in its extra says ``starttls``, ``tls`` or ``none``; without it the switches of Airflow's own SMTP
    connections count (``disable_ssl``, ``disable_tls``). ``timeout``, ``ca``, ``verify`` and ``plain`` as in a URL.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from qxmonitor.delivery.smtp_server import SmtpServer

    if Settings.from_env().smtp_url:
        return None
    try:
        found = BaseHook.get_connection(CONNECTION)
    except AirflowNotFoundException:
        return None
    extra = found.extra_dejson
    plain = "none" if extra.get("disable_tls") else "starttls"
    security = extra.get("security") or (plain if extra.get("disable_ssl") or found.port != 465 else "tls")
    return SmtpServer(
        host=found.host or "", port=found.port or 0, login=found.login or "", password=found.password or "",
        security=security, timeout=extra.get("timeout"), ca=Path(extra["ca"]) if extra.get("ca") else None,
        verify=bool(extra.get("verify", True)), plain=bool(extra.get("plain", False)),
    )  # fmt: skip


def sftp_server() -> SftpServer | None:
    """The server of Airflow's connection ``qxmonitor_sftp``; None without one, or when the settings name theirs.

    ``path``, ``known_hosts``, ``host_key``, ``key``, ``password_file`` and ``timeout`` stand in its extra, as in a URL.
    """
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    from qxmonitor.landing.sftp_server import SftpServer, folder

    if Settings.from_env().sftp_url:
        return None
    try:
        found = BaseHook.get_connection(SFTP_CONNECTION)
    except AirflowNotFoundException:
        return None
    extra = found.extra_dejson
    files = {name: Path(extra[name]) for name in ("known_hosts", "key", "password_file") if extra.get(name)}
    return SftpServer(
        host=found.host or "", login=found.login or "", port=found.port or 22, path=folder(extra.get("path") or ""),
        password=found.password or "", host_key=extra.get("host_key") or "", timeout=float(extra.get("timeout") or 30),
        **files,
    )  # fmt: skip
