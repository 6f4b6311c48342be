"""What a training clip is given and what it has to make: random denoise masks for every task the model must learn.

A task is a pattern over time: which part of picture and sound is kept (mask 0, clean) and which is made (mask 1).
Text-to-video keeps nothing, image-to-video the first latent frame, extend a prefix or a suffix, retake all but the
middle, audio-to-video all of the sound. No torch here: the choices are made on the CPU while the device is busy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

# Share of clips per task; what is left to 1 is text-to-video.
TASKS = {
    "first frame": 0.20,
    "first and last": 0.04,
    "prefix": 0.08,
    "suffix": 0.08,
    "both ends": 0.06,
    "retake": 0.12,
    "retake picture": 0.04,
    "retake sound": 0.03,
    "sound kept": 0.07,
    "picture kept": 0.05,
}


@dataclass(frozen=True)
class TaskMasks:
    """Masks for a batch: 1 = make, 0 = keep, between = keep with a strength below 1."""

    video_BF: Floats  # per latent frame
    audio_BS: Floats
    video_frozen_B: Bools  # the whole stream is clean and its sigma is 0
    audio_frozen_B: Bools


def latent_frame_times(frames: int, rate: float) -> Floats:
    """[start, end) in seconds of each latent frame, (F, 2): one pixel frame, then eight each."""
    index = np.arange((frames - 1) // 8 + 1, dtype=np.float32)
    return np.stack([np.maximum(0, 8 * index - 7), 8 * index + 1], axis=1) / np.float32(rate)


def audio_step_times(steps: int) -> Floats:
    """[start, end) in seconds of each audio latent, (S, 2): 10 ms, then 40 ms each."""
    index = np.arange(steps, dtype=np.float32)
    return np.stack([np.maximum(0, 4 * index - 3), 4 * index + 1], axis=1) * np.float32(0.01)


def in_region(times_N2: Floats, start_s: float, end_s: float) -> Floats:
    """1 where a token overlaps [start, end), the rule of the retake conditioning (specification 5.6)."""
    return ((times_N2[:, 1] > start_s) & (times_N2[:, 0] < end_s)).astype(np.float32)


def draw_masks(
    random: np.random.Generator, changes_B2: Floats, frame_times_F2: Floats, step_times_S2: Floats
) -> TaskMasks:
    """Draw a task for each clip. A clip with a change in its middle (finite `changes_B2`, seconds) is always a retake
    of just that part, since its caption describes that part."""
    batch = len(changes_B2)
    frames, steps = len(frame_times_F2), len(step_times_S2)
    video = np.ones((batch, frames), np.float32)
    audio = np.ones((batch, steps), np.float32)
    video_frozen = np.zeros(batch, np.bool_)
    audio_frozen = np.zeros(batch, np.bool_)
    names = (*TASKS, "text")
    shares = np.array([*TASKS.values(), 1 - sum(TASKS.values())])
    tasks = random.choice(len(names), size=batch, p=shares)
    end_s = float(frame_times_F2[-1, 1])
    for clip in range(batch):
        task = names[int(tasks[clip])]
        start, stop = changes_B2[clip]
        if np.isfinite(start):
            task = "retake picture" if task == "retake picture" else "retake"
        else:
            length = random.uniform(0.2, 0.75) * end_s
            start = random.uniform(0, end_s - length)
            stop = start + length
        kept = 0.0 if random.random() < 0.75 else float(random.uniform(0.0, 0.3))  # 1 - strength
        if task == "first frame":
            video[clip, 0] = kept
        elif task == "first and last":
            video[clip, 0] = 0.0
            video[clip, -1] = 0.0
        elif task in ("prefix", "suffix", "both ends"):
            cut = random.uniform(0.25, 0.7) * end_s if task != "both ends" else None
            region = (start, stop) if cut is None else (cut, end_s) if task == "prefix" else (0.0, end_s - cut)
            video[clip] = in_region(frame_times_F2, *region)
            audio[clip] = in_region(step_times_S2, *region)
        elif task in ("retake", "retake picture", "retake sound"):
            video[clip] = in_region(frame_times_F2, start, stop)
            audio[clip] = in_region(step_times_S2, start, stop)
            if task == "retake picture":
                audio[clip], audio_frozen[clip] = 0.0, True
            if task == "retake sound":
                video[clip], video_frozen[clip] = 0.0, True
        elif task == "sound kept":
            audio[clip], audio_frozen[clip] = 0.0, True
            if random.random() < 0.3:
                video[clip, 0] = 0.0
        elif task == "picture kept":
            video[clip], video_frozen[clip] = 0.0, True
    return TaskMasks(video, audio, video_frozen, audio_frozen)
