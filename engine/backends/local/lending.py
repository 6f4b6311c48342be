"""The networks of one model: loaded when they are first lent, kept as long as the plan allows, LoRAs put on and off."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from engine.backends.base import OutOfMemory
from engine.backends.local.catalogue import InstalledModel
from engine.backends.local.device import Precision, free_memory
from engine.backends.local.headers import facts_of, sizes_of
from engine.backends.local.memory import (
    MARGIN,
    RESERVE,
    MemoryPlan,
    ModelSizes,
    gigabytes,
)
from engine.loading.checkpoint import Checkpoint
from engine.loading.fp8 import WeightFormat
from engine.loading.gemma_streaming import StreamedGemma
from engine.loading.linear import replace_linears
from engine.loading.lora import Lora, check_lora, set_loras
from engine.loading.networks import (
    load_audio_decoder,
    load_audio_encoder,
    load_text_conditioner,
    load_upsampler,
    load_video_decoder,
    load_video_encoder,
    load_vocoder,
    on_meta,
)
from engine.loading.safetensors_file import read_tensors
from engine.loading.streaming import BlockStreamer, Streaming
from engine.loading.transformer_loading import load_transformer, streamer_of
from engine.models.audio_vae import AudioDecoder, AudioEncoder
from engine.models.gemma import Gemma
from engine.models.latent_statistics import PerChannelStatistics
from engine.models.preview import LatentToRgb
from engine.models.text import TextConditioner, TextConfig, TextContext
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.models.video_vae import VideoDecoder, VideoEncoder
from engine.models.vocoder import PlainVocoder, Vocoder
from engine.pipelines.networks import Weights, upsampling

# Names of what is loaded for prompts alone: a text encoder that is streamed can't write, so there may be two.
TEXT_NETWORKS = ("text_encoder", "text_writer", "text")

# (phase, bytes done, bytes in all), and ("", 1, 1) when it's there: may raise to cancel
Loading = Callable[[str, int, int], None]
Loaded = TypeVar("Loaded")


class UserLora(NamedTuple):
    """A LoRA that a job asked for. In-context LoRAs act only in the stages that show their reference.

    text_layers   how many layers it has for the reading of prompts, which don't act (nor do they in the official
                  pipelines): contexts are cached by prompt alone
    """

    file: Lora
    strength: float
    in_context: bool
    text_layers: int = 0


class Held(NamedTuple):
    """Bytes of weights on the device and in the host's memory beside it."""

    device: int
    host: int


def _streamer(network: Any) -> BlockStreamer | None:
    """What brings a network's weights bit by bit, or None when all of them are in memory."""
    if isinstance(network, StreamedGemma):
        return network.streamer
    return streamer_of(network) if isinstance(network, Transformer) else None


