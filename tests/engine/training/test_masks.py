"""Random tasks for training: what is kept and made agrees with the rules of the editor's modes."""

import numpy as np
import torch

from engine.conditioning.layout import audio_positions, video_positions
from engine.protocol.grid import LatentShape
from engine.training.masks import audio_step_times, draw_masks, in_region, latent_frame_times


def test_times_are_those_of_the_conditioning() -> None:
    video = video_positions(LatentShape(5, 1, 1), 24)[0].numpy()
    assert np.allclose(latent_frame_times(33, 24), video)
    assert np.allclose(audio_step_times(9), audio_positions(9)[0].numpy())


def test_every_task_is_drawn_and_makes_something() -> None:
    random = np.random.default_rng(0)
    times, steps = latent_frame_times(49, 24), audio_step_times(51)
    masks = draw_masks(random, np.full((400, 2), np.inf, np.float32), times, steps)
    made = np.maximum(masks.video_BF.max(axis=1), masks.audio_BS.max(axis=1))
    assert (made == 1).all()
    assert not (masks.video_frozen_B & masks.audio_frozen_B).any()
    assert (masks.video_BF[masks.video_frozen_B] == 0).all()
    assert (masks.audio_BS[masks.audio_frozen_B] == 0).all()
    first_kept = (masks.video_BF[:, 0] == 0) & (masks.video_BF[:, 1:] == 1).all(axis=1)
    last_kept = (masks.video_BF[:, -1] == 0) & (masks.video_BF[:, 0] == 1)
    middle_made = (masks.video_BF[:, 0] == 0) & (masks.video_BF[:, -1] == 0) & (masks.video_BF.max(axis=1) == 1)
    nothing_kept = (masks.video_BF == 1).all(axis=1) & (masks.audio_BS == 1).all(axis=1)
    partly = ((masks.video_BF > 0) & (masks.video_BF < 1)).any(axis=1)
    for kind in (first_kept, last_kept, middle_made, nothing_kept, partly, masks.video_frozen_B, masks.audio_frozen_B):
        assert kind.sum() >= 5


def test_a_clip_that_changes_is_retaken_exactly_there() -> None:
    times, steps = latent_frame_times(49, 24), audio_step_times(51)
    masks = draw_masks(np.random.default_rng(1), np.array([[0.5, 1.0]] * 40, np.float32), times, steps)
    for clip in range(40):
        assert (masks.video_BF[clip] == in_region(times, 0.5, 1.0)).all()
        assert masks.audio_frozen_B[clip] or (masks.audio_BS[clip] == in_region(steps, 0.5, 1.0)).all()


def test_region_rule_is_the_specification_s_example() -> None:
    # 24 fps, 25 frames, 0.5-1.0 s: latent frames 2 and 3, audio steps 13 to 25
    assert in_region(latent_frame_times(25, 24), 0.5, 1.0).nonzero()[0].tolist() == [2, 3]
    assert in_region(audio_step_times(26), 0.5, 1.0).nonzero()[0].tolist() == list(range(13, 26))
    assert torch.is_tensor(torch.from_numpy(in_region(audio_step_times(26), 0.5, 1.0)))
