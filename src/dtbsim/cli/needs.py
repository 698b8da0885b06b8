"""A package that is not there: an error that says so, instead of the traceback of an import."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from dtbsim.errors import MissingDependencyError


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Turn the failing import of another package within the `with` block into a MissingDependencyError."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package in ("", "dtbsim"):
            raise
        raise MissingDependencyError(
            f"the package {package} is not installed", remedy=f"pip install {package}; `dtbsim doctor` names the rest"
        ) from error
