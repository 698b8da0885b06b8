// Many steps in one launch, for networks whose neurons all fit the multiprocessors' own memory.
//
// A block is a lane: a set of neurons with the synapses that end on them. It stays on its multiprocessor for the whole
// launch; states and constants lie in shared memory. A spike is delivered when it is emitted: each block adds its part
// of the source's row to the input of the coming steps (a ring of input vectors, in shared memory where it fits, else
// in the level-2 cache). Blocks meet once per step, and only by what they tell each other: a block writes one 64-bit
// word per step that holds the step and up to two spikes, all others wait for it. No other barrier is needed; a word of
// step t + 2 is written when all blocks have told step t + 1, so when all have read step t.
#include "neuron.cuh"
#include "sources.cuh"
#include "finite.cuh"

#ifndef DTB_THREADS
#define DTB_THREADS 768
#endif

// A message: tag of the step << 44 | code << 40 | second source << 20 | first source. Codes 0 to 2 are the number of
// spikes (a source that spikes several times is there as often); TOLD_BY_LIST means that the first field is their number and the sources are in the list of the block.
constexpr int TOLD_BY_LIST = 3;
constexpr int CHUNKS = 4;
constexpr u32 NO_SYNAPSE = 0xFFFFFFFFu;
constexpr i64 SOURCE_MASK = (1 << SOURCE_BITS) - 1;

DTB_FN i64 tag_of(i64 step) { return (step + 1) & SOURCE_MASK; }

// What the threads of a block share, at the beginning of shared memory; arrays of the block follow.
struct Board {
    i64 lane[DEVICE_LANE_FIELDS];
    i64 logged, events;
    i32 fired, heard, lists, padding;
};

struct Block {
    Table rank, lane;
    Board *board;
    i32 *fired;  // int32[X_FIRED_CAPACITY]: sources of this block
    i32 *heard;  // int32[2, n_lanes]: sources of the blocks that told one or two
    i32 *lists;  // int32[n_lanes]: blocks that tell by list
    i32 *due;    // int32[ring]: synaptic events in the coming steps
    i32 *ring;
    Arenas arenas;
    Place place;  // of the thread's first neuron
    i64 mask, slots, chunk_start;
    u32 k0, k1;
};

DTB_FN i32 *input_at(const Block &b, i64 step) { return b.ring + (step & b.mask) * b.slots; }

DTB_FN Input input_of(const Block &b, i64 step) {
    return {reinterpret_cast<i64>(input_at(b, step)), false, false};
}

template <typename T> DTB_FN void copy(T *to, const T *from, i64 n) {
    for (i64 i = threadIdx.x; i < n; i += blockDim.x)
        to[i] = from[i];
}

// Lay out shared memory; states and constants, and the ring if it fits, are brought there.
DTB_FN Block enter_block(Table rank) {
    Board *board = reinterpret_cast<Board *>(dtb_shared_memory);
    const Table home = at<i64>(rank[R_LANES_AT]) + blockIdx.x * DEVICE_LANE_FIELDS;
    copy(board->lane, home, DEVICE_LANE_FIELDS);
    if (threadIdx.x == 0) {
        board->logged = home[LOG_COUNT];
        board->events = 0;
        board->fired = board->heard = board->lists = 0;
    }
    __syncthreads();
    const Table lane = board->lane;
    Block b;
    b.rank = rank;
    b.lane = lane;
    b.board = board;
    b.mask = rank[R_RING] - 1;
    b.slots = lane[N_SLOTS];
    b.chunk_start = rank[R_CHUNK_START];
    b.k0 = (u32)rank[R_NOISE_LOW];
    b.k1 = (u32)rank[R_NOISE_HIGH];
    i32 *free = reinterpret_cast<i32 *>(board + 1);
    b.fired = free;
    free += lane[X_FIRED_CAPACITY];
    b.heard = free;
    free += 2 * rank[R_N_LANES];
    b.lists = free;
    free += rank[R_N_LANES];
    b.due = free;
    free += rank[R_RING];
    copy(b.due, at<i32>(lane[X_DUE_AT]), rank[R_RING]);
    b.arenas = {at<float>(lane[F32_AT]), at<i32>(lane[I32_AT]), 0};
    if (lane[X_ARENAS_SHARED] != 0) {
        b.arenas.f32 = reinterpret_cast<float *>(free);
        free += lane[X_N_F32];
        b.arenas.i32s = free;
        free += lane[X_N_I32];
        copy(b.arenas.f32, at<float>(lane[F32_AT]), lane[X_N_F32]);
        copy(b.arenas.i32s, at<i32>(lane[I32_AT]), lane[X_N_I32]);
    }
    b.ring = at<i32>(lane[X_RING_AT]);
    if (lane[X_RING_SHARED] != 0) {
        b.ring = free;
        copy(b.ring, at<i32>(lane[X_RING_AT]), rank[R_RING] * b.slots);
    }
    b.place = place_of(lane, threadIdx.x);
    __syncthreads();
    return b;
}

