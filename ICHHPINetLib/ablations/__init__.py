"""Parts of the method that are taken away (paper, Table 2 and "Analysis of hybrid propagation")."""

from __future__ import annotations

FULL = "full"
VOLUME_PRO = "volume_pro"
SLICE_PRO = "slice_pro"
WITHOUT_MEMORY = "without_memory"
WITHOUT_AFFINITY = "without_affinity"
WITHOUT_FUSION = "without_fusion"
WITHOUT_CUES = "without_cues"

VARIANTS = {
    FULL: "the whole network",
    VOLUME_PRO: "VIM alone: its mask is the result, there is no SIM and no MPFFM",
    SLICE_PRO: "SIM and MPFFM alone: VIM's mask and features are zeros",
    WITHOUT_MEMORY: "memory cleared between slices: MPFFM reads the neighbor just done and nothing else",
    WITHOUT_AFFINITY: "no affinity: the memory's values are averaged pixel by pixel instead of attended to",
    WITHOUT_FUSION: "no fusion: MPFFM's decoder gets zeros for F_k and for VIM's mask",
    WITHOUT_CUES: "no cues: VIM gets zeros for likeness and nearness to scribbles; `paper` has none anyway",
}
