"""Memory and time of a streamed export: networks of growing size to SONATA and back, each in a process of its own.

    python benchmarks/interchange.py [--millions 1 4 16 32] [--no-import] --json FILE

What must hold: the peak of the export does not grow with the number of synapses, but with that of neurons, and stays
below 2 GB. Sizes are in million synapses, of `--neurons` iaf_psc_exp neurons with drawn weights and delays, the most
that an edge takes (24 bytes). `mb_per_million` is the slope of the peak between the two largest sizes, when all buffers
are full, and `at_300_million_gb` the line through both, continued to 300 million synapses: extrapolated, not measured.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import common

MOST_BYTES = 2_000_000_000
FAR = 300


def network(millions: float, neurons: int) -> dict[str, Any]:
    """Weights and delays of every synapse drawn."""
    return {
        "name": "edges",
        "simulation": {"duration_ms": 1.0},
        "populations": {"E": {"model": "iaf_psc_exp", "size": neurons}},
        "projections": {
            "EE": {
                "source": "E",
                "target": "E",
                "receptor": "ex",
                "rule": {"kind": "fixed_indegree", "indegree": round(millions * 1e6 / neurons)},
                "weight_pA": {"distribution": "normal", "mean": 10.0, "sd": 1.0, "low": 0.0},
                "delay_ms": {"distribution": "uniform", "low": 0.5, "high": 3.0},
            }
        },
    }


def measure(millions: float, neurons: int, folder: Path, *, back: bool) -> dict[str, Any]:
    """Export, and import where `back`, in this process."""
    import dtbsim

    circuit = folder / "circuit"
    base, begun_s = common.peak_rss_bytes(), time.perf_counter()
    made = dtbsim.export(network(millions, neurons), to="sonata", out=circuit)
    found: dict[str, Any] = {
        "synapses": made.sizes["synapses"],
        "file_bytes": sum(path.stat().st_size for path in circuit.rglob("*") if path.is_file()),
        "export_s": time.perf_counter() - begun_s,
        "imports_rss_bytes": base,
        "export_peak_rss_bytes": common.peak_rss_bytes(),
    }
    if back:
        begun_s = time.perf_counter()
        dtbsim.import_network(circuit, form="sonata", out=folder / "again.yaml")
        found |= {"import_s": time.perf_counter() - begun_s, "import_peak_rss_bytes": common.peak_rss_bytes()}
    return found


def summary(sizes: list[dict[str, Any]]) -> dict[str, Any]:
    """How the peak grows."""
    first, last = sizes[-2:]
    more = last["export_peak_rss_bytes"] - first["export_peak_rss_bytes"]
    per_synapse = more / max(last["synapses"] - first["synapses"], 1)
    far = last["export_peak_rss_bytes"] + max(per_synapse, 0.0) * (FAR * 1e6 - last["synapses"])
    return {
        "mb_per_million": per_synapse,  # bytes a synapse are MB a million
        f"at_{FAR}_million_gb": far / 1e9,
        "synapses_per_s": last["synapses"] / last["export_s"],
        "passed": last["export_peak_rss_bytes"] < MOST_BYTES and far < MOST_BYTES,
    }


def main() -> None:
    """All sizes, each in a process of its own; or one, as that process."""
    parser = common.parser(__doc__)
    parser.add_argument("--millions", type=float, nargs="+", default=[1, 4, 16, 32])
    parser.add_argument("--neurons", type=int, default=20_000)
    parser.add_argument("--no-import", action="store_true")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one is not None:
        with tempfile.TemporaryDirectory(dir=options.json.parent) as folder:
            found = measure(options.one, options.neurons, Path(folder), back=not options.no_import)
        common.write_json(options.json, found)
        return
    result = common.origin("interchange", "h5py", "numpy") | {"neurons": options.neurons, "sizes": []}
    with tempfile.TemporaryDirectory(dir=None if options.json is None else options.json.parent) as folder:
        for millions in options.millions:
            out = Path(folder) / "one.json"
            more = ["--no-import"] if options.no_import else []
            common.run_python(Path(__file__), "--one", millions, "--neurons", options.neurons, *more, "--json", out)
            result["sizes"].append(common.read_json(out))
    result |= summary(result["sizes"])
    print(common.headline(result))
    print(common.table(list(result["sizes"][0]), [list(size.values()) for size in result["sizes"]]))
    print({key: result[key] for key in ("mb_per_million", f"at_{FAR}_million_gb", "synapses_per_s", "passed")})
    if options.json is not None:
        common.write_json(options.json, result)


if __name__ == "__main__":
    main()
