"""What the README says is so: in both languages, and about commands that exist."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import click
import pytest

from qxmonitor.cli import cli
from tests.meta.repository import ROOT, texts

READMES = {"README.md": "Quick start", "README.zh-CN.md": "快速开始"}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\| `qxmonitor (.+?)` \|", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_HEADING = re.compile(r"^(#+) .+$", re.MULTILINE)


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _headings(name: str) -> list[int]:
    return [len(marks) for marks in _HEADING.findall(_FENCE.sub("", _read(name)))]


def test_both_languages_have_the_same_sections() -> None:
    assert _headings("README.md") == _headings("README.zh-CN.md")


def test_both_languages_give_the_same_commands() -> None:
    english, chinese = ([body for tongue, body in _FENCE.findall(_read(name)) if tongue == "sh"] for name in READMES)
    assert english == chinese
    assert _COMMAND.findall(_read("README.md")) == _COMMAND.findall(_read("README.zh-CN.md"))


def test_both_languages_name_the_same_settings() -> None:
    english, chinese = (set(re.findall(r"QXMONITOR_[A-Z_]+", _read(name))) for name in READMES)
    assert english == chinese
    used = {
        found for text in texts(".py", under="qxmonitor/").values() for found in re.findall(r"QXMONITOR_[A-Z_]+", text)
    }
    between_our_processes = {"QXMONITOR_PRELOAD", "QXMONITOR_SERVICE"}
    assert used - between_our_processes <= english, "a setting the README does not name"


def test_both_languages_draw_the_same_house() -> None:
    english, chinese = (
        [line.split("  ")[0].strip() or line.strip().split("  ")[0] for line in body.splitlines()]
        for name in READMES
        for tongue, body in _FENCE.findall(_read(name))
        if tongue == "text"
    )
    assert english == chinese


def test_every_command_is_documented() -> None:
    documented = {line.split()[0] for line in _COMMAND.findall(_read("README.md"))}
    assert documented == set(cli.commands)


@pytest.mark.parametrize("line", _COMMAND.findall(_read("README.md")))
def test_documented_options_exist(line: str) -> None:
    name, *words = line.replace("\\|", " ").replace("[", " ").replace("]", " ").split()
    command = cli.commands[name]
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    options = {opt for param in command.params if isinstance(param, click.Option) for opt in param.opts}
    assert {word for word in words if word.startswith("--")} <= options
    if name == "list":
        choices = next(param.type for param in command.params if isinstance(param.type, click.Choice))
        assert set(choices.choices) <= set(words)


def test_listings_take_json() -> None:
    for name in ("ingest", "run", "brief", "deliver", "list", "explain", "replay", "bench"):
        assert any("--json" in param.opts for param in cli.commands[name].params), name


@pytest.mark.parametrize("name", sorted(texts(".md")))
def test_links_lead_somewhere(name: str) -> None:
    for target in _LINK.findall(_FENCE.sub("", texts(".md")[name])):
        if "://" not in target:
            assert (ROOT / PurePosixPath(name).parent / target).exists(), target


def test_every_decision_is_listed() -> None:
    listing = _read("docs/decisions/README.md")
    for path in (ROOT / "docs/decisions").glob("0*.md"):
        assert path.name in listing
        words = path.read_text(encoding="utf-8")
        assert all(f"**{part}.**" in words for part in ("Context", "Decision", "Consequences")), path.name
