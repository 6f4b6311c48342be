"""A person's own clips for training a LoRA: video files with a caption beside each, encoded for the transformer.

    python -m engine.training lora --model CHECKPOINT --gemma FOLDER --clips FOLDER --output FILE

`a.mp4` is described by `a.txt`. Works with any model in the official layout. Networks are loaded one after another and
dropped again, so that the transformer has the device to itself; captions are kept as finished text contexts, since
the hidden states behind them take 400 MB each with the large text encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from engine.loading.checkpoint import Checkpoint, check_gemma
from engine.loading.networks import load_audio_encoder, load_text_conditioner, load_video_encoder
from engine.loading.transformer_loading import load_transformer
from engine.media.conform import cover
from engine.media.decode import AudioReader, VideoReader
from engine.media.errors import MediaError, NoAudio
from engine.media.index import build_index
from engine.models.gemma import Gemma
from engine.models.mel import LogMel
from engine.models.text import TextContext
from engine.protocol.grid import frame_at_rate, sample_of_frame
from engine.training.flow import FlowModel
from engine.training.latents import STILLS, Bucket, LatentClips
from engine.training.run import mixed_precision

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"})
ENCODER_RATE = 16_000  # samples per second that the audio encoder's spectrogram is made from
PER_FILE = 8  # stretches of a long clip that are used at most, evenly spread

Say = Callable[[str], None]


class NoUsableClips(ValueError):
    """Nothing in the folder can be trained on; the message says what was wrong with each file."""


@dataclass(frozen=True)
class Captioned:
    """A video file and the words in the text file beside it."""

    path: Path
    caption: str


class Stretch(NamedTuple):
    """What is trained on: pixels (3, F, H, W) in -1..1 and stereo samples at ENCODER_RATE, None for a silent file."""

    pixels_CFHW: Tensor
    sound_CN: Tensor | None


def captioned_files(folder: Path) -> tuple[list[Captioned], list[str]]:
    """Video files with a caption, by name, and a sentence for each that was passed over.

    Raises NoUsableClips when there is no folder or no video in it.
    """
    if not folder.is_dir():
        raise NoUsableClips(f"There is no folder {folder}.")
    videos = sorted(path for path in folder.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    if not videos:
        raise NoUsableClips(f"There is no video file ({', '.join(sorted(VIDEO_SUFFIXES))}) in {folder}.")
    found: list[Captioned] = []
    passed_over: list[str] = []
    for path in videos:
        words = path.with_suffix(".txt")
        try:
            caption = " ".join(words.read_text(encoding="utf-8").split())
        except FileNotFoundError:
            passed_over.append(f"{path.name} has no caption: write one into {words.name}")
        except (OSError, UnicodeDecodeError) as exc:
            passed_over.append(f"{words.name} can't be read: {exc}")
        else:
            if caption:
                found.append(Captioned(path, caption))
            else:
                passed_over.append(f"{words.name} is empty")
    return found, passed_over


def stretches(path: Path, bucket: Bucket) -> Iterator[Stretch]:
    """Cut a file into stretches of the bucket's length, at its size and rate: up to PER_FILE, evenly spread.

    Frame n is the one on screen when frame n of the bucket's rate begins; pictures are scaled to cover the size and cut
    around their centre. Raises MediaError, and ValueError for a file that is too short.
    """
    index = build_index(path)
    with VideoReader(path, index) as video:
        frames = int(index.frames / video.rate * bucket.rate)
        if frames < bucket.frames:
            raise ValueError(f"it has {frames} frames at {float(bucket.rate):g} per second; {bucket.frames} are needed")
        count = min(PER_FILE, frames // bucket.frames)
        try:
            sound = AudioReader(path, zero=index.start_seconds)
        except NoAudio:
            sound = None
        try:
            for number in range(count):
                first = number * (frames - bucket.frames) // max(1, count - 1)
                wanted = range(first, first + bucket.frames)
                sources = [min(frame_at_rate(n, bucket.rate, video.rate), index.frames - 1) for n in wanted]
                pictures = np.stack(
                    [cover(video.rgb(n, n + 1).astype(np.uint8), bucket.height, bucket.width)[0] for n in sources]
                )
                samples = None
                if sound is not None:
                    begin, end = (sample_of_frame(n, bucket.rate, ENCODER_RATE) for n in (first, wanted.stop))
                    samples = torch.as_tensor(sound.read(begin, end, rate=ENCODER_RATE, channels=2))
                yield Stretch(torch.as_tensor(pictures).permute(3, 0, 1, 2), samples)
        finally:
            if sound is not None:
                sound.close()


class ReadyContexts(nn.Module):
    """In the place of a text conditioner: takes its results, both streams side by side (B, N, Dv + Da, 1), apart."""

    def __init__(self, video_width: int):
        super().__init__()
        self.video_width = video_width

    def forward(self, contexts_BNDY: Tensor, mask_BN: Tensor) -> TextContext:
        video, audio = contexts_BNDY[:, :, : self.video_width, 0], contexts_BNDY[:, :, self.video_width :, 0]
        return TextContext(video, audio)


@torch.no_grad()
def text_contexts(
    checkpoint: Checkpoint,
    gemma: Path,
    captions: Sequence[str],
    length: int,
    device: torch.device,
    dtype: torch.dtype,
) -> tuple[Tensor, int]:
    """Contexts (captions + 1, length, Dv + Da) on the CPU, the empty prompt's last, and Dv."""
    check_gemma(gemma, checkpoint)
    encoder = Gemma.load(gemma, device, dtype)
    hidden = [states.cpu() for states in encoder.encode([*captions, ""])]
    del encoder
    conditioner = load_text_conditioner(checkpoint, device, dtype)
    contexts: list[Tensor] = []
    width = 0
    for states in hidden:
        context = conditioner.of_prompts([states[:length].to(device, dtype)], length)
        width = context.video_BND.shape[-1]
        contexts.append(torch.cat([context.video_BND, context.audio_BND], dim=-1)[0].cpu())
    return torch.stack(contexts), width


