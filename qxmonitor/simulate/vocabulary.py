"""The plain words of the town: chains and nodes, industries, seasons, goods, partners, supervision modes."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt


class Node(NamedTuple):
    """A node of a chain: code, name, upstream node codes joined by 、, GB/T 4754 class."""

    code: str
    name: str
    upstream: str
    industry: str


CHAINS: Final[dict[str, str]] = {
    "C01": "光电通讯",
    "C02": "电气机械及设备",
    "C03": "婴幼童玩具用品",
    "C04": "现代物流装备",
    "C05": "新材料与家居",
    "C06": "生命健康器械",
}

NODES: Final[dict[str, tuple[Node, ...]]] = {
    "C01": (
        Node("C01-N1", "光电元件", "", "3976"),
        Node("C01-N2", "电子电路", "", "3982"),
        Node("C01-N3", "通信模组", "C01-N1、C01-N2", "3922"),
        Node("C01-N4", "通讯整机", "C01-N3", "3921"),
    ),
    "C02": (
        Node("C02-N1", "线缆材料", "", "3831"),
        Node("C02-N2", "电机", "C02-N1", "3812"),
        Node("C02-N3", "配电控制", "C02-N1", "3823"),
        Node("C02-N4", "成套设备", "C02-N2、C02-N3", "3599"),
    ),
    "C03": (
        Node("C03-N1", "塑胶件", "", "2929"),
        Node("C03-N2", "玩具", "C03-N1", "2452"),
        Node("C03-N3", "婴童用品", "C03-N1", "2459"),
    ),
    "C04": (
        Node("C04-N1", "结构件", "", "3311"),
        Node("C04-N2", "输送设备", "C04-N1", "3434"),
        Node("C04-N3", "智能仓储", "C04-N2", "3439"),
    ),
    "C05": (
        Node("C05-N1", "改性材料", "", "2651"),
        Node("C05-N2", "板材", "C05-N1", "2021"),
        Node("C05-N3", "家具", "C05-N2", "2110"),
    ),
    "C06": (
        Node("C06-N1", "器械零部件", "", "3589"),
        Node("C06-N2", "器械整机", "C06-N1", "3581"),
    ),
}

CLASSES: Final[dict[str, str]] = {
    "1819": "其他机织服装制造", "2231": "纸和纸板容器制造", "2319": "包装装潢及其他印刷", "3329": "其他金属工具制造",
    "2021": "胶合板制造", "2110": "木质家具制造", "2452": "塑胶玩具制造", "2459": "其他玩具制造",
    "2651": "初级形态塑料及合成树脂制造", "2929": "塑料零件及其他塑料制品制造", "3311": "金属结构制造",
    "3434": "连续搬运设备制造", "3439": "其他物料搬运设备制造", "3581": "医疗诊断、监护及治疗设备制造",
    "3589": "其他医疗设备及器械制造", "3599": "其他专用设备制造", "3812": "电动机制造",
    "3823": "配电开关控制设备制造", "3831": "电线、电缆制造", "3921": "通信系统设备制造",
    "3922": "通信终端设备制造", "3976": "光电子器件制造", "3982": "电子电路制造",
}  # fmt: skip
"""Classes of GB/T 4754-2017 that firms of the town belong to."""

OTHER_INDUSTRIES: Final = ("2231", "1819", "3329", "2319")
TRADE_INDUSTRY: Final = "5179"
SOLE_NODES: Final = ("C02-N4", "C04-N3")
"""Nodes that one firm holds alone."""

CHAIN_WEIGHTS: Final[dict[str, float]] = {"C01": 0.36, "C02": 0.2, "C03": 0.15, "C04": 0.08, "C05": 0.11, "": 0.1}
"""Shares of the above-scale firms; C06 is kept at three legal entities of two groups."""

EXPORT_SHARE: Final[dict[str, tuple[float, float]]] = {
    "C01": (0.25, 0.75),
    "C02": (0.1, 0.5),
    "C03": (0.5, 0.9),
    "C04": (0.05, 0.4),
    "C05": (0.1, 0.6),
    "C06": (0.1, 0.5),
    "": (0.0, 0.3),
}

POWER_INTENSITY: Final[dict[str, float]] = {
    "C01": 0.0011,
    "C02": 0.0014,
    "C03": 0.0026,
    "C04": 0.0012,
    "C05": 0.0031,
    "C06": 0.0010,
    "": 0.0022,
}
"""万千瓦时 a thousand yuan of output."""

OWNERSHIPS: Final = ("私营企业", "港澳台商投资企业", "外商投资企业", "其他有限责任公司", "国有控股企业")
OWNERSHIP_WEIGHTS: Final = (0.45, 0.27, 0.15, 0.11, 0.02)

EXPORT_GOODS: Final[dict[str, tuple[str, ...]]] = {
    "C01": ("85177990", "85340090", "85414100", "85285990"),
    "C02": ("85011099", "85444219", "85371090"),
    "C03": ("95030089", "87150000", "39269090"),
    "C04": ("84283300", "84289090", "73089000"),
    "C05": ("94036099", "94034000", "39269090"),
    "C06": ("90189099", "90191090"),
    "": ("48191000", "61091000", "73269090"),
}
IMPORT_GOODS: Final[dict[str, tuple[str, ...]]] = {
    "C01": ("85423190", "85322410", "84798999"),
    "C02": ("74081100", "72251100", "85429000"),
    "C03": ("39021000", "39031900"),
    "C04": ("84834090", "85371011"),
    "C05": ("39033010", "44079990"),
    "C06": ("90330000", "39174000"),
    "": ("39012000", "48102900"),
}
UNITS: Final = ("千克", "台", "个", "千个")

PARTNERS: Final[dict[str, str]] = {
    "美国": "502",
    "德国": "304",
    "日本": "116",
    "韩国": "133",
    "越南": "141",
    "中国香港": "110",
    "荷兰": "309",
    "俄罗斯": "344",
    "塞尔维亚": "358",
    "马来西亚": "122",
    "波兰": "327",
    "墨西哥": "429",
}
"""Partner names with their customs country codes."""

MODES: Final[dict[str, str]] = {
    "0110": "一般贸易",
    "0615": "进料对口",
    "0214": "来料加工",
    "6033": "物流中心进出境货物",
}
MODE_WEIGHTS: Final = (0.55, 0.3, 0.08, 0.07)

READERS: Final = ("工信局", "商务局")
ITEMS: Final = ("工业总产值", "出口交货值", "期末从业人数")

_SEASONS: Final[dict[str, tuple[int, ...]]] = {
    "C01": (-4, -6, 1, -1, 0, 1, 2, 4, 7, 3, 4, -1),
    "C02": (-3, -5, 3, 2, 2, 3, 0, 0, 2, -1, 0, 4),
    "C03": (-8, -10, -4, -1, 3, 7, 10, 11, 8, 2, -5, -9),
    "C04": (-4, -6, 0, 1, 1, 4, 0, 1, 3, 2, 3, 5),
    "C05": (-3, -7, 3, 4, 1, 0, -3, -1, 5, 4, 3, -1),
    "C06": (0, -3, 2, 1, 0, 1, 0, 0, 1, 0, 1, 2),
    "": (-2, -4, 1, 0, 1, 1, 0, 1, 3, 1, 1, -1),
}


def season(chain: str) -> npt.NDArray[np.float64]:
    """Seasonal pattern of a chain in logarithms, January to December, mean nought; the festival is not in it."""
    pattern = np.array(_SEASONS[chain]) / 100.0
    centred: npt.NDArray[np.float64] = pattern - pattern.mean()
    return centred
