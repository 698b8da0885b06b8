"""Spikes of the machine code that sPyNNaker 7.4.1 loads onto the cores of SpiNNaker, run by an emulator of ARM.

No board is needed: the wheel of sPyNNaker holds IF_curr_exp_neuron.aplx, and unicorn executes three of its functions:
the one that reads parameters (neuron_impl_load_neuron_parameters), the one that takes the input of a step from the ring
buffers (neuron_transfer), and that which steps the neurons (neuron_do_timestep_update). Ring buffers are kept here, as
synapses.c keeps them: sums of 16 bits that saturate. It writes tests/parity/data/spynnaker.npz:

    python -m venv /tmp/spynnaker && /tmp/spynnaker/bin/pip install numpy unicorn==2.1.4
    /tmp/spynnaker/bin/pip download --no-deps -d /tmp/spynnaker 'sPyNNaker==1!7.4.1'
    PYTHONPATH=. /tmp/spynnaker/bin/python tests/parity/make_spynnaker.py /tmp/spynnaker/spynnaker-*.whl [OUT.npz]
"""

from __future__ import annotations

import hashlib
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
from tests.helpers.chip_networks import N_NEURONS, SPINNAKER_DT_MS, spinnaker_network, spinnaker_parameters
from unicorn import UC_ARCH_ARM, UC_MODE_ARM, Uc
from unicorn.arm_const import UC_ARM_REG_LR, UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_SP

OUT = Path(__file__).parent / "data" / "spynnaker.npz"
BINARY = "spynnaker/pyNN/model_binaries/IF_curr_exp_neuron.aplx"
SHA256 = "f46d2c00996b5a79be546502b83b1c185683d26f46be76f0945e1a41ae714c43"
LOAD, TRANSFER, UPDATE = 0x129C, 0x2510, 0x1DF4
"""Addresses of the three functions."""
GLOBALS, DATA, STACK, STOP = 0x400120, 0x420000, 0x500000, 0x600000
PARAMETERS = ("v_init", "v_rest_mV", "cm_nF", "tau_m_ms", "i_offset_nA", "v_reset_mV", "tau_refrac_ms")


