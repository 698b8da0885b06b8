"""The gallery: every example, run in a short form, with a picture of what came out."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
DOTS = 6000


@dataclass(frozen=True)
class Entry:
    """An example, the words beside its picture, what makes it short, and how it is drawn."""

    file: str
    words: str
    draw: Callable[[Any, Any, Path], None]
    short: list[str] = field(default_factory=list)


def write(folder: Path, *, run: bool) -> None:
    """Write gallery.md and its pictures into `folder`; without `run` the page has no pictures."""
    pictures = folder / "gallery"
    pictures.mkdir(parents=True, exist_ok=True)
    parts = ["# Gallery", "", "Each picture was made when this page was, by a short form of the example.", ""]
    for entry in ENTRIES:
        name = Path(entry.file).stem
        parts += [f"## {name}", "", entry.words, ""]
        if run:
            _picture(entry, pictures / f"{name}.png")
            parts += [f"![{entry.words}](gallery/{name}.png)", ""]
        language = "yaml" if entry.file.endswith(".yaml") else "python"
        parts += [f"{{download}}`{entry.file} <examples/{entry.file}>`", ""]
        parts += [f"```{{literalinclude}} examples/{entry.file}\n:language: {language}\n```", ""]
    (folder / "gallery.md").write_text("\n".join(parts), encoding="utf-8")


def _picture(entry: Entry, target: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(9, 4.2), layout="constrained")
    with tempfile.TemporaryDirectory() as folder:
        entry.draw(figure, entry, Path(folder))
    figure.savefig(target, dpi=110)
    pyplot.close(figure)


def _run(entry: Entry, folder: Path) -> Any:
    import dtbsim

    return dtbsim.run(EXAMPLES / entry.file, out=folder / "run", set=entry.short).open()


def activity(figure: Any, entry: Entry, folder: Path) -> None:
    """A raster above the population rates."""
    run = _run(entry, folder)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    table = run.spikes_pandas()
    thin = max(1, len(table) // DOTS)
    for family in dict.fromkeys(run.populations.family):
        rows = table[table.population.isin(run.populations.name[run.populations.family == family])]
        upper.plot(rows.time_ms[::thin], rows.gid[::thin], ".", markersize=1.5, label=family)
    rates = run.rates()
    for family in dict.fromkeys(run.populations.family):
        lower.plot(
            rates.time_ms, rates[:, (run.populations.family == family).to_numpy()].mean("population"), linewidth=0.9
        )
    upper.set(ylabel="neuron", yticks=[])
    upper.legend(loc="upper right", markerscale=6, fontsize=7, ncols=4)
    lower.set(xlabel="time (ms)", ylabel="rate (Hz)")


def hybrid(figure: Any, entry: Entry, folder: Path) -> None:
    """Spikes of the region of neurons above the rates of the mean fields."""
    run = _run(entry, folder)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 2])
    table = run.spikes_pandas()
    thin = max(1, len(table) // DOTS)
    upper.plot(table.time_ms[::thin], table.gid[::thin], "k.", markersize=1.5)
    rates = next(iter(run.states(0)[["r_Hz"] if "r_Hz" in run.states(0) else ["r_E_Hz"]].values()))
    lower.plot(rates.time_ms, rates.values, linewidth=0.5)
    upper.set(ylabel="neuron", yticks=[])
    lower.set(xlabel="time (ms)", ylabel="rate of mean fields (Hz)")


def resting(figure: Any, entry: Entry, folder: Path) -> None:
    """Simulated and measured FC."""
    import dtbsim
    from dtbsim.analysis.fc import fc_correlation, functional_connectivity

    run = _run(entry, folder)
    measured = dtbsim.load_atlas("aal2").fc
    simulated = functional_connectivity(run.bold().values)
    titles = f"simulated, r = {fc_correlation(simulated, measured):.2f}", "measured"
    for axes, matrix, title in zip(figure.subplots(1, 2), (simulated, measured), titles, strict=True):
        axes.imshow(np.where(np.eye(len(matrix)), np.nan, matrix), vmin=-1, vmax=1, cmap="RdBu_r")
        axes.set(title=title, xticks=[], yticks=[])


def spectrum(figure: Any, entry: Entry, folder: Path) -> None:
    """Traces of EEG, and its spectrum."""
    run = _run(entry, folder)
    upper, lower = figure.subplots(2, 1)
    eeg = run.eeg().isel(time_ms=slice(-750, None))
    upper.plot(eeg.time_ms * 1e-3, eeg[:, ::16] + 5.0 * np.arange(len(eeg.channel[::16])), linewidth=0.8)
    upper.set(xlabel="time (s)", yticks=[], ylabel="EEG")
    power = run.signal("spectrum").sel(frequency_hz=slice(1, 60))
    lower.semilogy(power.frequency_hz, power, linewidth=0.6, color="0.7")
    lower.semilogy(power.frequency_hz, power.mean("channel"))
    lower.set(xlabel="frequency (Hz)", ylabel="power (uV\u00b2/Hz)")


def members(figure: Any, entry: Entry, folder: Path) -> None:
    """The FC fit of every member over its coupling strength."""
    run = _run(entry, folder)
    strengths = run.network["members"]["coordinates"]["couplings.long_range.strength"]
    axes = figure.subplots()
    axes.plot(strengths, run.summary["fc_correlation"], "o", markersize=4)
    axes.set(xlabel="strength", ylabel="r of simulated and measured FC")


def script(figure: Any, entry: Entry, folder: Path) -> None:
    """What a script prints."""
    command = [sys.executable, str(EXAMPLES / entry.file), *entry.short]
    environ = os.environ | {"DTBSIM_MPI": "off"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=True)
    lines = [f"$ python examples/{entry.file} {' '.join(entry.short)}", "", *done.stdout.splitlines()]
    said = "\n".join(line for line in lines if str(folder) not in line)
    figure.text(0.02, 0.97, said, va="top", family="monospace", fontsize=9)


def at(duration_ms: int) -> list[str]:
    """What makes an example short."""
    return [f"simulation.duration_ms={duration_ms}"]


ENTRIES = [
    Entry(
        "resting_state.yaml",
        "A resting human cortex: 80 regions, their connectome, and the FC of its BOLD.",
        resting,
        [*at(60000), "simulation.settling_ms=20000"],
    ),
    Entry(
        "resting_dmf.yaml",
        "The same cortex as mean fields: the dynamic mean field of Deco et al. (2014), two minutes of its BOLD.",
        resting,
        [*at(140000), "simulation.settling_ms=20000"],
    ),
    Entry("alpha.yaml", "The alpha rhythm of columns of Jansen and Rit, in EEG.", spectrum, at(22000)),
    Entry(
        "coupling_scan.yaml",
        "An ensemble over coupling strengths and seeds: the FC fit along it.",
        members,
        [*at(140000), "simulation.settling_ms=20000"],
    ),
    Entry(
        "microcircuit.yaml",
        "The cortical microcircuit of Potjans and Diesmann (2014), a tenth of its size.",
        activity,
        at(800),
    ),
    Entry("brunel.yaml", "The sparse network of Brunel (2000), asynchronous and irregular.", activity, at(400)),
    Entry("izhikevich.yaml", "A thousand neurons of Izhikevich (2003), with rhythms of their own.", activity, at(1000)),
    Entry(
        "own_model.yaml",
        "Resonate-and-fire neurons, a model of one's own, under a rhythm that suits some of them.",
        activity,
        at(1500),
    ),
    Entry("first_steps.py", "A network built from objects, step by step, and what to do with its results.", script),
    Entry(
        "decision.py",
        "A decision between two stimuli (Wang 2002), trial by trial.",
        script,
        ["--coherence", "51.2", "-51.2", "--trials", "1"],
    ),
    Entry(
        "global_coupling.py",
        "A sweep of the coupling between regions, and the FC fit along it.",
        script,
        ["--values", "57", "0", "--duration-s", "6", "--out", "g.csv"],
    ),
    Entry(
        "signals.py",
        "Signals of a cortex with a posterior alpha rhythm: EEG, MEG, LFP, and what is made of them while it runs.",
        script,
        ["--duration-s", "12", "--out", "signals"],
    ),
    Entry(
        "hybrid.yaml",
        "One region of spiking neurons among 79 mean fields, each hearing the other over the tracts.",
        hybrid,
        [*at(1000), "simulation.settling_ms=0", "bold=null"],
    ),
    Entry(
        "hybrid_basal_ganglia.yaml",
        "Spiking basal ganglia in a mean-field cortex; an electrode stimulates the subthalamic nucleus from 600 ms on.",
        hybrid,
        [*at(1000), "simulation.settling_ms=0", "drives.electrode.start_ms=600", "changes={}"],
    ),
    Entry("multi_area.py", "Areas of eight populations with tables of sizes and in-degrees.", script, ["--out", "mam"]),
]
