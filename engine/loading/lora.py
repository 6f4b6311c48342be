"""LoRA files: every known way to name their tensors, and putting them beside a network's weights and off again.

How a LoRA then takes part in the computation, and why no weight is ever changed, stands in `linear.py`.
File formats: specification "transformer-and-pipelines" 7.1.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import torch
from torch import Tensor

from engine.loading.checkpoint import Family, family, parse_metadata
from engine.loading.errors import LoraDoesNotMatch, LoraNeedsTextConditioner, UnreadableLora, WrongModelFamily
from engine.loading.linear import Linear, linears
from engine.loading.safetensors_file import Progress, SafetensorsFile, TensorInfo, read_tensors, write_safetensors
from engine.loading.transformer_loading import BLOCKS, streamer_of
from engine.models.text import TextConditioner
from engine.models.transformer import Transformer

# What may stand before a layer's name, in any nesting: PEFT, ComfyUI and official, diffusers, full checkpoints.
_PREFIXES: Final = ("base_model.model.", "model.", "diffusion_model.", "transformer.", "connectors.")
_TEXT_PREFIX: Final = "text_embedding_projection."
# Trainers of the Kohya line write paths with underscores for dots; the network's own names tell them apart again.
_FLAT_PREFIX: Final = re.compile(r"^(lora_unet_|lora_transformer_|lycoris_)(diffusion_model_)?")

# diffusers -> official, by whole components of the path (8.1; only those that hold Linears).
_DIFFUSERS_NAMES: Final = {
    "proj_in": "patchify_proj",
    "audio_proj_in": "audio_patchify_proj",
    "time_embed": "adaln_single",
    "audio_time_embed": "audio_adaln_single",
    "prompt_adaln": "prompt_adaln_single",
    "audio_prompt_adaln": "audio_prompt_adaln_single",
    "av_cross_attn_video_scale_shift": "av_ca_video_scale_shift_adaln_single",
    "av_cross_attn_audio_scale_shift": "av_ca_audio_scale_shift_adaln_single",
    "av_cross_attn_video_a2v_gate": "av_ca_a2v_gate_adaln_single",
    "av_cross_attn_audio_v2a_gate": "av_ca_v2a_gate_adaln_single",
    "video_connector": "video_embeddings_connector",
    "audio_connector": "audio_embeddings_connector",
    "video_text_proj_in": "video_aggregate_embed",
    "audio_text_proj_in": "audio_aggregate_embed",
}
_TEXT_LAYER: Final = re.compile(r"^((video|audio)_embeddings_connector\.|((video|audio)_)?aggregate_embed$)")

_DOWN: Final = re.compile(r"\.(lora_A(\.\w+)?|lora_down|lora\.down)\.weight$")
_UP: Final = re.compile(r"\.(lora_B(\.\w+)?|lora_up|lora\.up)\.weight$")
_ALPHA: Final = re.compile(r"\.alpha$")

_MADE_FOR: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(r"(^|[._])(double|single)_(transformer_)?blocks[._]"), "Flux or HunyuanVideo"),
    (re.compile(r"^blocks[._]\d+[._](self|cross)_attn[._]"), "Wan"),
    (re.compile(r"(^|[._])(input|down|up|mid)_blocks?[._]"), "Stable Diffusion"),
    (re.compile(r"(^|\.)layers\.\d+\.(self_attn|mlp)\."), "a language model"),
)


class LoraPair(NamedTuple):
    """The two factors for one layer: W + strength * scale * (up @ down)."""

    down: TensorInfo  # (rank, in)
    up: TensorInfo  # (out, rank)
    scale: float  # alpha / rank where the format knows an alpha, else 1

    @property
    def rank(self) -> int:
        return self.down.shape[0]


@dataclass(frozen=True)
class Lora:
    """One LoRA file: its header is read, its numbers are not.

    `pairs` is by the layer's name in `Transformer` or `TextConditioner`; a flat name (underscores for dots) stays as it
    is until a network is at hand. The reference factors are those of an in-context LoRA: how much smaller in space, and
    how many times fewer in time, its reference video is.
    """

    path: Path
    pairs: Mapping[str, LoraPair]
    reference_downscale_factor: int
    reference_temporal_scale_factor: int
    metadata: Mapping[str, Any]

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Lora:
        """A file, or a PEFT folder with `adapter_model.safetensors` and `adapter_config.json`.

        Raises OSError, NotSafetensors, Truncated, WrongModelFamily (no LoRA at all), UnreadableLora.
        """
        path = Path(path)
        file = SafetensorsFile.open(path / "adapter_model.safetensors" if path.is_dir() else path)
        found = family(file)
        if found is not Family.LORA:
            raise WrongModelFamily(file.path, found.value, Family.LORA.value)
        metadata = parse_metadata(file.metadata)
        pairs = _pairs(file, _peft_config(file, metadata))
        return cls(
            path=file.path,
            pairs=pairs,
            reference_downscale_factor=_factor(
                file.path, metadata, "reference_downscale_factor", "reference_spatial_scale_factor"
            ),
            reference_temporal_scale_factor=_factor(file.path, metadata, "reference_temporal_scale_factor"),
            metadata=metadata,
        )

    @property
    def size_bytes(self) -> int:
        """Of all pairs, as stored."""
        return sum(pair.down.size_bytes + pair.up.size_bytes for pair in self.pairs.values())


class LorasInForce(NamedTuple):
    """What `set_loras` did: layers that now have a LoRA, and text layers left out because no conditioner was given."""

    layers: int
    ignored_text_layers: int


def set_loras(
    transformer: Transformer,
    loras: Sequence[tuple[Lora, float]],
    *,
    text: TextConditioner | None = None,
    progress: Progress | None = None,
) -> LorasInForce:
    """Make exactly these LoRAs act, each with its strength, in place of those that acted before; none: the base alone.

    Only the LoRAs are read. Layers of resident blocks get theirs on the device; those of streamed blocks travel with
    the block. A strength of 0 costs nothing. Text layers act if `text` (loaded by us) is given, else they are left out,
    as the official pipelines do. Call it between steps, not during one.

    Raises LoraDoesNotMatch, LoraNeedsTextConditioner, OSError or Truncated, and then nothing has changed.
    """
    layers: dict[str, Linear] = {**linears(transformer), **(linears(text) if text is not None else {})}
    wanted: dict[str, list[tuple[LoraPair, float]]] = {}
    ignored = 0
    for lora, strength in loras:
        named = _fitting_pairs(lora, layers, with_text=text is not None)
        ignored += len(lora.pairs) - len(named)
        for name, pair in named.items() if strength else ():
            wanted.setdefault(name, []).append((pair, strength))

    streamer = streamer_of(transformer)
    streamed = {f"{BLOCKS}{index}." for index in streamer.layouts} if streamer is not None else set[str]()
    with torch.inference_mode(mode=False), torch.no_grad():
        travelling = {name for name in wanted if name.startswith(tuple(streamed))} if streamed else set[str]()
        factors = _read(wanted, travelling, layers, transformer.patchify_proj.weight.dtype, progress)

        for name, layer in layers.items():
            down, up = factors.get(name, (None, None)) if name not in travelling else (None, None)
            layer.lora_down, layer.lora_up = down, up
        if streamer is not None:
            extra: dict[int, dict[str, Tensor]] = {}
            for name in sorted(travelling):
                index, _, path = name.removeprefix(BLOCKS).partition(".")
                down, up = factors[name]
                extra.setdefault(int(index), {}).update({f"{path}.lora_down": down, f"{path}.lora_up": up})
            streamer.set_extra(extra)
    return LorasInForce(len(wanted), ignored)


def check_lora(lora: Lora, transformer: Transformer) -> int:
    """Whether `set_loras` would take it. The network needs our Linears but no weights: it may be on the meta device.

    Returns how many of its layers are the text conditioner's, which `set_loras` leaves out without one.
    Raises LoraDoesNotMatch, LoraNeedsTextConditioner.
    """
    return len(lora.pairs) - len(_fitting_pairs(lora, linears(transformer), with_text=False))


def save_lora(
    path: str | os.PathLike[str],
    pairs: Mapping[str, tuple[Tensor, Tensor]],
    *,
    reference_downscale_factor: int | None = None,
    reference_temporal_scale_factor: int | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the official format. `pairs`: the layer's name in `Transformer` or `TextConditioner` -> (down, up).

    The format knows no alpha: multiply it into `up`. The factors belong to in-context LoRAs: only a file that has them
    is taken for one.
    """
    tensors: dict[str, Tensor] = {}
    for name, (down, up) in pairs.items():
        stem = f"{_TEXT_PREFIX}{name}" if "aggregate_embed" in name else f"diffusion_model.{name}"
        tensors[f"{stem}.lora_A.weight"] = down
        tensors[f"{stem}.lora_B.weight"] = up
    given = {
        "reference_downscale_factor": reference_downscale_factor,
        "reference_temporal_scale_factor": reference_temporal_scale_factor,
    }
    factors = {name: str(factor) for name, factor in given.items() if factor is not None}
    write_safetensors(path, tensors, {**(metadata or {}), **factors})


