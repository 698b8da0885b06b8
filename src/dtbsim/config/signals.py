"""Kinds of recorders and signals by name, and what the configuration says of those under `signals`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dtbsim.registry import Later, Registry


def _checked(name: str, value: object) -> Any:
    if getattr(value, "name", None) != name:
        raise TypeError(
            f"it calls itself {getattr(value, 'name', None)!r}; the entry point and its `name` are the same"
        )
    if not callable(getattr(value, "plans", None)) or isinstance(value, type):
        raise TypeError("a signal is an object of a class derived from dtbsim.signals.Signal")
    return value


SIGNALS: Registry[Any] = Registry(
    "dtbsim.signals",
    "signal",
    {
        "spikes": Later("dtbsim.signals.spikes:SPIKES"),
        "states": Later("dtbsim.signals.states:STATES"),
        "weights": Later("dtbsim.signals.weights:WEIGHTS"),
        "rates": Later("dtbsim.signals.rates:RATES"),
        "synchrony": Later("dtbsim.signals.synchrony:SYNCHRONY"),
        "correlations": Later("dtbsim.signals.correlations:CORRELATIONS"),
        "bold": Later("dtbsim.signals.region_bold:BOLD"),
    },
    _checked,
)
"""Objects derived from `dtbsim.signals.Signal`. Those built in are in the order in which every chunk goes to them."""


def kinds_of(config: Mapping[str, Any]) -> list[Any]:
    """Return the kinds that a configuration (plain data) may ask for: of other packages, those that it names."""
    signals = config.get("signals")
    items = signals.values() if isinstance(signals, Mapping) else ()
    named = {item.get("kind") for item in items if isinstance(item, Mapping)}
    return [SIGNALS.find(name) for name in SIGNALS.names() if name in named or SIGNALS.origin(name) is None]
