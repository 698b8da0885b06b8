"""What generated kernels import: a compiler that may assume disjoint arrays, and bit reinterpretation.

Generated sources are cached by their own text, which holds the hash of this file.
"""

from __future__ import annotations

from typing import Any

from numba import float32, float64, int32, int64, types
from numba.core.compiler import Compiler
from numba.core.datamodel import models, register_default
from numba.core.imputils import lower_constant
from numba.extending import intrinsic, typeof_impl


class NoAliasCompiler(Compiler):  # type: ignore[misc]
    """numba's compiler with the promise that array arguments do not overlap.

    LLVM then vectorises loops over many arrays without pairwise overlap checks at run time, which it otherwise gives up
    on beyond a threshold. Use it only for functions whose callers keep the promise.
    """

    def define_pipelines(self) -> Any:
        """Set the flag before the pipeline is built."""
        self.state.flags.noalias = True
        return super().define_pipelines()


def _bitcast(given: Any, result: Any) -> Any:
    def typed(typingctx: Any, x: Any) -> Any:
        if x != given:
            return None

        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(result))

        return result(given), codegen

    return typed


@intrinsic
def float_bits(typingctx: Any, x: Any) -> Any:
    """Return the 32 bits of a float32 as int32."""
    return _bitcast(float32, int32)(typingctx, x)


@intrinsic
def bits_float(typingctx: Any, x: Any) -> Any:
    """Return the float32 with the 32 bits of an int32."""
    return _bitcast(int32, float32)(typingctx, x)


@intrinsic
def double_bits(typingctx: Any, x: Any) -> Any:
    """Return the 64 bits of a float64 as int64."""
    return _bitcast(float64, int64)(typingctx, x)


@intrinsic
def bits_double(typingctx: Any, x: Any) -> Any:
    """Return the float64 with the 64 bits of an int64."""
    return _bitcast(int64, float64)(typingctx, x)


def pointer(item: Any) -> Any:
    """Return the C pointer type of a numba scalar type."""
    return types.CPointer(item)


class Given:
    """A compiled function as an argument of another one, which is compiled for it.

    numba takes its functions as arguments, too, but as addresses of this process, so that the result cannot be kept on
    disk. Here the type says which function it is, and nothing is handed over.
    """

    def __init__(self, dispatcher: Any) -> None:
        self.dispatcher = dispatcher


class _GivenType(types.Dispatcher):  # type: ignore[misc]
    """Type of one `Given`."""


register_default(_GivenType)(models.OpaqueModel)


@typeof_impl.register(Given)
def _typeof_given(value: Given, _context: Any) -> _GivenType:
    return _GivenType(value.dispatcher)


@lower_constant(_GivenType)
def _constant_given(context: Any, _builder: Any, _type: Any, _value: Any) -> Any:
    return context.get_dummy_value()
