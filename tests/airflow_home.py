"""Makes Airflow importable in a test: a home of its own, our folders, no examples. Call before any airflow import."""

from __future__ import annotations

import os
import sys
import tempfile
import warnings

from qxmonitor.settings import ROOT


def prepare() -> None:
    """Set the environment once; a second call changes nothing."""
    folders = [str(ROOT / "plugins"), str(ROOT / "dags")]
    if sys.path[:2] == folders:
        return
    sys.path[:0] = folders
    home = tempfile.mkdtemp(prefix="qxm-airflow-")
    os.environ |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/unused.db",  # nothing here asks the database
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Airflow's own deprecations
        import airflow.sdk
        import airflow.settings  # noqa: F401
