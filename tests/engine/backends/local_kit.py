"""What the tests of the local backend share: a model of random weights, a listening context, footage, and checks.

The model has Pocket's true layout (all networks, the official names and configuration, Pocket's own text encoder) at
widths so small that a job takes a second. What it draws is noise; what is tested is everything around that.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine.backends.base import Job, JobCancelled, JobContext, NoticeKind, Places, PlannedPhase
from engine.backends.local.backend import LocalBackend
from engine.loading.checkpoint import save_checkpoint
from engine.loading.lora import save_lora
from engine.loading.networks import official_tensors
from engine.media.decode import AudioReader, VideoReader
from engine.media.encode import Delivery, write_media
from engine.media.index import build_index
from engine.media.probe import probe
from engine.models.audio_vae import AudioDecoder, AudioEncoder, AudioVaeConfig
from engine.models.text import TextConditioner, TextConfig
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig
from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.models.vocoder import Vocoder, VocoderConfig
from engine.protocol.grid import format_rate, sample_of_frame
from engine.protocol.messages import Result, ResultFile
from engine.protocol.work import AnyWork, Output
from engine.training import pocket
from engine.training.package import stored
from engine.training.stages import gemma_shape

GEMMA = Path(__file__).resolve().parents[3] / "resources" / "pocket" / "gemma"
MODEL = "tiny"
DEV = "tiny-dev"
NTSC = Fraction(30000, 1001)
VIDEO_CHANNELS, AUDIO_CHANNELS = 16, 4
ONE_STAGE = 64 * 96  # pixels up to which the model works in one stage


# --- the model ----------------------------------------------------------------------------------------------------


def configs() -> dict[str, Any]:
    """Pocket's configuration with smaller numbers."""
    width, _ = gemma_shape(GEMMA)
    config = pocket.checkpoint_config(width)
    config["transformer"] |= {
        "num_layers": 3,
        "num_attention_heads": 2,
        "attention_head_dim": 24,
        "audio_num_attention_heads": 2,
        "audio_attention_head_dim": 12,
        "cross_attention_dim": 48,
        "audio_cross_attention_dim": 24,
        "in_channels": VIDEO_CHANNELS,
        "out_channels": VIDEO_CHANNELS,
        "connector_num_layers": 1,
        "connector_num_attention_heads": 2,
        "connector_attention_head_dim": 24,
        "audio_connector_num_attention_heads": 2,
        "audio_connector_attention_head_dim": 12,
    }
    one_each = {
        key: [[kind, options | ({"num_layers": 1} if kind == "res_x" else {})] for kind, options in blocks]
        for key, blocks in config["vae"].items()
        if key in ("encoder_blocks", "decoder_blocks")
    }
    config["vae"] |= one_each | {
        "latent_channels": VIDEO_CHANNELS,
        "encoder_base_channels": 8,
        "decoder_base_channels": 8,
    }
    config["audio_vae"]["model"]["params"]["ddconfig"] |= {"ch": 16}
    for name, channels in (("vocoder", 64), ("bwe", 32)):
        config["vocoder"][name] |= {
            "upsample_initial_channel": channels,
            "resblock_kernel_sizes": [3],
            "resblock_dilation_sizes": [[1]],
        }
    return config


