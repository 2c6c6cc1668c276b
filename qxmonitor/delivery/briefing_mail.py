"""The mail that brings an issue of the briefing: a short cover, and the Word and Excel files attached.

One message a member of the edition. The cover has words of the office and no figures; what the files say was cleared
for the edition when they were written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qxmonitor.catalog.office import Edition, office
from qxmonitor.catalog.readers import Reader, readers
from qxmonitor.delivery.ledger import Message
from qxmonitor.delivery.mail import Attachment, compose
from qxmonitor.delivery.render import Renderer
from qxmonitor.delivery.trial import Trial, trial
from qxmonitor.disclosure import Cleared, Gate
from qxmonitor.errors import QxError
from qxmonitor.period import SHANGHAI, Period

KIND = "briefing"
MIME = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""What is attached, in this order; the page is for screens."""


@dataclass(frozen=True)
class Cover:
    """Everything a cover shows."""

    town: Cleared
    title: Cleared
    number: Cleared
    edition: Cleared
    issuer: Cleared
    reader: Cleared
    why: Cleared
    note: Cleared
    period: Cleared
    date: Cleared
    again: bool
    simulated: Cleared | None
    trial: Trial | None


def mails(
    edition: Edition, period: Period, issue: str, files: Iterable[Path], gates: Mapping[str, Gate], date: datetime,
    occasion: str = "",
) -> list[Message]:  # fmt: skip
    """The mails of an issue, one a member of its edition.

    Args:
        edition: of ``office.yml``.
        period: the month.
        issue: the issue's id, kept in a header so that a mail leads to its replay.
        files: the issue's documents as written; .docx and .xlsx are attached under their names.
        gates: reader id → gate, for every member (:meth:`qxmonitor.scene.Scene.gate_for`).
        date: the mails' date.
        occasion: why the issue goes out again; empty the first time.

    Raises:
        QxError: the Word or the Excel file is not among the files.
    """
    attached = _attachments(files)
    return [
        _mail(readers().reader(member), gates[member], edition, period, issue, attached, date, occasion)
        for member in edition.members
    ]


def _mail(
    to: Reader, gate: Gate, edition: Edition, period: Period, issue: str, attached: tuple[Attachment, ...],
    date: datetime, occasion: str,
) -> Message:  # fmt: skip
    desk = office()
    cover = Cover(
        town=gate.word(desk, "town"),
        title=gate.word(desk, "title"),
        number=gate.number_of(period),
        edition=gate.word(edition, "name"),
        issuer=gate.word(desk, "issuer"),
        reader=gate.word(to, "name"),
        why=gate.word(to, "why"),
        note=gate.word(edition, "note"),
        period=gate.period(period),
        date=gate.date(date.astimezone(SHANGHAI).date()),
        again=bool(occasion),
        simulated=gate.word(desk, "simulated_label") if gate.simulated else None,
        trial=trial(gate, to, date),
    )
    renderer = Renderer(to.id)
    subject = renderer.words("mail/briefing.subject.j2", cover).text
    plain = renderer.text("mail/briefing.txt.j2", cover) + "\n"
    html = renderer.html("mail/briefing.html.j2", cover)
    return compose(
        desk, to, KIND, period, subject, plain, html, date,
        occasion=occasion, attachments=attached, issue=issue,
    )  # fmt: skip


def _attachments(files: Iterable[Path]) -> tuple[Attachment, ...]:
    by_suffix = {path.suffix: path for path in files}
    if missing := [suffix for suffix in MIME if suffix not in by_suffix]:
        raise QxError(f"简报缺少文件：{'、'.join(missing)}")
    return tuple(
        Attachment(by_suffix[suffix].name, mime, by_suffix[suffix].read_bytes()) for suffix, mime in MIME.items()
    )
