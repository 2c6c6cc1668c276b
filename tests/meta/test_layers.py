"""The one-way street of docs/architecture.md, and a few habits that keep it short."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from tests.meta.repository import ROOT, texts

LONGEST_MODULE = 450
ROW_BY_ROW = re.compile(r"\.(iterrows|itertuples|to_sql)\(|\.apply\((?:[^()]|\([^()]*\))*axis=1")


def test_imports_go_one_way() -> None:
    """The contracts of pyproject.toml, as ``make lint`` runs them."""
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_street_is_drawn_with_every_module_in_its_place() -> None:
    """The picture in docs/architecture.md names what the contract names, lowest first."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = [re.findall(r"\w+", layer) for layer in reversed(contract[0]["layers"])]
    drawn = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").split("```")[1]
    places: dict[str, int] = {}
    for number, word in enumerate(re.findall(r"[a-z_]+", drawn)):
        places.setdefault(word, number)
    named = [[name for name in layer if name != "__main__" and not name.startswith("cli_")] for layer in layers]
    assert [name for layer in named for name in layer if name not in places] == []
    spans = [(min(at), max(at)) for layer in named if (at := [places[name] for name in layer])]
    assert all(below[1] < above[0] for below, above in pairwise(spans)), "in the contract's order"


@pytest.mark.parametrize("name", sorted(texts(".py", under="qxmonitor/")))
def test_a_module_has_one_job_and_says_which(name: str) -> None:
    text = texts(".py", under="qxmonitor/")[name]
    assert not text.strip() or text.lstrip().startswith(('"""', 'r"""')), "no module docstring"
    assert text.count("\n") <= LONGEST_MODULE, "too long for one job"


def test_the_library_does_not_go_row_by_row() -> None:
    hits = [
        f"{name}: {found.group()}"
        for name, text in texts(".py", under="qxmonitor/").items()
        for found in ROW_BY_ROW.finditer(text)
    ]
    assert not hits


def test_dags_and_plugins_hold_no_sql_and_no_mail() -> None:
    for name, text in {**texts(".py", under="dags/"), **texts(".py", under="plugins/")}.items():
        assert "smtplib" not in text, name
        assert "sqlalchemy" not in text, name


def test_every_package_has_tests_in_its_place() -> None:
    packages = {name.split("/")[1] for name in texts(".py", under="qxmonitor/") if name.count("/") > 1}
    tested = {
        name.split("/")[1] for name in texts(".py", under="tests/") if name.rsplit("/", 1)[-1].startswith("test_")
    }
    assert packages - tested == set()
