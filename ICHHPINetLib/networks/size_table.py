"""How many parameters each module has; ``python -m ICHHPINetLib.networks.size_table`` prints the table."""

from __future__ import annotations

import torch

from .blocks import fold_standardization
from .hpinet import HPINet, HPINetConfig
from .paper.config import PaperConfig

MODULES = ("VIM", "SIM", "FCM", "MPFFM")

# Counted in networks built by the authors' code; their README claims a total without parts.
AUTHORS_CODE = {"VIM": 141_249_545, "SIM": 39_636_865, "FCM": 1_117_569, "MPFFM": 55_450_692}
AUTHORS_CLAIM = 317.24


def parameters(config: HPINetConfig | PaperConfig) -> dict[str, int]:
    """Parameters of each module as weights files hold them; nothing is allocated."""
    with torch.device("meta"):
        network = fold_standardization(HPINet(config))
    return {name: sum(p.numel() for p in getattr(network, name.lower()).parameters()) for name in MODULES}


def table() -> str:
    """A Markdown table, in millions of parameters."""
    columns = [parameters(HPINetConfig()), parameters(PaperConfig()), AUTHORS_CODE]
    lines = [
        "| module | `default` | `paper` | authors' code | authors' README |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name in MODULES:
        lines.append(f"| {name} | {' | '.join(_millions(counts[name]) for counts in columns)} | |")
    totals = " | ".join(_millions(sum(counts.values())) for counts in columns)
    lines.append(f"| total | {totals} | {AUTHORS_CLAIM} |")
    return "\n".join(lines)


def _millions(count: int) -> str:
    return f"{count / 1e6:.2f}"


if __name__ == "__main__":
    print(table())
