"""Which rules stand as they are shipped active (``shipped.yml``): word for word, bar and all."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.rules import Rule, rules


class Shipped(Entry):
    """Fingerprints of the definitions that owe a proof and are shipped active, by rule."""

    active: dict[str, str]


def fingerprint(rule: Rule) -> str:
    """Hash of all that a definition says, its bar and whether it is active included, and of what it follows."""
    said = rule.model_dump_json()
    if rule.follows is not None:
        said += rules().rule(rule.follows).version
    return hashlib.sha256(said.encode("utf-8")).hexdigest()[:12]


def as_shipped(rule: Rule) -> bool:
    """Whether a rule that owes a proof is shipped active and nobody edited it: what it was shipped on stands."""
    return _shipped().active.get(rule.id) == fingerprint(rule)


@lru_cache(maxsize=1)
def _shipped() -> Shipped:
    return load("shipped", Shipped)
