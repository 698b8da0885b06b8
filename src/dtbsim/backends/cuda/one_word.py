"""Synapses of the persistent plan in one word each, where slots and delays are small: weight, delay, slot."""

from __future__ import annotations

from typing import Any

from dtbsim.backends.cuda.rows import NO_SYNAPSE
from dtbsim.kernels.device_layout import WORD_SLOT_BITS

MOST_SLOTS = (1 << WORD_SLOT_BITS) - 1
"""So that no synapse looks like NO_SYNAPSE."""
MOST_STEPS = 1 << (16 - WORD_SLOT_BITS)


def first_negative(n_slots: int, ring: int) -> int | None:
    """Slots less than this are told by ten bits for positive weights, those from it on for negative ones.

    0: all slots are for both. None: there are too many slots, or steps of a delay.
    """
    if ring > MOST_STEPS:
        return None
    if n_slots <= MOST_SLOTS:
        return 0
    return n_slots // 2 if n_slots % 2 == 0 and n_slots // 2 <= MOST_SLOTS else None


def put_in_words(synapses: Any, delays: Any, n_slots: int, ring: int) -> int | None:
    """Put delays into `synapses` (uint32[n]: weight << 16 | slot) and return where slots of negative weights begin.

    Both are arrays of one place, the host or a device. None where they do not fit; then nothing has changed: there are
    more slots than can be told, and the sign of a weight does not say in which half its slot is. In networks whose
    neurons have one input for excitation and one for inhibition it does.
    """
    negative = first_negative(n_slots, ring)
    if negative is None:
        return None
    weights, there = synapses.view("int32") >> 16, synapses != NO_SYNAPSE
    slots = (synapses & 0xFFFF).astype("int32")
    if negative:
        # a weight of 0 adds nothing to any slot
        slots -= negative * ((weights < 0) | ((weights == 0) & (slots >= negative)))
        if bool((((slots < 0) | (slots >= negative)) & there).any()):
            return None
    words = (synapses & 0xFFFF0000) | (delays.astype("uint32") << WORD_SLOT_BITS) | slots.astype("uint32")
    synapses[there] = words[there]
    return negative
