"""What an office may write in a catalogue file, and what it is told where it is wrong."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from qxmonitor.catalog import _yaml
from qxmonitor.catalog._yaml import Entry
from qxmonitor.errors import CatalogError


class Item(Entry):
    word: str
    count: int = 0
    share: float = 0.0
    live: bool = False
    day: date | None = None


class Book(Entry):
    items: tuple[Item, ...]
    notes: dict[str, str] | None = None


def read(folder: Path, text: str) -> Book:
    (folder / "book.yml").write_text(text, encoding="utf-8")
    return _yaml.load("book", Book, folder)


@pytest.mark.parametrize("word", ["no", "yes", "off", "08:30", "0110", "1_000", "NaN", ".inf", "0x1F", "y", "12:30:45"])
def test_words_that_other_dialects_read_as_something_else_stay_words(tmp_path: Path, word: str) -> None:
    assert read(tmp_path, f"items:\n  - word: {word}\n").items[0].word == word


def test_numbers_dates_and_truths(tmp_path: Path) -> None:
    [item] = read(tmp_path, "items:\n  - {word: 甲, count: -12, share: 1.5e3, live: true, day: 2026-11-01}\n").items
    assert (item.count, item.share, item.live, item.day) == (-12, 1500.0, True, date(2026, 11, 1))
    assert read(tmp_path, "items: []\nnotes: {2026: 年, true: 真}\n").notes == {"2026": "年", "true": "真"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("items:\n  - word: 甲\n    count: many\n", ("第 3 行", "items.0.count")),
        ("items:\n  - word: 甲\n  - wrod: 乙\n", ("第 3 行", "items.1.wrod")),
        ("items: []\nnotes:\n  a: x\n  a: y\n", ("第 4 行", "写了两次")),
        ("items: []\n? [1, 2]\n: x\n", ("第 2 行", "键只能是文字")),
        ("items: [\n", ("第 2 行", "不是有效的 YAML")),
        ("", ("第 1 行",)),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(CatalogError) as caught:
        read(tmp_path, text)
    assert all(word in str(caught.value) for word in words) and "\n" not in str(caught.value)
