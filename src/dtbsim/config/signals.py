"""Kinds of recorders and signals by name, and what every one of those under `signals` has in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar

from dtbsim.config.kinds import Kinds, check_config
from dtbsim.config.values import Strict
from dtbsim.registry import Later, Registry


class SignalOptions(Strict):
    """Base of what a signal takes under `signals.NAME`; a kind adds `kind: Literal[...]` and its own fields.

    The class says which of its fields name populations (`names_populations`), which times must be whole numbers of
    steps (`on_grid`), which of them at least one step (`intervals`), and which follow `simulation.settling_ms` unless
    they are given (`follows`).
    """

    names_populations: ClassVar[tuple[str, ...]] = ()
    on_grid: ClassVar[tuple[str, ...]] = ()
    intervals: ClassVar[tuple[str, ...]] = ()

    def files(self) -> dict[str, str]:
        """The files that it names, each by the key that names it."""
        return {}

    def populations(self) -> dict[str, str]:
        """The named populations, each with the key that names it."""
        found: dict[str, str] = {}
        for key in self.names_populations:
            given = getattr(self, key)
            named = {key: given} if isinstance(given, str) else {f"{key}.{k}": name for k, name in enumerate(given)}
            found |= {name: place for place, name in named.items()}
        return found


def _checked(name: str, value: object) -> Any:
    if getattr(value, "name", None) != name:
        raise TypeError(
            f"it calls itself {getattr(value, 'name', None)!r}; the entry point and its `name` are the same"
        )
    if not isinstance(value, _SIGNAL.load()):
        raise TypeError("a signal is an object of a class derived from dtbsim.signals.Signal")
    if getattr(value, "config", None) is not None:
        check_config(value.config, SignalOptions, name)
    return value


_SIGNAL = Later("dtbsim.signals.stream:Signal")


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
        "feedback_inhibition": Later("dtbsim.signals.feedback_inhibition:FEEDBACK_INHIBITION"),
        "eeg": Later("dtbsim.signals.eeg:EEG"),
        "meg": Later("dtbsim.signals.meg:MEG"),
        "lfp": Later("dtbsim.signals.lfp:LFP"),
        "source": Later("dtbsim.signals.source_series:SOURCE"),
        "band": Later("dtbsim.signals.band:BAND"),
        "kuramoto_order": Later("dtbsim.signals.kuramoto_order:KURAMOTO_ORDER"),
        "spectrum": Later("dtbsim.signals.spectrum:SPECTRUM"),
        "plv": Later("dtbsim.signals.plv:PLV"),
        "fc": Later("dtbsim.signals.fc:FC"),
        "fcd": Later("dtbsim.signals.fcd:FCD"),
    },
    _checked,
)
"""Objects derived from `dtbsim.signals.Signal`. Those built in are in the order in which every chunk goes to them."""

SignalItem = Annotated[Any, Kinds(SIGNALS)]


def kinds_of(config: Mapping[str, Any]) -> list[Any]:
    """Return the kinds that a configuration (plain data) may ask for: of other packages, those that it names."""
    signals = config.get("signals")
    items = signals.values() if isinstance(signals, Mapping) else ()
    return kinds_named({str(item.get("kind")) for item in items if isinstance(item, Mapping)})


def kinds_named(named: Collection[str]) -> list[Any]:
    """Return the kinds that are built in, and of other packages those that are named."""
    return [SIGNALS.find(name) for name in SIGNALS.names() if name in named or SIGNALS.origin(name) is None]
