"""The alert rules (``rules.yml``): when a month is judged how severe, for whom, and which plan answers."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from qxmonitor.catalog._yaml import Entry, load
from qxmonitor.catalog.indicators import Source, indicators
from qxmonitor.catalog.plans import LEVELS, plans


class Thresholds(Entry):
    """The value from which each level applies; null: the rule never goes so far."""

    blue: float
    yellow: float | None
    orange: float | None
    red: float | None

    def steps(self) -> tuple[float, ...]:
        """The levels there are, least severe first."""
        return tuple(value for value in (self.blue, self.yellow, self.orange, self.red) if value is not None)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        values = [getattr(self, name) for name in LEVELS]
        steps = self.steps()
        if values[: len(steps)] != list(steps):
            raise ValueError("级别中间不得空缺")
        if list(steps) not in (sorted(steps), sorted(steps, reverse=True)) or len(set(steps)) < len(steps):
            raise ValueError("各级阈值须单调")
        return self


class Watch(Entry):
    """One kind of entity a rule watches, from one source.

    Attributes:
        leave: a raised alert holds until the value is back beyond this, on the quiet side of blue; null: blue itself.
            A rule on own expectation needs one: the growth against it above which output is back.
        min_base: least last-year figure (千元) for which a growth is judged; null for rules without one.
        lead: the reader who must answer; support: readers told as well.
        plan: id of the response plan.
    """

    kind: Literal["firm", "node", "chain", "town"]
    source: Literal["returns", "self_report", "customs", "bonded"]
    levels: Thresholds
    leave: float | None = None
    min_base: float | None = Field(ge=0)
    lead: str
    support: tuple[str, ...]
    plan: str

    @model_validator(mode="after")
    def _plan_known(self) -> Self:
        if self.plan not in {p.id for p in plans().plans}:
            raise ValueError(f"没有预案 {self.plan}")
        return self


FALLING = ("growth_below", "below_expected", "lead_reach")
"""Judges whose levels are marks on a loss: the lower, the more severe."""

Of = Literal["value", "change", "growth", "peers"]
Side = Literal["above", "below", "apart"]


class Condition(Entry):
    """What must hold of an indicator of the same entity and month.

    Attributes:
        of: its ``value``; its ``change`` or ``growth`` (÷) over twelve months; or how many robust deviations it
            stands from the ``peers`` of its chain.
        side: ``above`` or ``below`` the mark, the mark included, or ``apart``: either way from zero.
        source: whose figure, where it is not the watch's own.
    """

    indicator: str
    of: Of
    side: Side
    at: float
    source: Source | None = None

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.indicator not in {e.id for e in indicators().indicators}:
            raise ValueError(f"没有指标 {self.indicator}")
        return self


class Test(Entry):
    """How a rule of judge ``conditions`` looks at its indicator.

    Attributes:
        of, side: as in :class:`Condition`; the marks are the watch's levels.
        months, out_of: the level is reached when ``months`` of the last ``out_of`` judged months reach it.
        min_coverage: least coverage of an aggregate that is judged.
        all_of, any_of: further conditions: each of the first, and one of the second if there are any.
        emptied: a measure of the panel that is 1 where a firm has nothing left of what the indicator speaks of, though
            its return is here: such a month is quiet, not unjudged.
    """

    of: Of
    side: Side
    months: int = Field(ge=1, le=12)
    out_of: int = Field(ge=1, le=12)
    min_coverage: float = Field(ge=0, le=1)
    all_of: tuple[Condition, ...] = ()
    any_of: tuple[Condition, ...] = ()
    emptied: Literal["stock.empty"] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.months > self.out_of:
            raise ValueError("持续月数不得超过观察月数")
        return self


class Proof(Entry):
    """What a rule must show in a backtest before it may be active.

    Attributes:
        events: planted events that are its cases, where the town is simulated.
        besides: planted events in whose months an alert is true as well, though no case of the rule.
        outcome: what makes a case of any entity when it comes true: the case begins in the month it first holds.
        lead: months before a case begins in which an alert already counts for it.
        within: months from its beginning by which it must have been told.
        precision, recall: least shares. delay: most months on average. false_share: most false alarms a judged month.
    """

    events: tuple[str, ...] = ()
    besides: tuple[str, ...] = ()
    outcome: Condition | None = None
    lead: int = Field(ge=0, le=12)
    within: int = Field(ge=0, le=12)
    precision: float = Field(ge=0, le=1)
    recall: float = Field(ge=0, le=1)
    delay: float = Field(ge=0)
    false_share: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.events and self.outcome is None:
            raise ValueError("须写明以何种事件或后果为准")
        return self


class Rule(Entry):
    """One rule.

    Attributes:
        judge: the function that judges it: growth of totals below thresholds, a firm below its own expectation
            (``mark``), a lead firm's fall that reached its suppliers (``strength``), months of zero, months late, or
            conditions on indicators (``test``).
        active: as shipped; an inactive rule gives no verdicts until it is activated (decision 39).
        proof: what it must show to be activated; null: a plain fact, which needs no proof.
        indicator: what it reads.
        close_after: consecutive quiet verdicts after which an alert closes.
        festival_loss: share of output lost per day of the festival window, for what growth to expect; null: none.
        mark: share of quiet months of steady firms that may lie as far below expectation as a month that speaks.
        follows: the rule on own expectation whose standing falls it looks at; another version of that is another of it.
        strength: standard deviations by which suppliers must lie lower, together, than the other firms of the month.
        economic: false for data-collection matters, which are no alert about the economy.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    judge: Literal["growth_below", "below_expected", "lead_reach", "zero_months", "late_months", "conditions"]
    active: bool
    proof: Proof | None = None
    indicator: str
    economic: bool
    close_after: int = Field(ge=1, le=12)
    festival_loss: float | None = Field(ge=0, lt=1)
    mark: float | None = Field(default=None, gt=0, le=0.05)
    follows: str | None = None
    strength: float | None = Field(default=None, ge=2, le=10)
    test: Test | None = None
    watch: tuple[Watch, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        entry = next((e for e in indicators().indicators if e.id == self.indicator), None)
        if entry is None:
            raise ValueError(f"没有指标 {self.indicator}")
        have = {(use.source, level) for use in entry.sources for level in use.levels}
        missing = [f"{w.source}/{w.kind}" for w in self.watch if (w.source, w.kind) not in have]
        if missing:
            raise ValueError(f"指标 {self.indicator} 没有 {'、'.join(missing)} 的数")
        if len({(w.kind, w.source) for w in self.watch}) < len(self.watch):
            raise ValueError("同一对象与来源只能写一次")
        following = self.judge == "lead_reach"
        if {following} != {self.follows is not None, self.strength is not None}:
            raise ValueError("看龙头波及的规则须写 follows 和 strength，其他规则不写")
        if following and any(w.kind != "chain" for w in self.watch):
            raise ValueError("龙头波及只针对产业链")
        if (self.judge == "conditions") != (self.test is not None):
            raise ValueError("按条件判断的规则须写 test，其他规则不写")
        if self.test is not None:
            if self.mark is not None:
                raise ValueError("按自身预期判断的规则须写 mark，其他规则不写")
            self._tested(self.test)
            return self
        expecting = self.judge == "below_expected"
        if expecting != (self.mark is not None):
            raise ValueError("按自身预期判断的规则须写 mark，其他规则不写")
        if expecting != all(w.leave is not None for w in self.watch):
            raise ValueError("按自身预期或按条件判断的规则可写 leave，按自身预期的须写")
        if expecting and not (self.indicator.endswith("_m") and all(w.kind == "firm" for w in self.watch)):
            raise ValueError("按自身预期判断的只能是企业当月数")
        if expecting and any(not w.levels.blue <= (w.leave or 0.0) <= 0 for w in self.watch):
            raise ValueError("解除阈值须在蓝级阈值与零之间")
        if self.judge == "growth_below" and any(w.kind == "firm" for w in self.watch):
            raise ValueError("同比下降只针对汇总数，企业按自身预期判断")
        falling = self.judge in FALLING
        if any((w.levels.blue >= 0) == falling for w in self.watch):
            raise ValueError("下降类阈值须为负，月数类阈值须为正")
        if falling and any(list(w.levels.steps()) != sorted(w.levels.steps(), reverse=True) for w in self.watch):
            raise ValueError("下降类阈值须由蓝到红逐级更低")
        if not falling and any(list(w.levels.steps()) != sorted(w.levels.steps()) for w in self.watch):
            raise ValueError("月数类阈值须由蓝到红逐级更高")
        if self.judge == "late_months" and any((w.kind, w.source) != ("firm", "returns") for w in self.watch):
            raise ValueError("逾期未报只针对联网直报企业")
        if self.judge == "zero_months" and any(w.kind != "firm" for w in self.watch):
            raise ValueError("停产只针对企业")
        return self

    def _tested(self, test: Test) -> None:
        """Whether the levels go to the side the test looks at, and the leaving mark lies on the quiet side.

        Raises:
            ValueError: not so.
        """
        sign = -1.0 if test.side == "below" else 1.0
        for w in self.watch:
            steps = [sign * step for step in w.levels.steps()]
            if steps != sorted(steps):
                raise ValueError("各级阈值须由蓝到红逐级更远")
            if w.leave is not None and sign * w.leave >= steps[0]:
                raise ValueError("解除阈值须在蓝级阈值的正常一侧")
            for condition in (*test.all_of, *test.any_of):
                uses = indicators().indicator(condition.indicator).sources
                if not any(u.source == (condition.source or w.source) and w.kind in u.levels for u in uses):
                    raise ValueError(f"指标 {condition.indicator} 没有 {condition.source or w.source}/{w.kind} 的数")

    @property
    def version(self) -> str:
        """Hash of what the rule says and whom it watches; a scorecard speaks of one version alone."""
        unset = (name for name in ("mark", "follows", "strength") if getattr(self, name) is None)
        unsaid: dict[str, Any] = dict.fromkeys(["active", "proof", *unset], True)
        if self.test is not None and self.test.emptied is None:
            unsaid["test"] = {"emptied"}
        said = self.model_dump_json(exclude=unsaid)
        if self.follows is not None:
            said += rules().rule(self.follows).version
        return hashlib.sha256(said.encode("utf-8")).hexdigest()[:12]

    def watching(self, kind: str, source: str) -> Watch:
        """The entry for one entity kind and source.

        Raises:
            KeyError: the rule does not watch it.
        """
        return {(w.kind, w.source): w for w in self.watch}[kind, source]  # type: ignore[index]


class Rules(Entry):
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _followed(self) -> Self:
        own = {(r.id, w.source) for r in self.rules if r.judge == "below_expected" for w in r.watch}
        for rule in self.rules:
            if rule.follows is not None and any((rule.follows, w.source) not in own for w in rule.watch):
                raise ValueError(f"规则 {rule.id} 所随的 {rule.follows} 不按自身预期判断，或不看同一来源")
        return self

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len({r.id for r in self.rules}) < len(self.rules):
            raise ValueError("规则编号重复")
        return self

    def watches(self, key: str, kind: str, source: str) -> bool:
        """Whether there is such a rule and it watches such entities; alerts of one that did may still be stored."""
        return any(r.id == key and (w.kind, w.source) == (kind, source) for r in self.rules for w in r.watch)

    def rule(self, key: str) -> Rule:
        """One rule by id.

        Raises:
            KeyError: no such rule.
        """
        return {r.id: r for r in self.rules}[key]


@lru_cache(maxsize=1)
def rules() -> Rules:
    """The shipped rules.

    Raises:
        CatalogError: ``rules.yml`` is wrong.
    """
    return load("rules", Rules)
