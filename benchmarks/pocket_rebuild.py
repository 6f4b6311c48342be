"""How well does Pocket's video autoencoder give back what it is given?

    python benchmarks/pocket_rebuild.py                                     # the weights that ship; about ten seconds
    python benchmarks/pocket_rebuild.py --checkpoint OLDER.safetensors      # others, to compare
    python benchmarks/pocket_rebuild.py --run RUN                           # those of a training, and its basis

JSON lines for the sample's bouncing ball, whose edges move fast, and for clips of the world that the decoder's training
doesn't draw. dB over all pixels of -1..1, encoded and decoded in one piece in float32: `runs` clip by clip,
`together_dB` over all of them at once; `seconds` are those of all, both ways. With `--run` there are more lines: from
the hand-made latents (the principal components of blocks that the encoder learns from), and of those alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _pocket_films import as_tensor, psnr
from _report import report
from torch import Tensor

from engine.loading.checkpoint import Checkpoint
from engine.loading.networks import load_video_decoder, load_video_encoder
from engine.media.decode import VideoReader
from engine.media.index import build_index
from engine.training.autoencoder import BASIS
from engine.training.latent_basis import BlockBasis
from engine.training.stages import WorldDraws, load_video_vae

Way = Callable[[Tensor], Tensor]
Ways = tuple[Way, Way]  # pixels to latents, and back

CPU = torch.device("cpu")

RESOURCES = Path(__file__).parents[1] / "resources"
BALL = RESOURCES / "samples" / "ball-on-the-meadow.mp4"
BALL_FRAMES = (20, 69)  # it touches the ground twice in them
WORLD = (6, 17, 192, 320, 777)  # clips, frames, height, width, seed: those that the training itself was looked at with


def ball() -> Tensor:
    """The sample's pictures as (1, 3, F, H, W)."""
    with VideoReader(BALL, build_index(BALL)) as reader:
        return as_tensor(np.asarray(reader.rgb(*BALL_FRAMES), np.uint8))[None]


def shipped(path: Path) -> dict[str, Ways]:
    """The networks of a checkpoint."""
    checkpoint = Checkpoint.open(path)
    encoder = load_video_encoder(checkpoint, dtype=torch.float32)
    return {"encoder and decoder": (encoder, load_video_decoder(checkpoint, dtype=torch.float32))}


def trained(run: Path) -> dict[str, Ways]:
    """The networks of a training that is still in its folder, and the components that they were made from."""
    vae, basis = load_video_vae(run, CPU), BlockBasis.load(run / "vae" / BASIS, CPU)
    return {
        "encoder and decoder": (vae.encoder, vae.decoder),
        "hand-made latents and decoder": (basis.encode, vae.decoder),
        "hand-made latents alone": (basis.encode, basis.decode),
    }


def measure(what: str, clips_BCFHW: Tensor, way: str, ways: Ways, source: Path) -> None:
    """Encode and decode every clip; print the line."""
    encode, decode = ways
    begin = time.perf_counter()
    with torch.inference_mode():
        rebuilt = torch.cat([decode(encode(clip[None])) for clip in clips_BCFHW])
    seconds = time.perf_counter() - begin
    report(
        f"{what}, through Pocket's {way}",
        [psnr(found, clip) for found, clip in zip(rebuilt, clips_BCFHW, strict=True)],
        unit="dB",
        settings={"shape": list(clips_BCFHW.shape), "weights": source.name, "threads": torch.get_num_threads()},
        together_dB=round(psnr(rebuilt, clips_BCFHW), 2),
        seconds=round(seconds, 2),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, default=RESOURCES / "pocket" / "pocket.safetensors")
    parser.add_argument("--run", type=Path, help="folder of a training, instead of a checkpoint")
    parser.add_argument("--threads", type=int, help="CPU threads (default: all cores)")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    clips = {"the sample's bouncing ball": ball(), "unseen clips of the world": WorldDraws(CPU).clips(*WORLD)}
    ways = shipped(options.checkpoint) if options.run is None else trained(options.run)
    for what, shown in clips.items():
        for way, networks in ways.items():
            measure(what, shown, way, networks, options.run or options.checkpoint)


if __name__ == "__main__":
    main()
