"""Who a row speaks of: credit codes, customs codes, organisation codes, names; whole columns at a time.

统一社会信用代码 (GB 32100-2015) has 18 characters over 31, weights 3^(i-1) mod 31 and a check character;
positions 9–17 are the old organisation code (GB 11714, mod-11 check), which sources still write with or
without its hyphen. A customs registration code has 10 characters whose tail holds letters in real data.
A row is matched by code first and by name last; a code that is present but wrong is a reject, never a
reason to guess from the name. Simulated firms carry area ``000000`` (never issued) in their code.
"""

from __future__ import annotations

from functools import lru_cache
from typing import overload

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from qxmonitor.errors import Refused

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of a credit code: no I, O, S, V, Z."""

_WEIGHTS = np.array([pow(3, i, 31) for i in range(17)], dtype=np.int64)
_VALUES = np.full(256, -1, dtype=np.int64)
_VALUES[np.frombuffer(ALPHABET.encode(), np.uint8)] = np.arange(31)
_CHARACTERS = np.frombuffer(ALPHABET.encode(), np.uint8)

_ORG_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2], dtype=np.int64)
_ORG_VALUES = np.full(256, -1, dtype=np.int64)
_ORG_VALUES[np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", np.uint8)] = np.arange(36)
_ORG_CHECKS = np.frombuffer(b"0123456789X0", np.uint8)

_MANY = 20_000
"""Rows from which on it pays to look for repeated firms."""

_SIMULATED_AREA = "000000"
_SIMULATED_CUSTOMS = "0000"
_SPACES = "[\\s\u200b-\u200f\u2060\ufeff\u00ad]+"


def clean_code(codes: pd.Series) -> pd.Series:
    """Codes as printed, in their bare form: half-width, upper case, no spaces, hyphens or quotes; empty is null.

    A trailing ``.0`` left by a spreadsheet that took the code for a number goes as well.
    """
    text = _text(codes)
    bare = text.str.fullmatch(r"[0-9A-Z]+").fillna(False).astype(bool)
    if bare.all():
        return text
    rest = text[~bare].str.normalize("NFKC").str.upper()
    rest = rest.str.replace(r"[\s\u200b-\u200f\ufeff'`\"’‘\-‐‑–—]+", "", regex=True).str.removesuffix(".0")
    return text.where(bare, rest.mask(rest == "").reindex(text.index))


def normalise_name(names: pd.Series) -> pd.Series:
    """Names in the form in which they are compared; empty is null.

    Full-width becomes half-width, every kind of bracket round, 有限责任公司 becomes 有限公司, spaces go.

    >>> normalise_name(pd.Series(["东莞市某某（集团）有限责任公司 "])).item()
    '东莞市某某(集团)有限公司'
    """
    text = _text(names).str.normalize("NFKC").str.upper().str.replace(_SPACES, "", regex=True)
    text = text.str.replace(r"[〔【\[{]", "(", regex=True).str.replace(r"[〕】\]}]", ")", regex=True)
    text = text.str.replace("有限责任公司", "有限公司", regex=False)
    return text.mask(text == "")


def uscc_valid(codes: pd.Series) -> pd.Series:
    """Whether each code is a 统一社会信用代码: length, alphabet, digits of the area, check character."""
    usable, body = _matrix(codes, 18)
    values = _VALUES[body]
    good = (values >= 0).all(axis=1)
    good &= (values[:, 2:8] < 10).all(axis=1)
    sums = values[:, :17] @ _WEIGHTS + values[:, 17]
    return _spread(codes, usable, np.logical_and(good, sums % 31 == 0))


@overload
def uscc_check_char(body: str) -> str: ...
@overload
def uscc_check_char(body: pd.Series) -> pd.Series: ...
def uscc_check_char(body: str | pd.Series) -> str | pd.Series:
    """The 18th character for bodies of 17.

    >>> uscc_check_char("91110000600037341")
    'L'

    Raises:
        ValueError: a body has another length or a character outside the alphabet.
    """
    bodies = pd.Series([body]) if isinstance(body, str) else body
    usable, matrix = _matrix(bodies, 17)
    values = _VALUES[matrix]
    if not usable.all() or (values < 0).any():
        raise ValueError("not the 17 characters of a credit code")
    found = pd.Series(_bytes_to_text(_CHARACTERS[(-(values @ _WEIGHTS)) % 31]), index=bodies.index, dtype="str")
    return str(found.item()) if isinstance(body, str) else found


@overload
def org_check_char(body: str) -> str: ...
@overload
def org_check_char(body: pd.Series) -> pd.Series: ...
def org_check_char(body: str | pd.Series) -> str | pd.Series:
    """The 9th character of organisation codes for bodies of 8 (GB 11714).

    Raises:
        ValueError: a body has another length or a character outside 0–9, A–Z.
    """
    bodies = pd.Series([body]) if isinstance(body, str) else body
    usable, matrix = _matrix(bodies, 8)
    values = _ORG_VALUES[matrix]
    if not usable.all() or (values < 0).any():
        raise ValueError("not the 8 characters of an organisation code")
    found = pd.Series(_bytes_to_text(_org_check(values)), index=bodies.index, dtype="str")
    return str(found.item()) if isinstance(body, str) else found


def org_code_check(codes: pd.Series) -> pd.Series:
    """Whether each 9-character organisation code (no hyphen) carries its right check character."""
    usable, body = _matrix(codes, 9)
    values = _ORG_VALUES[body[:, :8]]
    return _spread(codes, usable, (values >= 0).all(axis=1) & (_org_check(values) == body[:, 8]))


def customs_code_valid(codes: pd.Series) -> pd.Series:
    """Whether each code has the shape of a customs registration code: 4 digits of area, then 6 digits or letters."""
    usable, body = _matrix(codes, 10)
    values = _ORG_VALUES[body]
    return _spread(codes, usable, (values >= 0).all(axis=1) & (values[:, :4] < 10).all(axis=1))


def resolve(
    uscc: pd.Series | None = None,
    customs: pd.Series | None = None,
    org: pd.Series | None = None,
    name: pd.Series | None = None,
) -> pd.DataFrame:
    """The subject of each row from the identifiers a source prints, strongest first.

    The first identifier present decides. If it is wrong the row has no subject but a fault.

    Returns:
        Same index; ``subject`` (USCC, ``customs:…``, ``org:…``, ``name:…`` or null) and, where it is null,
        ``rule``, ``field``, ``reason`` and ``raw`` as a reject carries them (empty text elsewhere).
    """
    given = next((column for column in (uscc, customs, org, name) if column is not None), None)
    if given is None:
        raise ValueError("no identifier given")
    if len(given) >= _MANY:
        codes, first = _distinct([column for column in (uscc, customs, org, name) if column is not None])
        if 2 * len(first) < len(given):  # the same firms come again and again: each is judged once
            once = [None if column is None else column.iloc[first] for column in (uscc, customs, org, name)]
            return resolve(*once).iloc[codes].set_axis(given.index)
    kinds = (
        (uscc, "", uscc_valid, "identity.uscc", "统一社会信用代码", "统一社会信用代码校验不通过"),
        (customs, "customs:", customs_code_valid, "identity.customs", "海关编码", "海关注册编码格式不对"),
        (org, "org:", org_code_check, "identity.org", "组织机构代码", "组织机构代码校验不通过"),
    )
    # Positions, not labels, so that a repeated index does no harm; each identifier sees only rows still open.
    found = np.full(len(given), None, dtype=object)
    faults = {key: np.full(len(given), "", dtype=object) for key in ("rule", "field", "reason", "raw")}
    open_ = np.arange(len(given))
    for column, prefix, check, rule, label, words in kinds:
        if column is None or not len(open_):
            continue
        code = clean_code(column.iloc[open_])
        here = code.notna().to_numpy(dtype=bool)
        good = check(code).to_numpy(dtype=bool)
        found[open_[good]] = (prefix + code[good]).to_numpy(dtype=object)
        bad = open_[here & ~good]
        _fault(faults, bad, rule, label, words, column)
        open_ = open_[~here]
    if name is not None and len(open_):
        plain = normalise_name(name.iloc[open_])
        here = plain.notna().to_numpy(dtype=bool)
        found[open_[here]] = ("name:" + plain[here]).to_numpy(dtype=object)
        open_ = open_[~here]
    _fault(faults, open_, "identity.missing", "统一社会信用代码", "没有可识别企业的代码或名称", None)
    return pd.DataFrame({"subject": found, **faults}, index=given.index, dtype="str")


@lru_cache(maxsize=65536)
def resolve_one(uscc: str, customs: str, name: str) -> dict[str, str]:
    """:func:`resolve` for a document of one firm, kept, since the same firms come back in hundreds of them.

    Returns:
        ``subject``, ``rule``, ``field``, ``reason`` and ``raw``; empty text where there is none.
    """
    codes, customs_codes, names = (pd.Series([text], dtype="str") for text in (uscc, customs, name))
    row = resolve(codes, customs_codes, None, names).iloc[0]
    return {str(key): str(value) for key, value in row.fillna("").items()}


def subject(
    uscc: pd.Series | None = None,
    customs: pd.Series | None = None,
    org: pd.Series | None = None,
    name: pd.Series | None = None,
) -> pd.Series:
    """:func:`resolve`'s subjects alone; null where the row has none or its first code is wrong."""
    return resolve(uscc, customs, org, name)["subject"]


