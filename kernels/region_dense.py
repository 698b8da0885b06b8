"""Sums over all sources of one step: every pair is summed, in the order of the sources, as acc = fma(w, x, acc).

For couplings whose delays are all the same and whose pairs are mostly connected; absent ones have the weight 0. Two
variables that are coupled by the same weights are summed in one pass over them, which is bound by the fused
multiply-adds and no longer by loads. How many targets have their sums in registers at a time changes no bit.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numba as nb
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from dtbsim.kernels.region_coupling import F32, I64, ROWS, WIDTH, Loop, fma, load_vector, pointer, splat, store_vector

MOST = 8 if llvm.get_host_cpu_features().get("avx512f") else 3
"""Vectors of targets at a time: with two variables, twice so many sums are in registers."""


def _lanes(variables: int) -> Any:
    """ROWS targets, one vector of lanes: x[j] at history[columns * j]; weights are [source, ROWS]."""

    @intrinsic
    def sums(typingctx: Any, h: Any, h2: Any, w: Any, n: Any, columns: Any, out: Any, out2: Any, stride: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            histories, (weights, n_sources, columns), outs = args[:variables], args[2:5], args[5 : 5 + variables]
            loop = Loop(builder, n_sources, ROWS * variables)
            at = builder.mul(loop.index, columns)
            found = [load_vector(builder, history, at) for history in histories]
            first = builder.mul(loop.index, I64(ROWS))
            values = []
            for row in range(ROWS):
                weight = splat(builder, builder.load(pointer(builder, weights, F32, builder.add(first, I64(row)))))
                values += [fma(builder, weight, value, loop.sums[row * variables + k]) for k, value in enumerate(found)]
            for place, sum_ in enumerate(loop.end(values)):
                row, k = divmod(place, variables)
                store_vector(builder, sum_, outs[k], builder.mul(args[7], I64(row)))
            return context.get_dummy_value()

        return types.void(*([types.int64] * 8)), codegen

    return sums


def _targets(variables: int) -> Any:
    """`n` vectors of targets of one lane, at most MOST: x[j] = history[columns * j]; weights are [source, targets]."""

    @intrinsic
    def sums(
        typingctx: Any, n: Any, h: Any, h2: Any, w: Any, sources: Any, columns: Any, width: Any, out: Any, out2: Any
    ) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, sig: Any, args: Any) -> ir.Value:
            for vectors in range(1, MOST + 1):
                with builder.if_then(builder.icmp_signed("==", args[0], I64(vectors))):
                    _sum_vectors(builder, vectors, args[1 : 1 + variables], args[3:7], args[7 : 7 + variables])
            return context.get_dummy_value()

        return types.void(*([types.int64] * 9)), codegen

    return sums


def _sum_vectors(builder: ir.IRBuilder, vectors: int, histories: Any, wiring: Any, outs: Any) -> None:
    """The loop over sources, with the sums of so many vectors of each variable in registers."""
    (weights, n_sources, columns, width), variables = wiring, len(histories)
    loop = Loop(builder, n_sources, vectors * variables)
    at = builder.mul(loop.index, columns)
    found = [splat(builder, builder.load(pointer(builder, history, F32, at))) for history in histories]
    first = builder.mul(loop.index, width)
    values = []
    for vector in range(vectors):
        weight = load_vector(builder, weights, builder.add(first, I64(WIDTH * vector)))
        values += [fma(builder, weight, value, loop.sums[vector * variables + k]) for k, value in enumerate(found)]
    for place, sum_ in enumerate(loop.end(values)):
        vector, k = divmod(place, variables)
        store_vector(builder, sum_, outs[k], I64(WIDTH * vector))


_lanes_of_one, _lanes_of_two = _lanes(1), _lanes(2)
_targets_of_one, _targets_of_two = _targets(1), _targets(2)


@nb.njit(nogil=True)
def sum_lanes(
    h: int, h2: int, weights: int, sources: int, columns: int, first: int, last: int, lanes: int, out: int, out2: int
) -> None:
    """Sums of groups `first` to before `last`: out[target, lanes], of the second variable too unless `h2` is 0.

    `weights` is [group, source, ROWS]; `lanes` is a multiple of WIDTH, `columns` the floats from one source to the next
    in the histories, which begin at the column of the step.
    """
    for group in range(first, last):
        w = weights + 4 * ROWS * sources * group
        for lane in range(0, lanes, WIDTH):
            at = 4 * (ROWS * group * lanes + lane)
            if h2 == 0:
                _lanes_of_one(h + 4 * lane, h2, w, sources, columns, out + at, out2, lanes)
            else:
                _lanes_of_two(h + 4 * lane, h2 + 4 * lane, w, sources, columns, out + at, out2 + at, lanes)


@nb.njit(nogil=True)
def sum_targets(
    h: int, h2: int, weights: int, sources: int, columns: int, width: int, begin: int, end: int, out: int, out2: int
) -> None:
    """Sums of one lane: out[target] of targets `begin` to before `end`, of the second variable too unless `h2` is 0.

    `weights` is [source, width], width a multiple of WIDTH; sums of whole vectors are written.
    """
    vector, last = begin // WIDTH, (end + WIDTH - 1) // WIDTH
    while vector < last:
        parts = (last - vector + MOST - 1) // MOST
        n = (last - vector + parts - 1) // parts
        at = 4 * WIDTH * vector
        if h2 == 0:
            _targets_of_one(n, h, h2, weights + at, sources, columns, width, out + at, out2)
        else:
            _targets_of_two(n, h, h2, weights + at, sources, columns, width, out + at, out2 + at)
        vector += n
