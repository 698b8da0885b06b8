"""The API reference: what `import dtbsim` offers, written from its own docstrings."""

from __future__ import annotations

import inspect
from pathlib import Path

import dtbsim

GROUPS = {
    "Running": ("run", "validate", "load_config", "dump_config", "RunResult"),
    "Working points": ("tune", "Tuned"),
    "Reading runs": ("open_run", "hash_run", "Run"),
    "Atlases": ("list_atlases", "load_atlas"),
}
MODULES = {
    "Building": ("dtbsim.api", ("build",)),
    "The network as built": (
        "dtbsim.build.as_built",
        ("BuiltNetwork", "BuiltPopulation", "BuiltProjection"),
    ),
    "Drives as built": ("dtbsim.build.built_drives", ("BuiltDrive",)),
    "Atlases in files": ("dtbsim.atlas", ("Atlas", "FcdReference", "save_atlas")),
    "Functional connectivity": (
        "dtbsim.analysis.fc",
        ("functional_connectivity", "fc_correlation", "fc_correlation_without_node_strength", "bandpass"),
    ),
    "FC dynamics": ("dtbsim.analysis.fcd", ("fcd_matrix", "fcd_values", "ks_distance_to_histogram")),
    "Spike statistics": (
        "dtbsim.analysis.spikes",
        ("population_statistics", "neuron_rates_hz", "PopulationStatistics"),
    ),
    "Activity": ("dtbsim.analysis.activity", ("population_activity_hz", "power_spectrum", "spike_count_correlations")),
    "Reports": ("dtbsim.report", ("write_report",)),
    "Neuron models": ("dtbsim.models", ("NeuronModel", "Parameter", "State", "Receptor")),
    "Errors": ("dtbsim.errors", ("DtbsimError",)),
}


def write(folder: Path) -> None:
    """Write api.md into `folder`."""
    lines = [
        "# API reference",
        "",
        "Everything here is imported when it is first used, so `import dtbsim` is quick.",
        "",
    ]
    for title, names in GROUPS.items():
        lines += [f"## {title}", "", *(_directive("dtbsim", name) for name in names if hasattr(dtbsim, name))]
    for title, (module, names) in MODULES.items():
        lines += [f"## {title}", "", *(_directive(module, name) for name in names)]
    lines += ["## Objects of a configuration", "", _objects(), ""]
    (folder / "api.md").write_text("\n".join(lines), encoding="utf-8")


def _directive(module: str, name: str) -> str:
    imported = __import__(module, fromlist=[name])
    is_class = inspect.isclass(getattr(imported, name))
    kind = "autoclass" if is_class else "autofunction"
    options = "   :members:\n" if is_class else ""
    return f"```{{eval-rst}}\n.. {kind}:: {module}.{name}\n{options}```\n"


def _objects() -> str:
    """Return a table of the configuration objects that have the same keys as a file."""
    rows = []
    for name in sorted(dtbsim.__all__):
        item = getattr(dtbsim, name)
        if inspect.isclass(item) and hasattr(item, "model_fields"):
            first = inspect.cleandoc(item.__doc__ or "").splitlines()[0]
            keys = ", ".join(f"`{key}`" for key in item.model_fields)
            rows.append(f"| `dtbsim.{name}` | {first} | {keys} |")
    head = "Each takes the keys of the [configuration reference](docs/config_reference.md) as arguments.\n\n"
    return head + "| object | is | arguments |\n| --- | --- | --- |\n" + "\n".join(rows)
