"""Write a configuration as YAML that loads to an equal one."""

from __future__ import annotations

from collections.abc import Iterator

from dtbsim.arguments import instance
from dtbsim.config.own_synapse import OwnSynapse
from dtbsim.config.parts import SpikeArrays
from dtbsim.config.plain import plain
from dtbsim.config.run import RunConfig
from dtbsim.config.walk import lists_of_numbers
from dtbsim.config.yaml_write import to_yaml
from dtbsim.errors import InputError

MOST_LISTED = 10_000
"""Spikes, or numbers of a list, that a configuration file holds itself at most: more are nothing to look at."""


def dump_config(config: RunConfig) -> str:
    """Return the resolved configuration as YAML 1.2: every default written out, keys that are off by default left out.

    `load_config_text(dump_config(config))` equals `config`. Raises InputError where a model is a Python object, and for
    more than MOST_LISTED spikes or numbers in an array: these belong into a file (in a run folder, `inputs` has them).
    """
    instance(config, "config", RunConfig, "a RunConfig; `load_config` reads one from a file")
    for name, population in config.populations.items():
        if not isinstance(population.model, str):
            raise InputError(
                f"the model is {population.model!r}, which cannot be written to a file",
                where=f"populations.{name}.model",
                remedy="give FILE.py:CLASS; the folder of a run holds the file and such a configuration",
            )
    for name, projection in config.projections.items():
        synapse = projection.synapse
        if isinstance(synapse, OwnSynapse) and not isinstance(synapse.model, str):
            raise InputError(
                f"the model is {synapse.model!r}, which cannot be written to a file",
                where=f"projections.{name}.synapse.model",
                remedy="give FILE.py:CLASS; the folder of a run holds the file and such a configuration",
            )
    for path, spikes in listed_spikes(config):
        if len(spikes.neuron) > MOST_LISTED:
            key = "spikes_file" if path[0] == "populations" else "file"
            raise InputError(
                f"{len(spikes.neuron)} spikes given as arrays are too many to be written out (at most {MOST_LISTED})",
                where=".".join(path),
                remedy=f"save them, numpy.savez(FILE, neuron=..., time_ms=...), and give {key}: FILE instead",
            )
    for name, projection in config.projections.items():
        listed = projection.rule.arrays()
        if listed is not None and len(listed[2]["source"]) > MOST_LISTED:
            raise InputError(
                f"{len(listed[2]['source'])} edges given as arrays are too many to be written out (at most "
                f"{MOST_LISTED})",
                where=f"projections.{name}.rule.{listed[0]}",
                remedy=f"save them, numpy.savez(FILE, source=..., target=...), and give {listed[1]}: FILE instead",
            )
    for where, numbers in lists_of_numbers(config):
        count = sum(map(len, numbers)) if where[-1] == "matrix" else len(numbers)
        if count > MOST_LISTED:
            raise InputError(
                f"{count:,} numbers given as an array are too many to be written out (at most {MOST_LISTED:,})",
                where=".".join(where),
                remedy="save them with numpy.save and name the file instead",
            )
    return to_yaml(plain(config))


def listed_spikes(config: RunConfig) -> Iterator[tuple[tuple[str, str, str], SpikeArrays]]:
    """Yield key path and spikes of everything whose spikes the configuration holds itself."""
    for name, population in config.populations.items():
        if population.spikes is not None:
            yield ("populations", name, "spikes"), population.spikes
    for name, drive in config.drives.items():
        if drive.kind == "spike_trains" and drive.spikes is not None:
            yield ("drives", name, "spikes"), drive.spikes
