"""EEG: the potential at scalp electrodes, from the synaptic currents of populations and a lead field of their regions.

`dtbsim.signals.sensors` says what the source is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from dtbsim.arguments import show
from dtbsim.config.parts import KIND
from dtbsim.signals.sensors import DipoleOptions, SensorPlan, SensorSignal
from dtbsim.signals.source import F64

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.atlas.lead_fields import LeadField
    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Plan
    from dtbsim.spec.network import Network


OWN_FIELDS = ("bem", "sphere", "atlas")
"""Lead fields that need no file."""
FIELD_SUFFIXES = (".csv", ".tsv", ".txt", ".npz", ".npy", ".mat", ".h5", ".hdf5")
"""Of files with a lead field."""


class Eeg(DipoleOptions):
    """EEG from the synaptic currents of populations in regions, and a lead field of these regions.

    A region's source is the sum of the absolute synaptic currents of its neurons. `bem` (three layers) and `sphere` are
    computed for the bundled atlases aal2, dk68 and schaefer200; `atlas` is the lead field of the atlas itself; anything
    else is a file.
    """

    kind: Literal["eeg"] = Field(default="eeg", description=KIND)
    lead_field: str = Field(
        default="bem",
        description="bem, sphere, atlas, or the path of a file with channels in rows and labels of regions above "
        "columns (.csv, .npz, .mat; docs/signals.md), relative to the configuration file",
    )
    lead_field_unit: str | None = Field(
        default=None, description="unit of the lead field of a file, such as V/(A m); default: what the file says"
    )
    reference: Literal["average", "none"] = Field(
        default="average", description="the mean of all electrodes, or the potential far away, as the lead field has it"
    )

    @field_validator("lead_field")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in OWN_FIELDS and not value.lower().endswith(FIELD_SUFFIXES):
            known, files = " | ".join(OWN_FIELDS), ", ".join(FIELD_SUFFIXES)
            raise ValueError(f"no lead field {show(value)}; allowed: {known}, or a file ({files})")
        return value

    def files(self) -> dict[str, str]:
        """The file of a lead field."""
        return {} if self.lead_field in OWN_FIELDS else {"lead_field": self.lead_field}


class EegSignal(SensorSignal):
    """`signals.NAME` with `kind: eeg`."""

    name = "eeg"
    config = Eeg

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """The regions of the populations, and what each contributes to every electrode."""
        return EegPlan(name, self.name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return the potential, float64 (time_ms, channel), in the unit that `attrs` says."""
        found = super().read(run, name)
        return found.rename("eeg")

    def panel(self, run: Any, name: str) -> Panel | None:
        """Traces of some electrodes at the end of the run, their spectra, and maps of the power."""
        from dtbsim.signals.head import eeg_panel

        return eeg_panel(name, self.read(run, name))


class EegPlan(SensorPlan):
    """EEG of sources."""

    def lead_field(self, item: Eeg, network: Network) -> LeadField:
        """Computed for bundled atlases, or that of the atlas."""
        from dtbsim.atlas.lead_fields import load_lead_field, read_lead_field

        assert network.atlas is not None
        if item.lead_field in OWN_FIELDS:
            return load_lead_field(network.atlas, item.lead_field)
        return read_lead_field(Path(item.lead_field), network.atlas, item.lead_field_unit)

    def scaled(self, columns: F64, unit: str, item: Eeg) -> tuple[F64, str]:
        """In uV where the unit of the lead field is known, against the reference."""
        from dtbsim.atlas.lead_fields import UNIT

        if item.reference == "average":
            columns = columns - columns.mean(axis=0)
        known = unit.replace(" ", "") in (UNIT.replace(" ", ""), "V/Am")
        return columns * (1e-3 if known else 1.0), "uV" if known else f"{unit or 'lead field'} nA m"


EEG = EegSignal()
