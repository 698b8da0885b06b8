// What all CUDA kernels of dtbsim stand on: names for qualifiers, typed views of addresses, atomics, work shares.
//
// The text compiles with NVRTC and, against a header that emulates the launch of a kernel (DTB_HOST), with a host
// compiler. Compile without contraction of a * b + c (--fmad=false, -ffp-contract=off) and without fast-math: then the
// bits are those of the CPU kernels. Tables of int64 describe a rank and its lanes; their fields are the constants of
// layout.py and dynamic_layout.py, which are put before this text.
#pragma once

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef short i16;
typedef int i32;
typedef long long i64;

#ifdef DTB_HOST
#define DTB_FN static inline
#define DTB_METHOD inline
#define DTB_KERNEL extern "C" void
#define DTB_BOUNDS(threads)
#else
#define DTB_FN static __device__ __forceinline__
#define DTB_METHOD __device__ __forceinline__
#define DTB_KERNEL extern "C" __global__ void
// For kernels of one block per multiprocessor: the compiler may give all registers to so many threads.
#define DTB_BOUNDS(threads) __launch_bounds__(threads, 1)
extern __shared__ u64 dtb_shared_memory[];
// Once round a loop that waits for other blocks; the emulation lets them go on here.
DTB_FN void dtb_pause() {}
#endif

// A table: int64 words in global memory.
typedef i64 *Table;

// The array at an address that a table holds.
template <typename T> DTB_FN T *at(i64 address) { return reinterpret_cast<T *>(address); }

// The lane of this block: blocks are (x, lane).
DTB_FN Table lane_table(Table rank) { return at<i64>(rank[R_LANES_AT]) + blockIdx.y * DEVICE_LANE_FIELDS; }

// The run of consecutive ids of a neuron of a lane, where lanes have few runs and no ids of each neuron.
DTB_FN const i64 *run_of(Table lane, i64 local) {
    const i64 *runs = at<i64>(lane[RUNS_AT]);
    i64 low = 0, high = lane[N_RUNS];
    while (high - low > 1) {
        const i64 middle = (low + high) >> 1;
        if (runs[middle * RUN_FIELDS + RUN_LOCAL] <= local)
            low = middle;
        else
            high = middle;
    }
    return runs + low * RUN_FIELDS;
}

// Global id of a neuron of a lane.
DTB_FN u32 gid_of(Table lane, i64 local) {
    if (lane[GID_AT] != 0)
        return at<u32>(lane[GID_AT])[local];
    const i64 *run = run_of(lane, local);
    return (u32)(run[RUN_GID0] + local - run[RUN_LOCAL]);
}

// Its number as a source, -1: it is none.
DTB_FN i32 source_of(Table lane, i64 local) {
    if (lane[SOURCE_AT] != 0)
        return at<i32>(lane[SOURCE_AT])[local];
    const i64 *run = run_of(lane, local);
    return run[RUN_SOURCE0] < 0 ? -1 : (i32)(run[RUN_SOURCE0] + local - run[RUN_LOCAL]);
}

// Which share of a loop this thread does: elements first, first + stride, ...
struct Share {
    i64 first, stride;
};

// All threads of the blocks that have this y: those of one lane.
DTB_FN Share share_of_row() {
    return {(i64)blockIdx.x * blockDim.x + threadIdx.x, (i64)gridDim.x * blockDim.x};
}

// The threads of one block.
DTB_FN Share share_of_block() { return {(i64)threadIdx.x, (i64)blockDim.x}; }

// Integer sums do not depend on their order, so plain atomics are deterministic.
DTB_FN void add_to(i32 *at, i32 value) { atomicAdd(at, value); }
DTB_FN void add_to(i64 *at, i64 value) { atomicAdd(reinterpret_cast<u64 *>(at), (u64)value); }
DTB_FN i64 take_from(i64 *at, i64 n) { return (i64)atomicAdd(reinterpret_cast<u64 *>(at), (u64)n); }

// The same in global memory, for input that nothing reads before the next kernel: a reduction, which gives no answer and
// need not find out which memory it is for. Reads of what is added next may overtake it.
#ifdef DTB_HOST
DTB_FN void add_to_global(i32 *at, i32 value) { add_to(at, value); }
DTB_FN void add_to_global(i64 *at, i64 value) { add_to(at, value); }
#else
DTB_FN void add_to_global(i32 *at, i32 value) {
    asm volatile("red.global.add.u32 [%0], %1;" ::"l"(__cvta_generic_to_global(at)), "r"(value));
}
DTB_FN void add_to_global(i64 *at, i64 value) {
    asm volatile("red.global.add.u64 [%0], %1;" ::"l"(__cvta_generic_to_global(at)), "l"(value));
}
#endif

// A word that other blocks write meanwhile.
DTB_FN i64 read_shared_word(const i64 *word) { return *reinterpret_cast<const volatile i64 *>(word); }

// Whether this is the last block of the kernel to get here, for one thread of it. What the others wrote is visible.
DTB_FN bool is_last_block(Table rank) {
    __syncthreads();
    if (threadIdx.x != 0)
        return false;
    __threadfence();
    const i64 all = (i64)gridDim.x * gridDim.y;
    if (take_from(rank + R_DONE_BLOCKS, 1) != all - 1)
        return false;
    rank[R_DONE_BLOCKS] = 0;
    __threadfence();
    return true;
}
