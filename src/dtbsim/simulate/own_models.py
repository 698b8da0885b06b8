"""Users' own models in the folder of a run: RUN/models/NAME.py, and a configuration that refers to them there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dtbsim.config import RunConfig
from dtbsim.errors import InputError
from dtbsim.models.own_save import Saved, save
from dtbsim.mpi import Comm
from dtbsim.run_folder import RunFolder
from dtbsim.store.files import storage_errors

FOLDER = "models"


@dataclass(frozen=True, eq=False)
class OwnModels:
    """What is kept of the models that are not dtbsim's.

    `files` are texts by name; `record` is for the provenance: population, model as given, file, class, sha256.
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
    files: dict[str, str] = {}
    record: list[dict[str, str]] = []
    warnings: list[str] = []
    populations = dict(config.populations)
    for name, population in config.populations.items():
        saved = save(population.model, population.receptors, base_dir)
        if isinstance(saved, str):
            reference = saved
        else:
            file = _file_for(saved, files)
            reference = f"{FOLDER}/{file}:{saved.name}"
            given = population.model if isinstance(population.model, str) else repr(population.model)
            row = {"population": name, "given": given, "file": f"{FOLDER}/{file}", "class": saved.name}
            record.append(row | {"sha256": saved.sha256})
            if saved.lacking is not None:
                warnings.append(f"the run folder cannot repeat the run: populations.{name}.model: {saved.lacking}")
        populations[name] = population.model_copy(update={"model": reference})
    return OwnModels(config.model_copy(update={"populations": populations}), files, record, warnings)


def _file_for(saved: Saved, files: dict[str, str]) -> str:
    """Return the name of the file with this text, which is added to `files` if it is new."""
    for number in range(1, len(files) + 2):
        name = f"{saved.stem}.py" if number == 1 else f"{saved.stem}_{number}.py"
        if files.setdefault(name, saved.text) == saved.text:
            return name
    raise AssertionError("there is a free name among one more than there are files")


def check_same_models(models: OwnModels, comm: Comm) -> None:
    """Raise InputError on every rank where a file of models is another one on some rank."""
    seen = comm.allgather([(row["population"], row["sha256"]) for row in models.record])
    for rank, rows in enumerate(seen):
        for (population, mine), (_, other) in zip(seen[0], rows, strict=True):
            if mine != other:
                raise InputError(
                    f"the file of the model on rank {rank} is not that on rank 0",
                    where=f"populations.{population}.model",
                    remedy="give every node the same file",
                )
