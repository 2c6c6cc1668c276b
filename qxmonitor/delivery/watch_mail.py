"""The mail of the watch 值守通知: what has not happened, for the operators, who see no figure.

Findings are sentences about feeds, months and messages, made from the calendar and the ledger. They are sealed here for
the operators alone, since no gate is needed where there is nothing to hold back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from qxmonitor.catalog.office import office
from qxmonitor.catalog.readers import OPERATORS, readers
from qxmonitor.delivery.ledger import Message
from qxmonitor.delivery.mail import compose
from qxmonitor.delivery.render import Renderer
from qxmonitor.disclosure import Cleared
from qxmonitor.disclosure.cleared import seal
from qxmonitor.period import SHANGHAI, Period

KIND = "watch"


@dataclass(frozen=True)
class Line:
    """One finding, and since when it is so."""

    words: Cleared
    since: Cleared


@dataclass(frozen=True)
class Notice:
    """Everything such a mail shows."""

    town: Cleared
    reader: Cleared
    why: Cleared
    count: Cleared
    lines: tuple[Line, ...]
    at: Cleared
    issuer: Cleared
    simulated: Cleared | None


def message(
    findings: Sequence[tuple[str, datetime]], period: Period, now: datetime, *, simulated: bool
) -> Message:  # fmt: skip
    """One mail about findings (words, since) that are new.

    Args:
        findings: at least one.
        period: the newest released month, under which the ledger keeps the mail.
        now: when they were found.
        simulated: whether the warehouse holds simulated files.
    """
    desk, to = office(), readers().reader(OPERATORS)
    shown = Notice(
        town=_word(desk.town),
        reader=_word(to.name),
        why=_word(to.why),
        count=_word(str(len(findings))),
        lines=tuple(Line(_word(words), _word(_moment(since))) for words, since in findings),
        at=_word(_moment(now)),
        issuer=_word(desk.sender_name),
        simulated=_word(desk.simulated_label) if simulated else None,
    )
    renderer = Renderer(to.id)
    occasion = sha256("\n".join(f"{words} {since.timestamp()}" for words, since in findings).encode()).hexdigest()[:16]
    return compose(
        desk, to, KIND, period, renderer.words("mail/watch.subject.j2", shown).text,
        renderer.text("mail/watch.txt.j2", shown) + "\n", renderer.html("mail/watch.html.j2", shown), now,
        occasion=occasion,
    )  # fmt: skip


def _word(text: str) -> Cleared:
    return seal(text, reader=OPERATORS, source="operations", ref="watch", limit=None)


def _moment(at: datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
