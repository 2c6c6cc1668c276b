"""Files of others: read as text whole or not at all; results written whole, never over the file that was read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from qxmonitor.errors import Refused

MAX_BYTES = 100 * 2**20


def read_text(path: Path) -> str:
    """The text of a file, lines ending in a line feed.

    Raises:
        Refused: not a regular file, too large, empty, or no text in UTF-8, UTF-16 or GB18030.
    """
    from qxmonitor.feeds import text

    try:
        if not path.is_file():
            raise Refused("不是普通文件，无法读取")
        if path.stat().st_size > MAX_BYTES:
            raise Refused(f"文件超过 {MAX_BYTES // 2**20} MB 上限")
        data = path.read_bytes()
    except OSError:
        raise Refused("文件无法打开") from None
    if not data.strip(b"\0\t\r\n \xef\xbb\xbf"):
        raise Refused("文件为空")
    return text.decode(data).replace("\r\n", "\n").replace("\r", "\n")


def write_csv(out: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], *, read: Iterable[Path]) -> None:
    """Write a csv whole or not at all.

    Args:
        out: where to.
        columns: the header.
        rows: cells that print as they are meant to stand.
        read: the files the rows come from; none of them is written over.

    Raises:
        Refused: ``out`` is one of ``read``, or cannot be written.
    """
    if out.exists() and any(out.samefile(path) for path in read):
        raise Refused("输出文件不能是输入文件")
    draft = out.with_name(f".{out.name}.draft")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)
        draft.replace(out)
    except OSError:
        raise Refused("输出文件无法写入") from None
