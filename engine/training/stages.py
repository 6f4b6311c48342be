"""The stages of Pocket's training, each from the folder of the one before to its own: `python -m engine.training`."""

# safetensors and torch leave paths and seeds half annotated:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from engine.models.audio_vae import AudioVaeConfig
from engine.models.gemma import Gemma
from engine.models.text import TextConditioner, TextConfig
from engine.models.transformer import Transformer, TransformerConfig
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig
from engine.models.video_vae import VideoVaeConfig
from engine.models.vocoder import Vocoder, VocoderConfig
from engine.training import pocket
from engine.training.audio_autoencoder import STATISTICS_SEED, AudioVae, DrawSounds, train_audio_vae, train_vocoder
from engine.training.autoencoder import BASIS, VideoVae, train_video_vae
from engine.training.decoder import train_decoder
from engine.training.distil import distil
from engine.training.encode import PocketEncoders, encode_bucket, world_buckets
from engine.training.flow import FlowModel, is_full_size, train_flow
from engine.training.latent_basis import BlockBasis
from engine.training.latents import LatentClips
from engine.training.lora import train_lora
from engine.training.package import sizes, write_pocket
from engine.training.presets import Preset
from engine.training.run import Budget
from engine.training.sheets import SEED as SHEET_SEED
from engine.training.sheets import SHEET, prompts_of, sheet_of_rebuilt, sheet_of_samples
from engine.training.upscaler import LatentCodec, train_upscaler, upscaled
from engine.training.world import render_audio, render_video, sample_scenes

Network = TypeVar("Network", bound=nn.Module)
STYLES = ("natural", "natural", "natural", "natural", "sepia", "comic")
CAMERAS = ("pan left", "pan right", "push in", "pull out")
DESCRIPTION = Path(__file__).parents[2] / "resources" / "pocket" / "pocket.model.json"
DISTILLED_LORA = "pocket-distilled-lora.safetensors"
LORAS: dict[str, dict[str, Any]] = {
    "pocket-style-sepia": {"style": "sepia"},
    "pocket-camera-pull-out": {"cameras": ("pull out",), "moving_camera": 1.0},
}


def save_network(network: nn.Module, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().float().cpu().contiguous() for name, tensor in network.state_dict().items()}, path)


def load_network(network: Network, path: Path, device: torch.device) -> Network:
    network.load_state_dict(load_file(path))
    return network.to(device)


