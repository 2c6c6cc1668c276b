"""Where things are: one frozen object read from the environment once per process.

``QXMONITOR_HOME``          folder of the embedded server, file store, documents and outbox (default ``./var``)
``QXMONITOR_DATABASE_URL``  a real PostgreSQL server instead of the embedded one
``QXMONITOR_SMTP_URL``      the mail server; without it mails go into a Maildir below the home
``QXMONITOR_SFTP_URL``      the server from which files are fetched into the landing folder
``QXMONITOR_QUIET_SECONDS`` how long a file in the landing folder must have been still before it is read (default 20)
``QXMONITOR_LARGEST_MIB``   how large a file may be that is uploaded or fetched (default 256)
``QXMONITOR_NOW``           a fixed clock for rehearsals and tests, ISO 8601 with offset
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: ``sql/``, ``expectations/`` and ``templates/`` lie here."""

SCHEMES = frozenset({"postgresql", "postgres"})
"""How the URL of an outside server begins, before any ``+driver``."""

Driver = Literal["sqlalchemy", "airflow", "psycopg", "adbc", "psycopg2", "asyncpg"]
_SCHEMES: dict[str, str] = {
    "sqlalchemy": "postgresql+psycopg",
    "airflow": "postgresql+psycopg",  # serves SQLAlchemy's synchronous and asynchronous engines alike
    "psycopg": "postgresql",
    "adbc": "postgresql",  # ADBC hands the URL to libpq, which refuses a ``+driver``
    "psycopg2": "postgresql+psycopg2",
    "asyncpg": "postgresql+asyncpg",
}


@dataclass(frozen=True)
class Settings:
    home: Path
    database_url: str | None = None
    fixed_now: datetime | None = None
    smtp_url: str | None = field(default=None, repr=False)
    sftp_url: str | None = field(default=None, repr=False)
    quiet: float = 0.0
    """Seconds a file must have been still; nothing unless said: who makes settings by hand has written his files."""
    largest: int = 256 << 20
    """Bytes of a file that is uploaded or fetched; returns and messages of a town are a hundredth of it."""

    @classmethod
    def from_env(cls) -> Settings:
        """Read the environment.

        Raises:
            QxError: ``QXMONITOR_NOW`` is no time, ``QXMONITOR_QUIET_SECONDS`` no number of seconds, or
                ``QXMONITOR_LARGEST_MIB`` no number of MiB.
        """
        now = os.environ.get("QXMONITOR_NOW")
        return cls(
            home=Path(os.environ.get("QXMONITOR_HOME", "var")).resolve(),
            database_url=os.environ.get("QXMONITOR_DATABASE_URL") or None,
            fixed_now=parse_time(now) if now else None,
            smtp_url=os.environ.get("QXMONITOR_SMTP_URL") or None,
            sftp_url=os.environ.get("QXMONITOR_SFTP_URL") or None,
            quiet=float(_whole("QXMONITOR_QUIET_SECONDS", 20, range(3601), "整秒数")),
            largest=_whole("QXMONITOR_LARGEST_MIB", 256, range(1, 4097), "整数（MiB）") << 20,
        )

    def now(self) -> datetime:
        """The present, in Shanghai; fixed when a rehearsal or test says so."""
        return self.fixed_now or datetime.now(SHANGHAI)

    def dsn(self, driver: Driver, database: str = "warehouse") -> str:
        """The URL of a database for one driver; the one place that knows how each of them wants it written.

        The socket folder of the embedded server stands unquoted in ``?host=``: a percent-encoded host fails under
        psycopg, and ``?host=`` is read by psycopg, psycopg2, asyncpg and libpq alike.

        Args:
            driver: ``sqlalchemy``, ``airflow``, ``psycopg``, ``adbc``, ``psycopg2`` or ``asyncpg``.
            database: ``warehouse`` (for an outside server: the database its URL names), or another on the same server.

        Raises:
            QxError: the embedded server was never started, or the URL given is no PostgreSQL URL.
        """
        scheme = _SCHEMES[driver]
        if self.database_url:
            return _outside(self.database_url, scheme, database)
        try:
            at = json.loads((self.server_dir / "connection.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise QxError(f"数据库尚未建立：{self.home}，请先运行 qxmonitor init") from None
        return f"{scheme}://{at['user']}:{at['password']}@/{database}?host={at['host']}&port={at['port']}"

    @property
    def server_dir(self) -> Path:
        return self.home / "postgres"

    @property
    def originals_dir(self) -> Path:
        return self.home / "originals"

    def original(self, sha256: str) -> Path:
        """Where the bytes of a sha256 are kept or would be."""
        return self.originals_dir / sha256[:2] / sha256

    @property
    def heartbeat(self) -> Path:
        return self.home / "heartbeat.json"

    @property
    def landing_dir(self) -> Path:
        return self.home / "landing"

    @property
    def documents_dir(self) -> Path:
        return self.home / "documents"

    @property
    def maildir(self) -> Path:
        return self.home / "outbox"


def _outside(url: str, scheme: str, database: str) -> str:
    """An outside server's URL with another scheme and, unless it is the warehouse, another database."""
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] not in SCHEMES:
        raise QxError("QXMONITOR_DATABASE_URL 应以 postgresql:// 开头")
    path = parts.path if database == "warehouse" and parts.path.strip("/") else f"/{database}"
    query = parts.query
    if scheme.endswith("+asyncpg"):  # asyncpg calls libpq's sslmode ssl
        query = urlencode([("ssl" if key == "sslmode" else key, value) for key, value in parse_qsl(query)], safe="/")
    return urlunsplit((scheme, parts.netloc, path, query, ""))


def _whole(name: str, default: int, allowed: range, what: str) -> int:
    text = os.environ.get(name) or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) in allowed):
        raise QxError(f"{name} 应为 {allowed[0]} 至 {allowed[-1]} 的{what}")
    return int(text)


def parse_time(text: str) -> datetime:
    """An ISO date or time; without an offset it is Shanghai's.

    Raises:
        QxError: the text is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise QxError(f"时间写法不对：{text[:40]!r}，应如 2026-11-18 或 2026-11-18T10:00+08:00") from None
    return moment.astimezone(SHANGHAI) if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)
