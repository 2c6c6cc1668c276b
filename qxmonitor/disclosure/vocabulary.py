"""The words the gate says for levels, entities and sources, and what a verdict's evidence may show."""

from __future__ import annotations

from qxmonitor.catalog.sheets import sheets
from qxmonitor.disclosure.suppression import TOWN

LEVEL_WORDS = {1: "蓝", 2: "黄", 3: "橙", 4: "红"}
ENTITY_KINDS = {
    "firm": "企业", "node": "产业链节点", "chain": "产业链", "industry": "行业", TOWN: "全镇", "mode": "贸易方式",
    "market": "国别（地区）", "chapter": "商品类章", "reference": "参照序列", "place": "公布地区",
}  # fmt: skip
SOURCE_NAMES = {
    "returns": "联网直报",
    "self_report": "企业自报",
    "customs": "海关",
    "bonded": "保税物流中心",
    "b204_1": "产销总值表",
    "b203": "财务状况表",
    "customs_monthly": "海关企业月度表",
    "customs_declaration": "报关单",
    "customs_public": "海关公开统计",
    "bonded_inv101": "保税核注清单",
    "bonded_stock": "保税库存账册",
    "bonded_receipt": "保税单证与回执",
    "register": "企业名录",
    "reference": "公开数据",
    "approved": "市局反馈数",
    "b204_detail": "行业小类与产品产量表",
}


def source_name(key: str) -> str:
    """A source or feed in the office's words: a declared sheet by its own title.

    >>> source_name("b203"), source_name("tasks")
    ('财务状况表', '任务进展情况')
    """
    return SOURCE_NAMES[key] if key in SOURCE_NAMES else sheets()[key].title if key in sheets() else key


EVIDENCE = {
    "growth": "rate",
    "expected": "rate",
    "adjusted": "rate",
    "coverage": "rate",
    "current": "money",
    "base": "money",
    "gap": "rate",
    "months": "count",
    "alerts": "count",
    "since": "period",
    "basis": "text",
    "trend": "text",
    "closed_by": "text",
    "told": "text",
    "limit": "text",
    "leads": "firms",
    "suppliers": "firms",
}
"""What a verdict's evidence holds, by name; names not listed (group counts, dominance) are never shown."""
