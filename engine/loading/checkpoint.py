"""A model file as a whole: what it holds, under which names, with which configuration. Reads headers only.

The official layout is one file with every network but Gemma, told apart by prefixes (specification
"transformer-and-pipelines" 1.2-1.4). Files that others have cut into pieces open too, alone or together; their names
are brought to the official ones here, so that nothing else has to know.
"""

from __future__ import annotations

import enum
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from torch import Tensor

from engine.loading.errors import MissingPart, NoConfig, WrongModelFamily
from engine.loading.safetensors_file import SafetensorsFile, TensorInfo, write_safetensors
from engine.models.errors import GemmaDoesNotFit
from engine.models.text import TextConfig

TRANSFORMER_PREFIX: Final = "model.diffusion_model."
OFFICIAL_PREFIXES: Final = (TRANSFORMER_PREFIX, "text_embedding_projection.", "vae.", "audio_vae.", "vocoder.")


class Family(enum.Enum):
    """What a safetensors file is, in the words of an error message."""

    LTX2 = "an LTX-2 model"
    UPSCALER = "a latent upscaler"
    LORA = "a LoRA"
    LTX25 = "an LTX-2.5 model"
    LTX2_DIFFUSERS = "LTX-2 in the layout of diffusers"
    LTX_VIDEO = "an LTX-Video 0.9 model, or another one without sound"
    WAN = "a Wan video model"
    HUNYUAN = "a HunyuanVideo model"
    FLUX = "a Flux image model"
    SDXL = "a Stable Diffusion XL model"
    SD = "a Stable Diffusion model"
    SD3 = "a Stable Diffusion 3 model"
    GEMMA = "a language model such as Gemma"
    UNKNOWN = "something unknown"


# One key is enough to tell; the first pattern that any key matches decides. Names as their makers publish them.
_TELLTALES: Final[tuple[tuple[re.Pattern[str], Family], ...]] = tuple(
    (re.compile(pattern), family)
    for pattern, family in (
        (r"[._](lora_(A|B|up|down)|lokr_|hada_|oft_|dora_scale)", Family.LORA),
        (r"keyframes_abs_pos_embedding$", Family.LTX25),
        (r"(^|\.)audio_patchify_proj\.", Family.LTX2),
        (r"^audio_proj_in\.", Family.LTX2_DIFFUSERS),
        (r"(^|\.)initial_conv\.weight$", Family.UPSCALER),
        (r"(^|\.)patchify_proj\.", Family.LTX_VIDEO),
        (r"(^|\.)blocks\.0\.(self_attn|cross_attn)\.(q|to_q)\.", Family.WAN),
        (r"(^|\.)txt_in\.individual_token_refiner\.", Family.HUNYUAN),
        (r"(^|\.)(double_blocks\.0\.img_attn|single_transformer_blocks\.0\.)", Family.FLUX),
        (r"(^|\.)joint_blocks\.0\.", Family.SD3),
        (r"^conditioner\.embedders\.|^add_embedding\.linear_1\.", Family.SDXL),
        (r"^cond_stage_model\.|(^|\.)(input_blocks\.0\.0|down_blocks\.0\.attentions\.0)\.", Family.SD),
        (r"(^|\.)layers\.0\.self_attn\.q_proj\.", Family.GEMMA),
        (r"^(audio_vae|vocoder|text_embedding_projection)\.|^(vae\.)?(en|de)coder\.conv_in\.conv\.", Family.LTX2),
    )
)


