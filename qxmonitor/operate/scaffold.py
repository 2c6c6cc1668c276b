"""Lays out a new sheet feed: every part a source needs, small and working, for a developer to fill.

Nothing that is there is overwritten, and all is checked before the first file is written. The texts lie under
``templates/feed``; ``{{name}}`` and its like are replaced, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from qxmonitor.errors import QxError

_NAME = re.compile(r"[a-z][a-z_]{2,30}")
_TITLE = re.compile(r"[\u4e00-\u9fffA-Za-z0-9（）()、]{2,40}")
_REVISION = re.compile(r"(\d{4})_\w+\.py")
_MARK = "new-feed: above this line"


class Part(NamedTuple):
    """A file of the new feed.

    Attributes:
        path: under the root.
        text: what it will hold.
        done: 新建 or 补写.
        words: what it is for, in Chinese.
    """

    path: str
    text: str
    done: str
    words: str


def lay_out(name: str, title: str, root: Path) -> list[dict[str, str]]:
    """Write the parts of a new feed into a checkout.

    Args:
        name: of the feed and its table, lower-case letters and underscores.
        title: Chinese name of the form.
        root: of the checkout.

    Returns:
        One row a file: path, done, words.

    Raises:
        QxError: the name or title will not do, something of this name is there, or the folder is no checkout.
    """
    if not _NAME.fullmatch(name):
        raise QxError("名称只能由小写字母和下划线组成，3 到 31 个字符，如 land_use")
    if not _TITLE.fullmatch(title) or not re.search(r"[\u4e00-\u9fff]", title):
        raise QxError("请给出报表的中文名称，2 到 40 个字")
    parts = list(_parts(name, title, root))
    for part in parts:
        path = root / part.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(part.text, encoding="utf-8", newline="\n")
    return [{"path": part.path, "done": part.done, "words": part.words} for part in parts]


def _parts(name: str, title: str, root: Path) -> Iterator[Part]:
    """Every file, new or as it will be; raises before anything is written."""
    last = _last_revision(root)
    number = f"{int(last) + 1:04d}"
    said = {"name": name, "title": title, "revision": number, "last": last}
    new = (
        (f"qxmonitor/catalog/forms/{name}.yml", "declaration.yml", "列的声明：表头、同义词、类型、单位"),
        (f"expectations/{name}.yml", "suite.yml", "校验规则"),
        (f"sql/migrations/versions/{number}_{name}.py", "migration.py.txt", "迁移"),
        (f"sql/migrations/versions/{number}_{name}.sql", "migration.sql", "数据表；改列后同步改这里"),
        (f"tests/feeds/test_{name}.py", "test.py.txt", "测试：好文件、坏文件、空表回读"),
    )
    for path, source, words in new:
        if (root / path).exists():
            raise QxError(f"已有同名文件：{path}")
        yield Part(path, _filled(_text(root, f"templates/feed/{source}"), said), "新建", words)
    marked = (
        ("qxmonitor/warehouse/tables.py", f'    "{name}": FactTable("asof_single", matched=True),\n', "登记数据表"),
        ("sql/views/10_reads.sql", f'    union all\n    select file_id, sheet, "row", subject, period from {name}\n',
         "名录里没有的企业先不入数"),
        ("qxmonitor/catalog/permitted_use.yml", _filled(_text(root, "templates/feed/use.yml"), said),
         "谁可以看：默认只有统计办"),
    )  # fmt: skip
    for path, addition, words in marked:
        yield Part(path, _inserted(_text(root, path), addition, path), "补写", words)
    calendar = _text(root, "qxmonitor/catalog/calendar.yml").rstrip("\n") + "\n"
    entry = _filled(_text(root, "templates/feed/calendar.yml"), said)
    yield Part("qxmonitor/catalog/calendar.yml", calendar + entry, "补写", "报送日历：核对报送日和免报月份")


def _last_revision(root: Path) -> str:
    folder = root / "sql/migrations/versions"
    found = sorted(match[1] for path in folder.glob("*.py") if (match := _REVISION.fullmatch(path.name)))
    if not found:
        raise QxError(f"这里不是 qxmonitor 的源码目录：{root}")
    return found[-1]


def _text(root: Path, path: str) -> str:
    try:
        return (root / path).read_text(encoding="utf-8")
    except OSError:
        raise QxError(f"找不到 {path}，请在源码目录里运行") from None


def _filled(text: str, said: dict[str, str]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda found: said[found[1]], text)


def _inserted(text: str, addition: str, path: str) -> str:
    lines = text.splitlines(keepends=True)
    at = next((number for number, line in enumerate(lines) if _MARK in line), None)
    if at is None:
        raise QxError(f"{path} 里没有标记“{_MARK}”")
    return "".join([*lines[:at], addition, *lines[at:]])
