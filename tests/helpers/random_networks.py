"""Small random networks that mix models, rules, scopes, drives, synapses, controllers and records of every kind.

`random_network(seed)` is a configuration as plain data; the same seed gives the same network. What a network needs to
be valid is drawn so; what only the compiler can tell (two populations that share no region) is drawn again.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.helpers.every_model import step_ms
from tests.helpers.model_zoo import PORTED
from tests.helpers.random_values import ValueDrawing
from tests.helpers.small_atlas import REGIONS, save_small_atlas

from dtbsim.config import load_config_data
from dtbsim.errors import InputError
from dtbsim.models import NeuronModel, example_model, list_models
from dtbsim.simulate.streams import plan_streams
from dtbsim.spec import Network, compile_network

Data = dict[str, Any]
TRIES = 50
SIZES = (1, 1, 2, 3, 5, 15, 16, 17, 33, 64)
NEURONS = tuple(name for name in list_models() if not example_model(name).is_source and name != "parrot_neuron")
TYPICAL = {"pA": ("weight_pA", 300.0), "mV": ("weight_mV", 3.0), "nS": ("weight_nS", 10.0), "1": ("weight", 0.5)}
"""Key and size of a weight that a neuron notices, by unit."""
STEPS = 120, 300


def random_network(seed: int, folder: Path) -> tuple[Data, Network]:
    """A configuration and what it compiles to; its atlas is in `folder`."""
    if not (folder / "small.npz").exists():
        save_small_atlas(folder)
    problem: InputError | None = None
    for attempt in range(TRIES):
        data = _Drawing(random.Random(f"{seed} {attempt}")).network(seed)
        try:
            network = compile_network(load_config_data(data), folder)
            plan_streams(network)
        except InputError as error:
            problem = error
        else:
            return data, network
    raise AssertionError(f"seed {seed}: none of {TRIES} networks is valid; the last one: {problem}")


class _Drawing(ValueDrawing):
    """Draws one network."""

    def __init__(self, draw: random.Random) -> None:
        super().__init__(draw)
        self.populations: dict[str, Data] = {}
        self.models: dict[str, NeuronModel] = {}
        self.with_atlas = draw.random() < 0.7
        self.n_steps = 0

    def network(self, seed: int) -> Data:
        draw = self.draw
        chosen = draw.sample(NEURONS, draw.randint(1, 2))
        self.dt_ms = min(step_ms(example_model(name)) for name in chosen)
        self.n_steps = draw.randint(*STEPS)
        for k in range(draw.randint(2, 4)):
            self.add_population(f"N{k}", draw.choice(chosen))
        for name, model in (("P", "poisson_source"), ("S", "spike_source"), ("R", "parrot_neuron")):
            if self.some(0.5):
                self.add_population(name, model)
        if self.some(0.3):  # a population that nobody listens to and that listens to nobody
            self.add_population("alone", draw.choice(chosen))
        simulation = {
            "dt_ms": self.dt_ms,
            "duration_ms": round(self.n_steps * self.dt_ms, 6),
            "block_size": draw.choice([16, 16, 32, 64]),
        }
        data: Data = {
            "seed": seed + 1,
            "simulation": simulation,
            "populations": self.shuffled(self.populations),
            "projections": self.shuffled({f"J{k}": self.projection() for k in range(draw.randint(1, 7))}),
        }
        data["drives"] = self.shuffled({f"D{k}": drive for k, drive in enumerate(self.drives())})
        data["controllers"] = self.controllers(data["projections"])
        data["record"] = self.records(data["projections"])
        return data | ({"atlas": "small.npz"} if self.with_atlas else {})

    def shuffled(self, items: dict[str, Data]) -> dict[str, Data]:
        names = list(items)
        self.draw.shuffle(names)
        return {name: items[name] for name in names}

    # -- populations ------------------------------------------------------------------------------------------

    def add_population(self, name: str, model: str) -> None:
        draw = self.draw
        item: Data = {"model": model, "size": draw.choice(SIZES)}
        if model in PORTED:
            item["receptors"] = PORTED[model]
        if self.with_atlas and self.some(0.5):
            item["regions"] = draw.choice(["all", "left", "right", draw.sample(REGIONS, draw.randint(1, 4))])
        shape = self.models[name] = example_model(model)
        if model == "poisson_source":
            item["parameters"] = {"rate_hz": self.spread(0, 1500, item)}
        elif model == "spike_source":
            times = sorted(draw.sample(range(1, self.n_steps), draw.randint(0, 30)))
            item["spikes"] = {
                "neuron": [draw.randrange(item["size"]) for _ in times],
                "time_ms": [round(step * self.dt_ms, 6) for step in times],
            }
        elif self.some(0.6):
            item["parameters"] = self.parameters(shape, item)
        if any(state.name == "V_m_mV" for state in shape.states) and self.some(0.7):
            item["initial"] = {"V_m_mV": draw.choice([-63.5, {"distribution": "uniform", "low": -68, "high": -56}])}
        self.populations[name] = item

    def parameters(self, model: NeuronModel, item: Data) -> Data:
        known = {row.name for row in model.parameters}
        given: Data = {}
        if "I_e_pA" in known:
            given["I_e_pA"] = self.spread(0, 600, item)
        if "t_ref_ms" in known and self.some(0.5):
            given["t_ref_ms"] = self.spread(1, 3, item)
        return given

    # -- projections ------------------------------------------------------------------------------------------

    def projection(self) -> Data:
        draw = self.draw
        source = draw.choice(list(self.populations))
        target = draw.choice([name for name, model in self.models.items() if not model.is_source])
        item: Data = {"source": source, "target": target}
        both = "regions" in self.populations[source] and "regions" in self.populations[target]
        if both:
            item["scope"] = draw.choice(["same_region", "connectome", "all"])
            if item["scope"] == "connectome":
                item["connectome_scales"] = draw.choice(["indegree", "weight"])
        item["rule"] = self.rule(source, target)
        if item["rule"]["kind"] == "explicit":
            item["scope"] = "all"
        if item["rule"]["kind"] == "distance_dependent" and both:
            item["scope"] = draw.choice(["same_region", "all"])
        item |= self.weight(target, fixed=False)
        item["delay_ms"] = self.delay(item)
        if self.some(0.3) and target != "R":
            self.add_synapse(item)
        if "synapse" not in item and item["rule"]["kind"] in ("fixed_outdegree", "all_to_all", "one_to_one"):
            item["procedural"] = self.some(0.4)
        self.list_values(item)
        return item

    def rule(self, source: str, target: str) -> Data:
        draw = self.draw
        n, m = self.populations[source]["size"], self.populations[target]["size"]
        kinds = ["fixed_indegree", "fixed_total_number", "pairwise_bernoulli", "all_to_all", "fixed_outdegree"]
        placed = ["regions" in self.populations[name] for name in (source, target)]
        kinds += ["explicit"] + ["one_to_one"] * (n == m) + ["distance_dependent"] * (placed[0] == placed[1])
        kind = draw.choice(kinds)
        rule: Data = {"kind": kind}
        if kind == "explicit":
            return rule | {"edges": self.edges(source, target)}
        if kind == "distance_dependent":
            return self.by_distance(rule, source, target)
        if kind == "fixed_indegree":
            rule["indegree"] = draw.randint(0, 8)
            if self.some(0.3) and n > 1:
                rule |= {"multapses": False, "indegree": draw.randint(0, max(1, n // 4))}
        elif kind == "fixed_total_number":
            rule["total"] = draw.randint(0, 4 * (n + m))
        elif kind == "pairwise_bernoulli":
            rule["probability"] = draw.choice([0.0, 0.05, 0.3, 0.8, 1.0])
        elif kind == "fixed_outdegree":
            rule["outdegree"] = draw.randint(0, 9)
        if kind != "one_to_one" and n > 1 and self.some(0.3):
            rule["autapses"] = False
        return rule

    def by_distance(self, rule: Data, source: str, target: str) -> Data:
        """Positions in a plane for both ends that have none, and a profile that reaches some of them."""
        draw = self.draw
        for name in (source, target):
            size = self.populations[name]["size"]
            grid = {"kind": "grid", "shape": [8, -(-size // 8)], "spacing_mm": 0.2}
            drawn = draw.choice(
                [{"kind": "uniform_disc", "radius_mm": 1}, {"kind": "uniform_box", "lengths_mm": [1, 2]}]
            )
            self.populations[name].setdefault("positions", draw.choice([grid, drawn]))
        rule |= {"profile": draw.choice(["gaussian", "exponential", "box"]), "probability": self.number(0.2, 1)}
        return rule | {"width_mm": draw.choice([0.3, 0.8, 60.0])} | ({"indegree_max": 6} if self.some(0.4) else {})

    def edges(self, source: str, target: str) -> Data:
        """Edges between the populations, of all regions if they live in some; pairs may occur several times."""
        draw = self.draw
        sizes = [self.populations[name]["size"] for name in (source, target)]
        n = draw.randint(0, 60)
        return dict(
            zip(("source", "target"), ([draw.randrange(size) for _ in range(n)] for size in sizes), strict=True)
        )

    def list_values(self, item: Data) -> None:
        """Move the weight or the delay of listed edges into the list."""
        edges = item["rule"].get("edges")
        if edges is None:
            return
        n = len(edges["source"])
        for key in ("weight_pA", "weight_mV", "weight_nS", "weight"):
            if isinstance(item.get(key), int | float) and self.some(0.5):
                size = item.pop(key)
                edges["weight"] = [self.draw.choice([size, round(size * 0.75, 3)]) for _ in range(n)]
        if self.some(0.5):
            del item["delay_ms"]
            edges["delay_steps"] = [self.draw.randint(1, 40) for _ in range(n)]

    def weight(self, target: str, *, fixed: bool) -> Data:
        """Receptor and weight; `fixed`: one number and one port."""
        draw, ports = self.draw, self.models[target].receptors
        port = draw.choice(ports)
        key, size = TYPICAL[port.weight_unit or "1"]
        size *= self.draw.uniform(0.2, 1.0) * draw.choice([1.0] * 10 + [1e-3, 1e-5])  # weak ones need finer quanta
        sign = draw.choice([-1, 1, 1, 1]) if port.takes != "positive" else 1
        receptor: Any = port.name
        if not fixed and self.some(0.15) and len(ports) > 1 and port.takes == "any":
            receptor = {row.name: self.number(0.1, 1) for row in draw.sample(ports, 2)}
        value: Any = round(sign * size, 4)
        if not fixed and self.some(0.5):
            value = self.distribution(size, sign, any_sign=port.takes == "any")
        return {"receptor": receptor, key: value}

    def add_synapse(self, item: Data) -> None:
        draw = self.draw
        key = next(key for key, _ in TYPICAL.values() if key in item)
        size, sign = TYPICAL[{"weight": "1"}.get(key, key.removeprefix("weight_"))][1], 1
        if isinstance(item["receptor"], dict):
            item["receptor"] = next(iter(item["receptor"]))
        kind = draw.choice(
            ["tsodyks_markram", "saturating_nmda", "stdp", "stdp_power_law", "stdp_triplet", "stdp_dopamine"]
        )
        if kind == "tsodyks_markram":
            item["synapse"] = {"kind": kind, "U": self.number(0.1, 0.9), "tau_rec_ms": self.number(1, 200)}
            return
        if kind == "saturating_nmda":
            item["synapse"] = {"kind": kind, "tau_decay_ms": self.number(20, 100)}
            return
        port = next(row for row in self.models[item["target"]].receptors if row.name == item["receptor"])
        if port.takes == "any" and self.some(0.3):
            sign = -1
        item[key] = {
            "distribution": "uniform",
            **dict(zip(("low", "high"), sorted((sign * 0.2 * size, sign * size)), strict=True)),
        }
        synapse: Data = {"kind": kind, "weight_max": round(sign * 2.5 * size, 4)}
        if kind == "stdp":
            synapse |= {"learning_rate": self.number(0, 0.3), "alpha": self.number(0.5, 1.5)}
            synapse |= draw.choice([{}, {"mu_plus": 0, "mu_minus": 0}, {"mu_plus": 0.4, "mu_minus": 0.7}])
        elif kind == "stdp_power_law":
            synapse |= {"learning_rate": self.number(0, 0.3), "alpha": 0.2}
        elif kind == "stdp_triplet":
            synapse |= {
                f"A{n}_{side}": round(size * self.draw.uniform(0, 0.02), 6)
                for n in (2, 3)
                for side in ("plus", "minus")
            }
        else:
            synapse |= {"dopamine": draw.choice(list(self.populations)), "baseline_per_ms": self.number(0, 0.3)}
            synapse |= {"A_plus": 0.01 * size, "A_minus": 0.005 * size, "update_interval_ms": self.ms(2, 40)}
        if self.some(0.2):
            synapse["frozen_ms"] = [[self.ms(0, 20), self.ms(30, 50)]]
        item["synapse"] = synapse

    # -- drives -----------------------------------------------------------------------------------------------

    def drives(self) -> list[Data]:
        targets = [name for name, model in self.models.items() if not model.is_source and model.name != "parrot_neuron"]
        found = [self.poisson([name]) for name in targets if self.some(0.8)]
        for _ in range(self.draw.randint(0, 4)):
            name = self.draw.choice(targets)
            same = [other for other in targets if self.models[other].name == self.models[name].name]
            chosen = self.draw.sample(same, self.draw.randint(1, len(same)))
            spiking = not self.models[name].uses_current or self.some(0.5)
            found.append(self.spikes(chosen) if spiking else self.current(chosen))
        return found

    def poisson(self, targets: list[str]) -> Data:
        rate_hz = self.number(500, 6000) * 0.1 / self.dt_ms  # as many events per step
        item: Data = {"kind": "poisson", "rate_hz": rate_hz, **self.weight(targets[0], fixed=True)}
        if all("regions" in self.populations[name] for name in targets) and self.some(0.3):
            item["rate_hz"] = {"map": "gradient", "low": 0, "high": 5000}
        elif self.some(0.3):
            item["rate_hz"] = {"distribution": "lognormal", "mean": rate_hz, "sd": self.number(100, 2 * rate_hz)}
            return self.limited(item, targets)
        return self.limited(item | {"shared": self.some(0.2)}, targets)

    def spikes(self, targets: list[str]) -> Data:
        kind = self.draw.choice(["poisson", "inhomogeneous_poisson", "sinusoidal_poisson", "spike_trains"])
        if kind == "poisson":
            return self.poisson(targets)
        item: Data = {"kind": kind, **self.weight(targets[0], fixed=True)}
        if kind == "spike_trains":
            least = min(self.populations[name]["size"] for name in targets)
            steps = [self.draw.randint(1, self.n_steps) for _ in range(self.draw.randint(1, 30))]
            times = [round(step * self.dt_ms, 6) for step in steps]
            item["spikes"] = {"neuron": [self.draw.randrange(least) for _ in steps], "time_ms": times}
            return self.limited(item, targets)
        if kind == "inhomogeneous_poisson":
            item |= {
                "times_ms": [0, self.ms(5, 20), self.ms(25, 50)],
                "rates_hz": [self.number(0, 5000) for _ in range(3)],
            }
        else:
            item |= {"rate_hz": 2000, "amplitude_hz": self.number(0, 3000), "frequency_hz": self.number(10, 300)}
        return self.limited(item | {"shared": self.some(0.3)}, targets)

    def current(self, targets: list[str]) -> Data:
        pA = 200.0 if "I_e_pA" in {row.name for row in self.models[targets[0]].parameters} else 5.0
        kind = self.draw.choice(["dc", "step_current", "ramp", "sinusoidal", "ac", "noise_current", "ou_current"])
        item: Data = {"kind": kind}
        if kind == "dc":
            item["amplitude"] = self.number(0, pA)
        elif kind == "step_current":
            item |= {
                "times_ms": [self.ms(0, 10), self.ms(11, 40)],
                "amplitudes": [self.number(-pA, pA) for _ in range(2)],
            }
        elif kind == "ramp":
            item |= {"from_amplitude": 0, "to_amplitude": self.number(0, pA), "duration_ms": self.ms(5, 60)}
        elif kind in ("sinusoidal", "ac"):
            item |= {
                "amplitude": self.number(0, pA),
                "frequency_hz": self.number(5, 400),
                "phase_deg": self.number(0, 360),
            }
        elif kind == "noise_current":
            item |= {"mean": self.number(0, pA), "std": self.number(0, pA), "shared": self.some(0.3)}
            item |= {"dt_ms": self.ms(1, 9)} if self.some(0.5) else {}
        else:
            item |= {"sigma": self.number(0, pA), "tau_ms": self.number(1, 20), "shared": self.some(0.3)}
        return self.limited(item, targets)

    def limited(self, item: Data, targets: list[str]) -> Data:
        """With windows, regions and a choice of neurons."""
        item["target"] = targets if len(targets) > 1 or self.some(0.3) else targets[0]
        least = min(self.populations[name]["size"] for name in targets)
        chosen = self.draw.random()
        if chosen < 0.2:
            item["neurons"] = sorted(self.draw.sample(range(least), self.draw.randint(1, least)))
        elif chosen < 0.3:
            item["neurons"] = {"start": 0, "stop": least, "step": self.draw.randint(1, 3)}
        elif chosen < 0.4 and least > 4:
            item["fraction"] = self.number(0.3, 0.9)
        if self.some(0.3):
            item |= {"start_ms": self.ms(0, 10), "stop_ms": self.ms(20, 55)}
        if self.some(0.2):
            item["windows_ms"] = [[self.ms(0, 12), self.ms(13, 25)], [self.ms(26, 30), self.ms(31, 60)]]
        homes = [self.populations[name].get("regions") for name in targets]
        if all(home == "all" for home in homes) and self.some(0.4):
            item["regions"] = self.draw.choice(["left", self.draw.sample(REGIONS, 2)])
        return item

    # -- what follows and records -----------------------------------------------------------------------------

    def controllers(self, projections: dict[str, Data]) -> dict[str, Data]:
        found: dict[str, Data] = {}
        for name, item in self.populations.items():
            current = item.get("parameters", {}).get("I_e_pA", 0.0)
            steered = not isinstance(current, dict) or "map" in current
            if steered and any(row.name == "I_e_pA" for row in self.models[name].parameters) and self.some(0.2):
                found[f"C{name}"] = {
                    "kind": "homeostatic_tonic", "population": name, "target_rate_hz": 20, "gain": 30,
                    "interval_ms": self.ms(5, 20), "stages": [{"start_ms": 0, "eta": 0.5}],
                }  # fmt: skip
        for name, item in projections.items():
            if item.get("synapse", {}).get("weight_max", 0) > 0 and self.some(0.3):
                found[f"C{name}"] = {
                    "kind": "synaptic_scaling", "projection": name, "target_rate_hz": 10, "eta": 0.1,
                    "interval_ms": self.ms(10, 40), "tau_rate_ms": 50,
                }  # fmt: skip
        return found

    def records(self, projections: dict[str, Data]) -> Data:
        states, weights = [], []
        for name, model in self.models.items():
            variables = [row.name for row in model.states]
            if not variables or not self.some(0.6):
                continue
            size = self.populations[name]["size"]
            neurons: Any = self.draw.randint(1, size)
            if self.some(0.4):
                neurons = sorted(self.draw.sample(range(size), self.draw.randint(1, min(size, 4))))
            chosen = self.draw.sample(variables, self.draw.randint(1, min(3, len(variables))))
            states.append({"population": name, "variables": chosen, "neurons": neurons, "interval_ms": self.ms(1, 9)})
        for name, item in projections.items():
            if str(item.get("synapse", {}).get("kind", "")).startswith("stdp"):
                size = self.populations[item["target"]]["size"]
                weights.append({"projection": name, "neurons": self.draw.randint(1, size)})
                if self.some(0.6):
                    weights[-1]["interval_ms"] = self.ms(7, 50)
        return {"states": states, "weights": weights, "rate_bin_ms": self.ms(5, 30)}
