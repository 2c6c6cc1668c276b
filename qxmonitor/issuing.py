"""Issuing the briefing: written, submitted as a draft, approved or sent back, and its mails planned.

A draft is an issue that waits for a person. Its id follows from its bytes, so drawing it up again is the same draft;
when the figures change a new draft takes its place and the old one can no longer be approved. The decision and the
mails it plans are one transaction.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from qxmonitor import readiness
from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import readers
from qxmonitor.delivery import briefing_mail, ledger
from qxmonitor.delivery.ledger import Message
from qxmonitor.disclosure import to_give
from qxmonitor.errors import QxError
from qxmonitor.period import Period
from qxmonitor.scene import Scene
from qxmonitor.warehouse import Warehouse, drafts, given, issues, store
from qxmonitor.warehouse.core import LOCK_DRAFT

Row = dict[str, Any]

_DRAFT = "draft"
"""Under this kind the store notes which run of a month a draft was made from, so that asking again costs nothing."""


def brief(wh: Warehouse, period: Period, edition: str, out: Path, *, known_at: datetime | None = None) -> list[Row]:
    """Write the briefing of a month for an edition as .docx, .xlsx and .html, and note the issue for replay.

    Raises:
        QxError: there is no such edition, or the month was not run yet.
    """
    return _written(wh, Scene(wh, period, known_at), edition, out)


def _written(wh: Warehouse, scene: Scene, edition: str, out: Path) -> list[Row]:
    from qxmonitor import documents  # brings Word and the charts, a second that no other verb needs

    if scene.recorded_at is None or not scene.judged:
        raise QxError(f"{scene.period.label}尚未计算，请先运行 qxmonitor run {scene.period}")
    receipts = documents.receipts_of(scene)
    files = documents.write(scene, edition, out, receipts)
    issue = issues.note(
        wh, scene.period, edition, known_at=scene.panel.known_at, recorded_at=scene.recorded_at,
        files={path.name: _sha256(path) for path in files}, counts=receipts.to_json(orient="records"),
    )  # fmt: skip
    return [{"issue": issue, "path": str(path), "sha256": _sha256(path)} for path in files]


def replay(wh: Warehouse, issue: str, out: Path) -> list[Row]:
    """Write an issued briefing again from what was known and recorded then.

    Returns:
        Per file: path, sha256 and ``same``, whether the bytes are those issued.

    Raises:
        QxError: there is no such issue.
    """
    from qxmonitor import documents

    noted = issues.read(wh, issue)
    scene = Scene(wh, Period(noted["period"]), noted["known_at"], noted["recorded_at"])
    issued, receipts = json.loads(noted["files"]), pd.DataFrame(json.loads(noted["counts"]))
    return [
        {"issue": issue, "path": str(path), "sha256": _sha256(path), "same": issued.get(path.name) == _sha256(path)}
        for path in documents.write(scene, noted["reader"], out, receipts)
    ]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# -- drafts --------------------------------------------------------------------------------------------------------


def draft(wh: Warehouse, period: Period, *, by: str, anew: bool = False) -> Row:
    """Draw up the briefing of a month in all editions and submit it for approval, unless there is no need.

    Args:
        wh: an open warehouse.
        period: the month.
        by: who submits: the run's id. The same run submitting again is one submission.
        anew: a person asks: any month that was run, whatever was issued or waits.

    Returns:
        period, ``issues`` (their ids, one an edition, joined by spaces; empty when nothing was submitted) and
        ``why`` not.

    Raises:
        QxError: the month was not run yet.
    """
    with wh.alone(LOCK_DRAFT):
        return _submit(wh, period, by, anew)


def _submit(wh: Warehouse, period: Period, by: str, anew: bool) -> Row:
    now = wh.settings.now()
    if not anew:
        if why := readiness.objection(wh, period, now):
            return {"period": str(period), "issues": "", "why": why}
        with wh.engine.connect() as connection:
            mailed = ledger.holds(connection, briefing_mail.KIND, period)
        if mailed:
            return {"period": str(period), "issues": "", "why": "本期简报已列入发送台账"}
        run_id = store.stamps(wh, [period])[0].run_id or 0
        if store.was_planned(wh, _DRAFT, period, run_id) and by not in set(drafts.read(wh, period)["who"]):
            return {"period": str(period), "issues": "", "why": "数据未变，已有一稿"}
    scene = Scene(wh, period)  # one for all editions: they tell of the same state
    if not anew and (why := readiness.too_little(scene)):
        return {"period": str(period), "issues": "", "why": why}
    drawn = [_draw(wh, scene, edition.id) for edition in office().editions]
    known = drafts.read(wh, period)
    newest = known.groupby("reader").tail(1)
    if not anew and set(newest["issue_id"]) == set(drawn) and by not in set(newest["who"]):
        why = "同一稿已退回，数据未变" if (newest["outcome"] == "rejected").any() else "同一稿已提交审批"
        return {"period": str(period), "issues": "", "why": why}
    with wh.engine.begin() as connection:
        for issue in drawn:
            drafts.note(connection, issue, "submitted", who=by, why="", at=now)
        if not anew:
            store.note_planned(connection, _DRAFT, period, run_id, 0, now)
    return {"period": str(period), "issues": " ".join(drawn), "why": ""}


def decide(
    wh: Warehouse, submitted: Sequence[str], *, approved: bool, who: str, why: str = "", notify: str = ""
) -> Row:
    """Record a person's decision on submitted drafts; an approval plans their mails, in the same transaction.

    Args:
        wh: an open warehouse.
        submitted: issue ids, one an edition.
        approved: or sent back.
        who: the person.
        why: what they wrote.
        notify: the reason of a further mail; empty for the regular one.

    Returns:
        ``state`` (approved, rejected or superseded) and how many mails are ``planned``.

    Raises:
        QxError: there is no such issue, or it was decided otherwise before.
    """
    now = wh.settings.now()
    noted = [issues.read(wh, issue) for issue in submitted]
    state = "approved" if approved else "rejected"
    with wh.alone(LOCK_DRAFT):
        for issue in noted:
            _undecided(wh, issue, state)
        if approved and any(_superseded(wh, issue) for issue in noted):
            state = "superseded"
        approved_now = [(issue, _scene(wh, issue)) for issue in noted] if state == "approved" else []
        messages = [mail for issue, scene in approved_now for mail in _mails(wh, issue, scene, now, notify)]
        with wh.engine.begin() as connection:
            for issue in noted:
                drafts.note(connection, issue["issue_id"], state, who=who, why=why, at=now)
            for issue, scene in approved_now:
                edition = office().edition(issue["reader"])
                if not scene.gate(edition.reader, edition.purpose).may("returns", "firm"):
                    rows = to_give(scene.outside, scene.pattern.held, scene.given, scene.period)
                    given.note(connection, issue["issue_id"], rows)
            planned = ledger.plan(connection, messages, now)
    return {"issues": " ".join(submitted), "state": state, "planned": len(planned)}


def folder(wh: Warehouse, issue: str) -> Path:
    """Where the documents of a draft lie."""
    return wh.settings.documents_dir / issue[:7] / issue


def _draw(wh: Warehouse, scene: Scene, edition: str) -> str:
    """Write an edition into a folder named by its issue; whole or not at all."""
    wh.settings.documents_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".draft-", dir=wh.settings.documents_dir) as name:
        issue = str(_written(wh, scene, edition, Path(name) / "new")[0]["issue"])
        place = folder(wh, issue)
        place.parent.mkdir(exist_ok=True, mode=0o700)
        if not place.exists():
            try:
                (Path(name) / "new").rename(place)
            except OSError:  # drawn by another at the same moment: the same bytes
                shutil.rmtree(Path(name) / "new", ignore_errors=True)
    return issue


def _undecided(wh: Warehouse, issue: Row, state: str) -> None:
    """Refuse to turn a decision round; the same decision again is none."""
    known = drafts.read(wh, Period(issue["period"]))
    outcomes = known.loc[known["issue_id"] == issue["issue_id"], "outcome"]
    if len(outcomes) and outcomes.iloc[-1] in ("approved", "rejected") and outcomes.iloc[-1] != state:
        word = {"approved": "批准", "rejected": "退回"}[outcomes.iloc[-1]]
        raise QxError(f"此稿已{word}，不能改变：{issue['issue_id']}")


def _superseded(wh: Warehouse, issue: Row) -> bool:
    """Whether a newer draft of the same edition was submitted."""
    known = drafts.read(wh, Period(issue["period"]))
    same = known.loc[known["reader"] == issue["reader"], "issue_id"].tolist()
    return bool(same) and same[-1] != issue["issue_id"]


def _scene(wh: Warehouse, issue: Row) -> Scene:
    return Scene(wh, Period(issue["period"]), issue["known_at"], issue["recorded_at"])


def _mails(wh: Warehouse, issue: Row, scene: Scene, now: datetime, notify: str) -> list[Message]:
    """The mails that bring a draft as it was approved.

    Raises:
        QxError: a document was changed or removed after it was submitted.
    """
    period, edition = Period(issue["period"]), office().edition(issue["reader"])
    paths = []
    for name, sha256 in json.loads(issue["files"]).items():
        path = folder(wh, issue["issue_id"]) / name
        if not path.is_file() or _sha256(path) != sha256:
            raise QxError(f"待审文件已被改动或移走，不能发送：{path.name}")
        paths.append(path)
    gates = {member: scene.gate_for(readers().reader(member)) for member in edition.members}
    return briefing_mail.mails(edition, period, issue["issue_id"], paths, gates, now, notify)
