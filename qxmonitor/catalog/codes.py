"""Code tables of customs and the bonded centre (``codes.yml``).

Supervision modes, flow words, currencies, countries, vintages of a statistic, inventory states.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property, lru_cache
from typing import Literal, get_args

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load

_CODE = re.compile(r"\d{1,4}")
_COMMODITY = re.compile(r"(?!00|77)[0-9]{8}(?:[0-9]{2})?")
_SEPARATORS = re.compile(r"[()\-:/、|]")
_UNTIL = re.compile(r"(?:最终[^,;。]{0,4})?以[^,;。]*为准|非最终")

Vintage = Literal["preliminary", "monthly", "corrected", "final"]
VINTAGES: tuple[Vintage, ...] = get_args(Vintage)
"""From the first figures of a month to the last; a later one outranks an earlier one whenever it came."""


class Mode(Entry):
    """A supervision mode (监管方式); ``verified`` is false while nobody could confirm its meaning.

    Attributes:
        flow: the only direction it can have, where that is certain.
    """

    code: str = Field(pattern=r"^\d{4}$")
    name: str = Field(min_length=1)
    verified: bool = True
    flow: Literal["I", "E"] | None = None


class StatisticalMode(Entry):
    """A mode of the published statistics, a table of two digits of its own."""

    code: str = Field(pattern=r"^\d{2}$")
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
    statistical_modes: tuple[StatisticalMode, ...]
    vintages: dict[Vintage, tuple[str, ...]]
    currencies: dict[str, tuple[str, ...]]
    countries: dict[str, tuple[str, ...]]
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
        for title, table in (("币制", self.currencies), ("国别", self.countries)):
            names = [name for entry in table.values() for name in entry]
            if len(names) != len(set(names)) or not all(table.values()):
                raise ValueError(f"{title}代码表里有重复或空缺的名称")
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

    def mode_name(self, text: str) -> str | None:
        """A mode of the published statistics: two digits, or a supervision mode as :meth:`mode` reads it; else None.

        >>> codes().mode_name("10"), codes().mode_name("0110"), codes().mode_name("110"), codes().mode_name("77")
        ('10', '0110', '0110', None)
        """
        plain = _plain(text).removesuffix(".0")
        known = {key: entry.code for entry in self.statistical_modes for key in (entry.code, _plain(entry.name))}
        return known.get(plain) or self.mode(text)

    def currency(self, text: str) -> str | None:
        """The alpha code of a currency written as customs' number, alpha code or name; else None.

        >>> codes().currency("502"), codes().currency("usd"), codes().currency("人民币"), codes().currency("999")
        ('USD', 'USD', 'CNY', None)
        """
        return _one(_parts(text), self._currency_words)

    def country(self, text: str) -> str | None:
        """The name of a country or region written as customs' number, ISO code or name, or several of these; else None.

        >>> codes().country("502"), codes().country("HKG"), codes().country("俄罗斯联邦"), codes().country("502 日本")
        ('美国', '中国香港', '俄罗斯', None)
        """
        return _one(_parts(text), self._country_words)

    def vintage(self, text: str) -> Vintage | None:
        """The vintage a title or a cell speaks of: the highest it names; None when it names none.

        >>> codes().vintage("进出口企业月度数据（修正）"), codes().vintage("快讯，最终数据以年鉴为准")
        ('corrected', 'preliminary')

        Raises:
            ValueError: it names a preliminary figure and a correction or final one at once.
        """
        said = _UNTIL.sub("", _plain(text))
        found = [v for v in VINTAGES if any(word in said for word in self.vintages.get(v, ()))]
        if "preliminary" in found and {"corrected", "final"} & set(found):
            raise ValueError("数据版本自相矛盾")
        if "preliminary" in found:
            return "preliminary"
        return found[-1] if found else None

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

    @property
    def one_way_modes(self) -> dict[str, str]:
        """Mode → the only direction it can have, for modes of which that is certain."""
        return {mode.code: mode.flow for mode in self.modes if mode.flow}

    @cached_property
    def _currency_words(self) -> dict[str, str]:
        return {_plain(word): names[0] for code, names in self.currencies.items() for word in (code, *names)}

    @cached_property
    def _country_words(self) -> dict[str, str]:
        return {_plain(word): names[0] for code, names in self.countries.items() for word in (code, *names)}

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


def _parts(text: str) -> list[str]:
    """What a cell holds beside separators: ``502``, ``美国(502)`` and ``502 美国`` alike."""
    spaced = unicodedata.normalize("NFKC", text).upper().strip().removesuffix(".0")
    whole = [_plain(spaced)]
    return whole + [part for part in re.split(r"[\s()\-:/、|]+|(?<=\d)(?=\D)|(?<=\D)(?=\d)", spaced) if part]


def _one(parts: Iterable[str], words: dict[str, str]) -> str | None:
    """The one thing that a cell, or else all its parts, mean."""
    whole, *rest = parts
    if whole in words:
        return words[whole]
    found = {words.get(part) for part in rest}
    return found.pop() if len(found) == 1 else None


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).upper()


@lru_cache(maxsize=1)
def codes() -> Codes:
    """The shipped code tables.

    Raises:
        CatalogError: ``codes.yml`` is wrong.
    """
    return load("codes", Codes)
