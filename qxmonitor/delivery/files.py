"""Documents as files: names a recipient's computer can take, private modes, and zips with the same bytes each time."""

from __future__ import annotations

import os
import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

from qxmonitor.disclosure.cleared import one_line
from qxmonitor.period import Period

_UNSAFE = re.compile(r'[\\/:*?"<>|\s]+')
_EPOCH = (1980, 1, 1, 0, 0, 0)


def printed(page: Any) -> None:
    """A worksheet that prints on A4 across, all columns on one page."""
    page.set_paper(9)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.set_footer("&C第 &P 页，共 &N 页")


def document_name(title: str, period: Period, edition: str, suffix: str) -> str:
    """File name of a document, safe on any system.

    >>> document_name("经济运行监测简报", Period("2026-10"), "统计办", "docx")
    '经济运行监测简报_2026-10_统计办.docx'
    """
    return "_".join(_UNSAFE.sub("", one_line(part, 60)) for part in (title, str(period), edition)) + f".{suffix}"


def letter_name(number: str, firm: str) -> str:
    """File name of a letter, safe on any system whatever the firm is called.

    >>> letter_name("查〔2026〕12号", "../乙 厂.exe")
    '查〔2026〕12号_..乙厂.exe.docx'
    """
    return f"{number}_{_UNSAFE.sub('', one_line(firm, 40))}.docx"


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads, whole or not at all.

    Raises:
        OSError: it cannot be written.
    """
    for folder in reversed([p for p in path.parents if not p.exists()]):
        folder.mkdir(mode=0o700)
    draft = path.with_name(f".{path.name}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def rezip(content: bytes, leave_out: frozenset[str] = frozenset()) -> bytes:
    """The same zip with sorted members, fixed times and no extras; the content-types part stays first."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        names = sorted(set(old.namelist()) - leave_out, key=lambda name: (name != "[Content_Types].xml", name))
        for name in names:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o600 << 16, 3
            new.writestr(info, old.read(name))
    return out.getvalue()
