"""LLVM operations that numba has no Python spelling for: prefetch, atomics, typed views of addresses, calls by address.

Everything here is usable only inside `@njit` functions. Addresses are int64; the caller keeps the memory alive.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

_VOID_POINTER = types.voidptr


def _typed_pointer(builder: ir.IRBuilder, array: Any, index: ir.Value, context: Any, array_type: types.Array) -> Any:
    struct = context.make_array(array_type)(context, builder, array)
    return builder.gep(struct.data, [index])


@intrinsic
def prefetch(typingctx: Any, address: Any) -> Any:
    """Fetch the cache line at `address` (int64) for reading, into all levels."""

    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        pointer = builder.inttoptr(args[0], ir.IntType(8).as_pointer())
        int32 = ir.IntType(32)
        fn_type = ir.FunctionType(ir.VoidType(), [pointer.type, int32, int32, int32])
        function = cgutils.get_or_insert_function(builder.module, fn_type, "llvm.prefetch.p0")
        builder.call(function, [pointer, int32(0), int32(3), int32(1)])
        return context.get_dummy_value()

    return types.void(types.int64), codegen


@intrinsic
def atomic_add(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Add `value` to int64 `array[index]`, sequentially consistent; returns the old value."""

    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        pointer = _typed_pointer(builder, args[0], args[1], context, sig.args[0])
        return builder.atomic_rmw("add", pointer, args[2], "seq_cst")

    return types.int64(array, types.int64, types.int64), codegen


@intrinsic
def atomic_load(typingctx: Any, array: Any, index: Any) -> Any:
    """Read int64 `array[index]` with acquire semantics (never hoisted out of a loop)."""

    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        pointer = _typed_pointer(builder, args[0], args[1], context, sig.args[0])
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(array, types.int64), codegen


@intrinsic
def atomic_store(typingctx: Any, array: Any, index: Any, value: Any) -> Any:
    """Write int64 `array[index] = value` with release semantics."""

    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        pointer = _typed_pointer(builder, args[0], args[1], context, sig.args[0])
        builder.store_atomic(args[2], pointer, "release", 8)
        return context.get_dummy_value()

    return types.void(array, types.int64, types.int64), codegen


@intrinsic
def call_update(
    typingctx: Any, address: Any, f32: Any, i32: Any, acc: Any, stim: Any, spk: Any, group: Any, const: Any
) -> Any:
    """Call the function of seven `void*` at `address`, which returns nothing; all arguments are int64 addresses."""
    sig = types.void(*([types.int64] * 8))

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        pointer = ir.IntType(8).as_pointer()
        fn_type = ir.FunctionType(ir.VoidType(), [pointer] * 7)
        function = builder.inttoptr(args[0], fn_type.as_pointer())
        builder.call(function, [builder.inttoptr(arg, pointer) for arg in args[1:]])
        return context.get_dummy_value()

    return sig, codegen


def _call(n: int) -> Any:
    """The code of a call by address with `n` int64, which returns one."""

    def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        word = ir.IntType(64)
        function = builder.inttoptr(args[0], ir.FunctionType(word, [word] * n).as_pointer())
        return builder.call(function, args[1:])

    return types.int64(*([types.int64] * (n + 1))), codegen


@intrinsic
def call_stage(typingctx: Any, address: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any, g: Any) -> Any:
    """Call the function of seven int64 at `address`, which returns one."""
    return _call(7)


@intrinsic
def call_rule(typingctx: Any, address: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    """Call the function of six int64 at `address`, which returns one."""
    return _call(6)


def _view(dtype: Any) -> Any:
    """An intrinsic (address, n) that makes an array; unlike `nb.carray` there is nothing to be typed and inlined."""
    result = types.Array(dtype, 1, "C")

    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        array = context.make_array(result)(context, builder)
        itemsize = context.get_constant(types.intp, context.get_abi_sizeof(context.get_data_type(dtype)))
        data = builder.inttoptr(args[0], context.get_data_type(dtype).as_pointer())
        populate_array(array, data, [args[1]], [itemsize], itemsize, None)
        return array._getvalue()

    def typed(typingctx: Any, address: Any, n: Any) -> Any:
        return result(types.int64, types.int64), codegen

    return typed


@intrinsic
def view_i64(typingctx: Any, address: Any, n: Any) -> Any:
    """int64[n] at `address`."""
    return _view(types.int64)(typingctx, address, n)


@intrinsic
def view_i32(typingctx: Any, address: Any, n: Any) -> Any:
    """int32[n] at `address`."""
    return _view(types.int32)(typingctx, address, n)


@intrinsic
def view_u32(typingctx: Any, address: Any, n: Any) -> Any:
    """uint32[n] at `address`."""
    return _view(types.uint32)(typingctx, address, n)


@intrinsic
def view_i16(typingctx: Any, address: Any, n: Any) -> Any:
    """int16[n] at `address`."""
    return _view(types.int16)(typingctx, address, n)


@intrinsic
def view_u16(typingctx: Any, address: Any, n: Any) -> Any:
    """uint16[n] at `address`."""
    return _view(types.uint16)(typingctx, address, n)


@intrinsic
def view_u8(typingctx: Any, address: Any, n: Any) -> Any:
    """uint8[n] at `address`."""
    return _view(types.uint8)(typingctx, address, n)


@intrinsic
def view_f32(typingctx: Any, address: Any, n: Any) -> Any:
    """float32[n] at `address`."""
    return _view(types.float32)(typingctx, address, n)


sched_yield = types.ExternalFunction("sched_yield", types.int32())
"""POSIX sched_yield: give the core away."""
