"""Batches made by hand, and servers of one's own that are cleaned away."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qxmonitor.feeds.base import REJECT_COLUMNS, Batch
from qxmonitor.period import SHANGHAI, Period
from qxmonitor.settings import Settings
from qxmonitor.warehouse import server
from qxmonitor.warehouse.load import Item

FLAGS = [
    "above_scale", "hightech_firm", "advanced_mfg", "hightech_mfg", "specialised", "doubling", "listed",
    "rd_institution", "key_firm",
]  # fmt: skip


class Make:
    """Builders of batches and items; every file's bytes are told apart by ``text``."""

    A, B, C = "91000000MA00000001", "91000000MA00000002", "91000000MA00000003"

    @staticmethod
    def day(number: int) -> datetime:
        return datetime(2026, 1, 1, tzinfo=SHANGHAI) + timedelta(days=number)

    @staticmethod
    def sha(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    @staticmethod
    def batch(
        table: str,
        rows: list[dict[str, Any]],
        *,
        feed: str = "b204_1",
        period: str | None = "2026-03",
        rejects: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
        control: list[tuple[Any, ...]] = (),  # type: ignore[assignment]
        more: dict[str, pd.DataFrame] | None = None,
        lines: pd.DataFrame | None = None,
        origin: str | None = "simulated",
    ) -> Batch:
        first = 4
        frame = pd.DataFrame([{"sheet": "Sheet1", "row": first + n, **row} for n, row in enumerate(rows)])
        tables = {table: frame, **(more or {})}
        bad = pd.DataFrame(rejects, columns=REJECT_COLUMNS)
        total = pd.DataFrame(control, columns=["sheet", "row", "text"])
        if lines is None:
            parts = [t[["sheet", "row"]] for t in tables.values() if len(t)] + [
                f[["sheet", "row"]] for f in (bad, total)
            ]
            lines = pd.concat([p for p in parts if len(p)]).drop_duplicates(ignore_index=True)
        return Batch(
            feed, "platform", None if period is None else Period(period), tables, lines, bad, total, origin=origin
        )

    @classmethod
    def output(cls, values: dict[str, float], *, period: str = "2026-03", **options: Any) -> Batch:
        """A B204-1 export: output of the month by subject."""
        rows = [{"subject": s, "period": period, "output_m": v, "output_ytd": v * 3} for s, v in values.items()]
        return cls.batch("output_return", rows, period=period, **options)

    @classmethod
    def register(cls, firms: dict[str, dict[str, Any]], **options: Any) -> Batch:
        rows = [
            {"subject": subject, "name": f"测试{number}有限公司", "former_names": "", **dict.fromkeys(FLAGS, False),
             "above_scale": True, **more}
            for number, (subject, more) in enumerate(firms.items())
        ]  # fmt: skip
        return cls.batch("register_entry", rows, feed="register", period=None, **options)

    @classmethod
    def item(cls, text: str, day: int, content: Any, path: str | None = None) -> Item:
        return Item(path or f"/landing/{text}.xlsx", cls.sha(text), len(text), cls.day(day), content)


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make


def open_folder(prefix: str) -> Path:
    """A temporary folder that root's server user can pass."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def created() -> Iterator[Settings]:
    """A home whose embedded server was created once and is stopped."""
    base = open_folder("qxm-created-")
    settings = Settings(home=base / "home")
    server.ensure(settings).close()  # type: ignore[union-attr]
    yield settings
    shutil.rmtree(base)


@pytest.fixture
def new_home(created: Settings) -> Iterator[Callable[..., Settings]]:
    """Make homes with an embedded server of their own; all is stopped and removed afterwards.

    A home ``under`` a folder is bare; any other is a copy of one that was created before, which is quicker.
    """
    made: list[Settings] = []

    def new(under: Path | None = None, name: str = "home") -> Settings:
        made.append(Settings(home=(under or open_folder("qxm-own-")) / name))
        if under is None:
            subprocess.run(["cp", "-a", created.home, made[-1].home], check=True)
        return made[-1]

    yield new
    for settings in made:
        if settings.server_dir.exists():
            handle = server.ensure(settings)
            assert handle is not None
            handle.close()
            shutil.rmtree(settings.server_dir.resolve())
        shutil.rmtree(settings.home.parent, ignore_errors=True)