@dataclass(frozen=True)
class Checkpoint:
    """One model, from one file or several. Sizes, dtypes and places of all tensors are known; none has been read.

    `tensors` has the official names. `config` holds the sections "transformer", "vae", "audio_vae", "vocoder" and
    "scheduler", as far as the files give them. `model_version` is (2, 3, 0) and so on, () where the file says nothing;
    it selects defaults, never architecture.
    """

    path: Path
    files: tuple[SafetensorsFile, ...]
    config: Mapping[str, Any]
    metadata: Mapping[str, Any]
    model_version: tuple[int, ...]
    tensors: Mapping[str, TensorInfo]

    @classmethod
    def open(cls, path: str | os.PathLike[str], *more: str | os.PathLike[str]) -> Checkpoint:
        """Read the headers. Where two files hold the same thing, the earlier one counts.

        Raises OSError, NotSafetensors, Truncated, WrongModelFamily.
        """
        files = tuple(SafetensorsFile.open(one) for one in (path, *more))
        config: dict[str, Any] = {}
        metadata: dict[str, Any] = {}
        tensors: dict[str, TensorInfo] = {}
        for file in reversed(files):
            found = family(file)
            if found is not Family.LTX2:
                raise WrongModelFamily(file.path, found.value, Family.LTX2.value)
            parsed = parse_metadata(file.metadata)
            metadata |= parsed
            if isinstance(parsed.get("config"), dict):
                config |= cast("dict[str, Any]", parsed["config"])
            tensors |= _officially_named(file)
        version = parse_version(metadata.get("model_version"))
        return cls(files[0].path, files, config, metadata, version, tensors)

    def section(self, name: str) -> Mapping[str, Any]:
        """The configuration of one network. Raises NoConfig."""
        section = self.config.get(name)
        if not isinstance(section, dict):
            raise NoConfig(self.path, name)
        return cast("dict[str, Any]", section)

    def under(self, prefixes: Mapping[str, str], network: str, without: tuple[str, ...] = ()) -> dict[str, TensorInfo]:
        """The tensors whose official names begin with a key of `prefixes`, that prefix replaced by the value.

        Names that begin with one of `without` are left out. `network` names what is wanted, for the error.
        Raises MissingPart when there is none at all.
        """
        found: dict[str, TensorInfo] = {}
        for name, info in self.tensors.items():
            for prefix, replacement in prefixes.items():
                if name.startswith(prefix) and not name.startswith(without):
                    found[replacement + name.removeprefix(prefix)] = info
                    break
        if not found:
            raise MissingPart(self.path, network, next(iter(prefixes)))
        return found

    def has(self, prefix: str) -> bool:
        """Whether any tensor's official name begins so."""
        return any(name.startswith(prefix) for name in self.tensors)

    def size_bytes(self, prefix: str = "") -> int:
        """Bytes on disk of all tensors whose official names begin with `prefix`."""
        return sum(info.size_bytes for name, info in self.tensors.items() if name.startswith(prefix))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of all tensors, by official name."""
        return {name: info.shape for name, info in self.tensors.items()}


def family(file: SafetensorsFile) -> Family:
    """What the file holds, judged by its configuration and its names."""
    metadata = parse_metadata(file.metadata)
    config: Any = metadata.get("config")
    if isinstance(config, dict):
        sections = cast("dict[str, Any]", config)
        vae: Any = sections.get("vae")
        if isinstance(vae, dict) and cast("dict[str, Any]", vae).get("_class_name") == "CausalDiffusionVAE":
            return Family.LTX25
        if sections.get("_class_name") == "LatentUpsampler":
            return Family.UPSCALER
    if gemma_generation(metadata) not in (None, 3):
        return Family.LTX25
    for pattern, found in _TELLTALES:
        if any(pattern.search(name) for name in file.tensors):
            return found
    return Family.UNKNOWN


def parse_metadata(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Each value as JSON where it is JSON, else as the text it is."""
    parsed: dict[str, Any] = {}
    for key, value in metadata.items():
        try:
            parsed[key] = json.loads(value)
        except (ValueError, RecursionError):
            parsed[key] = value
    return parsed


def parse_version(version: Any) -> tuple[int, ...]:
    """ "2.3.0" -> (2, 3, 0); "2.3.rc1" and "2.3-rc1" -> (2, 3); anything else -> ()."""
    leading: list[int] = []
    for part in str(version).replace("-", ".").split("."):
        if not (part.isascii() and part.isdigit()):
            break
        leading.append(int(part))
    return tuple(leading)


def gemma_generation(metadata: Mapping[str, Any]) -> int | None:
    """Which Gemma the checkpoint says it was trained with; None where it says nothing (then it is Gemma 3)."""
    source: Any = metadata.get("gemma_source_checkpoint")
    if not isinstance(source, dict):
        return None
    digits = re.search(r"\d+", str(cast("dict[str, Any]", source).get("gemma_version", "")))
    return int(digits[0]) if digits else None


