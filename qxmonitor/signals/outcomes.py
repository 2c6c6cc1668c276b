"""What verification found out about alerts: their labels, and events that no alert told of."""

from __future__ import annotations

import pandas as pd

from qxmonitor.catalog.alerting import OUTCOMES

LABELS = ["alert_id", "rule", "entity_kind", "entity", "source", "opened", "label", "cause", "who", "why", "known_at"]
"""``label`` true, false or explained; of an alert the one known last. An alert's id of a month in which there was none,
labelled true, is a miss."""


def labels(events: pd.DataFrame) -> pd.DataFrame:
    """The label of each alert that was verified, from the events known: :data:`LABELS`, by id."""
    found = events[events["kind"].isin(OUTCOMES)]
    ids = found["rule"].astype(str).str.cat(found[LABELS[2:6]].astype(str), sep=":")
    found = found.assign(alert_id=ids, label=found["kind"])
    found = found.sort_values(["alert_id", "known_at", "label", "who", "why"], kind="stable")
    return found.drop_duplicates("alert_id", keep="last")[LABELS].reset_index(drop=True)
