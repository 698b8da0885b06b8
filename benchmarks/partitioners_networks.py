"""The networks of `partitioners.py`: a cortex of regions with E and I neurons, and a brain of voxels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from dtbsim.atlas import load_atlas
from dtbsim.partition import BlockTable, Traffic
from dtbsim.spec.compile import default_block_size
from dtbsim.spec.network import Population

SYNAPSES = 1600
"""Of a neuron of the cortex: 1,280 within its region, 320 along tracts."""
RATE_HZ = 4.0


@dataclass(frozen=True, eq=False)
class Case:
    """A table of blocks, the traffic between regions, and synapses that a neuron of each region (row) has onto each."""

    name: str
    blocks: BlockTable
    traffic: Traffic
    synapses: csr_array


def cortex(atlas_name: str, neurons: int, block_size: int | None = None) -> Case:
    """Return `neurons` in equal regions of an atlas, 80 % E and 20 % I, tracts as the connectome says."""
    atlas = load_atlas(atlas_name)
    n = len(atlas.region_names)
    sizes = np.repeat([neurons * 4 // (5 * n), neurons // (5 * n)], n)
    block = block_size or default_block_size((Population("all", 0, -1, 0, int(sizes.sum())),))
    number = -(-sizes // block)
    population = np.repeat(np.arange(2 * n), number)
    start = (np.arange(population.size) - np.repeat(np.cumsum(number) - number, number)) * block
    size = np.minimum(block, sizes[population] - start)
    weights = np.array(atlas.weights, dtype=np.float64)  # row target, column source
    np.fill_diagonal(weights, 0.0)
    outgoing = weights.T / np.maximum(weights.sum(axis=1), 1e-300)[None, :]  # each target's share of 320 inputs
    synapses = 0.2 * SYNAPSES * outgoing + np.diag(np.full(n, 0.8 * SYNAPSES))
    gid0 = (np.cumsum(sizes) - sizes)[population] + start
    table = BlockTable(size, size * 6.7, population % n, population, gid0, atlas.xyz_mm)
    flow = csr_array(synapses * (neurons / n) * RATE_HZ)
    return Case(f"{atlas_name}, {neurons:.0e} neurons", table, Traffic(flow, "region"), csr_array(synapses))


def voxels(n: int, near: int = 70, far: int = 30, seed: int = 1) -> Case:
    """Return `n` voxels of an ellipsoid with `near` links to the closest ones and `far` in bundles, blocks = voxels.

    Bundles go from patches of some 250 voxels to six other patches, to near ones more often than to far ones.
    """
    rng = np.random.default_rng(seed)
    axes = np.array([1.0, 1.25, 0.9])
    half = np.ceil(axes * 1.02 * (n / (4 / 3 * np.pi * axes.prod())) ** (1 / 3)).astype(int)
    places = np.stack(np.meshgrid(*(np.arange(-k, k + 1) for k in half), indexing="ij"), axis=-1).reshape(-1, 3)
    inside = np.argsort(((places / axes) ** 2).sum(axis=1), kind="stable")[:n]
    xyz = places[np.sort(inside)]
    index = np.full(2 * half + 1, -1)
    index[tuple((xyz + half).T)] = np.arange(n)
    box = np.stack(np.meshgrid(*[np.arange(-4, 5)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    offsets = box[np.argsort((box**2).sum(axis=1), kind="stable")][1 : near + 1]
    there = xyz[:, None] + offsets[None]
    known = (np.abs(there) <= half).all(axis=2)
    target = np.where(known, index[tuple(np.clip(there + half, 0, 2 * half).transpose(2, 0, 1))], -1)
    source = np.repeat(np.arange(n), near)[target.ravel() >= 0]
    target = target.ravel()[target.ravel() >= 0]
    bundle_source, bundle_target = _bundles(xyz, far, rng)
    ends = np.r_[source, bundle_source], np.r_[target, bundle_target]
    links = csr_array((np.ones(ends[0].size), ends), shape=(n, n))
    links.sum_duplicates()
    block = np.arange(n)
    table = BlockTable(np.full(n, 1000), np.full(n, 6700.0), block, block, block * 1000, xyz * 3.0)
    traffic = Traffic(links * (1000 * RATE_HZ * 10), "region")
    return Case(f"{n:,} voxels, {links.nnz:,} links", table, traffic, csr_array(links * 10.0))


def _bundles(xyz: np.ndarray, far: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    n, n_patches = len(xyz), max(len(xyz) // 250, 8)
    centre = xyz[rng.choice(n, n_patches, replace=False)]
    patch = cKDTree(centre).query(xyz)[1]
    distance = np.linalg.norm(centre[:, None] - centre[None], axis=2)
    weight = np.exp(-distance / (0.35 * distance.max()))
    np.fill_diagonal(weight, 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    partners = np.array([rng.choice(n_patches, 6, replace=False, p=row) for row in weight])
    count = np.bincount(patch, minlength=n_patches)
    members, first = np.argsort(patch, kind="stable"), np.cumsum(count) - count
    source = np.repeat(np.arange(n), far)
    goal = partners[patch[source], rng.integers(0, 6, source.size)]
    target = members[first[goal] + (rng.random(source.size) * count[goal]).astype(int)]
    return source[source != target], target[source != target]
