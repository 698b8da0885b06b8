"""`malloc` and `free` of the C library, for memory that compiled code grows with `realloc`."""

from __future__ import annotations

import ctypes

libc = ctypes.CDLL(None)
libc.free.argtypes = [ctypes.c_void_p]
libc.malloc.argtypes = [ctypes.c_size_t]
libc.malloc.restype = ctypes.c_void_p
