"""Users' own models in the folder of a run: RUN/models/NAME.py, and a configuration that refers to them there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbsim.config import RunConfig
from dtbsim.config.own_synapse import OwnSynapse
from dtbsim.errors import InputError
from dtbsim.models.own_save import Saved, save
from dtbsim.models.region_own import is_region_model, save_region_model
from dtbsim.models.synapses.save import save_synapse
from dtbsim.mpi import Comm
from dtbsim.run_folder import RunFolder
from dtbsim.store.files import storage_errors

FOLDER = "models"


@dataclass(frozen=True, eq=False)
class OwnModels:
    """What is kept of the models that are not dtbsim's.

    `files` are texts by name; `record` is for the provenance: population or projection, model as given, file, class,
    sha256.
    """

    config: RunConfig
    """The configuration with references to `files`."""
    files: dict[str, str]
    record: list[dict[str, str]]
    warnings: list[str]

    def write(self, folder: RunFolder) -> None:
        """Write the files into the run folder. Raises StorageError."""
        if self.files:
            with storage_errors(folder.path / FOLDER):
                (folder.path / FOLDER).mkdir()
        for name, text in self.files.items():
            folder.write_text(f"{FOLDER}/{name}", text)


def own_models(config: RunConfig, base_dir: Path | None) -> OwnModels:
    """Return what to keep of the models of a configuration whose relative paths start from `base_dir`."""
    kept = _Kept()
    populations = dict(config.populations)
    for name, population in config.populations.items():
        if is_region_model(population.model, base_dir):
            saved = save_region_model(population.model, base_dir)
        else:
            saved = save(population.model, population.receptors, base_dir)
        reference = kept.reference(saved, population.model, "population", name)
        populations[name] = population.model_copy(update={"model": reference})
    projections = dict(config.projections)
    for name, projection in config.projections.items():
        synapse = projection.synapse
        if isinstance(synapse, OwnSynapse):
            reference = kept.reference(save_synapse(synapse.model, base_dir), synapse.model, "projection", name)
            named = synapse.model_copy(update={"model": reference})
            projections[name] = projection.model_copy(update={"synapse": named})
    changed = config.model_copy(update={"populations": populations, "projections": projections})
    return OwnModels(changed, kept.files, kept.record, kept.warnings)


class _Kept:
    """Collects what is kept."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.record: list[dict[str, str]] = []
        self.warnings: list[str] = []

    def reference(self, saved: Saved | str, given: Any, what: str, name: str) -> str:
        """How the configuration of the run folder names the model of the population or projection `name`."""
        if isinstance(saved, str):
            return saved
        file = _file_for(saved, self.files)
        shown = given if isinstance(given, str) else repr(given)
        row = {what: name, "given": shown, "file": f"{FOLDER}/{file}", "class": saved.name}
        self.record.append(row | {"sha256": saved.sha256})
        if saved.lacking is not None:
            self.warnings.append(f"the run folder cannot repeat the run: {_place(row)}: {saved.lacking}")
        return f"{FOLDER}/{file}:{saved.name}"


def _place(row: dict[str, str]) -> str:
    """Key path of the model that a row of the record is about."""
    if "projection" in row:
        return f"projections.{row['projection']}.synapse.model"
    return f"populations.{row['population']}.model"


def _file_for(saved: Saved, files: dict[str, str]) -> str:
    """Return the name of the file with this text, which is added to `files` if it is new."""
    for number in range(1, len(files) + 2):
        name = f"{saved.stem}.py" if number == 1 else f"{saved.stem}_{number}.py"
        if files.setdefault(name, saved.text) == saved.text:
            return name
    raise AssertionError("there is a free name among one more than there are files")


def check_same_models(models: OwnModels, comm: Comm) -> None:
    """Raise InputError on every rank where a file of models is another one on some node, as its first rank knows it."""
    mine = [(_place(row), row["sha256"]) for row in models.record]
    seen = comm.allgather(mine if comm.node_rank == 0 else None)
    for rank, rows in enumerate(seen):
        if rows is None:
            continue
        for (place, mine), (_, other) in zip(seen[0], rows, strict=True):
            if mine != other:
                raise InputError(
                    f"the file of the model on rank {rank} is not that on rank 0",
                    where=place,
                    remedy="give every node the same file",
                )
