"""The Python subset in which update functions are written: checking, typed form, text for numba and C++."""
