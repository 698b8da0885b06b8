"""MEG: the magnetic field at the sensors of a helmet, from the synaptic currents of populations.

`dtbsim.signals.sensors` says what the source is, `benchmarks/make_meg_fields.py` how the lead fields came to be.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from dtbsim.config.parts import KIND
from dtbsim.signals.sensors import DipoleOptions, SensorPlan, SensorSignal
from dtbsim.signals.source import F64

if TYPE_CHECKING:
    import xarray as xr

    from dtbsim.atlas.lead_fields import LeadField
    from dtbsim.signals.panel import Panel
    from dtbsim.signals.stream import Plan
    from dtbsim.spec.network import Network


class Meg(DipoleOptions):
    """MEG from the synaptic currents of populations in regions of the bundled atlases aal2, dk68 and schaefer200.

    A region's source is that of EEG. The lead fields are those of a boundary element model of the inner skull.
    """

    kind: Literal["meg"] = Field(default="meg", description=KIND)
    sensors: Literal["ctf275", "neuromag_magnetometers", "neuromag_gradiometers"] = Field(
        default="ctf275",
        description="274 axial gradiometers (fT), or of the helmet with 306 sensors the 102 magnetometers (fT) or the "
        "204 planar gradiometers (fT/cm)",
    )
    lead_field: str | None = Field(
        default=None,
        description="path of a file with sensors in rows and labels of regions above columns (.csv, .npz, .mat; "
        "docs/signals.md), relative to the configuration file; default: computed for `sensors`",
    )
    lead_field_unit: str | None = Field(
        default=None, description="unit of the lead field of a file, T/(A m) or T/m/(A m); default: what the file says"
    )

    def files(self) -> dict[str, str]:
        """The file of a lead field."""
        return {} if self.lead_field is None else {"lead_field": self.lead_field}


class MegSignal(SensorSignal):
    """`signals.NAME` with `kind: meg`."""

    name = "meg"
    config = Meg

    def plan(self, name: str, item: Any, network: Network) -> Plan:
        """The regions of the populations, and what each contributes to every sensor."""
        return MegPlan(name, self.name, item, network)

    def read(self, run: Any, name: str) -> xr.DataArray:
        """Return the field, float64 (time_ms, channel), in fT or fT/cm."""
        found = super().read(run, name)
        return found.rename("meg")

    def panel(self, run: Any, name: str) -> Panel | None:
        """Traces of some sensors at the end of the run, their spectra, and maps of the power."""
        from dtbsim.signals.head import meg_panel

        return meg_panel(name, self.read(run, name))


class MegPlan(SensorPlan):
    """MEG of sources."""

    key = "sensors"
    UNITS: ClassVar = {"T": (1e6, "fT"), "T/m": (1e4, "fT/cm")}
    """What the moment of a nA m makes of a value per A m, and the unit."""

    def lead_field(self, item: Meg, network: Network) -> LeadField:
        """That of the sensors."""
        from dtbsim.atlas.lead_fields import load_meg_field, read_lead_field

        assert network.atlas is not None
        if item.lead_field is not None:
            return read_lead_field(Path(item.lead_field), network.atlas, item.lead_field_unit)
        return load_meg_field(network.atlas, item.sensors)

    def scaled(self, columns: F64, unit: str, item: Meg) -> tuple[F64, str]:
        """In fT or fT/cm."""
        factor, name = self.UNITS.get(unit.replace("/(A m)", ""), (1.0, f"{unit or 'lead field'} nA m"))
        return columns * factor, name


MEG = MegSignal()
