"""Inhibition 因果归并: a lead firm's, its shock's or a chain's alarm explains those of the firms that supply it.

Whoever tells a reader of alerts applies it to the alerts that this reader may see, so that no state gives away an
alarm that is not theirs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from qxmonitor.catalog.alerting import alerting
from qxmonitor.signals.evidence import extend
from qxmonitor.signals.fold import UNANSWERED

LINKS = ["cause_kind", "cause", "entity"]
"""A lead firm (``firm``) or a chain (``chain``), and a firm whose alarm its own one explains."""


def links(firms: pd.DataFrame, chains: pd.DataFrame) -> pd.DataFrame:
    """Who explains whom, by register and chain map: :data:`LINKS`.

    A lead firm is a key firm of the register; it explains the other firms on the nodes upstream of its own, however
    far up. A chain explains its firms. Lead firms are explained by nobody.

    Args:
        firms: the register, index USCC: chain, node, key_firm.
        chains: chain, node, upstream (codes joined by 、).
    """
    on = firms[["chain", "node", "key_firm"]].astype({"chain": str, "node": str}).rename_axis("entity").reset_index()
    on = on[on["chain"] != ""]
    minor = on.loc[~on["key_firm"].astype(bool), ["chain", "node", "entity"]]
    lead = on.loc[on["key_firm"].astype(bool) & (on["node"] != ""), ["chain", "node", "entity"]]
    above = _above(chains)
    firm = lead.rename(columns={"entity": "cause"}).merge(above, on=["chain", "node"])
    firm = firm.merge(minor, left_on=["chain", "up"], right_on=["chain", "node"])[["cause", "entity"]]
    chain = minor.rename(columns={"chain": "cause"})[["cause", "entity"]]
    found = pd.concat([firm.assign(cause_kind="firm"), chain.assign(cause_kind="chain")], ignore_index=True)
    return found[LINKS].drop_duplicates(ignore_index=True)


@dataclass(frozen=True)
class Supply:
    """Lead firms of the register and the firms upstream of them, by row: those of :func:`links`, and key firms as well.

    A key firm is explained by no other firm as a rule, but it may feel what befalls one that it supplies.

    Attributes:
        lead: ``(l,)`` row of each lead firm that has suppliers, in order.
        set: ``(l,)`` which set of suppliers is its own: lead firms on one node share one.
        members: ``(k, n)`` who belongs to each set.
    """

    lead: npt.NDArray[np.intp]
    set: npt.NDArray[np.intp]
    members: npt.NDArray[np.bool_]


def supply(firms: pd.DataFrame, chains: pd.DataFrame) -> Supply:
    """Who supplies which lead firm, without a row for each pair: a town has millions of those.

    Args:
        firms: as for :func:`links`.
        chains: likewise.
    """
    place = firms["chain"].astype(str) + "\t" + firms["node"].astype(str)
    key = firms["key_firm"].astype(bool).to_numpy()
    above = _above(chains).query("node != up")
    up = above["chain"] + "\t" + above["up"]
    members = {at: place.isin(mine).to_numpy() for at, mine in up.groupby(above["chain"] + "\t" + above["node"])}
    members = {at: rows for at, rows in members.items() if rows.any()}
    lead = np.flatnonzero(key & place.isin(list(members)).to_numpy())
    codes, nodes = pd.factorize(place.iloc[lead], sort=True)
    found = np.stack([members[str(at)] for at in nodes]) if len(nodes) else np.zeros((0, len(firms)), dtype=bool)
    return Supply(lead, codes.astype(np.intp), found)


def _above(chains: pd.DataFrame) -> pd.DataFrame:
    """Every node with each node upstream of it, through any number of steps: chain, node, up."""
    named = chains[["chain", "node", "upstream"]].astype({"chain": str, "node": str})
    step = named.assign(up=named["upstream"].fillna("").astype(str).str.split("、")).explode("up")
    step = step.assign(up=step["up"].fillna("").str.strip())
    step = step.loc[step["up"] != "", ["chain", "node", "up"]].drop_duplicates()
    reached = step
    while True:
        further = reached.merge(step.rename(columns={"node": "up", "up": "beyond"}), on=["chain", "up"])
        further = further[["chain", "node", "beyond"]].rename(columns={"beyond": "up"})
        both = pd.concat([reached, further]).drop_duplicates(ignore_index=True)
        if len(both) == len(reached):
            return both
        reached = both


def explain(alerts: pd.DataFrame, linked: pd.DataFrame) -> pd.DataFrame:
    """The alerts, those of suppliers that another one explains in state ``explained``.

    An alert that waits for an answer is explained when an alarm holds (its newest verdict is not quiet) of a firm or
    chain it is linked with, of a rule that causes (``alerting.yml``), opened no later, and, for a chain's, at a level
    no lower. A lead firm's shock (its evidence names ``leads``) explains the lead firm's own alerts and those of its
    suppliers (a key firm's if it is named as one), whenever they were opened since the lead firm's fall began, and at
    any level; of the chain's other firms it explains nothing. Of several the shock stands before the lead firm's, that
    before the chain's, then the more severe.

    Args:
        alerts: as :func:`qxmonitor.signals.fold` gives them, those one reader may see.
        linked: :data:`LINKS`.

    Returns:
        The same rows; evidence of the explained ones holds ``explained_by``, the other alert's id.
    """
    how = alerting().inhibition
    quiet = alerts["evidence"].astype(str).str.contains('"trend":"quiet"', regex=False)
    effect = alerts[
        alerts["state"].isin(UNANSWERED) & (alerts["entity_kind"] == "firm") & alerts["rule"].isin(how.effects)
    ]
    cause = alerts[(alerts["state"] != "closed") & ~quiet & alerts["rule"].isin(how.causes)]
    if effect.empty or cause.empty or linked.empty:
        return alerts
    columns = ["alert_id", "opened", "level"]
    shock = cause["evidence"].astype(str).str.contains('"leads":', regex=False)
    shocks, cause = cause[shock], cause[~shock]
    cause = cause[["entity_kind", "entity", *columns]].rename(columns={"entity_kind": "cause_kind", "entity": "cause"})
    pairs = effect[["entity", *columns]].merge(linked, on="entity").merge(
        cause, on=["cause_kind", "cause"], suffixes=("", "_by")
    )  # fmt: skip
    fits = (pairs["opened_by"].astype(str) <= pairs["opened"].astype(str)) & (
        (pairs["cause_kind"] == "firm") | (pairs["level"] <= pairs["level_by"])
    )
    pairs = pairs[fits]
    if len(shocks):
        struck = effect[["entity", *columns]].merge(_shocks(shocks, linked), on="entity", suffixes=("", "_by"))
        struck = struck[struck["opened"].astype(str) >= struck["begun"]].assign(cause_kind="shock")
        pairs = pd.concat([pairs, struck])
    pairs = pairs.sort_values(["cause_kind", "level_by", "alert_id_by"], ascending=[False, False, True])
    by = pairs.drop_duplicates("alert_id").set_index("alert_id")["alert_id_by"]
    mine = alerts["alert_id"].map(by)
    hit = mine.notna().to_numpy()
    texts = alerts["evidence"].to_numpy(dtype=object).copy()
    texts[hit] = extend(texts[hit], {"explained_by": mine[hit].to_numpy(dtype=object)})
    state = np.where(hit, "explained", alerts["state"].to_numpy(dtype=object))
    return alerts.assign(
        state=pd.Series(state, alerts.index, dtype="str"), evidence=pd.Series(texts, alerts.index, dtype="str")
    )


def _shocks(cause: pd.DataFrame, linked: pd.DataFrame) -> pd.DataFrame:
    """Who is struck by each shock: the lead and other firms it names, and the firms that supply them."""
    proof = [json.loads(text) for text in cause["evidence"].astype(str)]
    named = cause[["alert_id", "level"]].assign(
        lead=[p["leads"].split("、") for p in proof], begun=[p.get("begun", "") for p in proof]
    )
    supplied = linked.loc[linked["cause_kind"] == "firm", ["cause", "entity"]].rename(columns={"cause": "lead"})
    others = named.assign(entity=[p.get("suppliers", "").split("、") for p in proof]).explode("entity")
    named = named.explode("lead")
    whole = pd.concat([others, named.assign(entity=named["lead"]), named.merge(supplied, on="lead")])
    return whole[["entity", "alert_id", "level", "begun"]].drop_duplicates()