def simulated(subjects: pd.Series) -> pd.Series:
    """Whether each subject is a simulated firm's: registration area ``000000``, or a customs code from ``0000``."""
    text = _text(subjects)
    code = (text.str.len() == 18) & (text.str.slice(2, 8) == _SIMULATED_AREA)
    return (code | text.str.startswith("customs:" + _SIMULATED_CUSTOMS)).fillna(False).astype(bool)


def origin(subjects: pd.Series) -> str | None:
    """``simulated``, ``real``, or None when no subject tells (names and organisation codes cannot).

    Raises:
        Refused: simulated and real firms in one file.
    """
    text = _text(subjects).dropna().drop_duplicates()
    telling = text[text.str.startswith("customs:") | ~text.str.contains(":", regex=False)]
    if telling.empty:
        return None
    marks = simulated(telling)
    if marks.all():
        return "simulated"
    if marks.any():
        raise Refused("文件里既有模拟企业又有真实企业，整份不收")
    return "real"


def _distinct(columns: list[pd.Series]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """For each row the number of its combination of cells, and where each combination stands first."""
    codes = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        own, words = pd.factorize(column, use_na_sentinel=False)
        codes, _ = pd.factorize(codes * max(len(words), 1) + own)
    first = np.flatnonzero(~pd.Series(codes).duplicated().to_numpy())
    return codes, first


def _fault(
    faults: dict[str, npt.NDArray[np.object_]],
    rows: npt.NDArray[np.intp],
    rule: str,
    label: str,
    words: str,
    column: pd.Series | None,
) -> None:
    faults["rule"][rows], faults["field"][rows], faults["reason"][rows] = rule, label, words
    if column is not None and len(rows):
        faults["raw"][rows] = _text(column.iloc[rows]).to_numpy(dtype=object)


def _text(column: pd.Series) -> pd.Series:
    return column if isinstance(column.dtype, pd.StringDtype) else column.astype("str")


def _matrix(codes: pd.Series, width: int) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.uint8]]:
    """Which codes have exactly ``width`` ASCII characters, and those as an array (usable, width) of bytes."""
    column = pa.Array.from_pandas(_text(codes), type=pa.large_string())
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    fits = pc.and_(pc.equal(pc.binary_length(column), width), pc.string_is_ascii(column))
    usable = pc.fill_null(fits, False)
    kept = pc.filter(column, usable)
    flat = pc.cast(kept, pa.large_binary()).buffers()[2]
    data = np.frombuffer(flat, np.uint8, count=len(kept) * width) if flat and len(kept) else np.empty(0, np.uint8)
    return usable.to_numpy(zero_copy_only=False), data.reshape(len(kept), width)


def _spread(codes: pd.Series, usable: npt.NDArray[np.bool_], good: npt.NDArray[np.bool_] | np.bool_) -> pd.Series:
    result = np.zeros(len(codes), dtype=bool)
    result[usable] = good
    return pd.Series(result, index=codes.index)


def _org_check(values: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    found: npt.NDArray[np.uint8] = _ORG_CHECKS[11 - values @ _ORG_WEIGHTS % 11]
    return found


def _bytes_to_text(characters: npt.NDArray[np.uint8]) -> list[str]:
    return list(characters.tobytes().decode("ascii"))
