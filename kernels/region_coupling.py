"""Sums over the sources of a coupling: acc = fma(w, x, acc), source after source, several targets and steps at once.

The history of a source variable is float32[n_sources + 1, columns, lanes] without gaps; a column is a step, the last
row is zero. Targets come in groups of ROWS; the entries of a group are float32 weights and int64 offsets [entry, ROWS],
filled up with zero weights of the last row. What entry e of a row adds to `span` consecutive floats begins at
history[offset + shift], so a block of steps is read as one stretch: of lanes, or of time where there is one lane. Where
a step is summed alone and most pairs are connected, `region_dense` does it with all pairs.

Only here does the project contract a product and a sum: `llvm.fma` is rounded once, by the standard, on every machine.
"""

from __future__ import annotations

from typing import Any

import numba as nb
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

ROWS = 8
"""Targets of a group."""
WIDTH = 16
"""Floats of a vector: what LLVM does with it is the machine's business, the bits are those of scalars."""
F32, I64 = ir.FloatType(), ir.IntType(64)
_VECTOR = ir.VectorType(F32, WIDTH)
_ZERO = ir.Constant(_VECTOR, [0.0] * WIDTH)


def fma(builder: ir.IRBuilder, weight: ir.Value, value: ir.Value, sum_: ir.Value) -> ir.Value:
    """w * x + sum, rounded once."""
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fma.v{WIDTH}f32"
    )
    return builder.call(function, [weight, value, sum_])


def splat(builder: ir.IRBuilder, scalar: ir.Value) -> ir.Value:
    """A vector of one number."""
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, undefined, mask)


def pointer(builder: ir.IRBuilder, address: ir.Value, kind: ir.Type, index: ir.Value) -> ir.Value:
    """Where element `index` of an array is."""
    return builder.gep(builder.inttoptr(address, kind.as_pointer()), [index])


def load_vector(builder: ir.IRBuilder, address: ir.Value, index: ir.Value) -> ir.Value:
    """WIDTH floats from element `index` on."""
    at = builder.bitcast(pointer(builder, address, F32, index), _VECTOR.as_pointer())
    loaded = builder.load(at)
    loaded.align = 4
    return loaded


def store_vector(builder: ir.IRBuilder, value: ir.Value, address: ir.Value, index: ir.Value) -> None:
    """Write them."""
    at = builder.bitcast(pointer(builder, address, F32, index), _VECTOR.as_pointer())
    builder.store(value, at, align=4)


class Loop:
    """for e in range(n), with sums that are carried in registers."""

    def __init__(self, builder: ir.IRBuilder, n: ir.Value, n_sums: int) -> None:
        self._builder, self._n = builder, n
        self._before = builder.block
        self._body, self._after = builder.append_basic_block("entry"), builder.append_basic_block("done")
        builder.cbranch(builder.icmp_signed(">", n, I64(0)), self._body, self._after)
        builder.position_at_end(self._body)
        self.index = builder.phi(I64)
        self.index.add_incoming(I64(0), self._before)
        self.sums = [builder.phi(_VECTOR) for _ in range(n_sums)]
        for sum_ in self.sums:
            sum_.add_incoming(_ZERO, self._before)

    def end(self, values: list[ir.Value]) -> list[ir.Value]:
        """Close the loop with the new values; returns the sums after it."""
        builder = self._builder
        following = builder.add(self.index, I64(1))
        last = builder.block
        self.index.add_incoming(following, last)
        for sum_, value in zip(self.sums, values, strict=True):
            sum_.add_incoming(value, last)
        builder.cbranch(builder.icmp_signed("<", following, self._n), self._body, self._after)
        builder.position_at_end(self._after)
        results = []
        for value in values:
            result = builder.phi(_VECTOR)
            result.add_incoming(_ZERO, self._before)
            result.add_incoming(value, last)
            results.append(result)
        return results


def _rows_code(rows: int, vectors: int) -> Any:
    """Sums of `rows` targets over `vectors` * WIDTH floats.

    Arguments: history, weights, offsets (addresses; of the first of these rows), entries, shift, out, stride of out.
    """

    def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
        history, weights, offsets, entries, shift, out, stride = args
        loop = Loop(builder, entries, rows * vectors)
        first = builder.mul(loop.index, I64(ROWS))
        values = []
        for row in range(rows):
            at = builder.add(first, I64(row))
            weight = splat(builder, builder.load(pointer(builder, weights, F32, at)))
            offset = builder.add(builder.load(pointer(builder, offsets, I64, at)), shift)
            for vector in range(vectors):
                value = load_vector(builder, history, builder.add(offset, I64(WIDTH * vector)))
                values.append(fma(builder, weight, value, loop.sums[row * vectors + vector]))
        results = loop.end(values)
        for row in range(rows):
            for vector in range(vectors):
                at = builder.add(builder.mul(stride, I64(row)), I64(WIDTH * vector))
                store_vector(builder, results[row * vectors + vector], out, at)
        return context.get_dummy_value()

    return types.void(*([types.int64] * 7)), codegen


@intrinsic
def _eight_by_one(typingctx: Any, h: Any, w: Any, o: Any, n: Any, s: Any, out: Any, stride: Any) -> Any:
    """Eight targets, one vector."""
    return _rows_code(8, 1)


@intrinsic
def _four_by_two(typingctx: Any, h: Any, w: Any, o: Any, n: Any, s: Any, out: Any, stride: Any) -> Any:
    """Four targets, two vectors."""
    return _rows_code(4, 2)


@intrinsic
def _two_by_four(typingctx: Any, h: Any, w: Any, o: Any, n: Any, s: Any, out: Any, stride: Any) -> Any:
    """Two targets, four vectors."""
    return _rows_code(2, 4)


@nb.njit(nogil=True)
def sum_sources(
    history: int, weights: int, offsets: int, starts: Any, n_groups: int, shift: int, span: int, out: int, stride: int
) -> None:
    """Sums of all targets over `span` floats, out[target, stride]; starts[g] is the first entry of a group.

    `span` is rounded up to whole vectors, which `out` and the end of the history have room for.
    """
    vectors = (span + WIDTH - 1) // WIDTH
    for group in range(n_groups):
        first = starts[group] * ROWS
        n = starts[group + 1] - starts[group]
        w, o = weights + 4 * first, offsets + 8 * first
        base = out + 4 * stride * ROWS * group
        done = 0
        while vectors - done >= 4:
            for row in range(0, ROWS, 2):
                at = base + 4 * (stride * row + WIDTH * done)
                _two_by_four(history, w + 4 * row, o + 8 * row, n, shift + WIDTH * done, at, stride)
            done += 4
        if vectors - done >= 2:
            for row in range(0, ROWS, 4):
                at = base + 4 * (stride * row + WIDTH * done)
                _four_by_two(history, w + 4 * row, o + 8 * row, n, shift + WIDTH * done, at, stride)
            done += 2
        if vectors > done:
            _eight_by_one(history, w, o, n, shift + WIDTH * done, base + 4 * WIDTH * done, stride)
