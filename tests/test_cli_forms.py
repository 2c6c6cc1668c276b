"""The commands about forms."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from qxmonitor.cli import cli
from qxmonitor.feeds import open_file, sniff


def test_templates_are_written_and_known(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["template", "tasks", "power", "--out", str(tmp_path / "new"), "--json"])
    rows = json.loads(done.stdout)
    assert (done.exit_code, [row["form"] for row in rows]) == (0, ["tasks", "power"])
    assert [sniff(open_file(Path(row["path"]))).FEED for row in rows] == ["tasks", "power"]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["任务进展情况.xlsx", "企业用电量.xlsx"]


def test_all_templates_by_default(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["template", "--out", str(tmp_path)])
    assert done.exit_code == 0
    assert len(list(tmp_path.glob("*.xlsx"))) == len(done.stdout.splitlines()) >= 8


def test_an_unknown_form_writes_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["template", "tasks", "nope", "--out", str(tmp_path / "new")])
    assert (done.exit_code, done.stderr.startswith("错误：没有这种表：nope")) == (1, True)
    assert not (tmp_path / "new").exists()


def test_a_scaffold_that_cannot_be_laid_out_says_why(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["new-feed", "land_sale", "--title", "土地出让", "--root", str(tmp_path)])
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "不是 qxmonitor 的源码目录" in done.stderr


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    """A file stands where a folder should: true for root as well, whom no mode keeps out."""
    (tmp_path / "file").write_text("")
    for words in (("template", "tasks"), ("template", "tasks", "--json")):
        done = CliRunner().invoke(cli, [*words, "--out", str(tmp_path / "file" / "new")])
        assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("错误：文件或文件夹无法使用：")
        assert done.stdout in ("", "[]\n")