def _officially_named(file: SafetensorsFile) -> dict[str, TensorInfo]:
    """The file's tensors under official names. Re-packaged files have shorter ones: `diffusion_model.`, or none."""
    tensors = dict(file.tensors)
    if any(name.startswith(TRANSFORMER_PREFIX) for name in tensors):
        return tensors
    if any(name.startswith("diffusion_model.") for name in tensors):
        return {f"model.{name}" if name.startswith("diffusion_model.") else name: i for name, i in tensors.items()}
    if "patchify_proj.weight" in tensors:
        return {
            name if name.startswith(OFFICIAL_PREFIXES) else TRANSFORMER_PREFIX + name: info
            for name, info in tensors.items()
        }
    first = tensors.get("encoder.conv_in.conv.weight") or tensors.get("decoder.conv_in.conv.weight")
    if first is not None:
        prefix = "vae." if len(first.shape) == 5 else "audio_vae."  # convolutions over (t, y, x), or over (t, band)
        bare = ("encoder.", "decoder.", "per_channel_statistics.")
        return {prefix + name if name.startswith(bare) else name: info for name, info in tensors.items()}
    return tensors


def save_checkpoint(
    path: str | os.PathLike[str],
    config: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, Any] | None = None,
) -> None:
    """Write the official single-file layout: `tensors` under their official names, `config` as JSON in the metadata.

    `metadata` adds entries such as "model_version" and "license"; what isn't text becomes JSON. The file appears whole
    or not at all.
    """
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (metadata or {}).items()}
    write_safetensors(path, tensors, {**texts, "config": json.dumps(config)})


def check_gemma(folder: str | os.PathLike[str], checkpoint: Checkpoint) -> None:
    """Whether the Hugging Face folder is the text encoder that the checkpoint's text projection was made for.

    Looks at `config.json`, the list of weight files and their headers; loads nothing, so that it can be asked at any
    time (`Gemma.load` checks again what it needs). Raises GemmaDoesNotFit, NotSafetensors, Truncated, NoConfig.
    """
    folder = Path(folder)
    generation = gemma_generation(checkpoint.metadata)
    if generation not in (None, 3):
        raise GemmaDoesNotFit(folder, f"{checkpoint.path.name} needs Gemma {generation}; only Gemma 3 is supported")
    try:
        config = json.loads((folder / "config.json").read_text())
    except FileNotFoundError as exc:
        raise GemmaDoesNotFit(folder, "there is no config.json in it") from exc
    except ValueError as exc:
        raise GemmaDoesNotFit(folder, "its config.json is no valid JSON") from exc
    kind = config.get("model_type")
    if kind not in ("gemma3", "gemma3_text"):
        raise GemmaDoesNotFit(folder, f"it holds a model of type {kind!r}, not Gemma 3")
    text = config.get("text_config", config)
    width, layers = text.get("hidden_size"), text.get("num_hidden_layers")
    wanted = TextConfig.from_metadata(checkpoint.section("transformer"), checkpoint.shapes)
    if (width, layers) != (wanted.caption_channels, wanted.hidden_states - 1):
        raise GemmaDoesNotFit(
            folder,
            f"it has {layers} layers of width {width}; {checkpoint.path.name} was made for "
            f"{wanted.hidden_states - 1} layers of width {wanted.caption_channels}",
        )
    _check_gemma_files(folder)


def _check_gemma_files(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    if index.exists():
        try:
            names = sorted(set(json.loads(index.read_text())["weight_map"].values()))
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise GemmaDoesNotFit(folder, f"{index.name} is damaged") from exc
    else:
        names = ["model.safetensors"]
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise GemmaDoesNotFit(folder, f"{len(missing)} of {len(names)} weight files are missing: {missing[0]}")
    for name in names:
        SafetensorsFile.open(folder / name)  # raises Truncated for an unfinished download
    if not any((folder / name).exists() for name in ("tokenizer.json", "tokenizer.model")):
        raise GemmaDoesNotFit(folder, "its tokenizer is missing")
