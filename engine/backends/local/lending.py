"""The networks of one model: loaded when they are first lent, kept as long as the plan allows, LoRAs put on and off."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import torch
from torch import Tensor, nn

from engine.backends.local.catalogue import InstalledModel
from engine.backends.local.memory import Demand, Memory, MemoryPlan, ModelSizes
from engine.loading.checkpoint import Checkpoint
from engine.loading.fp8 import WeightFormat
from engine.loading.lora import Lora, set_loras
from engine.loading.networks import (
    load_audio_decoder,
    load_audio_encoder,
    load_text_conditioner,
    load_upsampler,
    load_video_decoder,
    load_video_encoder,
    load_vocoder,
)
from engine.loading.streaming import Streaming
from engine.loading.transformer_loading import load_transformer, streamer_of, transformer_sizes
from engine.models.audio_vae import AudioDecoder, AudioEncoder, AudioVaeConfig
from engine.models.gemma import Gemma
from engine.models.preview import LatentToRgb
from engine.models.text import TextConditioner, TextConfig, TextContext
from engine.models.transformer import Transformer, TransformerConfig
from engine.models.upsampler import upsample
from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.models.vocoder import PlainVocoder, Vocoder
from engine.pipelines.networks import ModelFacts, Weights
from engine.protocol.grid import ScaleFactors

# (phase, bytes done, bytes in all): may raise to cancel
Loading = Callable[[str, int, int], None]
Loaded = TypeVar("Loaded")


class UserLora(NamedTuple):
    """A LoRA that a job asked for. In-context LoRAs act only in the stages that show their reference."""

    file: Lora
    strength: float
    in_context: bool


@dataclass(frozen=True)
class Precision:
    """How numbers are kept: the transformer's and autoencoders' dtype, and a word for it."""

    dtype: torch.dtype
    name: str

    @classmethod
    def of(cls, device: torch.device) -> Precision:
        """bfloat16 where the device multiplies it at full speed, else float32."""
        if device.type != "cpu" or _cpu_multiplies_bfloat16():
            return cls(torch.bfloat16, "bfloat16")
        return cls(torch.float32, "float32")


def _cpu_multiplies_bfloat16() -> bool:
    cpu = cast("Any", torch.cpu)
    known = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(cpu, name, lambda: False)()) for name in known)


def facts_of(model: InstalledModel, checkpoint: Checkpoint) -> ModelFacts:
    """What recipes and runner go by, read from the checkpoint's own configuration."""
    transformer = TransformerConfig.from_metadata(checkpoint.section("transformer"))
    vae = VideoVaeConfig.from_metadata(checkpoint.section("vae"))
    audio = AudioVaeConfig.from_metadata(checkpoint.section("audio_vae"))
    return ModelFacts(
        model_version=checkpoint.model_version,
        distilled=model.description.distilled,
        layers=transformer.num_layers,
        video_channels=vae.latent_channels,
        audio_channels=audio.latent_channels,
        audio_bins=audio.latent_bands,
        scale=ScaleFactors(vae.time_factor, vae.space_factor, vae.space_factor),
        upsamplers=frozenset(model.upsamplers),
        one_stage_pixels=model.description.one_stage_pixels,
        distilled_lora=model.distilled_lora is not None,
    )


def sizes_of(model: InstalledModel, checkpoint: Checkpoint, precision: Precision, *, fp8: bool = False) -> ModelSizes:
    """What the planner needs, from headers alone."""
    weights = WeightFormat.FP8_CAST if fp8 else WeightFormat.AS_STORED
    transformer = transformer_sizes(checkpoint, precision.dtype, weights)
    config = TransformerConfig.from_metadata(checkpoint.section("transformer"))
    vae = VideoVaeConfig.from_metadata(checkpoint.section("vae"))
    factor = precision.dtype.itemsize / 2  # of what lies on disk in bfloat16
    parts = {
        "text": int(
            factor
            * (
                checkpoint.size_bytes("text_embedding_projection.")
                + checkpoint.size_bytes(_VIDEO_CONNECTOR)
                + checkpoint.size_bytes(_AUDIO_CONNECTOR)
            )
        ),
        "video_encoder": int(factor * checkpoint.size_bytes("vae.encoder.")),
        "video_decoder": int(factor * checkpoint.size_bytes("vae.decoder.")),
        "audio_encoder": int(factor * checkpoint.size_bytes("audio_vae.encoder.")),
        "audio_decoder": int(factor * checkpoint.size_bytes("audio_vae.decoder.")),
        "vocoder": 2 * checkpoint.size_bytes("vocoder."),
        "upsampler": int(factor * sum(path.stat().st_size for path in model.upsamplers.values())),
        "text_encoder": _folder_bytes(model.text_encoder),
    }
    return ModelSizes(
        blocks=transformer.blocks,
        outside_blocks=transformer.outside_blocks,
        parts=parts,
        video_width=config.width,
        audio_width=config.audio_width,
        element=precision.dtype.itemsize,
        decoder_cache=_cached_values(VideoDecoder, vae),
        encoder_cache=_cached_values(VideoEncoder, vae),
        decoder_widest=vae.space_factor**2 * 3 * vae.time_factor * 4,
    )


