"""The commands that documents name are the ones the Makefile has, and the build runs what the README promises."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.meta.repository import ROOT, texts

_TARGET = re.compile(r"^([a-z][a-z-]*):(.*)$", re.MULTILINE)
_SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`make ([a-z][a-z-]*)")


def _targets() -> dict[str, str]:
    return dict(_TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))


def test_every_target_explains_itself() -> None:
    listing = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name, rest in _targets().items():
        assert " ## " in rest, name
        assert f"make {name}" in listing


def test_the_promised_targets_exist() -> None:
    promised = {"help", "setup", "demo", "up", "test", "test-fast", "test-system", "lint", "fmt", "bench", "clean"}
    assert set(_targets()) == promised


@pytest.mark.parametrize("name", sorted(texts(".md")))
def test_documents_name_real_targets(name: str) -> None:
    text = texts(".md")[name]
    named = set(_INLINE.findall(text))
    named |= {word for block in _SHELL.findall(text) for word in re.findall(r"\bmake ([a-z][a-z-]*)", block)}
    assert named <= set(_targets())


def test_the_build_runs_what_the_readme_promises() -> None:
    build = (ROOT / ".ci/run").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quick = _SHELL.findall(readme)[0].split("\n")
    for command in filter(None, quick):
        assert command in build


@pytest.mark.parametrize("name", ["scripts/setup", "scripts/system-deps", ".ci/run"])
def test_scripts_are_valid_shell(name: str) -> None:
    shell = "bash" if name == ".ci/run" else "sh"
    checked = subprocess.run([shell, "-n", ROOT / name], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_setup_refuses_an_old_python_in_one_line() -> None:
    refused = subprocess.run(
        ["sh", ROOT / "scripts/setup"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": "/bin/false"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == ["setup: PYTHON=/bin/false is not a Python 3.11, 3.12 or 3.13."]
