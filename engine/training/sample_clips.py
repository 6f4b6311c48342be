"""Writes the sample clips that come with the program: `python -m engine.training.sample_clips resources/samples`."""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from engine.media.encode import Delivery, write_media
from engine.protocol.grid import sample_of_frame
from engine.training.words import Attributes
from engine.training.world import render_audio, render_video, scenes_from_attributes

WIDTH, HEIGHT, RATE, FRAMES = 320, 192, Fraction(24), 96
SAMPLES: dict[str, tuple[Attributes, int]] = {
    "ball-on-the-meadow": (Attributes("ball", "red", "bounce right", background="meadow", pace="slow"), 4),
    "star-at-night": (Attributes("star", "yellow", "spin", size="large", background="night", pace="slow"), 2),
}


def write_sample(path: Path, attributes: Attributes, seed: int) -> None:
    """One clip of four seconds with its sound, H.264 and AAC."""
    aspect = WIDTH / HEIGHT
    scenes = scenes_from_attributes([attributes], seed, duration_s=float(FRAMES / RATE), aspect=aspect)
    video = render_video(scenes, frames=FRAMES, height=HEIGHT, width=WIDTH, fps=RATE)[0]
    sound = render_audio(scenes, samples=sample_of_frame(FRAMES, RATE), rate=48_000, aspect=aspect)[0]
    pixels = ((video + 1) * 127.5).round().clamp(0, 255).byte().permute(1, 2, 3, 0).contiguous().numpy()
    write_media(
        path,
        Delivery.H264_AAC,
        frames=[pixels],
        rate=RATE,
        samples=np.ascontiguousarray(sound.numpy()),
    )


def main(arguments: list[str]) -> int:
    """Write all samples into the folder that is named."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for name, (attributes, seed) in SAMPLES.items():
        write_sample(folder / f"{name}.mp4", attributes, seed)
        print(folder / f"{name}.mp4")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
