"""Files of strangers: read within bounds of time, memory and depth, whatever is in them.

Each function opens regular files only, looks at what a file declares before anything of that size is allocated, and
raises InputError, with the path, for all that it does not take. Nothing in a file is executed, and no file makes
another one be read.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dtbsim.files.json_text import parse_json, read_json
    from dtbsim.files.numpy_files import read_npy, read_npz
    from dtbsim.files.other_process import read_hdf5, read_mat
    from dtbsim.files.regular import open_regular, read_bytes, read_text, text_lines

__all__ = [
    "open_regular",
    "parse_json",
    "read_bytes",
    "read_hdf5",
    "read_json",
    "read_mat",
    "read_npy",
    "read_npz",
    "read_text",
    "text_lines",
]

_MODULES = {
    "open_regular": "regular",
    "parse_json": "json_text",
    "read_bytes": "regular",
    "read_hdf5": "other_process",
    "read_json": "json_text",
    "read_mat": "other_process",
    "read_npy": "numpy_files",
    "read_npz": "numpy_files",
    "read_text": "regular",
    "text_lines": "regular",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