// Bring back what the next launch or the host needs.
DTB_FN void leave_block(const Block &b) {
    const Table home = at<i64>(b.rank[R_LANES_AT]) + blockIdx.x * DEVICE_LANE_FIELDS;
    if (b.lane[X_ARENAS_SHARED] != 0) {
        copy(at<float>(b.lane[F32_AT]), b.arenas.f32, b.lane[X_N_F32]);
        copy(at<i32>(b.lane[I32_AT]), b.arenas.i32s, b.lane[X_N_I32]);
    }
    if (b.lane[X_RING_SHARED] != 0)
        copy(at<i32>(b.lane[X_RING_AT]), b.ring, b.rank[R_RING] * b.slots);
    copy(at<i32>(b.lane[X_DUE_AT]), b.due, b.rank[R_RING]);
    if (threadIdx.x == 0) {
        home[LOG_COUNT] = b.board->logged;
        take_from(b.rank + R_EVENTS, b.board->events);
    }
}

// Update the neurons of the block; spikes are logged, and listed for the others.
DTB_FN void update(const Block &b, i64 step) {
    Arenas arenas = b.arenas;
    arenas.input = reinterpret_cast<i64>(input_at(b, step));
    if (threadIdx.x == 0) {
        b.board->heard = b.board->lists = 0;
        b.board->events += b.due[step & b.mask];
        b.due[step & b.mask] = 0;
    }
    for (i64 local = threadIdx.x; local < b.lane[N_LOCAL]; local += blockDim.x) {
        const Place place = local < blockDim.x ? b.place : place_of(b.lane, local);
        i32 n = spikes(b.lane, arenas, place, local, step, b.chunk_start, b.k0, b.k1);
        if (n > MOST_SPIKES) {
            b.rank[R_HALT] = HALT_SPIKES; // the host stops behind this launch
            n = 0;
        }
        if (n == 0)
            continue;
        const i32 source = source_of(b.lane, local);
        const i64 gid = gid_of(b.lane, local);
        i64 *log = at<i64>(b.lane[LOG_AT]) + take_from(&b.board->logged, n);
        i32 *fired = b.fired + (source < 0 ? 0 : atomicAdd(&b.board->fired, n));
        for (i32 k = 0; k < n; ++k) {
            log[k] = (step << 32) | gid;
            if (source >= 0)
                fired[k] = source;
        }
    }
}

DTB_FN i64 *messages_of(Table rank, i64 step) { return at<i64>(rank[R_MESSAGES_AT]) + (step & 1) * rank[R_N_LANES]; }

DTB_FN i32 *list_of(Table rank, i64 step, i64 block) {
    return at<i32>(rank[R_LISTS_AT]) + ((step & 1) * rank[R_N_LANES] + block) * rank[R_LIST_CAPACITY];
}

// What is written and read in which order. A word carries its spikes itself: whoever sees its tag has them. A list does
// not, so its writer and its readers follow PTX's pattern of release and acquire, with one fence each, not one per
// thread: all threads write the list, the barrier of the block orders their writes before those of thread 0, which
// fences, then writes the word (fences are cumulative: what the barrier has brought before them counts). The thread that
// reads the word fences, then the barrier of its block lets the others read the list. A list is overwritten two steps
// later, by a block that has seen everybody's word of the step between; that word must not be seen before the readers
// have what they read: so thread 0 also fences before the first word behind lists that were read (`lists_read`). Words
// need no more than their own tags for that: a thread has read one when it sees the tag.
//
// Tell the others which neurons of this block have fired. All threads; `update` is behind them.
DTB_FN void tell_others(const Block &b, i64 step, bool lists_read) {
    __syncthreads();
    const i32 n = b.board->fired;
    if (n >= TOLD_BY_LIST) {
        copy(list_of(b.rank, step, blockIdx.x), b.fired, n);
        __syncthreads();
    }
    if (threadIdx.x != 0)
        return;
    if (n >= TOLD_BY_LIST || lists_read)
        __threadfence();
    i64 word = tag_of(step) << (2 * SOURCE_BITS + 4);
    if (n >= TOLD_BY_LIST)
        word |= (i64)TOLD_BY_LIST << (2 * SOURCE_BITS) | n;
    else
        word |= (i64)n << (2 * SOURCE_BITS) | (n > 1 ? (i64)b.fired[1] << SOURCE_BITS : 0) | (n > 0 ? b.fired[0] : 0);
    *reinterpret_cast<volatile i64 *>(messages_of(b.rank, step) + blockIdx.x) = word;
}

