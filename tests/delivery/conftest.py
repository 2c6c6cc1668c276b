"""The made-up town's pattern and gates, worked out once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime

import psycopg
import pytest

from qxmonitor.catalog.office import office
from qxmonitor.delivery.briefing import Briefing, Material, build
from qxmonitor.disclosure import Gate, Pattern, pattern
from qxmonitor.period import SHANGHAI
from qxmonitor.settings import Settings
from qxmonitor.warehouse import Warehouse
from tests.conftest import database
from tests.delivery import town

_numbers = itertools.count(1000, 2)

DATE = datetime(2026, 11, 18, 10, tzinfo=SHANGHAI)


@pytest.fixture(scope="module")
def common(
    embedded: Settings, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Warehouse]:
    """A warehouse that the cases of a module share, each with mails of its own numbers."""
    name = "common_" + request.module.__name__.rpartition(".")[2]
    with psycopg.connect(embedded.dsn("psycopg", "postgres"), autocommit=True) as connection:
        database(connection, name)
        settings = Settings(home=tmp_path_factory.mktemp(name), database_url=embedded.dsn("psycopg", name))
        with Warehouse(settings) as wh:
            yield wh
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def number() -> int:
    """The number of a mail nobody else has, and neither the next one."""
    return next(_numbers)


@pytest.fixture(scope="session")
def town_pattern() -> Pattern:
    return pattern(town.frame())


@pytest.fixture(scope="session")
def gate(town_pattern: Pattern) -> Callable[..., Gate]:
    def make(reader: str, *, simulated: bool = True) -> Gate:
        return Gate(
            reader,
            "statistics" if reader == "stats" else "monitoring",
            authorisations=town.AUTHORISED,
            simulated=simulated,
            firms=town.FIRMS,
            chains=town.CHAINS,
            reference=town.REFERENCE,
            pattern=town_pattern,
        )

    return make


@pytest.fixture(scope="session")
def material() -> Material:
    return Material(
        town.frame(), town.alerts(), town.FIRMS, town.progress(), town.receipts(), town.revisions(),
        town.PERIOD - 36, town.needs(), town.decomposition(), town.contributions(),
    )  # fmt: skip


@pytest.fixture(scope="session")
def views(gate: Callable[..., Gate], material: Material) -> dict[str, Briefing]:
    """Both editions, by reader."""
    return {e.reader: build(gate(e.reader), e, town.PERIOD, material, DATE) for e in office().editions}
