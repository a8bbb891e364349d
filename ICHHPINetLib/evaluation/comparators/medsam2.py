"""MedSAM2 (Zhu et al. 2024, "Medical SAM 2"): slices as the frames of a video, with SAM 2's memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import Sam2VideoInferenceSession, Sam2VideoModel

from ...imaging.ct import CT
from ..scribbled_session import ScribbledSession
from . import losses
from .clips import Clip, scribbled_prompts
from .method import Config, Method, State
from .names import sam2_name
from .prompts import Prompts, prompts_of
from .sam2 import video_config
from .slices import Square, gray
from .tensors import fitting

_SMALL: Config = {
    "image_size": 1024,
    "width": 96,
    "heads": 1,
    "blocks": [1, 2, 11, 2],
    "windows": [8, 4, 14, 7],
    "global_blocks": [7, 10, 13],
    "prompt_width": 256,
    "decoder_width": 2048,
    "decoder_heads": 8,
    "later": False,
}
_MEAN, _SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_POINTS = "prompt_encoder.point_embed.weight"
# SAM 2 takes the corners of a box as points with these labels.
_CORNERS = (2, 3)
_OBJECT = 1
_MOST_CACHED = 64


class Network(Method):
    """Mask decoder and memory learn; image and prompt encoder are frozen."""

    FULL = _SMALL
    TINY: ClassVar = {
        **_SMALL,
        "image_size": 128,
        "width": 16,
        "blocks": [1, 1, 2, 1],
        "windows": [8, 4, 4, 4],
        "global_blocks": [3],
        "prompt_width": 128,
        "decoder_width": 64,
        "decoder_heads": 2,
    }
    RATE = 1e-4

    @classmethod
    def config_of(cls, base: State) -> Config:
        """SAM 2.0, small, at 1024 pixels (``MedSAM2_pretrain.pth``), or SAM 2.1, tiny, at 512
        (``MedSAM2_latest.pt`` of Ma et al. 2025)."""
        if "no_obj_embed_spatial" not in base:
            return cls.FULL
        tiny = {"blocks": [1, 2, 7, 2], "global_blocks": [5, 7, 9]}
        return {**cls.FULL, **tiny, "image_size": 512, "later": True}

    def build(self, config: Config, base: State | None) -> None:
        self.sam = Sam2VideoModel(video_config(config))
        if base is not None:
            rows = [base[name] for name in sorted(base) if ".point_embeddings." in name]
            found = {name: one for name, one in base.items() if ".point_embeddings." not in name}
            if rows:
                found[sam2_name(_POINTS)] = torch.cat(rows)
            self.sam.load_state_dict(fitting(self.sam.state_dict(), found, sam2_name))

    def learning(self) -> Iterable[nn.Module]:
        sam = self.sam
        memory = (sam.memory_encoder, sam.memory_attention, sam.object_pointer_proj, sam.mask_downsample)
        return (sam.mask_decoder, *memory)

    def video(self, slices: np.ndarray, square: Square) -> Sam2VideoInferenceSession:
        """A video of gray slices (Z, Y, X) with one object in it."""
        colors = square.image(slices).expand(-1, 3, -1, -1)
        mean, sd = (torch.tensor(values).view(1, 3, 1, 1) for values in (_MEAN, _SD))
        video = Sam2VideoInferenceSession(
            (colors - mean) / sd,
            inference_device=self.device,
            inference_state_device=self.device,
            dtype=torch.float32,
            max_vision_features_cache_size=min(len(slices), _MOST_CACHED),
        )
        video.obj_id_to_idx(_OBJECT)
        return video

    def prompt(self, video: Sam2VideoInferenceSession, index: int, prompts: Prompts, square: Square) -> None:
        """Say where the blood is on a slice: the corners of the box, then the points."""
        corners = square.points(prompts.box.reshape(2, 2))
        labels = torch.cat([torch.tensor(_CORNERS), torch.from_numpy(prompts.labels)])
        places = torch.cat([corners, square.points(prompts.points)])
        given = {"point_coords": places[None, None], "point_labels": labels.int()[None, None]}
        video.add_point_inputs(video.obj_id_to_idx(_OBJECT), index, given)
        video.obj_with_new_inputs = [_OBJECT]

    def batch_loss(self, clips: Sequence[Clip], rng: np.random.Generator) -> torch.Tensor:
        # As at inference: in training, the library leaves out what its memory needs.
        self.sam.eval()
        return torch.stack([self._clip_loss(clip, rng) for clip in clips]).mean()

    def _clip_loss(self, clip: Clip, rng: np.random.Generator) -> torch.Tensor:
        """Mask and appearance of the scribbled slice, and of its neighbors from the memory of it."""
        square = Square(clip.truth.shape[1:], self.size)
        video = self.video(clip.gray, square)
        center = clip.center
        if not clip.truth[center].any():
            center = int(np.argmax(clip.truth.any(axis=(1, 2))))
            clip = Clip(clip.gray, clip.truth, center, clip.pixel)
        self.prompt(video, center, scribbled_prompts(clip, rng), square)
        order = [center, *range(center + 1, len(clip.gray)), *reversed(range(center))]
        total = []
        for index in order:
            # The method itself, without the decorator that forbids gradients.
            segment = Sam2VideoModel.forward.__wrapped__
            found = segment(self.sam, video, frame_idx=index, reverse=index < center)
            target = (square.mask(clip.truth[index]) > 0.5).float().to(self.device)
            logits = functional.interpolate(
                found.pred_masks, target.shape[-2:], mode="bilinear", align_corners=False
            )
            appears = target.amax().view(1, 1)
            object_loss = functional.binary_cross_entropy_with_logits(
                found.object_score_logits.view(1, 1), appears
            )
            total.append(object_loss)
            if appears:
                total.append(20 * losses.focal(logits, target) + losses.dice(logits, target))
        return torch.stack(total).sum() / len(order)

    def session(self, ct: CT) -> VideoSession:
        return VideoSession(ct, self)


class VideoSession(ScribbledSession):
    """Scribbled slices are prompted, and followed through the volume both ways.

    SAM 2 gets no mask prompt beside points; the mask of the round before is in the box.
    """

    needs_background = False

    def __init__(self, ct: CT, network: Network) -> None:
        super().__init__(ct)
        self._network = network.eval()
        self.name, self.device = network.name, str(network.device)
        self._square = Square(self._hu.shape[1:], network.size)
        self._video = network.video(gray(self._hu), self._square)

    @torch.inference_mode()
    def _segment(self, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
        network, video = self._network, self._video
        previous = self._mask[self._box] > 0
        video.reset_tracking_data()
        video.obj_id_to_idx(_OBJECT)
        prompted = []
        for index in np.flatnonzero((foreground | background).any(axis=(1, 2))):
            known = previous[index] if previous[index].any() else None
            prompts = prompts_of(foreground[index], background[index], known, self._spacing[1:])
            if prompts is not None:
                network.prompt(video, int(index), prompts, self._square)
                network.sam(video, frame_idx=int(index))
                prompted.append(int(index))
        mask = np.zeros_like(foreground)
        for reverse in (False, True):
            for found in network.sam.propagate_in_video_iterator(video, prompted[0], reverse=reverse):
                mask[found.frame_idx] = self._square.back(found.pred_masks) > 0
        return mask