// Wait for what every block tells of `step`. All threads; behind it `heard` and `lists` are complete.
DTB_FN void hear_others(const Block &b, i64 step) {
    const i64 *messages = messages_of(b.rank, step);
    for (i64 block = threadIdx.x; block < b.rank[R_N_LANES]; block += blockDim.x) {
        i64 word = read_shared_word(messages + block);
        while (((word >> (2 * SOURCE_BITS + 4)) & SOURCE_MASK) != tag_of(step)) {
            dtb_pause();
            word = read_shared_word(messages + block);
        }
        const int code = (int)(word >> (2 * SOURCE_BITS)) & 15;
        if (code == TOLD_BY_LIST) {
            __threadfence();
            b.lists[atomicAdd(&b.board->lists, 1)] = (i32)block;
        } else if (code != 0) {
            const i32 to = atomicAdd(&b.board->heard, code);
            b.heard[to] = (i32)(word & SOURCE_MASK);
            if (code > 1)
                b.heard[to + 1] = (i32)((word >> SOURCE_BITS) & SOURCE_MASK);
        }
    }
    __syncthreads();
}

// A synapse as lanes of few slots and short delays have it, in one word: weight << 16 | delay << WORD_SLOT_BITS | slot.
// With X_NEGATIVE, slots of negative weights begin there: then two channels of 1,022 neurons fit ten bits.
struct OneWord {};

// Add a synapse of a source that fired at `step` to the input of the step at which it is due, from `now` on.
DTB_FN void deliver_synapse(const Block &b, i64 slot, i32 weight, i64 due, i64 now) {
    if (due < now)
        return;
    add_to(input_at(b, due) + slot, weight);
    add_to(b.due + (due & b.mask), 1);
}

template <typename D> struct Synapses {
    const u32 *words;
    const D *delays;

    DTB_METHOD D delay(i64 j) const { return delays[j]; }
    DTB_METHOD void deliver(const Block &b, u32 word, D delay, i64 step, i64 now) const {
        deliver_synapse(b, word & 0xFFFFu, (i32)word >> 16, step + delay, now);
    }
};

template <> struct Synapses<OneWord> {
    const u32 *words;
    const OneWord *delays;

    DTB_METHOD OneWord delay(i64) const { return {}; }
    DTB_METHOD void deliver(const Block &b, u32 word, OneWord, i64 step, i64 now) const {
        const i64 slot = (word & ((1u << WORD_SLOT_BITS) - 1)) + ((i32)word < 0 ? b.lane[X_NEGATIVE] : 0);
        const i64 delay = (word >> WORD_SLOT_BITS) & ((1u << (16 - WORD_SLOT_BITS)) - 1);
        deliver_synapse(b, slot, (i32)word >> 16, step + delay, now);
    }
};

// The block's synapses of a source that fired at `step`, those that are due at `now` or later, go into the ring; the
// 32 threads of a warp share the row. Rows of X_STRIDE places, filled up with NO_SYNAPSE, are found without a table:
// one access to far memory less on the way from spike to spike. CHUNKS times 32 places are requested before the threads
// vote for the first time whether the row ends, so that their latencies overlap.
template <typename D> DTB_FN void deliver_row(const Block &b, i64 source, i64 step, i64 now) {
    const Synapses<D> rows = {at<u32>(b.lane[TARGET_AT]), at<D>(b.lane[X_DELAY_AT])};
    const i64 thread = threadIdx.x % 32, stride = b.lane[X_STRIDE];
    if (stride != 0) {
        const i64 end = (source + 1) * stride;
        for (i64 j = source * stride + thread; j < end; j += 32 * CHUNKS) {
            u32 word[CHUNKS];
            D delay[CHUNKS];
#pragma unroll
            for (int c = 0; c < CHUNKS; ++c) {
                const bool there = j + 32 * c < end;
                word[c] = there ? rows.words[j + 32 * c] : NO_SYNAPSE;
                delay[c] = there ? rows.delay(j + 32 * c) : D();
            }
#pragma unroll
            for (int c = 0; c < CHUNKS; ++c) {
                const bool is_last = __any_sync(0xFFFFFFFFu, word[c] == NO_SYNAPSE);
                if (word[c] != NO_SYNAPSE)
                    rows.deliver(b, word[c], delay[c], step, now);
                if (is_last)
                    return;
            }
        }
        return;
    }
    const i64 *row = at<i64>(b.lane[ROW_AT]) + source;
    for (i64 j = row[0] + thread; j < row[1]; j += 32)
        rows.deliver(b, rows.words[j], rows.delay(j), step, now);
}