def write_model(folder: Path) -> None:
    """A models folder: checkpoint, upscaler, text encoder, LoRAs, and the descriptions of two models on them.

    `tiny` is taken for distilled, `tiny-dev` is the same checkpoint as a model to be guided, with a distilled LoRA.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(20)
    config = configs()
    _, layers = gemma_shape(GEMMA)
    flow = Transformer(TransformerConfig.from_metadata(config["transformer"]))
    text = TextConditioner(replaced(TextConfig.from_metadata(config["transformer"]), hidden_states=layers + 1))
    vae, sound = VideoVaeConfig.from_metadata(config["vae"]), AudioVaeConfig.from_metadata(config["audio_vae"])
    networks = {
        "transformer": flow,
        "text": text,
        "video_encoder": VideoEncoder(vae),
        "video_decoder": VideoDecoder(vae),
        "audio_encoder": AudioEncoder(sound),
        "audio_decoder": AudioDecoder(sound),
        "vocoder": Vocoder(VocoderConfig.from_metadata(config["vocoder"])),
    }
    version = {"model_version": pocket.MODEL_VERSION}
    save_checkpoint(folder / "tiny.safetensors", config, stored(official_tensors(**networks)), version)
    upsampler = pocket.upsampler_config() | {"in_channels": VIDEO_CHANNELS, "mid_channels": 32}
    network = LatentUpsampler(UpsamplerConfig.from_metadata(upsampler))
    save_checkpoint(folder / "tiny-x2.safetensors", upsampler, stored(network.state_dict()), version)
    doubler = upsampler | {"spatial_upsample": False, "temporal_upsample": True}
    network = LatentUpsampler(UpsamplerConfig.from_metadata(doubler))
    save_checkpoint(folder / "tiny-smoother.safetensors", doubler, stored(network.state_dict()), version)
    shutil.copytree(GEMMA, folder / "gemma", dirs_exist_ok=True)
    (folder / "loras").mkdir(exist_ok=True)
    write_lora(folder / "loras" / "style.safetensors", flow, 1)
    write_lora(folder / "tiny-distilled-lora.safetensors", flow, 2)
    write_lora(folder / "loras" / "control.safetensors", flow, 3, reference_downscale_factor=2)
    common = {
        "title": "Tiny",
        "checkpoints": ["tiny.safetensors"],
        "upsamplers": {"2": ["tiny-x2.safetensors"]},
        "text_encoders": ["gemma"],
        "default_width": 96,
        "default_height": 64,
        "default_frames": 9,
        "longest_seconds": 2,
        "largest_pixels": 256 * 256,
        "one_stage_pixels": ONE_STAGE,
        "prompt_tokens": 64,
    }
    models = [
        common | {"id": MODEL, "follows_references": True, "loras": {"painted": "style.safetensors"}},
        common
        | {
            "id": DEV,
            "aliases": ["development"],
            "distilled": False,
            "distilled_loras": ["tiny-distilled-lora.safetensors"],
            "temporal_upsampler": "tiny-smoother.safetensors",
        },
    ]
    (folder / "tiny.model.json").write_text(json.dumps(models))


def write_lora(path: Path, transformer: Transformer, seed: int, **factors: Any) -> None:
    """A LoRA on the video stream's attention, strong enough to be seen."""
    generator = torch.Generator().manual_seed(seed)
    pairs = {
        name: (
            torch.randn(2, module.in_features, generator=generator),
            torch.randn(module.out_features, 2, generator=generator) * 0.5,
        )
        for name, module in transformer.named_modules()
        if isinstance(module, torch.nn.Linear) and ".attn1.to_" in name
    }
    save_lora(path, pairs, **factors)


# --- listening ----------------------------------------------------------------------------------------------------


