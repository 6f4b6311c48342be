"""From a checkpoint to networks in memory: one `load_*` per network, all by the same path.

A network is built on the meta device, its names and shapes are compared with the file's, and each tensor goes from disk
straight to where it will live. What the transformer needs beyond that (FP8, streaming) is in `transformer_loading`.

Number formats: everything in the dtype asked for, except the latent statistics and the whole vocoder, which are float32
(in BF16 the vocoder loses the upper spectrum; specification "autoencoders-audio-upsampler" 3.4).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import torch
from torch import Tensor, nn

from engine.loading.checkpoint import TRANSFORMER_PREFIX, Checkpoint, Family, family, parse_metadata
from engine.loading.errors import KeysDoNotMatch, NoConfig, ShapesDoNotMatch, WrongModelFamily
from engine.loading.linear import parameter_table, replace_linears
from engine.loading.safetensors_file import Progress, SafetensorsFile, TensorInfo, read_tensors
from engine.models.audio_vae import AudioDecoder, AudioEncoder, AudioVaeConfig
from engine.models.text import CHECKPOINT_PREFIXES as TEXT_PREFIXES
from engine.models.text import TextConditioner, TextConfig
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig
from engine.models.video_vae import VideoDecoder, VideoEncoder, VideoVaeConfig
from engine.models.vocoder import PlainVocoder, Vocoder, VocoderConfig, build_vocoder

Network = TypeVar("Network", bound=nn.Module)
Device = torch.device | str


@dataclass(frozen=True)
class Part:
    """Where a network's tensors stand in a checkpoint: prefix in the file -> prefix in the network's state dict."""

    name: str
    prefixes: Mapping[str, str]
    without: tuple[str, ...] = ()


_STATISTICS: Final = "per_channel_statistics."
# Statistics of older checkpoints that no network uses.
_UNUSED_STATISTICS: Final = tuple(
    f"vae.{_STATISTICS}{name}" for name in ("channel", "mean-of-stds", "mean-of-stds_over_std-of-means")
)

TRANSFORMER: Final = Part(
    "transformer",
    {TRANSFORMER_PREFIX: ""},
    without=tuple(prefix for prefix in TEXT_PREFIXES if prefix.startswith(TRANSFORMER_PREFIX)),
)
TEXT: Final = Part("text conditioner", TEXT_PREFIXES)
VIDEO_ENCODER: Final = Part(
    "video encoder", {"vae.encoder.": "", f"vae.{_STATISTICS}": _STATISTICS}, _UNUSED_STATISTICS
)
VIDEO_DECODER: Final = Part(
    "video decoder", {"vae.decoder.": "", f"vae.{_STATISTICS}": _STATISTICS}, _UNUSED_STATISTICS
)
AUDIO_ENCODER: Final = Part("audio encoder", {"audio_vae.encoder.": "", f"audio_vae.{_STATISTICS}": _STATISTICS})
AUDIO_DECODER: Final = Part("audio decoder", {"audio_vae.decoder.": "", f"audio_vae.{_STATISTICS}": _STATISTICS})
VOCODER: Final = Part("vocoder", {"vocoder.": ""})


def load_text_conditioner(
    checkpoint: Checkpoint,
    device: Device = "cpu",
    dtype: torch.dtype = torch.bfloat16,
    *,
    progress: Progress | None = None,
) -> TextConditioner:
    """The projection of Gemma's hidden states and both connectors. Raises LoadingError, UnknownConfigValue, OSError."""
    config = TextConfig.from_metadata(checkpoint.section("transformer"), checkpoint.shapes)
    network = on_meta(lambda: TextConditioner(config))
    replace_linears(network)
    return _load_part(network, checkpoint, TEXT, device, dtype, progress)


@dataclass(frozen=True)
class PartLoader(Generic[Network]):
    """Loads one network of a checkpoint: `load(checkpoint, device, dtype, progress=...)`.

    `build` makes it from the section of the checkpoint's configuration that has its sizes.
    """

    part: Part
    section: str
    build: Callable[[Mapping[str, Any]], Network]

    def __call__(
        self,
        checkpoint: Checkpoint,
        device: Device = "cpu",
        dtype: torch.dtype = torch.bfloat16,
        *,
        progress: Progress | None = None,
    ) -> Network:
        """The network on `device`. Raises LoadingError, UnknownConfigValue, OSError."""
        network = on_meta(lambda: self.build(checkpoint.section(self.section)))
        return _load_part(network, checkpoint, self.part, device, dtype, progress)


load_video_encoder: Final = PartLoader(
    VIDEO_ENCODER, "vae", lambda config: VideoEncoder(VideoVaeConfig.from_metadata(config))
)
load_video_decoder: Final = PartLoader(
    VIDEO_DECODER, "vae", lambda config: VideoDecoder(VideoVaeConfig.from_metadata(config))
)
load_audio_encoder: Final = PartLoader(
    AUDIO_ENCODER, "audio_vae", lambda config: AudioEncoder(AudioVaeConfig.from_metadata(config))
)
load_audio_decoder: Final = PartLoader(
    AUDIO_DECODER, "audio_vae", lambda config: AudioDecoder(AudioVaeConfig.from_metadata(config))
)