# ---- reading names ---------------------------------------------------------------------------------------------------


class _PeftConfig(NamedTuple):
    """What decides the scale where no tensor says it."""

    alpha: float | None = None
    alpha_pattern: Mapping[str, float] = {}
    rank_stabilised: bool = False

    def scale(self, module: str, rank: int) -> float:
        alpha = self.alpha
        for pattern, value in self.alpha_pattern.items():
            if re.search(rf"(^|\.)({pattern})$", module):
                alpha = value
        if alpha is None:
            return 1.0
        return alpha / rank**0.5 if self.rank_stabilised else alpha / rank


def _peft_config(file: SafetensorsFile, metadata: Mapping[str, Any]) -> _PeftConfig:
    """From diffusers' metadata or PEFT's neighbouring file; the official format has neither and needs none."""
    found: Any = metadata.get("lora_adapter_metadata")
    if isinstance(found, dict):
        # diffusers writes {"transformer.lora_alpha": 16, ...}: PEFT's fields behind the component's name.
        entries = cast("dict[str, Any]", found).items()
        return _as_peft(file.path, {key.removeprefix("transformer."): value for key, value in entries})
    if any(name.startswith("base_model.model.") for name in file.tensors):
        beside = file.path.with_name("adapter_config.json")
        try:
            config = json.loads(beside.read_text())
        except FileNotFoundError as exc:
            raise UnreadableLora(
                file.path, "adapter_config.json is not beside it, and without that its strength is unknown"
            ) from exc
        except ValueError as exc:
            raise UnreadableLora(file.path, "adapter_config.json beside it is no valid JSON") from exc
        return _as_peft(file.path, config)
    return _PeftConfig()


