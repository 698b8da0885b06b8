"""`dtbsim export CONFIG --to sonata DIR`: a network as a SONATA circuit with its input and a script that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dtbsim.build.as_built import BuiltNetwork, BuiltProjection
from dtbsim.errors import InputError
from dtbsim.interchange.base import Exporter, Loss, Written, refuse_losses
from dtbsim.interchange.folder import new_folder
from dtbsim.interchange.losses import plasticity_loss, run_losses, source_losses
from dtbsim.interchange.sonata.configs import write_configs
from dtbsim.interchange.sonata.drives import drive_losses, write_drives
from dtbsim.interchange.sonata.edges import index_edges, ports_of, same_kernels, sign_losses, write_projection
from dtbsim.interchange.sonata.nodes import NodeMap, extent, model_losses, place, values_of, write_neurons
from dtbsim.interchange.sonata.script import SCRIPT
from dtbsim.interchange.sonata.tables import write_json
from dtbsim.spec.network import Network, Projection
from dtbsim.version import VERSION

DRIVES = ("spikes", "poisson", "none")
_FOLDERS = ("network", "inputs", "components/point_neuron_models", "components/synaptic_models")


class SonataExporter(Exporter):
    """Nodes, edges, spike inputs, current clamps and reports, for BMTK/NEST and for libsonata."""

    takes = "network"
    summary = "SONATA circuit and simulation, for BMTK PointNet (NEST) and libsonata"
    options = frozenset({"drives", "index"})

    def write(self, source: BuiltNetwork, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write `target`, a new folder.

        Args:
            source: the network.
            target: the folder, new or empty.
            lossy: write it although spikes will differ.
            options: `drives`: what becomes of Poisson drives: their `spikes` (default), generators that NEST draws from
                (`poisson`), or `none` of all drives; `index`: write the indices of edges, too.
        """
        how = options.get("drives") or "spikes"
        if how not in DRIVES:
            raise InputError(f"drives is '{how}'; allowed: {', '.join(DRIVES)}", where="drives")
        network = source.network
        losses = tuple(losses_of(source, how))
        refuse_losses(losses, lossy)
        with new_folder(target) as root:
            for name in _FOLDERS:
                (root / name).mkdir(parents=True)
            sizes = _write(source, root, how, with_index=bool(options.get("index")), losses=losses)
        return Written(target, sizes, losses, _notes(network, target))


SONATA = SonataExporter()


def losses_of(built: BuiltNetwork, how: str) -> Iterator[Loss]:
    """Everything of a network that is lost, in the order of the configuration."""
    network = built.network
    if network.regions is not None:
        raise InputError(
            "mean-field regions have no form in SONATA", where="populations", remedy="export populations of neurons"
        )
    yield from model_losses(network)
    yield from source_losses(network)
    for index, family in enumerate(network.families):
        if index and extent(network, index)[1] == 0:
            yield Loss("a population without neurons", family.key_path, "it is left out")
    for projection in network.projections:
        yield from _projection_losses(built, projection)
    yield from drive_losses(network, how)
    yield from run_losses(network)


def _projection_losses(built: BuiltNetwork, projection: Projection) -> Iterator[Loss]:
    network, where = built.network, projection.key_path
    yield from plasticity_loss(projection)
    family = network.families[projection.target_family]
    shown = built.projections[projection.name]
    low, high = projection.weight.low, projection.weight.high
    for port in ports_of(family.declared, shown.receptors):
        if port.sign in (1, -1) and not same_kernels(
            family.declared, (p for _, p, _ in values_of(network, projection.target_family))
        ):
            yield from sign_losses(port, low, high, where, family.name)


def _write(built: BuiltNetwork, root: Path, how: str, *, with_index: bool, losses: tuple[Loss, ...]) -> dict[str, int]:
    network = built.network
    nodes = place(network)
    entry, n_neurons, per_node = write_neurons(network, nodes, root)
    inputs = write_drives(network, nodes, root, how)
    if with_index:
        for item in inputs.edges:
            _index(root, item)
    edges, n_edges = [], 0
    for projection in network.projections:
        made, n = _write_projection(built, projection, nodes, root, with_index=with_index)
        edges.append(made)
        n_edges += n
    write_configs(root, network, nodes, ([entry, *inputs.nodes], [*edges, *inputs.edges]), inputs)
    (root / "run_pointnet.py").write_text(SCRIPT, encoding="utf-8")
    _write_origin(root, network, losses, per_node)
    return {"neurons": n_neurons, "synapses": n_edges, "input spikes": inputs.n_spikes}


def _write_projection(
    built: BuiltNetwork, projection: Projection, nodes: NodeMap, root: Path, *, with_index: bool
) -> tuple[dict[str, Any], int]:
    network = built.network
    shown: BuiltProjection = built.projections[projection.name]
    target = network.families[projection.target_family]
    ports = ports_of(target.declared, shown.receptors)
    families = projection.source_family, projection.target_family
    wide = target.channels[projection.channel].max_weight > 2**24 or projection.dynamics is not None
    made, n = write_projection(root, shown, nodes, ports, network.dt_ms, families, wide=wide)
    if with_index:
        _index(root, made)
    return made, n


def _index(root: Path, entry: dict[str, Any]) -> None:
    """Add the indices of the edges that an entry of the circuit names."""
    for name in entry["populations"]:
        index_edges(root / entry["edges_file"].replace("$NETWORK_DIR", "network"), name)


def _write_origin(root: Path, network: Network, losses: tuple[Loss, ...], per_node: list[str]) -> None:
    """What wrote this, of which network, and what was lost."""
    write_json(
        root / "dtbsim.json",
        {
            "dtbsim": VERSION,
            "name": network.name,
            "seed": network.seed,
            "spike_time": "a spike of step k is at (k + 1) dt",
            "parameters_per_node": per_node,
            "lost": [{"what": x.what, "where": x.where, "instead": x.instead, "spikes": x.spikes} for x in losses],
        },
    )


def _notes(network: Network, target: Path) -> tuple[str, ...]:
    return (f"python {target}/run_pointnet.py runs it with BMTK and NEST",)