@dataclass
class Heard(JobContext):
    """A context that notes everything, wants every preview, and cancels when it's told to.

    `cancel_when(phase, told)` is asked at each word of the backend; `told` counts the words of this phase, from 0.
    """

    folder: Path
    cancel_when: Callable[[str, int], bool] = lambda _phase, _told: False
    planned: list[PlannedPhase] = field(default_factory=list)
    phases: list[str] = field(default_factory=list)
    steps: list[tuple[str, int]] = field(default_factory=list)
    previews: list[tuple[str, int, int, int, int]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    words_after_cancel: int = 0
    preview_wanted: bool = True
    _told: int = 0
    _ending: threading.Event = field(default_factory=threading.Event)

    def words(self, kind: str) -> str:
        return "\n".join(message for told, message in self.notices if told == kind)

    @property
    def scratch(self) -> Path:
        return self.folder

    @property
    def output_folder(self) -> Path:
        return self.folder

    @property
    def cancelled(self) -> bool:
        return self._ending.is_set()

    def check(self) -> None:
        self._heard()

    def plan(self, model: str, phases: Sequence[PlannedPhase]) -> None:
        self.planned = list(phases)

    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        self.phases.append(name)
        self._told = 0
        self._heard()

    def step(self, done: int) -> None:
        self.steps.append((self.phases[-1], done))
        self._heard()

    @property
    def wants_preview(self) -> bool:
        return self.preview_wanted

    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None:
        assert len(pixels) == width * height * frames * 3
        done = self.steps[-1][1] if self.steps and self.steps[-1][0] == self.phases[-1] else 0
        self.previews.append((self.phases[-1], done, width, height, frames))

    def notice(self, kind: NoticeKind, message: str) -> None:
        self.notices.append((kind, message))

    def remember(self, resume: str) -> None: ...

    def _heard(self) -> None:
        if self._ending.is_set():
            self.words_after_cancel += 1
            raise JobCancelled
        told, self._told = self._told, self._told + 1
        if self.cancel_when(self.phases[-1] if self.phases else "", told):
            self._ending.set()
            raise JobCancelled


@dataclass
class Desk:
    """A backend with its folders, and what was heard of the last job."""

    backend: LocalBackend
    places: Places
    heard: Heard = field(init=False)
    jobs: int = 0

    @classmethod
    def at(cls, folder: Path, models: Path, **more: Any) -> Desk:
        for name in ("models", "cache", "results"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        places = Places(folder / "models", folder / "cache", folder / "results", extra_models=(models,))
        return cls(LocalBackend(places, "cpu", **more), places)

    def run(self, work: AnyWork, folder: Path, **listening: Any) -> Result:
        self.jobs += 1
        folder.mkdir(exist_ok=True)
        self.heard = Heard(folder, **listening)
        return self.backend.run(Job(f"{self.jobs:08d}-job", work), self.heard)


def lossless(**more: Any) -> Output:
    return Output(codec="ffv1", **more)


# --- footage ------------------------------------------------------------------------------------------------------


def moving(frames: int, height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth colours that move: (frames, height, width, 3)."""
    time = np.arange(frames)[:, None, None, None] / 5 + seed
    rows, columns = np.arange(height)[:, None, None] / 15, np.arange(width)[None, :, None] / 20
    return ((np.sin(time + rows + columns + np.arange(3)) + 1) * 127).astype(np.uint8)


def humming(samples: int, hertz: float = 300) -> NDArray[np.float32]:
    wave = np.sin(np.arange(samples) / 48000 * hertz * 2 * np.pi) * 0.3
    return np.stack([wave, wave * 0.5]).astype(np.float32)


def footage(
    path: Path,
    frames: int = 40,
    width: int = 96,
    height: int = 64,
    rate: Fraction = Fraction(24),
    *,
    sound: bool = True,
    seed: int = 0,
    delivery: Delivery = Delivery.FFV1_FLAC,
) -> str:
    """A clip of moving colours that hums; returns its name."""
    write_media(
        path.with_suffix(delivery.value),
        delivery,
        frames=[moving(frames, height, width, seed)],
        samples=humming(sample_of_frame(frames, rate)) if sound else None,
        rate=rate,
    )
    return str(path.with_suffix(delivery.value))


# --- results ------------------------------------------------------------------------------------------------------


def of_role(result: Result, role: str) -> list[ResultFile]:
    return [file for file in result.files if file.role == role]


def film(file: ResultFile | str) -> NDArray[np.uint8]:
    """All frames of a file as RGB."""
    path = Path(file if isinstance(file, str) else file.path)
    index = build_index(path)
    with VideoReader(path, index) as reader:
        return np.asarray(reader.rgb(0, index.frames), np.uint8)


def track(file: ResultFile | str) -> NDArray[np.float32]:
    """All samples of a file at 48 kHz."""
    with AudioReader(Path(file if isinstance(file, str) else file.path)) as reader:
        return reader.read(0, reader.extent()[1], rate=48000)


def check_file(
    file: ResultFile,
    *,
    frames: int,
    rate: Fraction | str,
    size: tuple[int, int],
    start: int = 0,
    handles: tuple[int, int] = (0, 0),
    sound: bool = True,
) -> None:
    """What the file says of itself is what was asked, and what is really in it.

    frames, start   what was asked, without handles, in the job's numbering
    size            width, height
    """
    rate = Fraction(rate)
    before, after = handles
    assert (file.frames, file.handle_before, file.handle_after) == (frames + before + after, before, after)
    assert (file.width, file.height, file.rate) == (*size, format_rate(rate))
    path = Path(file.path)
    assert path.stat().st_size == file.size_bytes
    index = build_index(path)
    info = probe(path).require_video()
    assert (index.frames, index.rate, (info.width, info.height)) == (file.frames, rate, size)
    begins = [sample_of_frame(frame, rate) for frame in (start - before, start, start + frames, start + frames + after)]
    if not sound:
        assert (file.samples, file.sample_rate) == (0, 0)
        assert not probe(path).audio
        return
    assert file.sample_rate == 48000
    assert file.samples == begins[3] - begins[0]
    assert (file.handle_samples_before, file.handle_samples_after) == (begins[1] - begins[0], begins[3] - begins[2])
    with AudioReader(path, zero=Fraction(0)) as reader:
        first, end = reader.extent()
        assert end - first == file.samples
