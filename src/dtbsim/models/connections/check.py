"""What rules give, checked: those of other packages may break every promise, and each has one line for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.connections.base import I64, ConnectionRule, Ends, Listed, Listing, Span, Words
from dtbsim.models.own import code_of_class

_TOLERANCE = 1 + 1e-6


def listing_of(rule: ConnectionRule, item: Any, ends: Ends) -> Listing:
    """Return `rule.compile`, whose expected numbers and spans are what they have to be."""
    with code_of_class(type(rule), f"the synapses of the rule {rule.kind} cannot be listed"):
        made = rule.compile(item, ends)
        expected = np.asarray(made.expected)
        shape = ends.target.regions.size, ends.source.regions.size
        if expected.shape != shape or expected.dtype.kind not in "iuf":
            raise _broken(rule, f"`expected` has the shape {expected.shape} ({expected.dtype}), not {shape}")
        if not (np.isfinite(expected).all() and (expected >= 0).all()):
            raise _broken(rule, "`expected` must be finite, and 0 or more")
        for name, span in (("weight", made.weight), ("delay", made.delay)):
            if span is not None and not isinstance(span, Span):
                raise _broken(rule, f"`{name}` is {type(span).__name__}; it must be a Span, or None")
        if not callable(getattr(made, "onto", None)):
            raise _broken(rule, "its listing has no method `onto(targets, words)`")
    return made


def synapses_of(rule: ConnectionRule, listing: Listing, targets: I64, words: Words, n_sources: int) -> Listed:
    """Return the synapses onto `targets`, ascending by target and otherwise in their order."""
    with code_of_class(type(rule), f"the synapses of the rule {rule.kind} cannot be listed"):
        given = listing.onto(targets, words)
        if not isinstance(given, Listed):
            raise _broken(rule, f"`onto` returns {type(given).__name__}; it must be a Listed")
        listed = _arrays(rule, given)
        _check(rule, listing, listed, targets, n_sources)
    order = np.argsort(listed.target, kind="stable")
    return Listed(
        listed.source[order],
        listed.target[order],
        None if listed.weight is None else listed.weight[order],
        None if listed.delay is None else listed.delay[order],
    )


def _arrays(rule: ConnectionRule, given: Listed) -> Listed:
    """The arrays in their types; InputError for others."""
    n = np.asarray(given.source).size
    made: dict[str, Any] = {}
    for name, kinds in (("source", "iu"), ("target", "iu"), ("weight", "iuf"), ("delay", "iu")):
        values = getattr(given, name)
        if values is None and name in ("weight", "delay"):
            made[name] = None
            continue
        array = np.asarray(values)
        if array.shape != (n,) or (n and array.dtype.kind not in kinds):
            raise _broken(rule, f"it gives {n} sources, and {name} of the shape {array.shape} ({array.dtype})")
        made[name] = array.astype(np.float64 if name == "weight" else np.int64, copy=False)
    return Listed(**made)


def _check(rule: ConnectionRule, listing: Listing, listed: Listed, targets: I64, n_sources: int) -> None:
    for name, values, span in (("weight", listed.weight, listing.weight), ("delay", listed.delay, listing.delay)):
        if (values is None) != (span is None):
            raise _broken(rule, f"`{name}` of its listing says whether it gives {name}s; its arrays say otherwise")
        if values is None or span is None or not values.size:
            continue
        slack = (_TOLERANCE - 1) * max(abs(span.low), abs(span.high))
        if not (span.low - slack <= values.min() and values.max() <= span.high + slack):
            raise _broken(rule, f"it gives {name}s beyond its own bounds, {span.low:g} to {span.high:g}")
    if not listed.source.size:
        return
    if not (listed.source.min() >= 0 and listed.source.max() < n_sources):
        found = f"{listed.source.min()} to {listed.source.max()}"
        raise _broken(rule, f"it gives sources {found}; the population has {n_sources} neurons")
    if not np.isin(listed.target, targets).all():
        raise _broken(rule, "it gives synapses onto neurons that it was not asked for")


def _broken(rule: ConnectionRule, what: str) -> InputError:
    return InputError(f"the rule {rule.kind} breaks its interface: {what}", remedy="repair it")
