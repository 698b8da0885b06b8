// CUDA on a host compiler, for tests: the threads of a launch are coroutines that change places where they meet others.
//
// A thread runs until it waits (__syncthreads, a warp function, a pause in a spin loop) or ends. Blocks run one after
// the other, or side by side in a cooperative launch. There is one host thread, so plain operations are atomic.
#define DTB_HOST
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>
#include <sys/mman.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

struct Uint3 {
    unsigned x, y, z;
};

namespace shim {
constexpr size_t STACK = 64 * 1024;
constexpr int WARP = 32;

struct Thread {
    char *stack = nullptr;
#ifdef __x86_64__
    void *sp = nullptr;
#else
    ucontext_t context;
#endif
    unsigned index = 0;
    bool finished = false;
};

struct Warp {
    unsigned long long values[WARP];
    unsigned long long results[WARP];
    int arrived = 0, left = 0;
    long generation = 0;
};

struct Block {
    Uint3 index;
    std::vector<Thread> threads;
    std::vector<Warp> warps;
    std::vector<unsigned long long> shared;
    int arrived = 0, alive = 0;
    long generation = 0;
};

static Uint3 block_dim, grid_dim;
static Block *block;
static Thread *thread;
static void (*body)(void *);
static void *arguments;

#ifdef __x86_64__
static void *scheduler_sp;
extern "C" void dtb_shim_switch(void **save, void *load);
asm(R"(
.text
dtb_shim_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");
static void to_scheduler() { dtb_shim_switch(&thread->sp, scheduler_sp); }
static void to_thread() { dtb_shim_switch(&scheduler_sp, thread->sp); }
#else
static ucontext_t scheduler;
static void to_scheduler() { swapcontext(&thread->context, &scheduler); }
static void to_thread() { swapcontext(&scheduler, &thread->context); }
#endif

static std::vector<char *> free_stacks;

static char *new_stack() {
    if (free_stacks.empty()) {
        void *memory = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            abort();
        return (char *)memory;
    }
    char *stack = free_stacks.back();
    free_stacks.pop_back();
    return stack;
}

static void entry() {
    body(arguments);
    thread->finished = true;
    --block->alive;
    to_scheduler();
    abort();
}

static void start(Thread &t) {
    t.stack = new_stack();
#ifdef __x86_64__
    void **top = (void **)(t.stack + STACK - 64);
    *--top = nullptr;             // keeps the stack aligned as after a call
    *--top = (void *)entry;       // where the first switch returns to
    for (int k = 0; k < 6; ++k)
        *--top = nullptr;
    t.sp = top;
#else
    getcontext(&t.context);
    t.context.uc_stack.ss_sp = t.stack;
    t.context.uc_stack.ss_size = STACK;
    t.context.uc_link = nullptr;
    makecontext(&t.context, entry, 0);
#endif
}

static void prepare(Block &b, unsigned x, unsigned y, size_t shared_bytes) {
    const unsigned n = block_dim.x;
    b.index = {x, y, 0};
    b.threads.assign(n, Thread());
    b.warps.assign((n + WARP - 1) / WARP, Warp());
    b.shared.assign(shared_bytes / 8 + 1, 0xA5A5A5A5A5A5A5A5ull); // not zero: real shared memory is not either
    b.arrived = 0;
    b.alive = (int)n;
    b.generation = 0;
    for (unsigned k = 0; k < n; ++k) {
        b.threads[k].index = k;
        start(b.threads[k]);
    }
}

// One turn of every thread of a block; `backwards` shows dependence on the order of threads.
static void turn(Block &b, bool backwards) {
    block = &b;
    const size_t n = b.threads.size();
    for (size_t k = 0; k < n; ++k) {
        thread = &b.threads[backwards ? n - 1 - k : k];
        if (thread->finished)
            continue;
        to_thread();
        if (thread->finished && thread->stack) {
            free_stacks.push_back(thread->stack);
            thread->stack = nullptr;
        }
    }
}

static int launch(
    void (*kernel)(void *), void *args, unsigned gx, unsigned gy, unsigned threads, size_t shared_bytes,
    bool cooperative, bool backwards
) {
    body = kernel;
    arguments = args;
    grid_dim = {gx, gy, 1};
    block_dim = {threads, 1, 1};
    if (cooperative) {
        std::vector<Block> blocks(gx * gy);
        for (unsigned k = 0; k < gx * gy; ++k)
            prepare(blocks[k], k % gx, k / gx, shared_bytes);
        for (bool going = true; going;) {
            going = false;
            for (size_t k = 0; k < blocks.size(); ++k) {
                Block &b = blocks[backwards ? blocks.size() - 1 - k : k];
                if (b.alive > 0) {
                    going = true;
                    turn(b, backwards);
                }
            }
        }
        return 0;
    }
    Block b;
    for (unsigned k = 0; k < gx * gy; ++k) {
        const unsigned number = backwards ? gx * gy - 1 - k : k;
        prepare(b, number % gx, number / gx, shared_bytes);
        while (b.alive > 0)
            turn(b, backwards);
    }
    return 0;
}

// All threads of the block that have not ended wait for each other.
static void synchronise() {
    const long generation = block->generation;
    if (++block->arrived >= block->alive) {
        block->arrived = 0;
        ++block->generation;
        return;
    }
    while (block->generation == generation) {
        to_scheduler();
        if (block->generation == generation && block->arrived >= block->alive) {
            block->arrived = 0;
            ++block->generation;
        }
    }
}

// All 32 threads of the warp give a value; then `combine` may look at all values. They leave together.
static Warp &exchange(unsigned long long value) {
    Warp &w = block->warps[thread->index / WARP];
    const int lane = (int)(thread->index % WARP);
    while (w.left > 0)  // those of the exchange before have not all read their results
        to_scheduler();
    w.values[lane] = value;
    const long generation = w.generation;
    if (++w.arrived == WARP) {
        w.arrived = 0;
        w.left = WARP;
        memcpy(w.results, w.values, sizeof w.values);
        ++w.generation;
    } else {
        while (w.generation == generation)
            to_scheduler();
    }
    --w.left;
    return w;
}
} // namespace shim

#define threadIdx (Uint3{shim::thread->index, 0, 0})
#define blockIdx (shim::block->index)
#define blockDim (shim::block_dim)
#define gridDim (shim::grid_dim)
#define dtb_shared_memory (shim::block->shared.data())
#define __syncthreads() shim::synchronise()
#define __threadfence()
#define __syncwarp() shim::exchange(0)

static inline void dtb_pause() { shim::to_scheduler(); }

template <typename T, typename V> static inline T atomicAdd(T *at, V value) {
    const T old = *at;
    *at = (T)(old + (T)value);
    return old;
}
static inline int atomicMax(int *at, int value) {
    const int old = *at;
    *at = old > value ? old : value;
    return old;
}
static inline int atomicMin(int *at, int value) {
    const int old = *at;
    *at = old < value ? old : value;
    return old;
}
static inline unsigned atomicOr(unsigned *at, unsigned value) {
    const unsigned old = *at;
    *at = old | value;
    return old;
}
template <typename T> static inline T atomicExch(T *at, T value) {
    const T old = *at;
    *at = value;
    return old;
}
template <typename T> static inline unsigned long long shim_bits(T value) {
    unsigned long long word = 0;
    memcpy(&word, &value, sizeof value);
    return word;
}
template <typename T> static inline T shim_value(unsigned long long word) {
    T value;
    memcpy(&value, &word, sizeof value);
    return value;
}
template <typename T> static inline T __shfl_sync(unsigned, T value, int source) {
    return shim_value<T>(shim::exchange(shim_bits(value)).results[source & 31]);
}
template <typename T> static inline T __shfl_up_sync(unsigned, T value, unsigned delta) {
    const int lane = (int)(shim::thread->index % 32);
    const int source = lane - (int)delta;
    return shim_value<T>(shim::exchange(shim_bits(value)).results[source < 0 ? lane : source]);
}
template <typename T> static inline T __shfl_down_sync(unsigned, T value, unsigned delta) {
    const int lane = (int)(shim::thread->index % 32);
    const int source = lane + (int)delta;
    return shim_value<T>(shim::exchange(shim_bits(value)).results[source > 31 ? lane : source]);
}
static inline unsigned __ballot_sync(unsigned, int predicate) {
    const shim::Warp &w = shim::exchange(predicate != 0);
    unsigned all = 0;
    for (int k = 0; k < 32; ++k)
        all |= (unsigned)w.results[k] << k;
    return all;
}
template <typename T> static inline unsigned __match_any_sync(unsigned, T value) {
    const unsigned long long mine = shim_bits(value);
    const shim::Warp &w = shim::exchange(mine);
    unsigned same = 0;
    for (int k = 0; k < 32; ++k)
        same |= (unsigned)(w.results[k] == mine) << k;
    return same;
}
static inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static inline int __ffs(int x) { return __builtin_ffs(x); }
static inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz((unsigned)x); }
