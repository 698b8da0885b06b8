"""Is everything in a run folder whole: what a run has left, and its checkpoints?"""

from __future__ import annotations

from pathlib import Path

from dtbsim.errors import InputError
from dtbsim.run_folder.checkpoints import list_checkpoints, opened_checkpoint
from dtbsim.store.inspection import inspect_run
from dtbsim.store.run import Run


def inspect_folder(run: Run, *, values: bool = False) -> list[InputError]:
    """Return what is damaged or missing, one error per file, which `where` names.

    Without `values` recorded values and the states in checkpoints are not read. A run that is at work may remove
    checkpoints meanwhile, so those that have gone are not missing.
    """
    return [*inspect_run(run, values=values), *_checkpoints(run.path, values)]


def _checkpoints(folder: Path, values: bool) -> list[InputError]:
    found = []
    for path in list_checkpoints(folder):
        try:
            found += opened_checkpoint(path).inspect(values=values)
        except InputError as error:
            if path.exists():
                found.append(error)
    return found
