"""Which formats can be written and read, by name; other packages add some by entry points.

[project.entry-points."dtbsim.exporters"]
brian = "my_package.brian:BrianExporter"
"""

from __future__ import annotations

from dtbsim.interchange.base import Exporter, Importer
from dtbsim.registry import Later, Registry


def _exporter(name: str, value: object) -> Exporter:
    made = value() if isinstance(value, type) else value
    if not isinstance(made, Exporter) or getattr(made, "takes", None) not in ("network", "run"):
        raise TypeError("an exporter is a subclass of dtbsim.interchange.Exporter that says what it `takes`")
    return made


def _importer(name: str, value: object) -> Importer:
    made = value() if isinstance(value, type) else value
    if not isinstance(made, Importer):
        raise TypeError("an importer is a subclass of dtbsim.interchange.Importer")
    return made


EXPORTERS: Registry[Exporter] = Registry(
    "dtbsim.exporters",
    "format to export to",
    {
        "pynn": Later("dtbsim.interchange.pynn.export:PYNN"),
        "sonata": Later("dtbsim.interchange.sonata.export:SONATA"),
        "neuroml": Later("dtbsim.interchange.neuroml.export:NEUROML"),
        "nir": Later("dtbsim.interchange.nir.export:NIR"),
        "sonata-spikes": Later("dtbsim.interchange.sonata.run_spikes:SONATA_SPIKES"),
        "sonata-reports": Later("dtbsim.interchange.sonata.run_reports:SONATA_REPORTS"),
        "nwb": Later("dtbsim.interchange.results.nwb:NWB"),
        "neo": Later("dtbsim.interchange.results.neo:NEO"),
        "bids": Later("dtbsim.interchange.results.bids:BIDS"),
        "mne": Later("dtbsim.interchange.results.mne:MNE"),
        "csv": Later("dtbsim.interchange.results.csv:CSV"),
    },
    _exporter,
)
IMPORTERS: Registry[Importer] = Registry(
    "dtbsim.importers",
    "format to import from",
    {
        "nir": Later("dtbsim.interchange.nir.importer:NIR"),
        "sonata": Later("dtbsim.interchange.sonata.importer:SONATA"),
    },
    _importer,
)