def _as_peft(path: Path, config: Mapping[str, Any]) -> _PeftConfig:
    if config.get("use_dora"):
        raise UnreadableLora(path, "it is a DoRA, which is not supported")
    alpha = config.get("lora_alpha")
    patterns = cast("dict[str, Any]", config.get("alpha_pattern") or {})
    for value in (alpha, *patterns.values()):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            raise UnreadableLora(path, f"its lora_alpha is {value!r}")
    return _PeftConfig(alpha, patterns, bool(config.get("use_rslora", False)))


def _pairs(file: SafetensorsFile, config: _PeftConfig) -> dict[str, LoraPair]:
    roles: dict[str, dict[str, TensorInfo]] = {"down": {}, "up": {}, "alpha": {}}
    unknown: list[str] = []
    for key, info in file.tensors.items():
        for role, pattern in (("down", _DOWN), ("up", _UP), ("alpha", _ALPHA)):
            match = pattern.search(key)
            if match is not None:
                roles[role][key[: match.start()]] = info
                break
        else:
            unknown.append(key)
    down, up, alpha_infos = roles["down"], roles["up"], roles["alpha"]
    if unknown:
        raise UnreadableLora(file.path, f"{len(unknown)} tensors are of a kind that is not supported", unknown)
    halves = down.keys() ^ up.keys()
    if halves:
        raise UnreadableLora(file.path, f"{len(halves)} layers have only one half of a pair", list(halves))
    crooked = [
        name
        for name in down
        if len(down[name].shape) != 2 or len(up[name].shape) != 2 or down[name].shape[0] != up[name].shape[1]
    ]
    if crooked:
        raise UnreadableLora(file.path, f"the two halves of {len(crooked)} layers don't fit each other", crooked)
    alphas = {
        name: float(value.float().sum())
        for name, value in read_tensors({name: i for name, i in alpha_infos.items() if i.size_bytes <= 8}).items()
    }
    pairs: dict[str, LoraPair] = {}
    for module in down:
        rank = down[module].shape[0]
        scale = alphas[module] / rank if module in alphas else config.scale(module, rank)
        name = _layer_name(module)
        if name in pairs:
            raise UnreadableLora(file.path, "it has two pairs for one layer", [name])
        pairs[name] = LoraPair(down[module], up[module], scale)
    return pairs


