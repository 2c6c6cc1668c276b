"""A mail from finished texts: multipart/alternative, the same bytes for the same content.

Nothing here knows figures. Boundary and Message-ID follow from kind, period, reader and recipient, the date is the
caller's, and bodies are base64 so that no relay re-wraps Chinese lines.
"""

from __future__ import annotations

from datetime import datetime
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from qxmonitor.catalog.office import Office
from qxmonitor.catalog.readers import Reader
from qxmonitor.delivery.ledger import Message
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.period import Period

POLICY = policy.default.clone(linesep="\n", max_line_length=78)


def identity(kind: str, period: Period, reader: str, recipient: str, domain: str) -> str:
    """The Message-ID of the one mail of this kind, period, reader and recipient."""
    digest = sha256("\n".join((kind, period, reader, recipient)).encode()).hexdigest()[:32]
    return f"<{kind}.{period}.{reader}.{digest}@{domain}>"


def compose(
    office: Office, to: Reader, kind: str, period: Period, subject: str, plain: str, html: str, date: datetime
) -> Message:
    """Put a mail together.

    Args:
        office: who signs.
        to: who reads; the recipient is its role mailbox.
        kind: what kind of mail, such as ``alerts``.
        period: the month it speaks of.
        subject: rendered for this reader; one line.
        plain: the text part, rendered for this reader.
        html: the html part, rendered for this reader.
        date: the Date header.
    """
    subject = one_line(subject, None)
    message_id = identity(kind, period, to.id, to.mailbox, office.sender_mailbox.partition("@")[2])
    mail = EmailMessage(policy=POLICY)
    mail["From"] = _address(office.sender_name, office.sender_mailbox)
    mail["To"] = _address(to.name, to.mailbox)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Qxmonitor-Kind"] = kind
    mail["X-Qxmonitor-Period"] = period
    mail.set_content(plain, cte="base64")
    mail.add_alternative(html, subtype="html", cte="base64")
    mail.set_boundary("=_" + sha256(message_id.encode()).hexdigest()[:40])
    return Message(message_id, kind, period, to.id, to.mailbox, subject, mail.as_bytes())


def _address(name: str, mailbox: str) -> Address:
    user, _, domain = mailbox.partition("@")
    return Address(display_name=one_line(name), username=user, domain=domain)
