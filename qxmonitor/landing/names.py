"""Names of files from elsewhere: which say that a file is not finished, and what a strange one is called here."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Container

_PARTS = (".part", ".partial", ".filepart", ".crdownload", ".download", ".opdownload", ".tmp", ".temp", ".swp", ".lock")
_IGNORED = frozenset({"thumbs.db", "desktop.ini"})
_UNSAFE = re.compile(r'[\\/:*?"<>|]')
_LONGEST = 180
"""Bytes of a name; file systems take 255, and a mark must still fit."""


def passed_over(name: str) -> bool:
    """Whether a name is never a return: hidden, or something a desktop leaves behind."""
    return name.startswith(".") or name.lower() in _IGNORED


def unfinished(name: str) -> str:
    """Why a name says that its file is not one to read (yet); empty when it does not.

    >>> unfinished("B204-1.xlsx.filepart"), unfinished("~$B204-1.xlsx"), unfinished("B204-1.xlsx")
    ('临时文件，传完后应改为正式文件名', '办公软件的锁文件', '')
    """
    if name.startswith("~$"):
        return "办公软件的锁文件"
    if name.startswith("~") or name.lower().endswith(_PARTS):
        return "临时文件，传完后应改为正式文件名"
    return ""


def held(name: str, beside: Container[str]) -> str:
    """Why a file waits because of what lies beside it: an office program has it open, or its transfer goes on.

    >>> held("月报.xlsx", {"月报.xlsx", "~$月报.xlsx"}), held("月报.xlsx", {"月报.xlsx"})
    ('正被办公软件打开', '')
    """
    # Word cuts the first two characters of a longer name, Excel does not; LibreOffice has a form of its own.
    if any(lock in beside for lock in (f"~${name}", f"~${name[2:]}" if len(name) > 8 else "", f".~lock.{name}#")):
        return "正被办公软件打开"
    return "正在传输" if any(name + part in beside for part in _PARTS) else ""


def readable(raw: bytes | str) -> str:
    """A name as text: UTF-8 or, as older Windows servers write, GB18030."""
    if isinstance(raw, str):
        return raw
    for encoding in ("utf-8", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "replace")


def safe_name(raw: bytes | str) -> str:
    r"""What a file of a strange name is called here: one part of a path, visible, printable, short, an ordinary file.

    >>> safe_name("../../etc/passwd"), safe_name(".profile"), safe_name("a\r\nb\u202excod.xlsx"), safe_name("..")
    ('_.._etc_passwd', 'profile', 'a__b_xcod.xlsx', '_')
    """
    text = unicodedata.normalize("NFC", readable(raw).encode("utf-8", "replace").decode("utf-8"))
    text = _UNSAFE.sub("_", "".join(letter if letter.isprintable() else "_" for letter in text))
    text = text.strip(" ").lstrip(".~ ").rstrip(". ") or "_"
    stem, suffix = os.path.splitext(text)  # noqa: PTH122 - a name, not a path
    suffix = suffix if len(suffix.encode()) <= 16 else ""
    stem = text.removesuffix(suffix)
    mark = ""
    if len(text.encode()) > _LONGEST:
        mark = f"~{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        room = _LONGEST - len(suffix.encode()) - len(mark)
        stem = stem.encode()[:room].decode("utf-8", "ignore")
    name = f"{stem}{mark}{suffix}"
    return f"{name}_" if unfinished(name) or passed_over(name) else name
