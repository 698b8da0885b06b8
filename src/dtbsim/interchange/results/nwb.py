"""`dtbsim export RUN --to nwb FILE.nwb`: a file of Neurodata Without Borders (https://nwb.org), by pynwb.

Times are in seconds: of spikes the float64 that is nearest to (k + 1) dt, of samples `starting_time` and `rate`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.folder import new_file
from dtbsim.interchange.results import about
from dtbsim.interchange.results.chosen import OPTIONS, Chosen
from dtbsim.interchange.results.extras import check_suffix, needs
from dtbsim.interchange.results.nwb_series import add_matrix, add_series
from dtbsim.interchange.results.nwb_units import add_units
from dtbsim.store import Run


class Nwb(Exporter):
    """Spikes as Units, series as TimeSeries and ElectricalSeries with tables of their columns, matrices as tables."""

    takes = "run"
    summary = "spikes, states and signals as a file of Neurodata Without Borders (.nwb)"
    options = OPTIONS

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write a `Run` to a file. Raises MissingDependencyError without the extra `nwb`."""
        check_suffix(target, ".nwb")
        pynwb = needs("pynwb", "nwb")
        chosen = Chosen(source, lossy=lossy, **options)
        chosen.need_something()
        file = _file(pynwb, source)
        with new_file(target, ".nwb") as path:
            sizes: dict[str, int] = {}
            if chosen.spikes is not None:
                sizes["neurons"], sizes["spikes"] = add_units(pynwb, file, chosen, path.parent)
            for series in chosen.series:
                add_series(pynwb, file, chosen, series)
            sizes["series"] = len(chosen.series)
            for name, matrix in chosen.matrices():
                if add_matrix(pynwb, file, chosen, name, matrix):
                    sizes["matrices"] = sizes.get("matrices", 0) + 1
            with pynwb.NWBHDF5IO(path, "w") as io:
                io.write(file)
        for name, key in chosen.others():
            chosen.lose(name, key)
        return Written(target, sizes, tuple(chosen.losses))


def _file(pynwb: Any, run: Run) -> Any:
    """What the file says of the run; no keywords, as neo.NWBIO (0.14) reads no file that has some."""
    return pynwb.NWBFile(
        session_description=about.sentence(run),
        identifier=about.identity(run),
        session_start_time=about.started(run),
        session_id=run.path.resolve().name,
        experiment_description="A simulation by dtbsim, no measurement. Time 0 is the start of the simulated time.",
        notes=about.notes(run),
        source_script=run.config_text,
        source_script_file_name="config.yaml",
        subject=_subject(pynwb, run),
        was_generated_by=[list(row) for row in about.software(run)],
    )


def _subject(pynwb: Any, run: Run) -> Any:
    """What is true of a network as the subject that archives ask for."""
    return pynwb.file.Subject(
        subject_id=about.name_of(run),
        description="A simulated network: no animal and no person. Its age counts from the start of simulated time.",
        species="http://purl.obolibrary.org/obo/NCBITaxon_32630",  # synthetic construct
        sex="U",
        age="P0D",
    )


NWB = Nwb()
