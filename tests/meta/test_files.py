"""Plain files: text that every editor reads the same way, and each exception with its reason."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.meta.repository import ROOT, files, texts


@pytest.mark.parametrize("name", sorted(texts()))
def test_text_is_plain(name: str) -> None:
    text = texts()[name]
    assert "\r" not in text
    assert "\ufeff" not in text
    assert not text or text.endswith("\n"), "no newline at the end"
    assert not re.search(r"^(<{7}|>{7}) ", text, re.MULTILINE), "a merge left unfinished"


def test_nothing_large_or_secret_is_kept() -> None:
    for path in files():
        assert path.name == "uv.lock" or path.stat().st_size < 500_000, path
        assert path.suffix not in {".pem", ".key", ".p12"}, path
        assert path.name != ".env"


def test_exceptions_in_the_configuration_have_a_reason() -> None:
    """Ignored lint rules and warnings, and packages without types, each carry a comment."""
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    inside = False
    for number, line in enumerate(lines, start=1):
        if re.match(r"(ignore|filterwarnings) = \[$", line):
            inside = True
        elif line == "]":
            inside = False
        elif inside and line.strip() not in ('"error",',):
            commented = "#" in line or lines[number - 2].lstrip().startswith("#")
            assert commented, f"pyproject.toml:{number}: {line.strip()}"


def test_the_supported_pythons_agree() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    setup = (ROOT / "scripts/setup").read_text(encoding="utf-8")
    assert "(3, 11) <= v[:2] < (3, 14)" in setup
    assert {f"Programming Language :: Python :: 3.{minor}" for minor in (11, 12, 13)} <= set(project["classifiers"])


def test_the_licence_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
