"""Documents as pages: LibreOffice and poppler turn them into text and pictures."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import docx
import pytest

from qxmonitor.delivery.briefing import Briefing
from qxmonitor.delivery.docx import briefing_docx
from qxmonitor.delivery.xlsx import briefing_xlsx
from tests.delivery.conftest import DATE

pytestmark = [
    pytest.mark.system,
    pytest.mark.skipif(
        not (shutil.which("soffice") and shutil.which("pdftotext")),
        reason="needs soffice and pdftotext (scripts/system-deps installs them)",
    ),
]


def pdf(path: Path) -> Path:
    profile = path.parent / "profile"
    subprocess.run(
        ["soffice", f"-env:UserInstallation=file://{profile}", "--headless", "--convert-to", "pdf", "--outdir",
         path.parent, path],
        check=True, capture_output=True, timeout=180,
    )  # fmt: skip
    return path.with_suffix(".pdf")


def text(path: Path, *options: str) -> str:
    command = ["pdftotext", *options, path, "-"]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.decode()


@pytest.mark.parametrize("reader", ["stats", "joint"])
def test_the_briefing_as_pages(views: dict[str, Briefing], tmp_path: Path, reader: str) -> None:
    path = tmp_path / "brief.docx"
    path.write_bytes(briefing_docx(views[reader], reader, DATE))
    pages = text(pdf(path), "-layout").split("\f")[:-1]
    assert [int(n) for page in pages for n in re.findall(r"—\s*(\d+)\s*—", page)] == list(range(1, len(pages) + 1))
    assert "【模拟数据】" in pages[0] and "内部资料" in pages[0]
    assert "\ufffd" not in "".join(pages)
    # 28 characters of 16 pt stand in a full line of text
    fullest = max(len(re.findall(r"[\u3001-\uffef]", line)) for page in pages[:3] for line in page.splitlines())
    assert 24 <= fullest <= 29


def test_every_font_is_embedded(views: dict[str, Briefing], tmp_path: Path) -> None:
    path = tmp_path / "brief.docx"
    path.write_bytes(briefing_docx(views["stats"], "stats", DATE))
    fonts = subprocess.run(["pdffonts", pdf(path)], check=True, capture_output=True, timeout=60).stdout.decode()
    assert all(" yes " in line for line in fonts.splitlines()[2:])


def test_the_workbook_opens(views: dict[str, Briefing], tmp_path: Path) -> None:
    path = tmp_path / "brief.xlsx"
    path.write_bytes(briefing_xlsx(views["joint"], "joint", DATE))
    assert "光电通讯" in text(pdf(path))


def test_no_character_is_lost_on_the_way_to_a_page(views: dict[str, Briefing], tmp_path: Path) -> None:
    """LibreOffice drops punctuation at the end of lines that are too tight."""
    path = tmp_path / "brief.docx"
    path.write_bytes(briefing_docx(views["stats"], "stats", DATE))
    shown = text(pdf(path))
    for mark in "，。；：、（）《》【】“”":
        assert shown.count(mark) >= sum(p.text.count(mark) for p in docx.Document(str(path)).paragraphs), mark
