"""Codes of firms that cannot exist: valid in form, issued by nobody.

The unified social credit code (GB 32100-2015) carries the registration area ``000000`` and the customs code the
area ``0000``; neither was ever given out, so a simulated firm can never be taken for a real one, while every check
digit is right. Written apart from ``qxmonitor.identity`` on purpose: the writer's side proves the reader's.
"""

from __future__ import annotations

import numpy as np

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
"""The 31 characters of GB 32100: no I, O, S, V, Z."""

_ORG_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)
_AREA = "000000"


def org_check(body: str) -> str:
    """Check character of an organisation code (GB 11714).

    Args:
        body: its first eight characters.
    """
    total = sum(int(char, 36) * weight for char, weight in zip(body, _ORG_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def uscc_check(body: str) -> str:
    """Check character of a unified social credit code.

    Args:
        body: its first seventeen characters.
    """
    total = sum(USCC_ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(body))
    return USCC_ALPHABET[(31 - total % 31) % 31]


def uscc(org_body: str) -> str:
    """The full code of a simulated enterprise (``91`` + area ``000000`` + organisation code + check character).

    >>> uscc("MA000017")[:10], len(uscc("MA000017"))
    ('91000000MA', 18)
    """
    body = "91" + _AREA + org_body + org_check(org_body)
    return body + uscc_check(body)


def uscc_codes(rng: np.random.Generator, count: int) -> list[str]:
    """``count`` distinct codes; half carry the newer ``MA`` organisation codes, half the older all-digit ones."""
    serials = rng.choice(900_000, size=count, replace=False) + 100_000
    newer = rng.random(count) < 0.5
    tail = np.array(list("ABCDEFGHJKLMNPQRTUWXY"))[rng.integers(0, 21, count)]
    bodies = [
        f"MA{serial:06d}"[:7] + letter if new else f"{serial:08d}"
        for serial, letter, new in zip(serials, tail, newer, strict=True)
    ]
    codes = [uscc(body) for body in dict.fromkeys(bodies)]
    extra = 0
    while len(codes) < count:  # two MA codes that shared their digits: fill up from a block nobody else draws from
        codes.append(uscc(f"MB{extra:06d}"))
        extra += 1
    return codes


def spoil(code: str) -> str:
    """The same code with a check character that is wrong.

    >>> spoil(uscc("MA000017")) == uscc("MA000017")
    False
    """
    place = USCC_ALPHABET.index(code[-1])
    return code[:-1] + USCC_ALPHABET[(place + 7) % 31]


def customs_codes(rng: np.random.Generator, count: int) -> list[str]:
    """``count`` distinct ten-character customs codes: ``0000``, zone and enterprise type, four serial characters.

    About one in five has letters in its serial, as real ones do.
    """
    serials = rng.choice(9000, size=count, replace=False) + 1000
    kinds = np.array(["92", "93", "94", "96"])[rng.integers(0, 4, count)]
    lettered = rng.random(count) < 0.2
    return [
        f"0000{kind}{'ABCDEFGHJ'[serial // 1000 - 1]}{serial % 1000:03d}" if has else f"0000{kind}{serial:04d}"
        for kind, serial, has in zip(kinds, serials, lettered, strict=True)
    ]


CENTRE_CUSTOMS = "0000W60001"
"""The bonded centre's operator: W in fifth place."""

CENTRE_USCC = uscc("MC000001")
"""The warehouse that stands as ``bizop`` in many bonded documents; it is no firm of the register."""