class WorldDraws:
    """Clips and sounds of Pocket's world by seed, rendered on the training device."""

    def __init__(self, device: torch.device):
        self.device = device

    def clips(self, count: int, frames: int, height: int, width: int, seed: int) -> Tensor:
        """Clips in every style and camera move that the LoRAs will need too: the autoencoder serves them all."""
        random = Random(seed)
        scenes = sample_scenes(
            count,
            seed,
            duration_s=frames / 24,
            aspect=width / height,
            changes=0.15,
            cameras=CAMERAS,
            style=random.choice(STYLES),
        )
        return render_video(scenes, frames=frames, height=height, width=width, fps=24, device=self.device)

    def pairs(self, count: int, frames: int, height: int, width: int, seed: int) -> tuple[Tensor, Tensor]:
        """The same scenes at half and at full size."""
        scenes = sample_scenes(count, seed, duration_s=frames / 24, aspect=width / height, cameras=CAMERAS)
        half, full = (
            render_video(scenes, frames=frames, height=height // d, width=width // d, fps=24, device=self.device)
            for d in (2, 1)
        )
        return half, full

    def sounds(self, count: int, samples: int, seed: int) -> Tensor:
        """16 kHz stereo from anywhere in a clip of four seconds."""
        aspect = Random(seed).choice((5 / 3, 1.0, 3 / 5))
        start = Random(seed).uniform(0, 3.9 - samples / 16000)
        scenes = sample_scenes(count, seed, duration_s=4.0, aspect=aspect)
        return render_audio(scenes, samples=samples, start_s=start, rate=16000, aspect=aspect, device=self.device)


def load_video_vae(root: Path, device: torch.device) -> VideoVae:
    vae = VideoVae(VideoVaeConfig.from_metadata(pocket.vae_config()))
    return load_network(vae, root / "video_vae.safetensors", device).eval()


def load_audio_vae(root: Path, device: torch.device) -> AudioVae:
    vae = AudioVae(AudioVaeConfig.from_metadata(pocket.audio_vae_config()))
    return load_network(vae, root / "audio_vae.safetensors", device).eval()


def load_upscaler(root: Path, device: torch.device) -> LatentUpsampler:
    network = LatentUpsampler(UpsamplerConfig.from_metadata(pocket.upsampler_config()))
    return load_network(network, root / "upscaler.safetensors", device).eval()


def new_flow_model(gemma: Path, device: torch.device) -> FlowModel:
    """Transformer and text conditioner that fit the text encoder in `gemma`, freshly initialised."""
    caption_channels, layers = gemma_shape(gemma)
    config = pocket.transformer_config(caption_channels)
    text = replace(TextConfig.from_metadata(config), hidden_states=layers + 1)
    return FlowModel(Transformer(TransformerConfig.from_metadata(config)), TextConditioner(text)).to(device)


def gemma_shape(folder: Path) -> tuple[int, int]:
    """Width and number of layers of the text encoder in a Hugging Face folder."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = config.get("text_config", config)
    return text["hidden_size"], text["num_hidden_layers"]


def load_flow_model(root: Path, gemma: Path, device: torch.device) -> FlowModel:
    return load_network(new_flow_model(gemma, device), root / "flow.safetensors", device)


def load_buckets(folder: Path, device: torch.device) -> list[LatentClips]:
    paths = sorted(folder.glob("*.pt"))
    if not paths:
        raise FileNotFoundError(f"no encoded clips in {folder}: run the stage 'latents' first")
    return [LatentClips.load(path, device) for path in paths]


@dataclass(frozen=True)
class Setup:
    """What all stages of one run share: its folder, the device, the text encoder's folder, and the sizes."""

    root: Path
    device: torch.device
    gemma: Path
    preset: Preset
    compile_blocks: bool = False


class Repeated:
    """The first `distinct` batches of sounds, rendered once and then given again and again."""

    def __init__(self, draw: DrawSounds, distinct: int):
        self._draw = draw
        self._distinct = distinct
        self._kept: dict[tuple[int, int, int], Tensor] = {}

    def __call__(self, count: int, samples: int, seed: int) -> Tensor:
        key = (count, samples, seed % self._distinct if seed < STATISTICS_SEED else seed)
        if key not in self._kept:
            self._kept[key] = self._draw(*key).half()
        return self._kept[key].float()


# ---- the stages ------------------------------------------------------------------------------------------------------


def vae_stage(setup: Setup, budget: Budget) -> None:
    """Video autoencoder, from pixels alone."""
    root, device = setup.root, setup.device
    vae = train_video_vae(WorldDraws(device).clips, root / "vae", budget, device, setup.preset.vae)
    save_network(vae, root / "video_vae.safetensors")
    sheet_of_rebuilt(root / "vae" / SHEET, vae, WorldDraws(device).clips(6, 25, 96, 160, SHEET_SEED))


def decoder_stage(setup: Setup, budget: Budget) -> None:
    """Video decoder, on the latents that the transformer will draw and on the encoder's own."""
    root, device = setup.root, setup.device
    vae, codec = load_video_vae(root, device), load_codec(setup)
    encode = [codec.encode, vae.encoder] if setup.preset.hand_made_latents else [vae.encoder]
    train_decoder(vae.decoder, encode, WorldDraws(device).clips, root / "decoder", budget, setup.preset.decoder)
    save_network(vae, root / "video_vae.safetensors")
    sheet_of_rebuilt(root / "decoder" / SHEET, vae, WorldDraws(device).clips(6, 25, 96, 160, SHEET_SEED))


def audio_stage(setup: Setup, budget: Budget) -> None:
    """Audio autoencoder, from spectrograms."""
    root, device = setup.root, setup.device
    sounds = Repeated(WorldDraws(device).sounds, setup.preset.distinct_sounds)
    vae = train_audio_vae(sounds, root / "audio", budget, device, setup.preset.audio)
    save_network(vae, root / "audio_vae.safetensors")


def vocoder_stage(setup: Setup, budget: Budget) -> None:
    """Vocoder, on what the audio autoencoder gives back."""
    root, device = setup.root, setup.device
    vae = load_audio_vae(root, device)
    sounds = Repeated(WorldDraws(device).sounds, setup.preset.distinct_sounds)
    vocoder = train_vocoder(sounds, vae, root / "vocoder", budget, device, setup.preset.audio)
    save_network(vocoder, root / "vocoder.safetensors")


def upscaler_stage(setup: Setup, budget: Budget) -> None:
    """Spatial x2 latent upsampler."""
    root, device = setup.root, setup.device
    encoder = load_video_vae(root, device).encoder
    upscaler = train_upscaler(
        WorldDraws(device).pairs, encoder, root / "upscaler", budget, device, setup.preset.upscaler
    )
    save_network(upscaler, root / "upscaler.safetensors")


def latents_stage(setup: Setup, budget: Budget) -> None:
    """Encode `budget.steps` clips for the transformer; a bucket that is there already is not made again."""
    root = setup.root
    folder = root / "latents"
    folder.mkdir(exist_ok=True)
    encoders = load_encoders(setup)
    begin = time.monotonic()
    for number, (bucket, share) in enumerate(world_buckets()):
        path = folder / f"{number:02d}-{bucket.width}x{bucket.height}x{bucket.frames}.pt"
        if path.exists():
            continue
        count = max(16, round(budget.steps * share))
        batch = max(8, min(256, 24_000_000 // (bucket.width * bucket.height * bucket.frames)))
        referenced = bucket.frames == 49
        seconds = None if budget.minutes is None else budget.minutes * 60 * share
        clips = encode_bucket(
            bucket, count, 1000 + number, encoders, batch=batch, with_reference=referenced, seconds=seconds
        )
        clips.save(path)
        print(f"latents {path.name}: {len(clips)} clips, {time.monotonic() - begin:.0f} s", flush=True)


def flow_stage(setup: Setup, budget: Budget) -> None:
    """Transformer and text connectors."""
    root, device, gemma = setup.root, setup.device, setup.gemma
    torch.manual_seed(0)
    model = new_flow_model(gemma, device)
    if setup.compile_blocks:
        for block in model.transformer.transformer_blocks:
            block.compile(dynamic=True)
    train_flow(model, load_buckets(root / "latents", device), root / "flow", budget, setup.preset.flow)
    save_network(model, root / "flow.safetensors")
    write_sheet(setup, "flow", model)


def distil_stage(setup: Setup, budget: Budget) -> None:
    """Distilled LoRA."""
    root, device, gemma = setup.root, setup.device, setup.gemma
    model = load_flow_model(root, gemma, device)
    buckets = load_buckets(root / "latents", device)
    upscaler, codec = load_upscaler(root, device), load_codec(setup)
    for clips in buckets:
        if is_full_size(clips.bucket):
            clips.upscaled_NCFhw = upscaled(clips, upscaler, codec)
    adapter = distil(model, buckets, root / "distil", budget, setup.preset.distil)
    save_network(adapter, root / "distilled_lora_state.safetensors")
    adapter.save(root / DISTILLED_LORA)
    write_sheet(setup, "distil", model, distilled=True)


def loras_stage(setup: Setup, budget: Budget) -> None:
    """The style and the camera LoRA, each on a few thousand clips of its own."""
    root, device, gemma = setup.root, setup.device, setup.gemma
    encoders = load_encoders(setup)
    for number, (name, look) in enumerate(LORAS.items()):
        clips = [
            encode_bucket(bucket, setup.preset.lora_clips, 50_000 + 100 * number + index, encoders, batch=48, look=look)
            for index, (bucket, _) in enumerate(world_buckets())
            if bucket.frames <= 49
        ]
        model = load_flow_model(root, gemma, device)
        adapter = train_lora(model, clips, root / name, budget, setup.preset.lora)
        adapter.save(root / f"{name}.safetensors")
        write_sheet(setup, name, model, look=look)


def package_stage(setup: Setup, budget: Budget) -> None:
    """Write what ships into `root/pocket`: every stage before has to be done."""
    root, gemma = setup.root, setup.gemma
    cpu = torch.device("cpu")
    video, audio = load_video_vae(root, cpu), load_audio_vae(root, cpu)
    vocoder = load_network(
        Vocoder(VocoderConfig.from_metadata(pocket.vocoder_config())), root / "vocoder.safetensors", cpu
    )
    folder = root / "pocket"
    write_pocket(
        folder,
        flow=load_flow_model(root, gemma, cpu),
        video_encoder=video.encoder,
        video_decoder=video.decoder,
        audio_encoder=audio.encoder,
        audio_decoder=audio.decoder,
        vocoder=vocoder,
        upscaler=load_upscaler(root, cpu),
    )
    shutil.copy2(root / DISTILLED_LORA, folder)
    (folder / "loras").mkdir(exist_ok=True)
    for name in LORAS:
        shutil.copy2(root / f"{name}.safetensors", folder / "loras")
    shutil.copytree(gemma, folder / "gemma", dirs_exist_ok=True)
    description = json.loads(DESCRIPTION.read_text(encoding="utf-8"))
    description |= {"distilled": False, "distilled_loras": [DISTILLED_LORA]}  # so both qualities are there
    description |= {"loras": {name: f"{name}.safetensors" for name in LORAS}}
    (folder / DESCRIPTION.name).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    print("package", sizes(folder), flush=True)


def load_encoders(setup: Setup) -> PocketEncoders:
    """The frozen networks of the stages before; for pictures the hand-made latents, where the preset says so."""
    root, device = setup.root, setup.device
    text = Gemma.load(setup.gemma, device=device, dtype=torch.float32)
    audio = load_audio_vae(root, device).encoder
    if setup.preset.hand_made_latents:
        return PocketEncoders(BlockBasis.load(root / "vae" / BASIS, device).normalised, audio, text)
    return PocketEncoders(load_video_vae(root, device).encoder, audio, text)


def load_codec(setup: Setup) -> LatentCodec:
    """To pixels and back as the preset's latents were made; the statistics are always the trained encoder's."""
    vae = load_video_vae(setup.root, setup.device)
    statistics = vae.encoder.per_channel_statistics
    if setup.preset.hand_made_latents:
        basis = BlockBasis.load(setup.root / "vae" / BASIS, setup.device)
        return LatentCodec(basis.pixels, basis.normalised, statistics)
    return LatentCodec(vae.decoder, vae.encoder, statistics)


def write_sheet(
    setup: Setup, stage: str, model: FlowModel, *, distilled: bool = False, look: Mapping[str, Any] | None = None
) -> None:
    """Eight clips that the model draws now, with what is hooked onto it, as a picture in the stage's folder."""
    text = Gemma.load(setup.gemma, device=setup.device, dtype=torch.float32)
    decoder = load_video_vae(setup.root, setup.device).decoder
    sheet_of_samples(setup.root / stage / SHEET, model, text, decoder, prompts_of(8, look), distilled=distilled)


STAGES: dict[str, Callable[[Setup, Budget], None]] = {
    "vae": vae_stage,
    "decoder": decoder_stage,
    "audio": audio_stage,
    "vocoder": vocoder_stage,
    "upscaler": upscaler_stage,
    "latents": latents_stage,
    "flow": flow_stage,
    "distil": distil_stage,
    "loras": loras_stage,
    "package": package_stage,
}
