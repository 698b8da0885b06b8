"""The text of a user's model as it is kept in the folder of a run, so that the run can be made again from there.

A file that a configuration names is kept as it was read. Of a class given from Python, the file it stands in is cut
down to what the class needs: a script is not to run once more when only its model is wanted. What was cut is imported
and compared with the model that runs; where that fails, the reason is kept instead.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from dtbsim.errors import InputError
from dtbsim.models.base import NeuronModel
from dtbsim.models.language.emit_c import update_text
from dtbsim.models.own import (
    ModelObject,
    check_imports,
    class_in,
    code_of,
    find_model,
    is_reference,
    load_file,
    split_reference,
)
from dtbsim.models.own_check import TRIAL_DT_MS
from dtbsim.models.registry import name_of


@dataclass(frozen=True)
class Saved:
    """A file for the run folder: its stem, its text, the name in it, and why it cannot be used, if so."""

    stem: str
    text: str
    name: str
    lacking: str | None = None

    @property
    def sha256(self) -> str:
        """Hash of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def save(given: str | ModelObject, ports: Mapping[str, float] | None, base_dir: Path | None) -> Saved | str:
    """Return what to keep of the model that a population was given, or the name of a model of dtbsim."""
    if isinstance(given, str):
        if not is_reference(given):
            return given
        file, name = split_reference(given, base_dir)
        return Saved(file.path.stem, file.text, name)
    built_in = name_of(given)
    return built_in if built_in is not None else _of_object(given, ports)


def _of_object(given: ModelObject, ports: Mapping[str, float] | None) -> Saved:
    model = find_model(given, ports)

    def found_in(path: Path, name: str) -> str:
        return fingerprint(find_model(class_in(load_file(path), name), ports))

    return saved_class(type(model), fingerprint(model), found_in)


def saved_class(kind: type, known: str, found_in: Callable[[Path, str], str]) -> Saved:
    """Return what to keep of the class of a model, whose fingerprint is `known`.

    `found_in(file, name)` returns the fingerprint of what has been cut out, when it is imported.
    """
    stem = re.sub(r"[^A-Za-z0-9_]", "_", kind.__name__)
    try:
        return Saved(stem, _compared(kind, known, found_in), kind.__name__)
    except InputError as error:
        reason = str(error)
    text = f'"""The source of {kind.__qualname__} could not be kept."""\n\nraise ImportError({reason!r})\n'
    return Saved(stem, text, stem, reason)


def _compared(kind: type, known: str, found_in: Callable[[Path, str], str]) -> str:
    text = _text_of(kind)
    if _loaded(text, kind.__name__, found_in) != known:
        raise InputError("the class alone does not give the same model (arguments, or changes made later)")
    return text


def _text_of(kind: type) -> str:
    """Return the file that defines a class, cut down to the class and what it uses."""
    if "<locals>" in kind.__qualname__ or "." in kind.__qualname__:
        raise InputError(f"{kind.__qualname__} is defined inside a function or class", remedy="define it at the top")
    module = sys.modules.get(kind.__module__)
    path = getattr(module, "__file__", None)
    if path is None or not Path(path).is_file():
        raise InputError(f"{kind.__qualname__} is defined in no file", remedy="put it into a file")
    text = needed_text(Path(path).read_text(encoding="utf-8-sig"), kind.__name__)
    check_imports(text, Path(path))
    return text


def needed_text(text: str, name: str) -> str:
    """Return the top-level imports, definitions and assignments of a file that `name` needs, in their order."""
    lines = text.splitlines(keepends=True)
    body = ast.parse(text).body
    wanted, kept = {name}, set[int]()
    found = True
    while found:
        found = False
        for index, node in enumerate(body):
            always = isinstance(node, ast.ImportFrom) and node.module == "__future__"
            if index not in kept and (always or wanted & set(_defined(node))):
                kept.add(index)
                wanted |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
                found = True
    result = ""
    for index in sorted(kept):
        node = body[index]
        first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
        gap = "" if isinstance(node, ast.Import | ast.ImportFrom) or not result else "\n\n"
        result += gap + "".join(lines[first - 1 : node.end_lineno]).rstrip() + "\n"
    return result


def _defined(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a top-level statement defines, where it does nothing else."""
    match node:
        case ast.Import() | ast.ImportFrom():
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        case ast.ClassDef() | ast.FunctionDef():
            yield node.name
        case ast.Assign():
            for target in node.targets:
                yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _loaded(text: str, name: str, found_in: Callable[[Path, str], str]) -> str:
    with TemporaryDirectory(prefix="dtbsim-model-") as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(text, encoding="utf-8")
        return found_in(path, name)


def fingerprint(model: NeuronModel) -> str:
    """Return everything of a model that decides about spikes, as far as defaults show it, as one text."""
    tables = (model.parameters, model.states, model.derived, model.receptors, model.inputs)
    with code_of(model, "the constants cannot be computed"):
        values = model.complete({})
        constants = {name: np.float32(value) for name, value in model.constants(values, TRIAL_DT_MS).items()}
        states = model.initial_states(values)
    return "\n".join([model.name, repr(tables), repr(constants), repr(states), update_text(model)])