def _layer_name(module: str) -> str:
    """A layer's path in a LoRA file, whatever the format, to its name in our networks (or a flat name)."""
    module = _FLAT_PREFIX.sub("", module)
    stripped = True
    in_connectors = False
    while stripped:
        stripped = False
        for prefix in _PREFIXES:
            if module.startswith(prefix):
                in_connectors |= prefix == "connectors."
                module = module.removeprefix(prefix)
                stripped = True
    module = module.removeprefix(_TEXT_PREFIX)
    first, dot, rest = module.partition(".")
    first = _DIFFUSERS_NAMES.get(first, first)
    if in_connectors:
        rest = re.sub(r"^transformer_blocks\.", "transformer_1d_blocks.", rest)
    return first + dot + rest


def _factor(path: Path, metadata: Mapping[str, Any], *names: str) -> int:
    for name in names:
        if name in metadata:
            value = metadata[name]
            if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < 1:
                raise UnreadableLora(path, f"its {name} is {value!r}, not a whole number")
            return int(value)
    return 1


# ---- putting on ------------------------------------------------------------------------------------------------------


def _fitting_pairs(lora: Lora, layers: Mapping[str, Linear], *, with_text: bool) -> dict[str, LoraPair]:
    """The pairs by the layers' own names, without those of text layers where none are given; all of them fit."""
    flat_names = {name.replace(".", "_"): name for name in layers}
    named = {flat_names.get(name, name): pair for name, pair in lora.pairs.items()}
    if not with_text:
        named = {name: pair for name, pair in named.items() if not _TEXT_LAYER.match(name)}
    _check_match(lora, named, layers)
    return named


def _check_match(lora: Lora, named: Mapping[str, LoraPair], layers: Mapping[str, Linear]) -> None:
    if not named:
        raise LoraNeedsTextConditioner(lora.path)
    unknown = [name for name in named if name not in layers]
    shapes = {
        name: ((pair.up.shape[0], pair.down.shape[1]), (layers[name].out_features, layers[name].in_features))
        for name, pair in named.items()
        if name in layers
    }
    wrong = {name: (has, needs) for name, (has, needs) in shapes.items() if has != needs}
    if unknown or wrong:
        hints = (hint for pattern, hint in _MADE_FOR if any(pattern.search(name) for name in unknown))
        raise LoraDoesNotMatch(lora.path, len(named) - len(unknown) - len(wrong), unknown, wrong, hint=next(hints, ""))


def _read(
    wanted: Mapping[str, list[tuple[LoraPair, float]]],
    travelling: set[str],
    layers: Mapping[str, Linear],
    dtype: torch.dtype,
    progress: Progress | None,
) -> dict[str, tuple[Tensor, Tensor]]:
    """For each layer the stacked factors: down (ranks, in), up (out, ranks) with the strengths multiplied in.

    `dtype` is the transformer's; layers of the text conditioner have their own. Travelling ones stay on the CPU.
    """
    by_device: dict[torch.device, dict[str, TensorInfo]] = {}
    for name, pairs in wanted.items():
        device = torch.device("cpu") if name in travelling else layers[name].weight.device
        infos = by_device.setdefault(device, {})
        for number, (pair, _) in enumerate(pairs):
            infos[f"down {number} {name}"] = pair.down
            infos[f"up {number} {name}"] = pair.up
    total = sum(info.size_bytes for infos in by_device.values() for info in infos.values())

    def convert(key: str, stored: Tensor) -> Tensor:
        half, number, name = key.split(" ", 2)
        if half == "up":
            pair, strength = wanted[name][int(number)]
            stored = stored.float() * (strength * pair.scale)
        return stored.to(layers[name].weight.dtype if _TEXT_LAYER.match(name) else dtype)

    parts: dict[str, Tensor] = {}
    before = 0
    for device, infos in by_device.items():
        report = None if progress is None else _Offset(progress, before, total)
        parts |= read_tensors(infos, device, convert=convert, progress=report)
        before += sum(info.size_bytes for info in infos.values())
    stacked: dict[str, tuple[Tensor, Tensor]] = {}
    for name, pairs in wanted.items():
        numbers = range(len(pairs))
        stacked[name] = (
            _joined([parts.pop(f"down {number} {name}") for number in numbers], 0),
            _joined([parts.pop(f"up {number} {name}") for number in numbers], 1),
        )
    return stacked


class _Offset(NamedTuple):
    """A part of a longer progress."""

    whole: Progress
    before: int
    total: int

    def __call__(self, done: int, _total: int) -> None:
        self.whole(self.before + done, self.total)


def _joined(tensors: Sequence[Tensor], axis: int) -> Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tuple(tensors), axis)
