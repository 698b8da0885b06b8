"""A network of all neuron models side by side, each driven so that it is active, with every state sampled."""

from __future__ import annotations

from tests.helpers.every_model import step_ms
from tests.helpers.networks import network_of

from dtbsim.models import NeuronModel, Receptor, example_model, list_models
from dtbsim.spec import Network

SIZE = 40
WEIGHTS = {"pA": ("weight_pA", 300.0), "mV": ("weight_mV", 3.0), "nS": ("weight_nS", 20.0), "1": ("weight", 0.5)}
WHOLE = {"loihi_lif": 16_384, "spinnaker_if_curr_exp": 8_192, "truenorth": 40}
"""Weights of models whose ports take whole numbers."""
PORTED = {"iaf_psc_exp_multisynapse": {"ampa": 2.0, "nmda": 100.0, "gaba": 5.0}}
PORTED |= {
    name: {"ampa": 2.0, "gaba": 5.0} for name in ("glif1_psc", "glif2_psc", "glif3_psc", "glif4_psc", "glif5_psc")
}
NAMES = sorted(name for name in list_models() if not example_model(name).is_source)


def model_zoo(*names: str, duration_ms: float = 30) -> Network:
    """The network of these models."""
    models = {name: example_model(name) for name in names}
    dt_ms = min(step_ms(model) if model.states else 0.1 for model in models.values())
    lines = [f"simulation: {{dt_ms: {dt_ms}, duration_ms: {duration_ms}, block_size: 16}}", "seed: 3", "populations:"]
    for name in names:
        ports = f", receptors: {PORTED[name]}" if name in PORTED else ""
        lines.append(f"  P_{name}: {{model: {name}, size: {SIZE}{ports}}}")
    lines.append("drives:")
    lines += [f"  D_{name}: {drive(name, model)}" for name, model in models.items()]
    stateful = {name: model for name, model in models.items() if model.states}
    lines += ["record:", "  states:" if stateful else "  states: []"]
    for name, model in stateful.items():
        variables = [row.name for row in model.states]
        lines.append(f"  - {{population: P_{name}, variables: {variables}, neurons: 7, interval_ms: 1}}")
    return network_of("\n".join(lines).replace("'", ""))


def weight_of(name: str, port: Receptor) -> tuple[str, float]:
    """Key and value of a weight that makes a neuron active."""
    key, weight = WEIGHTS[port.weight_unit]
    return key, WHOLE.get(name, weight)


def drive(name: str, model: NeuronModel) -> str:
    """Many spikes at the first receptor."""
    port = model.receptors[0]
    key, weight = weight_of(name, port)
    return f"{{kind: poisson, target: P_{name}, receptor: {port.name}, rate_hz: 3000, {key}: {weight}}}"
