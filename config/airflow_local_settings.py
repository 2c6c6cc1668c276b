"""Loaded by Airflow's processes at their start: the scheduler takes the heavy modules in once.

Workers of the LocalExecutor (and Celery's) are forked from it and find them loaded: three seconds of imports a task
less. Any other process stays light.
"""

import os

if os.environ.get("QXMONITOR_PRELOAD") == "1":
    import qxmonitor.documents
    import qxmonitor.pipeline
    import qxmonitor.quality

    qxmonitor.quality.warm()
