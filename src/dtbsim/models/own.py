"""A user's own model: `FILE.py:CLASS` of a configuration, or a class or instance given from Python.

The file is executed like any script when it is imported; it is the update function and its helpers that are held to
the checked subset. It is imported under a private name, from the text that was read, so that what is saved with a run
is what ran.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import linecache
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.abc import ExecutionLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from dtbsim.errors import DtbsimError, InputError, did_you_mean
from dtbsim.files.limits import MOST_CONFIG_BYTES
from dtbsim.files.regular import read_text
from dtbsim.models.base import NeuronModel
from dtbsim.models.own_check import check_model, instance_of
from dtbsim.models.registry import get_model, remember
from dtbsim.paths import user_path

ModelObject = type[NeuronModel] | NeuronModel
PREFIX = "dtbsim_own_models."
"""Modules of users' files are called so in `sys.modules`: nobody else imports them, and they hide no package."""


@dataclass(frozen=True)
class Kind:
    """A kind of model that a user's file may define: what it is called, its base classes and how a user names these."""

    what: str
    bases: tuple[type, ...]
    names: tuple[str, ...]

    def __contains__(self, found: object) -> bool:
        return isinstance(found, self.bases) or (isinstance(found, type) and issubclass(found, self.bases))


NEURON = Kind("neuron model", (NeuronModel,), ("dtbsim.models.NeuronModel",))


@dataclass(frozen=True, eq=False)
class ModelFile:
    """A file of models as it was read and imported."""

    path: Path
    text: str
    module: ModuleType

    def classes(self, kind: Kind) -> list[str]:
        """Names of the models of a kind that the file defines."""
        own = [(name, value) for name, value in vars(self.module).items() if isinstance(value, type)]
        return [name for name, value in own if value in kind and value.__module__ == self.module.__name__]

    def place(self, name: str | None = None) -> str:
        """Return file:line of the definition of `name` at the top of the file, or the file's name."""
        for node in ast.parse(self.text).body:
            targets = node.targets if isinstance(node, ast.Assign) else []
            names = {getattr(node, "name", None), *(getattr(target, "id", None) for target in targets)}
            if name is not None and name in names:
                return f"{self.path.name}:{node.lineno}"
        return self.path.name


def is_reference(name: str) -> bool:
    """Whether a configuration means a file by `name`, not a model of dtbsim."""
    return ":" in name or "/" in name or name.endswith(".py")


def find_model(
    given: str | ModelObject, receptors: Mapping[str, float] | None = None, base_dir: Path | None = None
) -> NeuronModel:
    """Return the model that a configuration means; the same object for the same arguments and the same file.

    `given` is a name of dtbsim's, `FILE.py:CLASS` (relative to `base_dir`, default the current folder), or a class or
    instance. Raises InputError, with file:line where it concerns a user's own model.
    """
    if isinstance(given, str) and not is_reference(given):
        return get_model(given, receptors)
    found: Any = class_in(*split_reference(given, base_dir)) if isinstance(given, str) else given
    return _checked(found, _frozen(receptors))


def split_reference(reference: str, base_dir: Path | None = None) -> tuple[ModelFile, str]:
    """Return the imported file and the name in it that `FILE.py:CLASS` means."""
    path, name = _parts(reference, base_dir)
    return load_file(path), name


def check_unexecuted(reference: str, base_dir: Path | None = None) -> Path:
    """Return the file that `FILE.py:CLASS` means, which defines such a name at its top; nothing of it is executed.

    Raises InputError where there is no such file, it is no Python, or it does not define the name.
    """
    path, name = _parts(reference, base_dir)
    text = _read(path)
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        raise InputError(f"not valid Python: {error}", where=f"{path.name}:{line}") from error
    names = {defined for node in body for defined in _defined_names(node)}
    if name not in names and "*" not in names:
        raise InputError(f"there is no '{name}' in this file", where=path.name, remedy=did_you_mean(name, names))
    return path


def _defined_names(node: ast.stmt) -> Iterator[str]:
    """Yield the names that a statement at the top of a file defines, as far as its text tells."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
    else:
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
                yield inner.id
            elif isinstance(inner, ast.ClassDef):
                yield inner.name


def _parts(reference: str, base_dir: Path | None) -> tuple[Path, str]:
    """Return the path of the file and the name in it that `FILE.py:CLASS` means."""
    path, _, name = reference.rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        example = reference if reference.endswith(".py") else "my_models.py"
        raise InputError(
            f"'{reference}' names no class of a Python file", remedy=f"write FILE.py:CLASS, as in {example}:MyNeuron"
        )
    return (base_dir or Path()) / user_path(path), name


def class_in(file: ModelFile, name: str, kind: Kind = NEURON) -> Any:
    """Return the model `name` of a file, a class or an instance."""
    found = getattr(file.module, name, None)
    if found in kind:
        return found
    bases = " or ".join(kind.names)
    if found is not None:
        base = kind.names[0].rpartition(".")[2]
        raise InputError(
            f"'{name}' is no {kind.what}",
            where=file.place(name),
            remedy=f"derive it from {bases}: class {name}({base})",
        )
    classes = file.classes(kind)
    remedy = did_you_mean(name, classes) if classes else f"it defines no class derived from {bases}"
    raise InputError(f"there is no '{name}' in this file", where=file.path.name, remedy=remedy)


_FILES: dict[Path, ModelFile] = {}


def load_file(path: Path) -> ModelFile:
    """Import a file of models; again only when its text has changed."""
    path = path.absolute()
    text = _read(path)
    known = _FILES.get(path)
    if known is None or known.text != text:
        _FILES[path] = known = ModelFile(path, text, _imported(path, text))
    return known


def _read(path: Path) -> str:
    try:
        return read_text(path, MOST_CONFIG_BYTES, "a file of models is a few kilobytes")
    except FileNotFoundError:
        raise InputError(
            f"there is no file {path.absolute()}",
            remedy="paths are relative to the configuration file, those of a command to the current folder",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.absolute()} cannot be read: {error}") from None


def may_simplify(model: NeuronModel) -> bool:
    """Whether `simplify` is about this model: one that a user's class inherits knows nothing of its changes."""
    return is_built_in(type(model)) or "simplify" in vars(type(model))


