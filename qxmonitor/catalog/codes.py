"""Code tables of customs and the bonded centre (``codes.yml``): supervision modes, flow words, inventory states."""

from __future__ import annotations

import re
import unicodedata
from functools import cached_property, lru_cache
from typing import Literal

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

_CODE = re.compile(r"\d{1,4}")
_COMMODITY = re.compile(r"(?!00|77)[0-9]{8}(?:[0-9]{2})?")
_SEPARATORS = re.compile(r"[()\-:/、|]")


class Mode(Entry):
    """A supervision mode (监管方式); ``verified`` is false while nobody could confirm its meaning."""

    code: str = Field(pattern=r"^\d{4}$")
    name: str = Field(min_length=1)
    verified: bool = True


class Status(Entry):
    """A state of an inventory; a document that is not living is kept but never counted."""

    code: str = Field(pattern=r"^\d$")
    name: str
    living: bool


class InventoryType(Entry):
    """A kind of inventory (清单类型)."""

    code: str = Field(pattern=r"^\d$")
    name: str


Word = Literal["staged", "declared", "asked", "kept", "approved", "passed", "returned", "deleted", "voided"]
"""The states of a bonded document, whichever code of whichever message says so."""


class DocumentStatus(Entry):
    """Codes of the bonded centre's messages → the one set of status words."""

    inventory: dict[str, Word]
    pass_: dict[str, Word] = Field(alias="pass")
    approval: dict[str, Word]
    result: dict[str, Word]
    declared_as: dict[str, Word]


class Border(Entry):
    """Which border goods cross under a supervision mode; ``verified`` is false while nobody could confirm it."""

    mode: str = Field(pattern=r"^\d{4}$")
    border: Literal["abroad", "domestic"]
    verified: bool = True


class Flows(Entry):
    """The words by which import and export are told."""

    I: tuple[str, ...]  # noqa: E741
    E: tuple[str, ...]


class Codes(Entry):
    """All tables together."""

    modes: tuple[Mode, ...]
    flows: Flows
    inventory_status: tuple[Status, ...]
    inventory_types: tuple[InventoryType, ...]
    customs_declared: dict[str, bool]
    document_status: DocumentStatus
    withdrawal: str
    domestic_transports: tuple[str, ...]
    borders: tuple[Border, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Codes:
        for words in ([mode.code for mode in self.modes], [mode.name for mode in self.modes]):
            if len(words) != len(set(words)):
                raise ValueError("监管方式的代码或名称重复")
        if set(self.flows.I) & set(self.flows.E):
            raise ValueError("同一个词既是进口又是出口")
        ways = [entry.mode for entry in self.borders]
        if len(ways) != len(set(ways)) or not set(ways) <= {mode.code for mode in self.modes}:
            raise ValueError("流向表中的监管方式重复或不在代码表中")
        return self

    def mode(self, text: str) -> str | None:
        """The four-digit code of a mode written as a code (leading zeros may be lost), a name, or both; else None.

        >>> codes().mode("110"), codes().mode("一般贸易"), codes().mode("0110 一般贸易"), codes().mode("0111")
        ('0110', '0110', '0110', None)
        """
        plain = _plain(text).removesuffix(".0")
        if _CODE.fullmatch(plain):
            code = plain.zfill(4)
            return code if code in self._modes else None
        if plain in self._mode_names:
            return self._mode_names[plain]
        return self._mode_pairs.get(_SEPARATORS.sub("", plain))

    def flow(self, text: str) -> str | None:
        """``I`` or ``E`` for any way the direction is written (进口, I, 1, ``1-进口``, …); else None."""
        found = {self._flow_words.get(part) for part in re.split(r"[-()/:、|]", _plain(text)) if part}
        return found.pop() if len(found) == 1 else None

    def living(self, status: str) -> bool | None:
        """Whether an inventory of this state counts; None for an unknown state."""
        return {entry.code: entry.living for entry in self.inventory_status}.get(status)

    def border_modes(self, border: str) -> tuple[str, ...]:
        """The supervision modes under which goods cross a border (``abroad`` or ``domestic``)."""
        return tuple(entry.mode for entry in self.borders if entry.border == border)

    @property
    def unverified_modes(self) -> frozenset[str]:
        """Codes whose meaning nobody could confirm yet."""
        return frozenset(mode.code for mode in self.modes if not mode.verified)

    @cached_property
    def _modes(self) -> dict[str, Mode]:
        return {mode.code: mode for mode in self.modes}

    @cached_property
    def _mode_names(self) -> dict[str, str]:
        return {_plain(mode.name): mode.code for mode in self.modes}

    @cached_property
    def _mode_pairs(self) -> dict[str, str]:
        """Code and name written together, in either order, the code with or without its leading zeros."""
        return {
            _SEPARATORS.sub("", pair): code
            for name, code in self._mode_names.items()
            for digits in (code, code.lstrip("0"))
            for pair in (digits + name, name + digits)
        }

    @cached_property
    def _flow_words(self) -> dict[str, str]:
        return {word: flow for flow, words in (("I", self.flows.I), ("E", self.flows.E)) for word in words}


def commodity(text: str) -> str | None:
    """A commodity code of 8 or 10 digits whose chapter exists (01–99 without the reserved 77); else None.

    >>> commodity("9503.0083"), commodity("950300"), commodity("77010000")
    ('95030083', None, None)
    """
    if _COMMODITY.fullmatch(text):
        return text
    plain = re.sub(r"[\s.]", "", unicodedata.normalize("NFKC", text).strip().removesuffix(".0"))
    return plain if _COMMODITY.fullmatch(plain) else None


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


@lru_cache(maxsize=1)
def codes() -> Codes:
    """The shipped code tables.

    Raises:
        CatalogError: ``codes.yml`` is wrong.
    """
    return load("codes", Codes)