class Core:
    """The program in memory, with arrays for its neurons; addresses of globals are those that its code uses."""

    def __init__(self, binary: bytes, p: dict[str, np.ndarray], dt_ms: float, shifts: tuple[int, int]) -> None:
        self.cpu = Uc(UC_ARCH_ARM, UC_MODE_ARM)
        for start, size in ((0, 0x10000), (0x400000, 0x101000), (STOP, 0x1000), (0x20000000, 0x1000)):
            self.cpu.mem_map(start, size)
        self._load(binary)
        self._top = DATA
        n = N_NEURONS
        self.syns = self.array(np.zeros(2 * n, np.uint16))
        index = self.array(np.arange(n, dtype=np.uint16))
        self.bits = self.array(np.zeros(n // 32 + 1, np.uint32))
        self.neurons = self.array(np.zeros(8 * n, np.uint32))
        words = [self.array(np.zeros(n, np.uint32)) for _ in range(3)]
        never = np.arange(10, 34, dtype=np.uint32)  # counters of what is recorded that never reach their ends
        never[[2, 3, 9, 15]] = 0
        for offset, value in {
            0x00: self.array(never), 0x04: self.array(np.array(words, np.uint32)),
            0x08: self.array(np.array([index] * 3, np.uint32)), 0x0C: self.array(never),
            0x10: self.array(np.array([self.bits], np.uint32)), 0x14: self.array(np.array([index], np.uint32)),
            0x50: self.neurons, 0x54: self.array(np.zeros(6 * n, np.uint32)),
            0x58: self.array(np.zeros(n, np.uint32)), 0x5C: n, 0x64: 0, 0x70: 0, 0x74: n, 0x78: 2, 0x7C: 0,
            0x80: self.array(np.array(shifts, np.uint32)), 0x88: 0,
        }.items():  # fmt: skip
            self.cpu.mem_write(GLOBALS + offset, struct.pack("<I", value))
        self.call(LOAD, self.array(_words(p, dt_ms)), n, 0)

    def _load(self, binary: bytes) -> None:
        """Obey the commands at the beginning of an .aplx: 2 copies, 3 fills with 0, 4 starts."""
        at = 0
        while True:
            what, to, a, b = struct.unpack_from("<4I", binary, at)
            if what == 2:
                self.cpu.mem_write(to, binary[at + a : at + a + b] if at == 0 else binary[a + at : a + at + b])
            elif what != 3:
                return
            at += 16

    def array(self, values: np.ndarray) -> int:
        """Put an array behind the others; return its address."""
        start, self._top = self._top, self._top + (values.nbytes + 63) // 64 * 64
        self.cpu.mem_write(start, values.tobytes())
        return start

    def call(self, function: int, *arguments: int) -> None:
        """Execute a function."""
        for register, value in zip((UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2), arguments, strict=False):
            self.cpu.reg_write(register, value)
        self.cpu.reg_write(UC_ARM_REG_SP, STACK)
        self.cpu.reg_write(UC_ARM_REG_LR, STOP)
        self.cpu.emu_start(function, STOP)

    def step(self, time: int, arrived: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take the input uint16[2, n] of a step; return the neurons that spike and all potentials (in 2^-15 mV)."""
        self.cpu.mem_write(self.syns, arrived.astype(np.uint16).tobytes())
        self.call(TRANSFER, self.syns)
        self.call(UPDATE, time)
        n = N_NEURONS
        bits = np.frombuffer(bytes(self.cpu.mem_read(self.bits, 4 * (n // 32 + 1))), np.uint8)
        self.cpu.mem_write(self.bits, bytes(4 * (n // 32 + 1)))
        v = np.frombuffer(bytes(self.cpu.mem_read(self.neurons, 32 * n)), np.int32).reshape(n, 8)[:, 0]
        return np.flatnonzero(np.unpackbits(bits, bitorder="little")[:n]), v


def _words(p: dict[str, np.ndarray], dt_ms: float) -> np.ndarray:
    """Parameters as sPyNNaker writes them: numbers s16.15, rounded to nearest."""

    def accum(values: object) -> np.ndarray:
        return np.rint(np.broadcast_to(np.asarray(values, float), N_NEURONS) * 32768).astype(np.int32).view(np.uint32)

    first = [accum(p["v_rest_mV"] if name == "v_init" else p[name]) for name in PARAMETERS]
    neurons = np.stack([*first, accum(0), accum(dt_ms)], axis=1)
    synapses = [accum(x) for x in (p["tau_syn_ex_ms"], 0, p["tau_syn_in_ms"], 0, dt_ms)]
    one = np.array([1], np.uint32)
    return np.concatenate([one, neurons.ravel(), accum(p["v_thresh_mV"]), np.stack(synapses, axis=1).ravel()])


def simulate(binary: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Spikes uint16[s, 2] (step, neuron), and the potentials of the first neurons, int32[steps, 8]."""
    net, p = spinnaker_network(), spinnaker_parameters()
    core = Core(binary, p, SPINNAKER_DT_MS, (int(p["shift_ex"]), int(p["shift_in"])))
    slots = int(net.delay.max()) + 1
    ring = np.zeros((slots, 2, N_NEURONS), np.int64)
    first = np.searchsorted(np.sort(net.source), np.arange(N_NEURONS + 1))
    by_source = np.argsort(net.source, kind="stable")
    spikes, potentials = [], []
    for step in range(net.n_steps):
        now, v = core.step(step, np.minimum(ring[step % slots], 65535))
        ring[step % slots] = 0
        potentials.append(v[:8])
        for neuron in now.tolist():
            mine = by_source[first[neuron] : first[neuron + 1]]
            kind = (net.weight[mine] < 0).astype(int)
            np.add.at(ring, ((step + net.delay[mine]) % slots, kind, net.target[mine]), np.abs(net.weight[mine]))
        spikes += [(step, neuron) for neuron in now.tolist()]
    return np.array(spikes, np.uint16).reshape(-1, 2), np.array(potentials)


if __name__ == "__main__":
    program = zipfile.ZipFile(sys.argv[1]).read(BINARY)
    assert hashlib.sha256(program).hexdigest() == SHA256, "another version of sPyNNaker"
    spikes, potentials = simulate(program)
    print(len(spikes), "spikes")
    np.savez_compressed(sys.argv[2] if len(sys.argv) > 2 else OUT, spikes=spikes, potentials=potentials)
