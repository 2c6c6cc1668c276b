"""Every catalogue file is read by somebody, and what is shipped is valid."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from typing import Any

import pytest
import yaml

import qxmonitor.catalog
from qxmonitor.catalog._yaml import load
from qxmonitor.catalog.rules import rules
from qxmonitor.catalog.shipped import Shipped, fingerprint
from tests.meta.repository import ROOT, texts

_LOADED = re.compile(r"""\bload\(\s*["'](\w+)["']""")
CATALOGUES = sorted(path.stem for path in (ROOT / "qxmonitor/catalog").glob("*.yml"))
MODULES = sorted(f"qxmonitor.catalog.{found.name}" for found in pkgutil.iter_modules(qxmonitor.catalog.__path__))


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_catalogue_has_a_loader(name: str) -> None:
    loaders = {found for text in texts(".py", under="qxmonitor/").values() for found in _LOADED.findall(text)}
    assert name in loaders


@pytest.mark.parametrize("name", CATALOGUES)
def test_a_catalogue_says_what_it_is(name: str) -> None:
    text = (ROOT / f"qxmonitor/catalog/{name}.yml").read_text(encoding="utf-8")
    assert text.startswith("#"), "no comment at the top"
    assert yaml.safe_load(text)


@pytest.mark.parametrize("module", MODULES)
def test_what_is_shipped_is_valid(module: str) -> None:
    """The cached loaders without arguments are how a process reads its catalogues."""
    for _, loader in inspect.getmembers(importlib.import_module(module), _is_loader):
        assert loader() is not None


def _is_loader(member: Any) -> bool:
    return hasattr(member, "cache_info") and not inspect.signature(member).parameters


def test_what_ships_active_is_written_down_word_for_word() -> None:
    """A changed rule is proved anew (decision 46) before its fingerprint enters ``shipped.yml``."""
    proved = {rule.id: fingerprint(rule) for rule in rules().rules if rule.active and rule.proof is not None}
    assert load("shipped", Shipped).active == proved


def test_no_reader_is_told_of_statutory_warnings() -> None:
    """预警 is a statutory word for public emergencies (glossary); ours are 风险提示."""
    for path in sorted((ROOT / "templates").rglob("*.j2")) + sorted((ROOT / "qxmonitor/catalog").rglob("*.yml")):
        assert "预警" not in path.read_text(encoding="utf-8").replace("法定预警", ""), path
