"""A mail from finished texts: multipart/alternative, with attachments if any; the same bytes for the same content.

Nothing here knows figures. Boundaries and Message-ID follow from kind, period, reader and occasion, the date is the
caller's, and bodies are base64 so that no relay re-wraps Chinese lines. Where it goes follows from the reader and the
day: its mailbox, or the statistics office's while the reader is on trial, and then the texts must say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_string, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from qxmonitor.catalog.mailboxes import wire
from qxmonitor.catalog.office import Office
from qxmonitor.catalog.readers import Reader, Route, readers
from qxmonitor.delivery.ledger import Message
from qxmonitor.disclosure.cleared import one_line
from qxmonitor.errors import DisclosureError
from qxmonitor.period import SHANGHAI, Period

POLICY = policy.default.clone(linesep="\n", max_line_length=78)
TRIAL_MARK = "试运行"
NOBODY = "没有当日有效的收件邮箱（正、副职均无），待人工处理"


@dataclass(frozen=True)
class Attachment:
    """A file beside the texts; ``mime`` is its type such as ``application/pdf``."""

    name: str
    mime: str
    content: bytes


def identity(kind: str, period: Period, reader: str, occasion: str, domain: str) -> str:
    """The Message-ID of the one mail of this kind, period, reader and occasion; short, so that no header is folded."""
    digest = sha256("\n".join((kind, period, reader, occasion)).encode()).hexdigest()[:16]
    return f"<{kind}.{period}.{reader}.{digest}@{domain}>"


def route(to: Reader, date: datetime) -> Route:
    """Where a reader's mail of a date goes."""
    return readers().route(to, date.astimezone(SHANGHAI).date())


def compose(
    office: Office, to: Reader, kind: str, period: Period, subject: str, plain: str, html: str, date: datetime, *,
    occasion: str = "", attachments: Sequence[Attachment] = (), issue: str = "",
) -> Message:  # fmt: skip
    """Put a mail together.

    Args:
        office: who signs.
        to: who it is made for.
        kind: what kind of mail, such as ``alerts``.
        period: the month it speaks of.
        subject: rendered for this reader; one line.
        plain: the text part, rendered for this reader.
        html: the html part, rendered for this reader.
        date: the Date header; its day decides between principal and deputy.
        occasion: why there is another mail of the month; empty for the regular one.
        attachments: files, in their order.
        issue: of the briefing it brings, for a header.

    Raises:
        DisclosureError: the reader is on trial and the texts do not say so.
    """
    subject, occasion, way = one_line(subject, None), one_line(occasion, None), route(to, date)
    if way.trial and not (subject.startswith(f"【{TRIAL_MARK}】") and TRIAL_MARK in plain and TRIAL_MARK in html):
        raise DisclosureError(f"{to.name}处于试运行，邮件须标明{TRIAL_MARK}")
    address = way.mailbox.address if way.mailbox else ""
    message_id = identity(kind, period, to.id, occasion, wire(office.sender_mailbox).partition("@")[2])
    mail = EmailMessage(policy=_policy(office.sender_mailbox, address))
    mail["From"] = _address(office.sender_name, office.sender_mailbox)
    if address:
        mail["To"] = _address(way.to.name, address)
    mail["Subject"] = subject
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Qxmonitor-Kind"] = kind
    mail["X-Qxmonitor-Period"] = period
    if issue:
        mail["X-Qxmonitor-Issue"] = one_line(issue)
    mail.set_content(plain, cte="base64")
    mail.add_alternative(html, subtype="html", cte="base64")
    for file in attachments:
        main, _, sub = file.mime.partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    _fix_boundaries(mail, message_id)
    return Message(
        message_id, kind, period, to.id, address, subject, mail.as_bytes(), occasion, way.trial,
        "" if address else NOBODY,
    )  # fmt: skip


def readdressed(body: bytes, way: Route) -> bytes:
    """A finished mail with another ``To``; nothing else changes.

    Args:
        body: the mail.
        way: where it goes now; its mailbox is there.
    """
    assert way.mailbox is not None
    (sender,) = (address.addr_spec for address in _parsed(body, POLICY)["From"].addresses)
    mail = _parsed(body, _policy(sender, way.mailbox.address))
    address = _address(way.to.name, way.mailbox.address)
    if mail["To"] is None:
        mail["To"] = address
    else:
        mail.replace_header("To", address)
    return mail.as_bytes()


def readable(body: bytes) -> str:
    """A mail as a person reads it: the headers of interest, the text part, and what is attached."""
    mail = _parsed(body, policy.default)
    head = [f"{name}: {mail[name]}" for name in ("From", "To", "Subject", "Date", "Message-ID") if mail[name]]
    text = mail.get_body(("plain",))
    files = [f"附件：{part.get_filename()}（{len(part.get_content())} 字节）" for part in mail.iter_attachments()]
    return "\n".join([*head, "", str(text.get_content()).rstrip() if text else "", *files])


def _parsed(body: bytes, how: policy.EmailPolicy[EmailMessage]) -> EmailMessage:
    """A mail from its bytes; as text, since the parser of bytes does not know headers in UTF-8."""
    return message_from_string(body.decode("utf-8", "replace"), policy=how)


def _policy(*addresses: str) -> policy.EmailPolicy[EmailMessage]:
    """Headers in ASCII, unless an address itself is not (RFC 6532)."""
    return POLICY if all(wire(address).isascii() for address in addresses if address) else POLICY.clone(utf8=True)


def _fix_boundaries(mail: EmailMessage, message_id: str) -> None:
    for number, part in enumerate(part for part in mail.walk() if part.is_multipart()):
        part.set_boundary("=_" + sha256(f"{message_id}{number or ''}".encode()).hexdigest()[:40])


def _address(name: str, mailbox: str) -> Address:
    user, _, domain = wire(mailbox).rpartition("@")
    return Address(display_name=one_line(name), username=user, domain=domain)
