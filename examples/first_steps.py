"""First steps: build a small network from objects, run it, look at the results.

The cells that `# %%` begins run one by one in an editor that knows them, or all together:

    python examples/first_steps.py          # a few seconds; leaves runs/first_steps-DATE-TIME

The same network can be written as a YAML file (`dtbsim.dump_config(config)` prints it).
"""

# %% A network: 800 excitatory and 200 inhibitory integrate-and-fire neurons with background input
import numpy as np
import pandas as pd
import plotly.graph_objects as go

import dtbsim

EXCITATION_PA, INHIBITION_PA = 80.0, -480.0


def synapses(source: str, target: str) -> dtbsim.Projection:
    """A tenth of the source population onto every neuron of the target."""
    excitatory = source == "E"
    return dtbsim.Projection(
        source=source,
        target=target,
        rule=dtbsim.FixedIndegree(indegree=80 if excitatory else 20),
        receptor="ex" if excitatory else "in",
        weight_pA=EXCITATION_PA if excitatory else INHIBITION_PA,
        delay_ms=dtbsim.Uniform(low=1.0, high=2.0),
    )


start = {"V_m_mV": dtbsim.Uniform(low=-70.0, high=-55.0)}
config = dtbsim.RunConfig(
    name="first_steps",
    seed=7,
    simulation=dtbsim.Simulation(dt_ms=0.1, duration_ms=1500),
    populations={
        "E": dtbsim.Population(model="iaf_psc_exp", size=800, initial=start),
        "I": dtbsim.Population(model="iaf_psc_exp", size=200, initial=start),
    },
    projections={source + target: synapses(source, target) for source in "EI" for target in "EI"},
    drives={
        "background": dtbsim.PoissonDrive(target=["E", "I"], receptor="ex", rate_hz=1900, weight_pA=EXCITATION_PA),
        "stimulus": dtbsim.DCDrive(target="E", amplitude=60.0, start_ms=800, stop_ms=1100),
    },
    record=dtbsim.Record(
        states=[dtbsim.RecordStates(population="E", variables=["V_m_mV"], neurons=3, interval_ms=0.5)],
        rate_bin_ms=5.0,
    ),
)

# %% Run it. `set` replaces values, as --set on the command line; `overwrite=True` takes the place of an earlier run
result = dtbsim.run(config, set={"seed": 8})
print(f"{result.summary['spikes']:,} spikes in {result.run_dir}")

# %% Spikes as numpy arrays: times in ms, and neurons counted within their population
run = result.open()
time_ms, neuron = run.spikes("E", start_ms=200)
per_neuron_hz = np.bincount(neuron, minlength=800) / 1.3
print(f"E neurons: median {np.median(per_neuron_hz):.1f} Hz, a tenth above {np.quantile(per_neuron_hz, 0.9):.1f} Hz")

# %% Spikes as a pandas table: mean rate per population before, during and after the stimulus
spikes = run.spikes_pandas(start_ms=200)
phase = pd.cut(spikes.time_ms, [200, 800, 1100, 1500], labels=["before", "during", "after"])
counts = pd.crosstab(spikes.population, phase)
sizes = run.populations.set_index("name")["size"]
rates_hz = counts.div(sizes, axis=0) / np.array([0.6, 0.3, 0.4])
print(rates_hz.round(1).to_string())

# %% Rates and recorded states as xarray objects, labelled with time and population
rates = run.rates().rolling(time_ms=4, center=True).mean()
voltage = run.states(0)["V_m_mV"]
print(f"E fires most at {float(rates.sel(population='E').idxmax('time_ms')):.0f} ms")
print(f"mean potential of three E neurons: {float(voltage.sel(time_ms=slice(200, None)).mean()):.1f} mV")

# %% A plot
figure = go.Figure([go.Scatter(x=rates.time_ms, y=rates.sel(population=name), name=name) for name in ("E", "I")])
figure.add_vrect(x0=800, x1=1100, fillcolor="grey", opacity=0.15, line_width=0)
figure.update_layout(xaxis_title="time (ms)", yaxis_title="rate (Hz)", template="plotly_white")
alone = {"showSendToCloud": False, "plotlyServerURL": ""}  # no button that uploads the figure
figure.write_html(result.run_dir / "rates.html", include_plotlyjs=True, config=alone)
print(f"plot: {result.run_dir / 'rates.html'}")
