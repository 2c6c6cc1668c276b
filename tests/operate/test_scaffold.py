"""The scaffold of a new feed, in a copy of the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from qxmonitor.errors import QxError
from qxmonitor.operate.scaffold import lay_out
from qxmonitor.settings import ROOT

NAME, TITLE = "land_sale", "土地出让"
PARTS = (
    "qxmonitor", "sql", "expectations", "templates", "tests/feeds", "tests/warehouse", "tests/quality",
    "tests/delivery",
)  # fmt: skip


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """What of the repository a new feed touches and its tests need."""
    for part in PARTS:
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def run(copy: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy)}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n0", "-m", "not slow", "-p", "no:cacheprovider", *tests],
        cwd=copy, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_new_feed_is_red_without_its_declaration_and_green_with_it(copy: Path) -> None:
    rows = lay_out(NAME, TITLE, copy)
    assert [row["done"] for row in rows] == ["新建"] * 5 + ["补写"] * 4
    declaration = copy / f"qxmonitor/catalog/forms/{NAME}.yml"
    kept = declaration.read_bytes()
    declaration.unlink()
    red = run(copy, f"tests/feeds/test_{NAME}.py")
    assert red.returncode == 1, red.stdout[-2000:]
    declaration.write_bytes(kept)
    green = run(
        copy, f"tests/feeds/test_{NAME}.py", "tests/warehouse/test_tables.py", "tests/quality/test_suites.py"
    )  # fmt: skip
    assert green.returncode == 0, green.stdout[-4000:]
    with pytest.raises(QxError, match="已有同名文件"):
        lay_out(NAME, TITLE, copy)


def test_migrations_stay_in_one_line(copy: Path) -> None:
    versions = copy / "sql/migrations/versions"
    before = {path.name for path in versions.glob("*.py")}
    lay_out(NAME, TITLE, copy)
    (made,) = {path.name for path in versions.glob("*.py")} - before
    last = max(before)[:4]
    text = (versions / made).read_text("utf-8")
    assert f'revision = "{int(last) + 1:04d}"' in text and f'down_revision = "{last}"' in text
    assert "{{" not in "".join(p.read_text("utf-8") for p in copy.rglob(f"*{NAME}*") if p.is_file())


def test_what_will_not_do_writes_nothing(copy: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    for name in ("Land", "land-sale", "../land", "la", "power;", "1land"):
        with pytest.raises(QxError, match="小写字母"):
            lay_out(name, TITLE, copy)
    with pytest.raises(QxError, match="中文名称"):
        lay_out(NAME, "land: {x}", copy)
    with pytest.raises(QxError, match="已有同名文件"):
        lay_out("power", TITLE, copy)
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_another_folder_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(QxError, match="不是 qxmonitor 的源码目录"):
        lay_out(NAME, TITLE, tmp_path)