@torch.no_grad()
def encode_clips(
    checkpoint: Checkpoint,
    gemma: Path,
    folder: Path,
    bucket: Bucket,
    device: torch.device,
    *,
    text_tokens: int,
    seed: int = 0,
    say: Say = print,
) -> tuple[LatentClips, int]:
    """Encode every usable stretch of every captioned file in a folder; returns the clips and the video context's width.

    `text_tokens`: the length to which the model's prompts are padded (1,024 for LTX-2.3, 48 for Pocket).
    Files that can't be used are named through `say`, and counted. Raises NoUsableClips when none is left, LoadingError,
    GemmaDoesNotFit.
    """
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    found, passed_over = captioned_files(folder)
    different = list(dict.fromkeys(clip.caption for clip in found))
    if not different:
        raise NoUsableClips(_nothing_usable(folder, passed_over))
    contexts, video_width = text_contexts(checkpoint, gemma, different, text_tokens, device, dtype)
    draw = Random(seed)
    video_encoder = load_video_encoder(checkpoint, device, dtype).requires_grad_(requires_grad=False)
    video_encoder.config.check_frames(bucket.frames)
    video_encoder.config.check_sides(bucket.height, bucket.width)
    audio_encoder = load_audio_encoder(checkpoint, device, torch.float32).requires_grad_(requires_grad=False)
    log_mel = LogMel(audio_encoder.config.mel).to(device)
    videos: list[Tensor] = []
    sounds: list[Tensor] = []
    audible: list[bool] = []
    stills: list[Tensor] = []
    still_frames: list[Tensor] = []
    captions: list[str] = []

    def latent_of(pixels_CFHW: Tensor) -> Tensor:
        with mixed_precision(device):
            return video_encoder(pixels_CFHW[None].to(device, dtype))[0].bfloat16()

    for clip in found:
        try:
            for stretch in stretches(clip.path, bucket):
                samples = stretch.sound_CN
                if samples is None:
                    samples = torch.zeros(2, sample_of_frame(bucket.frames, bucket.rate, ENCODER_RATE))
                latent = audio_encoder(log_mel(samples[None].to(device)))[0, :, : bucket.audio_steps]
                places = [bucket.frames - 1, *(draw.randrange(1, bucket.frames) for _ in range(STILLS - 1))]
                taken = [latent_of(stretch.pixels_CFHW[:, n : n + 1])[:, 0] for n in places]
                videos.append(latent_of(stretch.pixels_CFHW))
                sounds.append(nn.functional.pad(latent, (0, 0, 0, bucket.audio_steps - latent.shape[1])).bfloat16())
                audible.append(stretch.sound_CN is not None)
                stills.append(torch.stack(taken))
                still_frames.append(torch.tensor(places))
                captions.append(clip.caption)
        except (MediaError, ValueError) as exc:
            passed_over.append(f"{clip.path.name}: {exc}")
    for sentence in passed_over:
        say(f"passed over: {sentence}")
    if not videos:
        raise NoUsableClips(_nothing_usable(folder, passed_over))
    silent = audible.count(False)
    say(
        f"{len(videos)} stretches of {len(set(captions))} captions, {len(passed_over)} files passed over"
        + (f", {silent} stretches without sound teach only their picture" if silent else "")
    )
    of_clip = contexts[[different.index(caption) for caption in captions]]
    length = contexts.shape[1]
    clips = LatentClips(
        bucket=bucket,
        video_NCFhw=torch.stack(videos),
        audio_NCSM=torch.stack(sounds),
        stills_NKChw=torch.stack(stills),
        still_frames_NK=torch.stack(still_frames).to(device),
        reference_NCFhw=torch.stack(videos)[:0],
        hidden_NPLDY=of_clip[:, None, ..., None].to(device),
        text_mask_NPL=torch.ones(len(captions), 1, length, dtype=torch.int64, device=device),
        empty_hidden_LDY=contexts[-1, ..., None].to(device),
        empty_mask_L=torch.ones(length, dtype=torch.int64, device=device),
        changes_N2=torch.full((len(captions), 2), torch.inf, device=device),
        audible_N=torch.tensor(audible, device=device),
    )
    return clips, video_width


def _nothing_usable(folder: Path, passed_over: Sequence[str]) -> str:
    reasons = "\n  ".join(passed_over)
    return f"No clip in {folder} can be trained on:\n  {reasons}"


def transformer_to_adapt(checkpoint: Checkpoint, video_width: int, device: torch.device) -> FlowModel:
    """The checkpoint's transformer, frozen, its activations computed again for backward; bfloat16 on a GPU."""
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    transformer = load_transformer(checkpoint, device, dtype, scaled_matmul=False)
    transformer.checkpoint_blocks = True
    return FlowModel(transformer, ReadyContexts(video_width))
