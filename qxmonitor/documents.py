"""A scene's briefing as documents of one edition: Word, Excel and HTML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from qxmonitor import growth, indicators, letters
from qxmonitor.catalog.office import Edition, office
from qxmonitor.catalog.release import release_calendar
from qxmonitor.delivery import briefing
from qxmonitor.delivery.docx import briefing_docx
from qxmonitor.delivery.files import document_name, write_private
from qxmonitor.delivery.html import briefing_html
from qxmonitor.delivery.xlsx import briefing_xlsx
from qxmonitor.errors import QxError
from qxmonitor.indicators.chains import node_table
from qxmonitor.indicators.changes import refilings
from qxmonitor.indicators.revisions import REVISED
from qxmonitor.period import months
from qxmonitor.scene import HISTORY, Scene
from qxmonitor.signals.outcomes import labels, told
from qxmonitor.warehouse import asof, given, life, store
from qxmonitor.warehouse.panel import read_panel

_REVISED_MONTHS = 12
"""How many earlier months a briefing compares with what was known at the last issue."""


def write(scene: Scene, edition: str, out: Path, receipts: pd.DataFrame) -> list[Path]:
    """Write the three documents of an edition.

    The date on them is the month's release day, so that a replay has the same bytes.

    Args:
        scene: the month.
        edition: of ``office.yml``.
        out: a folder; made when missing.
        receipts: as :func:`receipts_of` gives it.

    Raises:
        QxError: there is no such edition.
    """
    try:
        wanted = office().edition(edition)
    except KeyError:
        known = "、".join(entry.id for entry in office().editions)
        raise QxError(f"没有简报版本 {edition}，可选：{known}") from None
    date = release_calendar().released_at(scene.period)
    view = compose(scene, wanted, receipts)
    contents = {
        "docx": briefing_docx(view, wanted.reader, date),
        "xlsx": briefing_xlsx(view, wanted.reader, date),
        "html": briefing_html(view, wanted.reader).encode(),
    }
    paths = []
    for suffix, content in contents.items():
        path = out / document_name(office().title, scene.period, wanted.name, suffix)
        write_private(path, content)
        paths.append(path)
    return paths


def compose(scene: Scene, edition: Edition, receipts: pd.DataFrame) -> briefing.Briefing:
    """What an edition shows, before any layout."""
    gate, date = scene.gate(edition.reader, edition.purpose), release_calendar().released_at(scene.period)
    return briefing.build(gate, edition, scene.period, _material(scene, gate.may("returns", "firm"), receipts), date)


def _material(scene: Scene, statistical: bool, receipts: pd.DataFrame) -> briefing.Material:
    return briefing.Material(
        figures=scene.figures if statistical else scene.outside,
        alerts=scene.alerts,
        firms=scene.panel.firms,
        progress=indicators.progress(scene.panel, scene.period),
        receipts=receipts,
        **_changed(scene),
        first=scene.panel.months[0],
        needs=indicators.needs(scene.panel, scene.period),
        chains=scene.panel.chains,
        approved=asof.read(scene.wh, "approved_figure", known_at=scene.known_at, recorded_at=scene.recorded_at),
        known=scene.known(),
        labels=_labels(scene),
        tasks=_filed(scene, "task_progress"),
        visits=_filed(scene, "visit"),
        **(_growth(scene) | {"letters": _letters(scene)} if statistical else {}),
    )


def _labels(scene: Scene) -> pd.DataFrame:
    """What verifying alerts found, and which of it was told."""
    found = labels(scene.events)
    return found.assign(told=told(found, life.labelled_raised(scene.wh, recorded_at=scene.recorded_at)))


def _filed(scene: Scene, table: str) -> pd.DataFrame:
    """What departments filed for the month, as known and recorded when the scene was."""
    month, then = scene.period, (scene.panel.known_at, scene.recorded_at)
    return asof.read(scene.wh, table, first=month, last=month, known_at=then[0], recorded_at=then[1])


def _growth(scene: Scene) -> dict[str, Any]:
    """Why output grew and how nodes fare, in figures of firms: for the statistical channel alone."""
    return {
        "decomposition": growth.town_growth(scene.wh, scene.panel, scene.period, scene.recorded_at),
        "contributions": indicators.contributions(scene.panel, [scene.period]),
        "nodes": node_table(scene.panel, scene.period),
    }


def _letters(scene: Scene) -> dict[str, int]:
    """Letters about the month, as known and recorded when the scene was."""
    return letters.counts(scene.wh, scene.period, known_at=scene.panel.known_at, recorded_at=scene.recorded_at)


def receipts_of(scene: Scene) -> pd.DataFrame:
    """Files that arrived since the last release, summed by feed: feed, files, rows_read, accepted, rejected."""
    calendar = release_calendar()
    frame = store.read_receipts(scene.wh)
    until = scene.panel.known_at
    frame = frame[
        (frame["state"] == "accepted")
        & (frame["known_at"] > calendar.released_at(scene.period - 1))
        & (frame["known_at"] <= until)
    ]
    summed = frame.groupby("feed")[["rows_read", "accepted", "rejected"]].sum()
    return summed.assign(files=frame.groupby("feed").size()).reset_index()


def _changed(scene: Scene) -> dict[str, Any]:
    """What earlier months say now against what the last issue said, or could have said on its release day."""
    last = scene.period - 1
    issued = given.issues(scene.wh, last, last, scene.recorded_at)
    known_at, recorded_at = release_calendar().released_at(last), scene.recorded_at
    for issue in issued:
        known_at, recorded_at = issue.known_at, issue.recorded_at
    panel = read_panel(scene.wh, last, months=HISTORY, known_at=known_at, recorded_at=recorded_at)
    compared = months(last - (_REVISED_MONTHS - 1), last)
    before = indicators.made_of_firms(panel, compared, REVISED)
    return {
        "revisions": indicators.revisions(before, scene.figures, compared),
        "refilings": refilings(panel, scene.panel, compared),
    }