def load_vocoder(
    checkpoint: Checkpoint, device: Device = "cpu", *, progress: Progress | None = None
) -> Vocoder | PlainVocoder:
    """Always float32. `PlainVocoder` is what an LTX-2.0 file has. Raises LoadingError, UnknownConfigValue, OSError."""
    config = VocoderConfig.from_metadata(checkpoint.section("vocoder"))
    network = on_meta(lambda: build_vocoder(config))
    return _load_part(network, checkpoint, VOCODER, device, torch.float32, progress)


def load_upsampler(
    path: str | os.PathLike[str],
    device: Device = "cpu",
    dtype: torch.dtype = torch.bfloat16,
    *,
    progress: Progress | None = None,
) -> LatentUpsampler:
    """A latent upsampler from its own file. Raises LoadingError, UnknownConfigValue, OSError."""
    file = SafetensorsFile.open(path)
    found = family(file)
    if found is not Family.UPSCALER:
        raise WrongModelFamily(file.path, found.value, Family.UPSCALER.value)
    config = parse_metadata(file.metadata).get("config")
    if not isinstance(config, dict):
        raise NoConfig(file.path, "upsampler")
    network = on_meta(lambda: LatentUpsampler(UpsamplerConfig.from_metadata(config)))  # pyright: ignore[reportUnknownArgumentType]  (JSON)
    return fill_network(network, dict(file.tensors), file.path, "upsampler", device, lambda _name: dtype, progress)


# ---- the path that all take ------------------------------------------------------------------------------------------


def on_meta(build: Callable[[], Network]) -> Network:
    """A network without memory: names, shapes and structure only."""
    with torch.device("meta"):
        return build().eval().requires_grad_(requires_grad=False)


def _load_part(
    network: Network,
    checkpoint: Checkpoint,
    part: Part,
    device: Device,
    dtype: torch.dtype,
    progress: Progress | None,
) -> Network:
    infos = checkpoint.under(part.prefixes, part.name, part.without)

    def dtype_of(name: str) -> torch.dtype:
        return torch.float32 if name.startswith(_STATISTICS) else dtype

    return fill_network(network, infos, checkpoint.path, part.name, device, dtype_of, progress)


def fill_network(
    network: Network,
    infos: Mapping[str, TensorInfo],
    path: Path,
    name: str,
    device: Device,
    dtype_of: Callable[[str], torch.dtype],
    progress: Progress | None,
) -> Network:
    """Gives a network on the meta device its tensors from `infos` (by the names of its state dict).

    `path` and `name` are for errors. The network comes back in eval mode, its parameters take no gradients.
    Raises KeysDoNotMatch, ShapesDoNotMatch, OSError, Truncated.
    """
    check_names_and_shapes(network, infos, path, name)
    with torch.inference_mode(mode=False), torch.no_grad():
        tensors = read_tensors(infos, device, convert=lambda key, tensor: tensor.to(dtype_of(key)), progress=progress)
        for key, tensor in tensors.items():
            assign(network, key, tensor)
    return network


def check_names_and_shapes(network: nn.Module, infos: Mapping[str, TensorInfo], path: Path, name: str) -> None:
    """Raises KeysDoNotMatch or ShapesDoNotMatch unless the file has exactly the network's tensors."""
    needed = {key: tuple(tensor.shape) for key, tensor in network.state_dict().items()}
    missing, extra = needed.keys() - infos.keys(), infos.keys() - needed.keys()
    if missing or extra:
        raise KeysDoNotMatch(path, name, missing, extra)
    wrong = {key: (infos[key].shape, shape) for key, shape in needed.items() if infos[key].shape != shape}
    if wrong:
        raise ShapesDoNotMatch(path, name, wrong)


def assign(network: nn.Module, key: str, tensor: Tensor) -> None:
    """Puts a tensor in the place of the parameter or buffer of that name, whatever was there."""
    parent, _, name = key.rpartition(".")
    module = network.get_submodule(parent)
    if name in parameter_table(module, "_parameters"):
        module.register_parameter(name, nn.Parameter(tensor, requires_grad=False))
    else:
        setattr(module, name, tensor)


def official_tensors(**networks: nn.Module) -> dict[str, Tensor]:
    """The tensors of networks under their official names, for `save_checkpoint`.

    Arguments: `transformer`, `text`, `video_encoder`, `video_decoder`, `audio_encoder`, `audio_decoder`, `vocoder`.
    """
    parts = {
        "transformer": TRANSFORMER,
        "text": TEXT,
        "video_encoder": VIDEO_ENCODER,
        "video_decoder": VIDEO_DECODER,
        "audio_encoder": AUDIO_ENCODER,
        "audio_decoder": AUDIO_DECODER,
        "vocoder": VOCODER,
    }
    tensors: dict[str, Tensor] = {}
    for argument, network in networks.items():
        # The longest inner prefix that fits decides: "" fits everything.
        pairs = sorted(parts[argument].prefixes.items(), key=lambda pair: -len(pair[1]))
        for key, tensor in network.state_dict().items():
            outer, inner = next((outer, inner) for outer, inner in pairs if key.startswith(inner))
            tensors[outer + key.removeprefix(inner)] = tensor
    return tensors
