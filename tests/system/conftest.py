"""For all system tests: Airflow's processes get the settings of an installation, none that tests of the DAGs made."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def nothing_of_airflow_outside() -> Iterator[None]:
    """Take out what importing Airflow in this process set; a variable set outside wins over an installation's own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
            patch.delenv(name)
        yield
