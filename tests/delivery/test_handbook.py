"""The method handbook as a Word document: its contents lead to every chapter and every page."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO

import docx
import pandas as pd
from docx.oxml.ns import qn

from qxmonitor.delivery import handbook
from qxmonitor.disclosure import Gate
from qxmonitor.period import SHANGHAI

GRANTS = pd.DataFrame(columns=["subject", "items", "readers", "since", "until"])


def test_the_contents_lead_to_every_chapter_and_page_in_their_order() -> None:
    gate = Gate("stats", "statistics", authorisations=GRANTS, simulated=True, firms=pd.DataFrame({"name": []}))
    view = handbook.build(gate, {})
    date = datetime(2026, 1, 2, tzinfo=SHANGHAI)
    content = handbook.handbook_docx(view, "stats", date)
    body = docx.Document(BytesIO(content)).element.body
    links = {link.get(qn("w:anchor")): _text(link) for link in body.iter(qn("w:hyperlink"))}
    marks = {mark.get(qn("w:name")): mark for mark in body.iter(qn("w:bookmarkStart"))}
    assert list(links) == list(marks) and len({mark.get(qn("w:id")) for mark in marks.values()}) == len(marks)
    want = [name for c in view.chapters for name in (c.name.text, *(page.name.text for page in c.pages))]
    assert list(links.values()) == want
    for name, mark in marks.items():
        assert _text(mark.getparent()).startswith(links[name])
    assert content == handbook.handbook_docx(view, "stats", date)


def _text(element: object) -> str:
    return "".join(part.text or "" for part in element.iter(qn("w:t")))  # type: ignore[attr-defined]