_VIDEO_CONNECTOR = "model.diffusion_model.video_embeddings_connector."
_AUDIO_CONNECTOR = "model.diffusion_model.audio_embeddings_connector."


def _cached_values(kind: type[VideoDecoder] | type[VideoEncoder], config: VideoVaeConfig) -> int:
    """Numbers that a streaming pass keeps per latent position of one frame: two input frames for each convolution and
    two for each residual block, each at its own resolution."""
    with torch.device("meta"):
        network = kind(config)
    total = 0.0
    side = 1.0 if kind is VideoDecoder else float(config.space_factor // config.patch_size)
    for layer in network.layers():
        convolutions = [module for module in layer.modules() if isinstance(module, nn.Conv3d)]
        total += sum(2 * module.in_channels for module in convolutions) * side**2
        if len(convolutions) == 2:  # a residual block
            total += 2 * convolutions[0].in_channels * side**2
        factors = getattr(layer, "factors", (1, 1, 1))
        side = side * factors[1] if kind is VideoDecoder else side / factors[1]
    return int(total)


def _folder_bytes(folder: Path | None) -> int:
    return 0 if folder is None else sum(path.stat().st_size for path in folder.glob("*.safetensors"))


class LocalNetworks:
    """Lends the networks of one model on one device (see engine.pipelines.networks.Networks).

    Whatever is loaded stays until `release`, except where the plan says that networks take turns: then a network that
    isn't the transformer's or the lent one's goes when another comes.
    """

    def __init__(
        self, model: InstalledModel, checkpoint: Checkpoint, device: torch.device, precision: Precision
    ) -> None:
        self.model = model
        self.checkpoint = checkpoint
        self.device = device
        self.precision = precision
        self.facts = facts_of(model, checkpoint)
        self.loading: Loading = lambda phase, done, total: None
        self.preview_table: LatentToRgb | None = None
        self._plan = MemoryPlan(resident=self.facts.layers, blocks=self.facts.layers)
        self._loaded: dict[str, Any] = {}
        self._user_loras: tuple[UserLora, ...] = ()
        self._in_force: tuple[tuple[str, float], ...] = ()
        self._distilled_lora: Lora | None = None

    @property
    def loaded(self) -> frozenset[str]:
        """Names of what is in memory now."""
        return frozenset(self._loaded)

    def prepare(self, plan: MemoryPlan, loras: Sequence[UserLora], loading: Loading) -> None:
        """Set up for the next job. Weights that the new plan keeps otherwise are loaded again when they are lent."""
        old = (self._plan.resident, self._plan.source, self._plan.cast_fp8)
        if (plan.resident, plan.source, plan.cast_fp8) != old:
            self.release("transformer")
        if not plan.keep_others:
            self.release(*(name for name in self._loaded if name != "transformer"))
        self._plan = plan
        self._user_loras = tuple(loras)
        self.loading = loading
        transformer = self._loaded.get("transformer")
        if isinstance(transformer, Transformer):
            transformer.set_feed_forward_chunk(plan.chunk)

    def release(self, *names: str) -> None:
        """Let networks go; without names all of them."""
        for name in names or tuple(self._loaded):
            network = self._loaded.pop(name, None)
            if isinstance(network, Transformer):
                streamer = streamer_of(network)
                if streamer is not None:
                    streamer.close()
                self._in_force = ()
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.device.type == "mps":
            torch.mps.empty_cache()

    # --- lending ---

    @contextmanager
    def transformer(self, weights: Weights) -> Generator[Transformer]:
        """The transformer with exactly the LoRAs of a stage."""
        network = self._get("transformer", self._load_transformer)
        self._put_loras(network, weights)
        yield network

    @contextmanager
    def video_encoder(self) -> Generator[VideoEncoder]:
        yield self._get("video_encoder", lambda: load_video_encoder(*self._where("video encoder"))).eval()

    @contextmanager
    def video_decoder(self) -> Generator[VideoDecoder]:
        yield self._get("video_decoder", lambda: load_video_decoder(*self._where("video decoder")))

    @contextmanager
    def audio_encoder(self) -> Generator[AudioEncoder]:
        yield self._get("audio_encoder", lambda: load_audio_encoder(*self._where("audio encoder")))

    @contextmanager
    def audio_decoder(self) -> Generator[AudioDecoder]:
        yield self._get("audio_decoder", lambda: load_audio_decoder(*self._where("audio decoder")))

    @contextmanager
    def vocoder(self) -> Generator[Vocoder | PlainVocoder]:
        yield self._get("vocoder", lambda: load_vocoder(self.checkpoint, self.device))

    @contextmanager
    def upsampler(self, factor: Fraction, time: int = 1) -> Generator[Callable[[Tensor], Tensor]]:
        path = self.model.upsamplers[factor]
        network = self._get(f"upsampler {factor}", lambda: load_upsampler(path, self.device, self.precision.dtype))
        with self.video_decoder() as decoder:
            statistics = decoder.per_channel_statistics
        yield lambda latent: upsample(network, statistics, latent.to(self.precision.dtype))

    def preview(self, latent_BCFhw: Tensor) -> Tensor | None:
        """One pixel per latent position, enlarged four times so that it can be looked at."""
        if self.preview_table is None:
            return None
        pictures = self.preview_table(latent_BCFhw[:1])[0].permute(0, 3, 1, 2).float()
        large = torch.nn.functional.interpolate(pictures, scale_factor=4, mode="bicubic", align_corners=False)
        return large.clamp(0, 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()

    # --- text ---

    def text_identity(self) -> str:
        """What a cached context depends on, beside the prompt."""
        _, encoder = self.model.require()
        sizes = "|".join(f"{path.name}:{path.stat().st_size}" for path in sorted(encoder.glob("*.safetensors")))
        checkpoint = self.checkpoint.path.stat()
        facts = f"{encoder}|{sizes}|{self.checkpoint.path}|{checkpoint.st_size}|{checkpoint.st_mtime_ns}"
        return hashlib.sha256(
            f"{facts}|{self.precision.name}|{self.model.description.prompt_tokens}".encode()
        ).hexdigest()

    def encode(self, prompts: Sequence[str]) -> list[TextContext]:
        """Contexts of prompts. The text encoder and the conditioner are kept only where everything is kept."""
        states = self.text_encoder().encode(prompts)
        longest = self.model.description.prompt_tokens
        if not self._plan.keep_others:
            self.release("text_encoder")
        conditioner = self._get("text", lambda: load_text_conditioner(*self._where("text conditioner")))
        with torch.no_grad():
            return [
                conditioner.of_prompts([state[:longest].to(self.device, self.precision.dtype)], longest)
                for state in states
            ]

    def text_encoder(self) -> Gemma:
        _, folder = self.model.require()
        expected = TextConfig.from_metadata(self.checkpoint.section("transformer"), self.checkpoint.shapes)

        def load_gemma() -> Gemma:
            self.loading("loading text encoder", 0, 1)
            return Gemma.load(folder, self.device, self.precision.dtype, expected=expected)

        return self._get("text_encoder", load_gemma)

    def text_conditioner(self) -> TextConditioner:
        return self._get("text", lambda: load_text_conditioner(*self._where("text conditioner")))

    # --- loading ---

    def _where(self, what: str) -> tuple[Checkpoint, torch.device, torch.dtype]:
        self.loading(f"loading {what}", 0, 1)
        return self.checkpoint, self.device, self.precision.dtype

    def _get(self, name: str, load: Callable[[], Loaded]) -> Loaded:
        if name not in self._loaded:
            if not self._plan.keep_others:
                self.release(*(other for other in self._loaded if other != name and name != "upsampler"))
            self._loaded[name] = load()
        return self._loaded[name]

    def _load_transformer(self) -> Transformer:
        plan = self._plan
        streaming = Streaming(plan.resident, plan.source) if plan.source else None
        network = load_transformer(
            self.checkpoint,
            self.device,
            self.precision.dtype,
            weights=WeightFormat.FP8_CAST if plan.cast_fp8 else WeightFormat.AS_STORED,
            streaming=streaming,
            progress=lambda done, total: self.loading("loading transformer", done, total),
        )
        network.set_feed_forward_chunk(plan.chunk)
        return network

    def _put_loras(self, network: Transformer, weights: Weights) -> None:
        wanted: list[tuple[Lora, float]] = []
        for lora in self._user_loras:
            if weights.reference_loras if lora.in_context else weights.user_loras:
                wanted.append((lora.file, lora.strength))
        if weights.distilled_lora:
            wanted.append((self._distilled(), weights.distilled_lora))
        named = tuple((str(lora.path), strength) for lora, strength in wanted)
        if named == self._in_force:
            return
        set_loras(network, wanted)
        self._in_force = named

    def _distilled(self) -> Lora:
        assert self.model.distilled_lora is not None
        if self._distilled_lora is None:
            self._distilled_lora = Lora.open(self.model.distilled_lora)
        return self._distilled_lora


def free_memory(device: torch.device) -> Memory:
    """What is free now, on the device and in the host."""
    import psutil

    host = psutil.virtual_memory().available
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        reusable = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return Memory("cuda", free + reusable, host)
    if device.type == "mps":
        limit = cast("int", torch.mps.recommended_max_memory())
        return Memory("mps", max(0, limit - torch.mps.driver_allocated_memory()), host)
    return Memory("cpu", host, host)


def demand_nothing() -> Demand:
    """The least that any job asks, for questions about a model as a whole: one latent frame of 2 x 2 cells."""
    return Demand(4, 1, 64, 2, 2, 1)
