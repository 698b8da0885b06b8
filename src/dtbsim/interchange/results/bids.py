"""`dtbsim export RUN --to bids FOLDER`: regional series, FC, EEG and MEG as a derivative dataset in the forms of BIDS.

Standard (BIDS 1.10): dataset_description.json, participants, EEG as BrainVision, MEG as FIF, with their side-cars and
channels. Not standard: `_timeseries` of regions and `_relmat` are named as XCP-D and the proposal BEP017 name them, and
BIDS has no word yet for simulations (BEP034). A member of an ensemble is a participant.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dtbsim.interchange.base import Exporter, Written
from dtbsim.interchange.folder import new_folder
from dtbsim.interchange.results import about
from dtbsim.interchange.results.bids_recordings import write_recording
from dtbsim.interchange.results.bids_tables import write_json, write_matrix, write_series, write_tsv
from dtbsim.interchange.results.chosen import OPTIONS, Chosen
from dtbsim.interchange.results.matrices import fc_of_bold, of_member
from dtbsim.interchange.results.mne import KINDS
from dtbsim.interchange.results.series import Series
from dtbsim.store.export_mne import SI
from dtbsim.store.files import write_text

BIDS_VERSION = "1.10.0"
_README = """\
{sentence}

Written by dtbsim {version} in the forms of a BIDS derivative dataset. These are results of a simulation; nobody was
measured. participants.tsv lists runs, or the members of an ensemble.

func/  *_timeseries.tsv: a line for each sample, a column for each region or population; the .json beside says units,
       sampling and the time of the first sample. *_relmat.tsv: matrices of regions, such as FC.
eeg/   BrainVision files.   meg/   FIF files.
"""


class Bids(Exporter):
    """dataset_description.json, participants, and for each of them func, eeg and meg."""

    takes = "run"
    summary = "BOLD, FC, EEG and MEG as a derivative dataset in the forms of BIDS"
    options = OPTIONS

    def write(self, source: Any, target: Path, *, lossy: bool, **options: Any) -> Written:
        """Write the signals of a `Run` to a new folder; EEG needs the extra `bids`, MEG the extra `mne`."""
        chosen = Chosen(source, lossy=lossy, **options)
        series = [one for one in chosen.series if one.kind != "states"]
        matrices = [*chosen.matrices()]
        chosen.need(series or matrices, "signals here", "run with bold or an entry of `signals`")
        if chosen.everything and not any(
            matrix.attrs.get("of") == "bold" and matrix.name == "fc" for _, matrix in matrices
        ):
            matrices += fc_of_bold(chosen, series)
        people = _people(chosen)
        names = _Names(chosen, series)
        sizes = {"participants": len(people), "files": 0}
        with new_folder(target) as folder:
            _describe(folder, chosen, people)
            for member, person in enumerate(people):
                for one in series:
                    _series(chosen, one.of_member(member), folder, names, person)
                    sizes["files"] += 1
                for name, matrix in matrices:
                    if write_matrix(
                        names.file(folder, person, "func", names.matrix(name, matrix)), of_member(matrix, member)
                    ):
                        sizes["files"] += 1
                    elif member == 0:
                        chosen.lose(f"the signal '{name}'", f"signals.{name}", "nothing: it is no matrix of channels")
        _note_losses(chosen)
        return Written(target, sizes, tuple(chosen.losses))


class _Names:
    """Names of files: sub-01_task-rest_...; words of the configuration without what BIDS does not allow in them."""

    def __init__(self, chosen: Chosen, series: list[Series]) -> None:
        self.task = label(about.name_of(chosen.run))
        atlas = chosen.run.network.get("atlas")
        self._atlas = f"_seg-{label(str(atlas))}" if atlas else ""
        kinds = [one.kind for one in series]
        self._several = {kind for kind in kinds if kinds.count(kind) > 1}

    def file(self, folder: Path, person: str, part: str, rest: str) -> Path:
        """The path without an ending."""
        return folder / person / part / f"{person}_task-{self.task}{rest}"

    def recording(self, series: Series) -> str:
        """EEG and MEG; of several the entry is named."""
        return f"_acq-{label(series.name)}_{series.kind}" if series.kind in self._several else f"_{series.kind}"

    def table(self, series: Series) -> str:
        """Series of regions and populations."""
        if series.kind == "bold":
            return f"{self._atlas}_stat-mean_timeseries"
        return f"{self._atlas if series.columns.regions else ''}_desc-{label(series.name)}_timeseries"

    def matrix(self, name: str, matrix: Any) -> str:
        """FC of BOLD, and other matrices by their names."""
        if matrix.name == "fc" and matrix.attrs.get("of") == "bold":
            return f"{self._atlas}_stat-pearsoncorrelation_relmat"
        return f"_desc-{label(name)}_relmat"


def label(text: str) -> str:
    """Letters and digits alone, as labels of BIDS have it."""
    return re.sub(r"[^A-Za-z0-9]", "", text) or "x"


def _people(chosen: Chosen) -> list[str]:
    n = max(1, chosen.n_members)
    return [f"sub-{k + 1:0{max(2, len(str(n)))}}" for k in range(n)]


def _describe(folder: Path, chosen: Chosen, people: list[str]) -> None:
    run = chosen.run
    version = str(run.provenance.get("dtbsim"))
    generated = {"Name": "dtbsim", "Version": version, "Description": "simulation of a network"}
    write_json(
        folder / "dataset_description.json",
        {
            "Name": about.name_of(run),
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "derivative",
            "GeneratedBy": [generated],
        },
    )
    write_text(folder / ".bidsignore", "*_relmat.*\n*_timeseries.*\n", durable=False)
    write_text(folder / "README", _README.format(sentence=about.sentence(run), version=version), durable=False)
    columns: dict[str, Any] = {"participant_id": people}
    if chosen.members:
        columns |= {name.replace(".", "_"): values.tolist() for name, values in chosen.members.items()}
    else:
        columns["seed"] = [run.provenance.get("seed")]
    write_tsv(folder / "participants.tsv", list(columns), zip(*columns.values(), strict=True))
    said = {name: {"Description": f"{name} of the simulation"} for name in columns if name != "participant_id"}
    said["participant_id"] = {"Description": "a run, or the member of an ensemble; nobody was measured"}
    write_json(folder / "participants.json", said)
    (folder / "code").mkdir()
    write_text(folder / "code" / "config.yaml", run.config_text, durable=False)


def _series(chosen: Chosen, series: Series, folder: Path, names: _Names, person: str) -> None:
    if series.kind in KINDS and series.unit in SI:
        write_recording(chosen, series, names.file(folder, person, series.kind, names.recording(series)), names.task)
    else:
        write_series(chosen.run, series, names.file(folder, person, "func", names.table(series)))


def _note_losses(chosen: Chosen) -> None:
    where = str(chosen.run.path / "stores")
    for one in chosen.series:
        if one.kind == "states":
            chosen.lose(one.name, where)
    for one in chosen.series:
        if one.kind == "eeg" and one.unit in SI:
            chosen.lose(f"digits of {one.name}", f"signals.{one.name}", "float32, which BrainVision has")
    if chosen.spikes is not None:
        chosen.lose("spikes", where)
    for name, key in chosen.others():
        chosen.lose(name, key)


BIDS = Bids()
