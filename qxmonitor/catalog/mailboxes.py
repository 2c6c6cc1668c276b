"""Role mailboxes: a principal's (主) and deputies' (副), each with the days it is valid.

A mailbox belongs to a role, never to a person. On a given day the principal's is used when valid, else a deputy's;
when nobody's is, there is none, and a mail is held for a person to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from qxmonitor.catalog._yaml import Entry

Role = Literal["主", "副"]
_NOT_IN_AN_ADDRESS = set('<>()[],;:\\"')
_LONGEST_LOCAL, _LONGEST = 64, 254


def _checked(address: str) -> str:
    local, at, domain = address.rpartition("@")
    odd = not at or not local or "@" in local or _NOT_IN_AN_ADDRESS & set(address) or ".." in address
    if odd or not address.isprintable() or " " in address or local[0] == "." or local[-1] == ".":
        raise ValueError("邮箱写法不对，应如 gxj@example.gov.cn")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_domain = ""
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(
        label and label.replace("-", "").isalnum() and label.strip("-") == label for label in labels
    ):
        raise ValueError("邮箱的域名写法不对")
    if len(local.encode()) > _LONGEST_LOCAL or len(local.encode()) + 1 + len(ascii_domain) > _LONGEST:
        raise ValueError("邮箱太长")
    return address


Address = Annotated[str, AfterValidator(_checked)]
"""One mail address, international ones too; nothing in it can break a header or an SMTP command."""


def wire(address: str) -> str:
    """An address as servers want it: the domain in ASCII.

    >>> wire("gxj@例子.example"), wire("工信@b.example")
    ('gxj@xn--fsqu00a.example', '工信@b.example')
    """
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.encode('idna').decode('ascii')}"


class Mailbox(Entry):
    """One mailbox of a reader; ``from`` and ``until`` are its first and last day, open when absent."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    role: Role
    address: Address
    since: date | None = Field(default=None, alias="from")
    until: date | None = None

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.since and self.until and self.until < self.since:
            raise ValueError(f"邮箱 {self.address} 的有效期起止颠倒")
        return self

    def valid(self, day: date) -> bool:
        """Whether it may be used on a day."""
        return (self.since is None or self.since <= day) and (self.until is None or day <= self.until)


def check_roles(mailboxes: Sequence[Mailbox]) -> None:
    """Refuse mailboxes among which a day would have no clear choice.

    Raises:
        ValueError: an address stands twice, or two of the same role are valid on the same day.
    """
    if len({box.address.lower() for box in mailboxes}) < len(mailboxes):
        raise ValueError("同一邮箱写了两次")
    for one, other in combinations(mailboxes, 2):
        apart = (one.until and other.since and one.until < other.since) or (
            other.until and one.since and other.until < one.since
        )
        if one.role == other.role and not apart:
            raise ValueError(f"两个{one.role}邮箱的有效期重叠：{one.address}、{other.address}")


def chosen(mailboxes: Sequence[Mailbox], day: date) -> Mailbox | None:
    """The principal's mailbox when valid on the day, else a deputy's, else none."""
    for role in ("主", "副"):
        for box in mailboxes:
            if box.role == role and box.valid(day):
                return box
    return None
