"""How many parameters each module has; ``python -m ICHHPINetLib.networks.summary`` prints the table."""

from __future__ import annotations

import torch

from .blocks import fold_standardization
from .hpinet import HPINet, HPINetConfig
from .paper.config import PaperConfig

MODULES = ("VIM", "SIM", "FCM", "MPFFM")


def parameters(config: HPINetConfig | PaperConfig) -> dict[str, int]:
    """Parameters of each module as weights files hold them; nothing is allocated."""
    with torch.device("meta"):
        network = fold_standardization(HPINet(config))
    return {name: sum(p.numel() for p in getattr(network, name.lower()).parameters()) for name in MODULES}


def table() -> str:
    """A Markdown table in millions of parameters."""
    counts = [parameters(config) for config in (HPINetConfig(), PaperConfig())]
    rows = [(name, *(count[name] for count in counts)) for name in MODULES]
    rows.append(("total", *(sum(count.values()) for count in counts)))
    lines = ["| module | `default` | `paper` |", "| --- | ---: | ---: |"]
    lines += [f"| {name} | {compact / 1e6:.3f} M | {paper / 1e6:.2f} M |" for name, compact, paper in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
