"""What a notebook shows of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dtbsim.notebook import facts_html, table_html

if TYPE_CHECKING:
    from dtbsim.spec.network import Network


def overview_html(network: Network) -> str:
    """Return tables of sizes, families and projections."""
    facts = [
        ("neurons", f"{network.n_neurons:,}"),
        ("populations", f"{len(network.populations):,}"),
        ("duration", f"{network.n_steps * network.dt_ms:g} ms in {network.n_steps:,} steps of {network.dt_ms:g} ms"),
        ("longest delay", f"{network.max_delay_steps * network.dt_ms:g} ms"),
        ("seed", str(network.seed)),
        *(("note", note) for note in (*network.warnings, *network.notes)),
    ]
    names = [family.name for family in network.families]
    families = []
    for family in network.families:
        neurons = sum(network.populations[int(index)].size for index in family.populations)
        families.append([family.name, family.declared.name, f"{len(family.populations):,}", f"{neurons:,}"])
    projections = [
        [item.name, names[item.source_family], names[item.target_family], item.scope] for item in network.projections
    ]
    return (
        facts_html(f"Network {network.name}", facts)
        + table_html("populations", ("name", "model", "populations", "neurons"), families)
        + table_html("projections", ("name", "source", "target", "scope"), projections)
    )