// Deliver all spikes of `step`, a warp per spike. Returns whether lists of others were read.
template <typename D> DTB_FN bool deliver(const Block &b, i64 step) {
    const i32 warp = (i32)threadIdx.x / 32, warps = (i32)blockDim.x / 32;
    for (i32 k = warp; k < b.board->heard; k += warps)
        deliver_row<D>(b, b.heard[k], step, step);
    const i32 n_lists = b.board->lists;
    for (i32 l = 0; l < n_lists; ++l) {
        const i32 block = b.lists[l];
        const i32 n = (i32)(read_shared_word(messages_of(b.rank, step) + block) & SOURCE_MASK);
        const volatile i32 *list = list_of(b.rank, step, block);
        for (i32 k = warp; k < n; k += warps)
            deliver_row<D>(b, list[k], step, step);
    }
    if (threadIdx.x == 0)
        b.board->fired = 0;
    __syncthreads();
    return n_lists > 0;
}

DTB_FN void spike_drives(const Block &b, KeptDraw &kept, i64 step) {
    const Share share = share_of_block();
    poisson_drives(b.lane, input_of(b, step), kept, step, b.k0, b.k1, share);
    other_spike_drives(b.lane, input_of(b, step), step, b.chunk_start, b.k0, b.k1, share);
}

// Steps `start` to `stop` (exclusive); one block per lane, all of them at once. Drives of a step go into the ring while
// the words of the step before travel.
DTB_KERNEL DTB_BOUNDS(DTB_THREADS) dtb_persistent(Table rank, i64 start, i64 stop) {
    if (rank[R_HALT] != 0)
        return;
    const Block b = enter_block(rank);
    KeptDraw kept = kept_draw(b.lane, share_of_block());
    spike_drives(b, kept, start);
    __syncthreads();
    bool lists_read = false; // behind a launch everything has been read
    for (i64 step = start; step < stop; ++step) {
        update(b, step);
        tell_others(b, step, lists_read);
        sample(b.lane, b.arenas, step, b.chunk_start, share_of_block());
        if (step + 1 < stop)
            spike_drives(b, kept, step + 1);
        hear_others(b, step);
        if (b.lane[X_DELAY_AT] == 0)
            lists_read = deliver<OneWord>(b, step);
        else
            lists_read = b.mask < 256 ? deliver<u8>(b, step) : deliver<u16>(b, step);
    }
    leave_block(b);
}

// Spikes of other ranks, between launches: due at R_STEP or later. Blocks (x, lane).
DTB_KERNEL dtb_persistent_remote(Table rank) {
    if (rank[R_HALT] != 0)
        return;
    Block b;
    b.rank = rank;
    b.lane = at<i64>(rank[R_LANES_AT]) + blockIdx.y * DEVICE_LANE_FIELDS;
    b.ring = at<i32>(b.lane[X_RING_AT]);
    b.due = at<i32>(b.lane[X_DUE_AT]);
    b.mask = rank[R_RING] - 1;
    b.slots = b.lane[N_SLOTS];
    const i64 *entries = at<i64>(rank[R_REMOTE_AT]);
    const Share share = share_of_row();
    for (i64 k = share.first / 32; k < rank[R_REMOTE_N]; k += share.stride / 32) {
        const i64 source = source_index(rank, (u32)entries[k]);
        if (source < 0)
            continue;
        if (b.lane[X_DELAY_AT] == 0)
            deliver_row<OneWord>(b, source, entries[k] >> 32, rank[R_STEP]);
        else if (b.mask < 256)
            deliver_row<u8>(b, source, entries[k] >> 32, rank[R_STEP]);
        else
            deliver_row<u16>(b, source, entries[k] >> 32, rank[R_STEP]);
    }
}
