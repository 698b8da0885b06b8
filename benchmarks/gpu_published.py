"""What has been published for the networks that gpu.py steps: real-time factors, with the hardware."""

from __future__ import annotations

PUBLISHED: dict[str, list[tuple[str, str, float]]] = {
    "pd14": [
        ("GeNN 4.8", "RTX 4090", 0.272),
        ("GeNN 4.8", "A100", 0.54),
        ("NEST GPU", "RTX 4090", 0.471),
        ("NEST 3.9", "5 nodes of two sockets", 0.32),
        ("neuroAIx (Kauth et al. 2023)", "35 FPGAs", 0.05),
    ],
    "areas": [
        ("NEST 3.9, multi-area model", "32 nodes", 8.3),
        ("GeNN, multi-area model, procedural (Knight, Nowotny 2021)", "Titan RTX", 474.0),
    ],
    "billion": [
        ("NEST GPU, 3.3e9 neurons", "12,000 A100", 20.0),
        ("Digital Twin Brain, 86e9 neurons (Lu et al. 2024)", "14,012 GPUs", 65.0),
    ],
}
"""(system, hardware, RTF) by the name of the part. For `izhikevich` and `stdp` none is known at these sizes."""


def published_lines(parts: list[str]) -> list[str]:
    """A line per part that was measured and has been published by others."""
    lines = []
    for part in parts:
        if part in PUBLISHED:
            figures = "; ".join(f"{system} on {hardware}: {rtf:g}" for system, hardware, rtf in PUBLISHED[part])
            lines.append(f"{part}, published RTF: {figures}")
    return lines
