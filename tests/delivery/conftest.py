"""The made-up town's pattern and gates, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from qxmonitor.catalog.office import office
from qxmonitor.delivery.briefing import Briefing, Material, build
from qxmonitor.disclosure import Gate, Pattern, pattern
from qxmonitor.period import SHANGHAI
from tests.delivery import town

DATE = datetime(2026, 11, 18, 10, tzinfo=SHANGHAI)


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
    return Material(town.frame(), town.alerts(), town.FIRMS, town.progress(), town.receipts(), town.revisions())


@pytest.fixture(scope="session")
def views(gate: Callable[..., Gate], material: Material) -> dict[str, Briefing]:
    """Both editions, by reader."""
    return {e.reader: build(gate(e.reader), e, town.PERIOD, material, DATE) for e in office().editions}
