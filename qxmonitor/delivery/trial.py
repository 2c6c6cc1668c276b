"""The mark of a mail on trial: whose it would be, while the statistics office reads it in their place.

What the statistics office may not see by name it does not see on trial either: the gate such a mail is made with must
count it among the audience.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qxmonitor.catalog.readers import DESK, Reader, readers
from qxmonitor.delivery.mail import route
from qxmonitor.disclosure import Cleared, Gate
from qxmonitor.errors import DisclosureError
from qxmonitor.period import SHANGHAI


@dataclass(frozen=True)
class Trial:
    """Who would have received the mail, at which mailbox (None: nobody's is valid), and who reads it now."""

    reader: Cleared
    mailbox: Cleared | None
    desk: Cleared


def trial(gate: Gate, to: Reader, date: datetime) -> Trial | None:
    """The mark for a reader's mail of a date; None when the reader is live.

    Raises:
        DisclosureError: the gate does not count the statistics office among the audience.
    """
    if not route(to, date).trial:
        return None
    if DESK not in gate.authority.members:
        raise DisclosureError(f"{to.name}处于试运行，内容须同时核准给代收单位")
    own = to.mailbox(date.astimezone(SHANGHAI).date())
    return Trial(
        reader=gate.word(to, "name"),
        mailbox=gate.word(own, "address") if own else None,
        desk=gate.word(readers().reader(DESK), "name"),
    )
