"""Make a graph in snnTorch, export it to NIR there, and run it: python make_nir_foreign.py tests/data/nir/of_snntorch

Needs no dtbsim, but nir 1.0.8, nirtorch 2.6 and snntorch 1.0.0. Writes net.nir as snnTorch writes it, its input as
net_input.nir, and spikes.npz: step and neuron of both layers. The network is read back before it runs, as a reader of
the file would.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nir
import numpy as np
import snntorch
import torch
from snntorch.export_nir import export_to_nir
from snntorch.import_nir import import_from_nir

N_IN, N_HIDDEN, N_OUT, STEPS = 20, 30, 10, 500


def main(folder: Path) -> None:
    """Two layers without bias, weights drawn."""
    torch.manual_seed(3)

    def leaky(n: int, beta: float, **more: bool) -> snntorch.Leaky:
        """With a value for each neuron, as its export needs."""
        return snntorch.Leaky(
            beta=torch.full((n,), beta), threshold=torch.ones(n), reset_mechanism="zero", init_hidden=True, **more
        )

    net = torch.nn.Sequential(
        torch.nn.Linear(N_IN, N_HIDDEN), leaky(N_HIDDEN, 0.95),
        torch.nn.Linear(N_HIDDEN, N_OUT), leaky(N_OUT, 0.9, output=True),
    )  # fmt: skip
    for layer, scale in ((net[0], 0.8), (net[2], 0.6)):
        layer.weight.data = torch.randn_like(layer.weight) * scale + 0.1
        layer.bias.data = torch.rand_like(layer.bias) * 0.05
    graph = export_to_nir(net, torch.zeros(N_IN), model_name="net")
    nir.write(folder / "net.nir", graph)
    draw = np.random.default_rng(2)
    given = (draw.random((STEPS, N_IN)) < 0.1).astype(np.float32)
    step, channel = np.nonzero(given)
    events = nir.EventData(idx=channel, time=step * 1e-4, n_neurons=N_IN, t_max=STEPS * 1e-4)
    node = nir.NIRNodeData(observables={"spikes": events})
    nir.write_data(str(folder / "net_input.nir"), nir.NIRGraphData(nodes={"input": node}))
    read = import_from_nir(nir.read(folder / "net.nir"))
    found: list[list[np.ndarray]] = [[], []]
    hidden = [module for module in read.modules() if isinstance(module, snntorch.Leaky)]
    kept: dict[int, torch.Tensor] = {}
    for k, module in enumerate(hidden):
        module.register_forward_hook(lambda _m, _i, out, k=k: kept.__setitem__(k, out))
    state = None
    with torch.no_grad():
        for now in range(STEPS):
            x = torch.from_numpy(given[now : now + 1])
            result = read(x) if state is None else read(x, state)
            state = result[1] if isinstance(result, tuple) else None
            for k in range(2):
                out = kept[k][0] if isinstance(kept[k], tuple) else kept[k]
                neurons = np.flatnonzero(out.numpy().ravel() > 0)
                found[k].append(np.stack([np.full(neurons.size, now), neurons], axis=1))
    tables = [np.concatenate(item) for item in found]
    columns = {f"step_{k}": table[:, 0] for k, table in enumerate(tables)}
    columns |= {f"neuron_{k}": table[:, 1] for k, table in enumerate(tables)}
    np.savez_compressed(folder / "spikes.npz", **columns)
    print([len(t) for t in tables], list(graph.nodes), graph.edges)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