class _Text(ExecutionLoader):
    """Imports a text that has been read, without bytecode files."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text

    def get_source(self, fullname: str) -> str:
        return self._text

    def get_filename(self, fullname: str) -> str:
        return str(self._path)


def _imported(path: Path, text: str) -> ModuleType:
    digest = hashlib.sha256(f"{path}\n{text}".encode()).hexdigest()[:12]
    name = f"{PREFIX}{path.stem}_{digest}"
    spec = importlib.util.spec_from_loader(name, _Text(path, text))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # `inspect` reads the source from here; without a time stamp it is never replaced by what the file holds later
    linecache.cache[str(path)] = (len(text), None, text.splitlines(keepends=True), str(path))
    sys.modules[name] = module
    try:
        with user_code(path, "the file cannot be imported"):
            spec.loader.exec_module(module)
            check_imports(text, path)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def check_imports(text: str, path: Path) -> None:
    """Raise InputError where a file imports something that lies beside it: a run folder would not hold that.

    It can be found when a script or the current folder is on Python's path, but not when the run is made again.
    """
    beside = {path.absolute().parent, Path.cwd()}
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "."]
        for name in names:
            top = name.split(".")[0]
            file = getattr(sys.modules.get(top), "__file__", None)
            if file is None or top == "dtbsim":
                continue
            found = Path(file).absolute()
            home = found.parent.parent if found.name == "__init__.py" else found.parent
            if home in beside:
                raise InputError(
                    f"the file imports '{top}', which lies beside it and is not kept with a run",
                    where=f"{path.name}:{getattr(node, 'lineno', 1)}",
                    remedy="put what the model needs into the same file",
                )


@contextmanager
def user_code(path: Path, failed: str) -> Iterator[None]:
    """Turn whatever a user's file raises into one InputError that names its line; `failed` says what went wrong."""
    try:
        yield
    except DtbsimError:
        raise
    except SyntaxError as error:
        place = f"{Path(error.filename or path).name}:{error.lineno or 1}"
        raise InputError(f"not valid Python: {error.msg}", where=place) from error
    except (Exception, SystemExit) as error:
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f"{path.name}:{lines[-1]}" if lines else path.name
        remedy = None
        if isinstance(error, ImportError):
            remedy = "a model's file may import installed packages; what is your own goes into the same file"
        elif isinstance(error, SystemExit):
            remedy = "put what is to run as a script under `if __name__ == '__main__':`"
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise InputError(f"{failed}: {said}", where=where, remedy=remedy) from error


def code_of(model: NeuronModel, failed: str) -> AbstractContextManager[None]:
    """`code_of_class` for a model."""
    return code_of_class(type(model), failed)


def code_of_class(kind: type, failed: str) -> AbstractContextManager[None]:
    """`user_code` for what a class defines; a fault of one of dtbsim's own stays a fault."""
    if is_built_in(kind):
        return nullcontext()
    file = ""
    with suppress(OSError, TypeError):
        file = inspect.getsourcefile(kind) or ""
    return user_code(Path(file or f"<{kind.__module__}>"), failed)


def is_built_in(kind: type) -> bool:
    """Whether a class is dtbsim's own."""
    return kind.__module__.startswith("dtbsim.")


def _frozen(receptors: Mapping[str, float] | None) -> tuple[tuple[str, float], ...] | None:
    return None if receptors is None else tuple((port, float(tau)) for port, tau in receptors.items())


@lru_cache(maxsize=256)
def _checked(given: Any, receptors: tuple[tuple[str, float], ...] | None) -> NeuronModel:
    if given not in NEURON:
        raise InputError(f"{given!r} is no neuron model", remedy="give a name, FILE.py:CLASS, or a NeuronModel class")
    with code_of_class(given if isinstance(given, type) else type(given), "the model cannot be made"):
        model = instance_of(given, receptors)
        if not is_built_in(type(model)):
            check_model(model)
    if isinstance(given, type):
        remember(model, (given, None if receptors is None else dict(receptors)))
    return model