class LocalNetworks:
    """Lends the networks of one model on one device (see engine.pipelines.networks.Networks).

    Whatever is loaded stays until `release`, as far as the plan lets it: see `memory.Keep`.
    """

    def __init__(
        self, model: InstalledModel, checkpoint: Checkpoint, device: torch.device, precision: Precision
    ) -> None:
        self.model = model
        self.checkpoint = checkpoint
        self.device = device
        self.precision = precision
        self.facts = facts_of(model, checkpoint)
        self._sizes: ModelSizes | None = None
        self.loading: Loading = lambda phase, done, total: None
        self.preview_table: LatentToRgb | None = None
        self.prompt_tokens = model.description.prompt_tokens
        self.cut: tuple[int, ...] = ()  # prompts of the last call that were longer than that
        self._plan = MemoryPlan(resident=self.facts.layers, blocks=self.facts.layers)
        self._loaded: dict[str, Any] = {}
        self._user_loras: tuple[UserLora, ...] = ()
        self._in_force: tuple[tuple[str, float], ...] = ()
        self._distilled_lora: Lora | None = None
        self._statistics: PerChannelStatistics | None = None
        self._skeleton: Transformer | None = None  # names and shapes only

    @property
    def loaded(self) -> frozenset[str]:
        """Names of what is in memory now."""
        return frozenset(self._loaded)

    @property
    def sizes(self) -> ModelSizes:
        """What the planner needs; worked out once (a second or two for the largest models)."""
        if self._sizes is None:
            self._sizes = sizes_of(self.model, self.checkpoint, self.precision)
        return self._sizes

    @property
    def held(self) -> Held:
        """What the loaded weights take now, those that wait in host memory included."""
        device = host = 0
        for network in tuple(self._loaded.values()):
            module: nn.Module = network.model if isinstance(network, Gemma) else network
            for tensor in (*module.parameters(), *module.buffers()):
                if tensor.device.type == self.device.type:
                    device += tensor.nbytes
                elif not tensor.is_meta:
                    host += tensor.nbytes
            streamer = _streamer(network)
            if streamer is not None:
                device, host = device + streamer.device_bytes, host + streamer.host_bytes
        return Held(device, host)

    def prepare(self, plan: MemoryPlan, loras: Sequence[UserLora], loading: Loading) -> None:
        """Set up for the next job. Weights that the new plan keeps otherwise are loaded again when they are lent."""
        old = self._plan
        if (plan.resident, plan.source, plan.fp8) != (old.resident, old.source, old.fp8):
            self.release("transformer")
        if (plan.on_host, plan.text_streamed) != (old.on_host, old.text_streamed):
            self.release(*TEXT_NETWORKS)
        self._plan = plan
        self._release_all_but("transformer")
        self._user_loras = tuple(loras)
        self.loading = loading
        transformer = self._loaded.get("transformer")
        if isinstance(transformer, Transformer):
            transformer.set_feed_forward_chunk(plan.chunk)

    def release(self, *names: str) -> None:
        """Let networks go that are loaded; without names all of them."""
        going = [name for name in names or tuple(self._loaded) if name in self._loaded]
        if not going:
            return
        for name in going:
            network = self._loaded.pop(name)
            streamer = _streamer(network)
            if streamer is not None:
                streamer.close()
            if isinstance(network, Transformer):
                self._in_force = ()
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        elif self.device.type == "mps":
            torch.mps.empty_cache()

    def check_lora(self, lora: Lora) -> int:
        """How many of its layers won't act; see UserLora. The transformer need not be loaded for that.

        Raises LoraError for one that doesn't fit this transformer.
        """
        if self._skeleton is None:
            config = TransformerConfig.from_metadata(self.checkpoint.section("transformer"))
            self._skeleton = on_meta(lambda: Transformer(config))
            replace_linears(self._skeleton)
        return check_lora(lora, self._skeleton)

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
        path = self.model.upsamplers[factor] if time == 1 else self.model.temporal_upsampler
        assert path is not None
        name = f"upsampler {factor} {time}"
        network = self._get(name, lambda: load_upsampler(path, self.device, self.precision.dtype))
        yield upsampling(network, self._video_statistics())

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
        states = self._prompt_reader().encode(prompts)
        longest = self.prompt_tokens
        self.cut = tuple(number for number, state in enumerate(states) if len(state) > longest)
        if self._plan.keep != "all":
            self.release("text_encoder")
        device = torch.device("cpu") if "text" in self._plan.on_host else self.device

        def load_conditioner() -> TextConditioner:
            self.loading("loading text conditioner", 0, 1)
            return load_text_conditioner(self.checkpoint, device, self.precision.dtype)

        conditioner = self._get("text", load_conditioner)
        with torch.no_grad():
            return [
                conditioner.of_prompts([state[:longest].to(device, self.precision.dtype)], longest) for state in states
            ]

    def text_encoder(self) -> Gemma:
        """The whole text encoder, which can write: on the device, or in host memory where only that has the room.

        Others go where there is no room beside it. Raises OutOfMemory with the numbers, and what loading raises.
        """
        name = "text_writer" if self._plan.text_streamed else "text_encoder"
        if name in self._loaded:
            return self._loaded[name]
        needed = int(self.sizes.parts["text_encoder"] * MARGIN)
        if free_memory(self.device).device_free < needed + RESERVE:
            self.release()
        free = free_memory(self.device)
        if free.device_free >= needed + RESERVE:
            return self._load_gemma(name, self.device)
        if free.kind == "cuda" and free.host_free >= needed:
            return self._load_gemma(name, torch.device("cpu"))
        raise OutOfMemory(
            f"Writing prompts takes the whole text encoder, about {gigabytes(needed)} of free memory; there are "
            f"{gigabytes(max(free.device_free, free.host_free))}. Write the prompt out yourself, or end other programs."
        )

    def _prompt_reader(self) -> Gemma:
        """The text encoder as the plan has it: on the device, in host memory, or from disk layer by layer."""
        if "text_encoder" in self._loaded:
            return self._loaded["text_encoder"]
        if not self._plan.text_streamed:
            on_host = "text_encoder" in self._plan.on_host
            return self._load_gemma("text_encoder", torch.device("cpu")) if on_host else self.text_encoder()
        _, folder = self.model.require()
        return self._get(
            "text_encoder",
            lambda: StreamedGemma.open(folder, self.device, self.precision.dtype, expected=self._text_config()),
        )

    def _load_gemma(self, name: str, device: torch.device) -> Gemma:
        _, folder = self.model.require()
        return self._get(name, lambda: Gemma.load(folder, device, self.precision.dtype, expected=self._text_config()))

    def _text_config(self) -> TextConfig:
        """What the checkpoint expects of its text encoder; asked right before that is loaded, so that it is told."""
        self.loading("loading text encoder", 0, 1)
        return TextConfig.from_metadata(self.checkpoint.section("transformer"), self.checkpoint.shapes)

    # --- loading ---

    def _where(self, what: str) -> tuple[Checkpoint, torch.device, torch.dtype]:
        self.loading(f"loading {what}", 0, 1)
        return self.checkpoint, self.device, self.precision.dtype

    def _get(self, name: str, load: Callable[[], Loaded]) -> Loaded:
        if self._plan.keep != "all" and name not in TEXT_NETWORKS:
            # An earlier plan had room for it, and a known prompt doesn't ask for it; or it has just written a prompt.
            self.release("text_encoder", "text_writer")
        if name not in self._loaded:
            self._release_all_but(name)
            self._loaded[name] = load()
            self.loading("", 1, 1)
        return self._loaded[name]

    def _release_all_but(self, name: str) -> None:
        """What the plan doesn't keep beside the network that is needed now."""
        if self._plan.keep in ("all", "model"):
            return
        kept = {name, "transformer"} if self._plan.keep == "transformer" and name not in TEXT_NETWORKS else {name}
        self.release(*(other for other in tuple(self._loaded) if other not in kept))

    def _video_statistics(self) -> PerChannelStatistics:
        """Mean and deviation of the video latents: a few numbers, read without the autoencoder around them."""
        if self._statistics is None:
            names = ("mean-of-means", "std-of-means")
            infos = {name: self.checkpoint.tensors[f"vae.per_channel_statistics.{name}"] for name in names}
            found = read_tensors(infos, self.device)
            statistics = PerChannelStatistics(len(found[names[0]])).to(self.device)
            statistics.load_state_dict({name: tensor.float() for name, tensor in found.items()})
            self._statistics = statistics
        return self._statistics

    def _load_transformer(self) -> Transformer:
        plan = self._plan
        streaming = Streaming(plan.resident, plan.source) if plan.source else None
        network = load_transformer(
            self.checkpoint,
            self.device,
            self.precision.dtype,
            weights=WeightFormat.FP8_SCALED if plan.fp8 else self.precision.weights,
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
