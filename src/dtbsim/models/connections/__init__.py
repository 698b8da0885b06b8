"""Connection rules: one object and one file each; other packages add theirs through entry points.

A package names an object, or a class that makes one, in its pyproject.toml:

    [project.entry-points."dtbsim.connection_rules"]
    small_world = "my_package.small_world:SmallWorldRule"
"""

from __future__ import annotations

from dtbsim.config.kinds import check_config
from dtbsim.config.parts import RuleConfig
from dtbsim.models.connections.all_to_all import AllToAllRule
from dtbsim.models.connections.base import ConnectionRule, End, Ends, Listed, Listing, Span, Words
from dtbsim.models.connections.distance_dependent import DistanceDependentRule
from dtbsim.models.connections.explicit import ExplicitRule
from dtbsim.models.connections.fixed_indegree import FixedIndegreeRule
from dtbsim.models.connections.fixed_outdegree import FixedOutdegreeRule
from dtbsim.models.connections.fixed_total_number import FixedTotalNumberRule
from dtbsim.models.connections.one_to_one import OneToOneRule
from dtbsim.models.connections.pairwise_bernoulli import PairwiseBernoulliRule
from dtbsim.registry import Registry

__all__ = [
    "CONNECTION_RULES",
    "ConnectionRule",
    "End",
    "Ends",
    "Listed",
    "Listing",
    "RuleConfig",
    "Span",
    "Words",
    "rule_of",
]

BUILT_IN: tuple[ConnectionRule, ...] = (
    FixedIndegreeRule(),
    FixedTotalNumberRule(),
    PairwiseBernoulliRule(),
    AllToAllRule(),
    OneToOneRule(),
    FixedOutdegreeRule(),
    ExplicitRule(),
    DistanceDependentRule(),
)


def _checked(name: str, value: object) -> ConnectionRule:
    """Return the rule that an entry point names; TypeError that says what it lacks."""
    made = value() if isinstance(value, type) else value
    if not isinstance(made, ConnectionRule):
        raise TypeError("a connection rule is a subclass of dtbsim.models.connections.ConnectionRule")
    check_config(getattr(made, "config", None), RuleConfig, name)
    if made.loop is not None or type(made).compile is ConnectionRule.compile:
        raise TypeError("it needs `compile(item, ends)`, which returns the synapses; compiled loops are built in")
    return made


CONNECTION_RULES: Registry[ConnectionRule] = Registry(
    "dtbsim.connection_rules", "connection rule", {rule.kind: rule for rule in BUILT_IN}, _checked
)


def rule_of(item: RuleConfig) -> ConnectionRule:
    """Return the rule that a configuration is of, in the form that it needs."""
    return CONNECTION_RULES.find(str(item.kind)).form(item)
