"""A decision between two stimuli: the circuit of Wang (2002, Neuron 36:955), trial by trial.

    python examples/decision.py                                       # 12.8 % coherence, 5 trials, half a minute
    python examples/decision.py --coherence 0 3.2 6.4 12.8 25.6 51.2 --trials 20 --csv decisions.csv

Of 1,600 pyramidal cells, 240 prefer stimulus A, 240 stimulus B. Every cell excites every other, through AMPA and slow,
saturating NMDA receptors, those with the same preference more strongly; 400 interneurons inhibit all. During the
stimulus A and B get more input, the more of it the more coherent it is. Excitation within and inhibition between them
let one win. Who does is chance at coherence 0 and certain at 51.2 %.

Like the paper: sizes, conductances, stimulus (rates drawn anew every 50 ms). Not like the paper: a time step of 0.1 ms
instead of 0.02 ms, and a latency of 0.5 ms for all synapses.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

import dtbsim

DT_MS, LATENCY_MS = 0.1, 0.5
SIZES = {"A": 240, "B": 240, "N": 1120, "I": 400}
W_PLUS, SELECTIVE = 1.7, 0.15
W_MINUS = 1 - SELECTIVE * (W_PLUS - 1) / (1 - SELECTIVE)
"""Of synapses between cells with the same preference; onto cells that prefer something else."""
PYRAMIDAL = {"C_m_pF": 500.0, "g_L_nS": 25.0, "t_ref_ms": 2.0, "V_th_mV": -50.0, "V_reset_mV": -55.0}
INTERNEURON = {"C_m_pF": 200.0, "g_L_nS": 20.0, "t_ref_ms": 1.0, "V_th_mV": -50.0, "V_reset_mV": -55.0}
CONDUCTANCES_NS = {
    "pyramidal": {"external": 2.1, "ampa": 0.05, "nmda": 0.165, "gaba": 1.3},
    "interneuron": {"external": 1.62, "ampa": 0.04, "nmda": 0.13, "gaba": 1.0},
}
BACKGROUND_HZ, STIMULUS_HZ, STIMULUS_SD_HZ, REDRAWN_MS = 2400.0, 40.0, 4.0, 50.0
START_MS, STOP_MS, READ_MS = 500.0, 2000.0, 500.0
"""The stimulus; a decision is read from the last part of it."""


def strength(source: str, target: str) -> float:
    """Factor on the conductance between two groups of pyramidal cells."""
    if target not in "AB":
        return 1.0
    return W_PLUS if source == target else W_MINUS


def projections() -> dict[str, dtbsim.Projection]:
    """All to all, through all three receptors."""
    found = {}
    for target in SIZES:
        conductances = CONDUCTANCES_NS["interneuron" if target == "I" else "pyramidal"]
        for source in SIZES:
            for receptor in ("gaba",) if source == "I" else ("ampa", "nmda"):
                found[f"{source}{target}_{receptor}"] = dtbsim.Projection(
                    source=source,
                    target=target,
                    rule="all_to_all",
                    receptor=receptor,
                    weight_nS=conductances[receptor] * (1.0 if source == "I" else strength(source, target)),
                    delay_ms=LATENCY_MS,
                    synapse=dtbsim.SaturatingNMDA() if receptor == "nmda" else None,
                )
    return found


def stimulus(target: str, mean_hz: float, rng: np.random.Generator) -> dtbsim.InhomogeneousPoissonDrive:
    """Input to the cells that prefer it."""
    times = np.arange(START_MS, STOP_MS, REDRAWN_MS)
    rates = np.clip(rng.normal(mean_hz, STIMULUS_SD_HZ, times.size), 0.0, None)
    return dtbsim.InhomogeneousPoissonDrive(
        target=target,
        receptor="ampa",
        times_ms=times.tolist(),
        rates_hz=rates.tolist(),
        weight_nS=CONDUCTANCES_NS["pyramidal"]["external"],
        stop_ms=STOP_MS,
    )


def background(targets: list[str], kind: str) -> dtbsim.PoissonDrive:
    """Input from the rest of the brain."""
    weight_nS = CONDUCTANCES_NS[kind]["external"]
    return dtbsim.PoissonDrive(target=targets, receptor="ampa", rate_hz=BACKGROUND_HZ, weight_nS=weight_nS)


def trial(coherence_percent: float, seed: int) -> dtbsim.RunConfig:
    """The circuit with a stimulus that favours A (or B, where the coherence is negative)."""
    rng = np.random.default_rng(seed)
    shift_hz = STIMULUS_HZ * coherence_percent / 100
    return dtbsim.RunConfig(
        name="decision",
        seed=seed,
        simulation=dtbsim.Simulation(dt_ms=DT_MS, duration_ms=STOP_MS),
        populations={
            name: dtbsim.Population(
                model="iaf_wang_2002", size=size, parameters=INTERNEURON if name == "I" else PYRAMIDAL
            )
            for name, size in SIZES.items()
        },
        projections=projections(),
        drives={
            "background": background(["A", "B", "N"], "pyramidal"),
            "background_I": background(["I"], "interneuron"),
            "stimulus_A": stimulus("A", STIMULUS_HZ + shift_hz, rng),
            "stimulus_B": stimulus("B", STIMULUS_HZ - shift_hz, rng),
        },
    )


def rates_hz(run: dtbsim.Run, start_ms: float, stop_ms: float) -> dict[str, float]:
    """Mean rate of every population."""
    seconds = (stop_ms - start_ms) / 1000
    return {
        name: len(run.spikes(name, start_ms=start_ms, stop_ms=stop_ms)) / size / seconds for name, size in SIZES.items()
    }


def decide(coherence_percent: float, seed: int, threads: int | None = None) -> dict[str, float]:
    """Run a trial; the rates at the end of the stimulus."""
    result = dtbsim.run(trial(coherence_percent, seed), temporary=True, set={"simulation.threads": threads})
    return rates_hz(result.open(), STOP_MS - READ_MS, STOP_MS)


def main() -> None:
    """Decide as often as asked for, and say how often A was chosen."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--coherence", type=float, nargs="+", default=[12.8], metavar="PERCENT")
    parser.add_argument("--trials", type=int, default=5, metavar="N", help="per coherence")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write every trial here")
    options = parser.parse_args()
    if options.trials < 1 or max(map(abs, options.coherence)) > 100:
        parser.error("--trials is at least 1, a coherence between -100 and 100")
    if options.csv is not None and not options.csv.absolute().parent.is_dir():
        parser.error(f"--csv is {options.csv}, in a folder that does not exist")
    rows = []
    for coherence in options.coherence:
        for seed in range(1, options.trials + 1):
            rates = decide(coherence, seed)
            rows.append({"coherence_percent": coherence, "seed": seed, **rates})
            winner = "A" if rates["A"] > rates["B"] else "B"
            print(f"coherence {coherence:g} %, seed {seed}: {winner} (A {rates['A']:.1f} Hz, B {rates['B']:.1f} Hz)")
        chosen = np.mean([row["A"] > row["B"] for row in rows if row["coherence_percent"] == coherence])
        print(f"coherence {coherence:g} %: A in {chosen:.0%} of {options.trials} trials", flush=True)
    if options.csv is not None:
        with options.csv.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, rows[0].keys())
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
