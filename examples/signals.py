"""Signals of a cortex with a posterior alpha rhythm: EEG, MEG, LFP, BOLD, and what is made of them while it runs.

    python examples/signals.py --duration-s 30 --picture signals.png

80 regions of AAL2 are columns of Jansen and Rit (1995), coupled by the connectome. Those of the occipital lobe get the
input with which they oscillate by themselves (0.22 per ms, between the Hopf points 0.09 and 0.316); others get less and
only follow the noise. A picture needs matplotlib.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import dtbsim

OCCIPITAL = ("Calcarine", "Cuneus", "Lingual", "Occipital")


def configuration(duration_s: float) -> dict[str, Any]:
    """The whole run as plain data."""
    regions = dtbsim.load_atlas("aal2").region_names
    posterior = [name for name in regions if name.startswith(OCCIPITAL)]
    column = {"model": "jansen_rit", "noise": {"in_network": {"sigma": 0.05}}}
    both = ["posterior", "others"]
    band = {"low_hz": 8, "high_hz": 13}
    return {
        "name": "signals",
        "seed": 1,
        "atlas": "aal2",
        "simulation": {"dt_ms": 0.5, "duration_ms": 1000 * duration_s, "settling_ms": 5000},
        "populations": {
            "posterior": {**column, "regions": posterior, "parameters": {"mu_per_ms": 0.22}},
            "others": {
                **column,
                "regions": [name for name in regions if name not in posterior],
                "parameters": {"mu_per_ms": 0.05},
            },
        },
        "couplings": {
            f"{source}_{target}": {"source": source, "target": target, "strength": 0.01}
            for source in both
            for target in both
        },
        "signals": {
            "eeg": {"kind": "eeg", "population": both},
            "meg": {"kind": "meg", "population": both},
            "lfp": {"kind": "lfp", "population": both, "interval_ms": 4},
            "spectrum": {"kind": "spectrum", "of": "eeg"},
            "alpha": {"kind": "band", "of": "eeg", **band},
            "envelope": {"kind": "band", "of": "lfp", "output": "amplitude", "interval_ms": 40, **band},
            "order": {"kind": "kuramoto_order", "of": "lfp", **band},
            "locking": {"kind": "plv", "of": "lfp", **band},
            "envelopes": {"kind": "fc", "of": "envelope"},
        },
    }


def draw(run: Any, file: str) -> None:
    """Spectra, alpha on the head, synchrony, and the two matrices."""
    from matplotlib import pyplot

    from dtbsim.analysis.electrodes import electrode_directions, flat_positions, scalp_map

    figure, panels = pyplot.subplots(1, 4, figsize=(15, 3.6), layout="constrained")
    spectrum = run.signal("spectrum")
    for channel in ("Oz", "Cz", "Fz"):
        panels[0].semilogy(spectrum.frequency_hz[2:80], spectrum.sel(channel=channel)[2:80], label=channel)
    panels[0].set(xlabel="frequency (Hz)", ylabel=f"power ({spectrum.attrs['units']})", title="EEG")
    panels[0].legend()
    alpha = run.signal("alpha").mean("time_ms", keep_attrs=True)
    places = flat_positions(electrode_directions([str(name) for name in alpha.channel.values]))
    side = np.linspace(-1, 1, 101)
    points = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    values = scalp_map(places, alpha.values, points)
    values[np.linalg.norm(points, axis=1) > 1] = np.nan
    image = panels[1].imshow(values.reshape(101, 101), origin="lower", extent=(-1, 1, -1, 1))
    panels[1].plot(*places.T, "k.", markersize=3)
    panels[1].set(title="alpha power, nose up", xticks=[], yticks=[], xlim=(-1.3, 1.3), ylim=(-1.3, 1.3))
    figure.colorbar(image, ax=panels[1], label=alpha.attrs["units"])
    for axes, name, title in ((panels[2], "locking", "PLV of regions"), (panels[3], "envelopes", "FC of envelopes")):
        matrix = run.signal(name).values
        image = axes.imshow(np.where(np.eye(len(matrix)), np.nan, matrix), cmap="magma")
        axes.set(title=title, xticks=[], yticks=[])
        figure.colorbar(image, ax=axes)
    figure.savefig(file, dpi=100)


def main() -> None:
    """Run it, say what came out, draw it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--duration-s", type=float, default=30.0)
    parser.add_argument("--out", help="folder of the run; default: below runs/")
    parser.add_argument("--picture", help="file for the picture")
    given = parser.parse_args()
    run = dtbsim.run(configuration(given.duration_s), out=given.out).open()

    spectrum = run.signal("spectrum")
    inside = spectrum.sel(frequency_hz=slice(2, 40))
    peak_hz = inside.frequency_hz[inside.sel(channel="Oz").argmax("frequency_hz")]
    print(f"EEG at Oz: {float(run.eeg().sel(channel='Oz').std()):.2f} uV, largest power at {float(peak_hz):.1f} Hz")
    alpha = run.signal("alpha").mean("time_ms")
    strongest = alpha["channel"].values[np.argsort(alpha.values)[::-1][:6]].tolist()
    print(f"most alpha power at {', '.join(strongest)}")
    order = run.signal("order")
    print(f"synchrony {order.attrs['synchrony']:.3f}, metastability {order.attrs['metastability']:.3f}")
    meg = run.meg()
    print(f"MEG: {meg.sizes['channel']} sensors, {float(meg.std()):.0f} {meg.attrs['units']}")
    locking = run.signal("locking").values
    print(f"median PLV of two regions: {np.median(locking[np.triu_indices(len(locking), 1)]):.3f}")
    if given.picture:
        draw(run, given.picture)


if __name__ == "__main__":
    main()
