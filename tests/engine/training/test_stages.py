"""Every stage of Pocket's training runs, learns, and hands its networks on, at a size that a test can afford."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from engine.loading.checkpoint import Checkpoint
from engine.loading.lora import Lora, set_loras
from engine.loading.networks import load_video_decoder
from engine.loading.transformer_loading import load_transformer
from engine.models.audio_vae import AudioVaeConfig
from engine.models.latent_statistics import PerChannelStatistics
from engine.models.transformer_streams import StreamInput, Timesteps
from engine.models.upsampler import LatentUpsampler, UpsamplerConfig
from engine.models.video_vae import VideoVaeConfig
from engine.models.vocoder import Vocoder, VocoderConfig
from engine.sampling.sigmas import DISTILLED_STAGE_2
from engine.training import pocket
from engine.training.audio_autoencoder import AudioTraining, AudioVae, train_audio_vae, train_vocoder
from engine.training.autoencoder import Renderings, VaeTraining, VideoVae, some_blocks, train_video_vae
from engine.training.block_start import fit_blocks
from engine.training.decoder import DecoderTraining, EncodedRenderings, train_decoder
from engine.training.distil import DistilTraining, begun_upscaled, distil
from engine.training.encode import PocketEncoders, encode_bucket
from engine.training.flow import BatchMaker, FlowModel, FlowTraining, train_flow
from engine.training.latent_basis import BlockBasis, cut_blocks
from engine.training.latents import Bucket, LatentClips
from engine.training.lora import LoraTraining, train_lora
from engine.training.package import CHECKPOINT, write_pocket
from engine.training.run import Budget, Randomness, Run
from engine.training.sheets import prompts_of, sampled, sheet_of_rebuilt, sheet_of_samples
from engine.training.stages import WorldDraws, new_flow_model
from engine.training.upscaler import LatentCodec, UpscalerTraining, train_upscaler, upscaled

CPU = torch.device("cpu")
BUCKET = Bucket(64, 64, 17, Fraction(24))
SMALL_VAE = VaeTraining(
    frames=9, crop=64, batch=1, distinct=2, blocks_for_basis=90, block_steps=2, block_batch=8, statistics_batches=2
)


class WordCounter:
    """Stands in for the text encoder: hidden states that depend on the words, five layers of 64."""

    def encode(self, prompts: Sequence[str]) -> list[Tensor]:
        states: list[Tensor] = []
        for prompt in prompts:
            generator = torch.Generator().manual_seed(len(prompt))
            states.append(torch.randn(1 + len(prompt.split()), 64, 5, generator=generator))
        return states


@pytest.fixture(scope="module")
def gemma(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gemma")
    (folder / "config.json").write_text(json.dumps({"hidden_size": 64, "num_hidden_layers": 4}))
    return folder


@pytest.fixture(scope="module")
def networks() -> tuple[VideoVae, AudioVae]:
    torch.manual_seed(0)
    return (
        VideoVae(VideoVaeConfig.from_metadata(pocket.vae_config())),
        AudioVae(AudioVaeConfig.from_metadata(pocket.audio_vae_config())),
    )


@pytest.fixture(scope="module")
def clips(networks: tuple[VideoVae, AudioVae]) -> LatentClips:
    encoders = PocketEncoders(networks[0].encoder, networks[1].encoder, WordCounter())  # type: ignore[arg-type]
    return encode_bucket(BUCKET, 6, 1, encoders, batch=3, with_reference=True)


def model_of(gemma: Path) -> FlowModel:
    torch.manual_seed(3)
    return new_flow_model(gemma, CPU)


def test_hand_made_latents_hold_most_of_the_picture(tmp_path: Path) -> None:
    clips = WorldDraws(CPU).clips(4, 9, 64, 96, seed=2)
    basis = BlockBasis.fit(cut_blocks(clips).flatten(0, 3), channels=32)
    latent = basis.encode(clips)
    assert latent.shape == (4, 32, 2, 2, 3)
    rebuilt = basis.decode(latent)
    assert torch.allclose(basis.normalised(clips).std(dim=(0, 2, 3, 4)), latent.std(dim=(0, 2, 3, 4)) * basis.spread())
    assert basis.spread()[:10].argmin() == 9  # the tenth is typical, those before it vary more
    assert float(basis.spread()[9]) == pytest.approx(2.0)
    basis.save(tmp_path / "basis.safetensors")
    assert torch.equal(BlockBasis.load(tmp_path / "basis.safetensors", CPU).encode(clips), latent)
    assert rebuilt.shape == clips.shape
    assert (rebuilt - clips).square().mean() < 0.02 * clips.var()


def test_video_autoencoder_learns_and_measures_its_latents(tmp_path: Path) -> None:
    training = SMALL_VAE
    vae = train_video_vae(WorldDraws(CPU).clips, tmp_path, Budget(4), CPU, training)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["pixel"] < lines[0]["pixel"]
    assert (vae.encoder.per_channel_statistics.std > 0).all()
    assert torch.equal(vae.encoder.per_channel_statistics.std, vae.decoder.per_channel_statistics.std)


SMALL_DECODER = DecoderTraining(frames=9, crop=2, batch=2, distinct=1, places=3)


def test_decoder_learns_on_latents_that_stay(tmp_path: Path) -> None:
    torch.manual_seed(1)
    vae = VideoVae(VideoVaeConfig.from_metadata(pocket.vae_config()))
    before = {name: weight.clone() for name, weight in vae.encoder.state_dict().items()}
    train_decoder(vae.decoder, [vae.encoder], WorldDraws(CPU).clips, tmp_path, Budget(6), SMALL_DECODER)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["pixel"] < lines[0]["pixel"]
    assert all(torch.equal(weight, before[name]) for name, weight in vae.encoder.state_dict().items())


def test_decoder_sees_the_busiest_of_some_places_and_every_way_to_encode() -> None:
    def counted(number: int):
        def encode(clips: Tensor) -> Tensor:
            called.add(number)
            shown = clips[:, :1, ::8, ::32, ::32].clone()  # one value a block
            return shown

        return encode

    def draw(count: int, frames: int, height: int, width: int, seed: int) -> Tensor:
        clips = torch.zeros(count, 3, frames, height, width)
        clips[..., :64, :64] = torch.rand((count, 3, frames, 64, 64), generator=torch.Generator().manual_seed(seed))
        return clips

    called: set[int] = set()
    training = replace(SMALL_DECODER, distinct=8, places=60)
    renderings = EncodedRenderings(draw, [counted(0), counted(1)], training)
    for number in range(8):
        latents, pixels = renderings.batch(number)
        assert latents.shape == (2, 1, 2, 2, 2)
        assert pixels.shape == (2, 3, 9, 64, 64)
        assert torch.allclose(pixels[:, :1, ::8, ::32, ::32], latents, atol=0.01)
        assert pixels.std() > 0.25  # the one corner where something is
    assert called == {0, 1}
    assert all(torch.equal(a, b) for a, b in zip(renderings.batch(3), renderings.batch(3), strict=True))


class StoppedError(Exception):
    """Somebody ended the program."""


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next run save its state before `step` and end there, as a killed one does."""
    steps = Run.steps

    def until(run: Run) -> Iterator[tuple[int, float]]:
        for number, fraction in steps(run):
            if number == step:
                run.save()
                raise StoppedError
            yield number, fraction

    monkeypatch.setattr(Run, "steps", until)


def test_a_stopped_video_autoencoder_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(folder: Path) -> VideoVae:
        return train_video_vae(WorldDraws(CPU).clips, folder, Budget(3), CPU, SMALL_VAE)

    whole = train(tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(2, patch)
        with pytest.raises(StoppedError):
            train(tmp_path / "parts")
    parts = train(tmp_path / "parts")
    assert_equal_weights(whole, parts)


def test_a_stopped_transformer_goes_on_to_the_same_weights(
    tmp_path: Path, gemma: Path, clips: LatentClips, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(folder: Path) -> FlowModel:
        model = model_of(gemma)
        train_flow(model, [clips, clips], folder, Budget(3), FlowTraining(tokens_per_batch=200))
        return model

    whole = train(tmp_path / "whole")
    with monkeypatch.context() as patch:
        stop_at(2, patch)
        with pytest.raises(StoppedError):
            train(tmp_path / "parts")
    assert_equal_weights(whole, train(tmp_path / "parts"))


def assert_equal_weights(one: nn.Module, other: nn.Module) -> None:
    theirs = other.state_dict()
    assert [name for name, tensor in one.state_dict().items() if not torch.equal(tensor, theirs[name])] == []


def test_blocks_are_learnt_before_any_neighbour_is_seen() -> None:
    """A hundred cheap steps, and the whole networks rebuild pictures: far beyond what a mean colour gives."""
    torch.manual_seed(0)
    training = VaeTraining(frames=9, crop=64, batch=4, distinct=4, blocks_for_basis=120)
    renderings = Renderings(WorldDraws(CPU).clips, training)
    blocks = some_blocks(renderings, training)
    vae = VideoVae(VideoVaeConfig.from_metadata(pocket.vae_config()))
    basis = BlockBasis.fit(blocks, channels=pocket.LATENT_CHANNELS)
    errors = list(fit_blocks(vae.encoder, vae.decoder, blocks, basis.of_blocks(blocks), steps=100, seed=0, batch=12))
    assert errors[-1][1] < 0.8 * errors[0][1]
    assert errors[-1][2] < 0.3 * errors[0][2]
    clips = renderings.batch(0)
    with torch.no_grad():
        rebuilt = vae.decoder(vae.encoder(clips))
    assert (rebuilt - clips).square().mean() < 0.7 * clips.var()


def test_sound_networks_learn(tmp_path: Path) -> None:
    training = AudioTraining(batch=2, samples=160 * 32, vocoder_batch=2, vocoder_samples=160 * 16)
    sounds = WorldDraws(CPU).sounds
    vae = train_audio_vae(sounds, tmp_path / "vae", Budget(5), CPU, training)
    vocoder = train_vocoder(sounds, vae, tmp_path / "vocoder", Budget(2), CPU, training)
    assert not vocoder.bwe_generator.conv_post.weight.any()  # no more than a resampler
    lines = [json.loads(line) for line in (tmp_path / "vae" / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["mel"] < lines[0]["mel"]


def test_upscaler_learns(tmp_path: Path, networks: tuple[VideoVae, AudioVae]) -> None:
    def small_pairs(count: int, frames: int, height: int, width: int, seed: int) -> tuple[Tensor, Tensor]:
        return WorldDraws(CPU).pairs(count, frames, 64, 64, seed)

    training = UpscalerTraining(frames=9, batch=1)
    network = train_upscaler(small_pairs, networks[0].encoder, tmp_path, Budget(2), CPU, training)
    assert network(torch.zeros(1, pocket.LATENT_CHANNELS, 1, 1, 1)).shape[-2:] == (2, 2)


def test_encoded_clips_survive_their_file(tmp_path: Path, clips: LatentClips) -> None:
    clips.save(tmp_path / "clips.pt")
    again = LatentClips.load(tmp_path / "clips.pt", CPU)
    assert again.bucket == clips.bucket
    assert torch.equal(again.video_NCFhw, clips.video_NCFhw)
    assert torch.equal(again.hidden_NPLDY, clips.hidden_NPLDY)


def test_batches_hold_every_kind_of_given_material(gemma: Path, clips: LatentClips) -> None:
    maker = BatchMaker([clips], FlowTraining(), Randomness(0, CPU), model_of(gemma))
    picked = torch.arange(4)
    plain = maker.streams(0, picked, keyframes=False, reference=False)
    assert plain.video.latent_BTC.shape[1] == clips.video_tokens
    with_still = maker.streams(0, picked, keyframes=True, reference=False)
    cells = clips.video_tokens // 3
    assert with_still.video.latent_BTC.shape[1] == clips.video_tokens + cells
    assert not with_still.video_weight_BT[:, -cells:].any()  # nothing is learnt from what is given
    start = with_still.video.positions_BAT2[:, 0, -1, 0] * float(BUCKET.rate)
    assert torch.allclose(start, start.round(), atol=1e-4)
    with_reference = maker.streams(0, picked, keyframes=False, reference=True)
    assert with_reference.video.latent_BTC.shape[1] == 2 * clips.video_tokens


def test_kept_tokens_are_clean_and_frozen_streams_have_no_noise(gemma: Path, clips: LatentClips) -> None:
    maker = BatchMaker([clips], FlowTraining(seed=4), Randomness(1, CPU), model_of(gemma))
    for _ in range(6):
        picked = torch.arange(6)
        streams = maker.streams(0, picked, keyframes=False, reference=False)
        taken = clips.take(picked, np.random.default_rng(0))
        for stream, clean, velocity in (
            (streams.video, taken.video_BTC, streams.video_velocity_BTC),
            (streams.audio, taken.audio_BSC, streams.audio_velocity_BSC),
        ):
            timestep = stream.timesteps.per_token()[..., None]
            assert torch.allclose(stream.latent_BTC - timestep * velocity, clean, atol=1e-4)
            frozen = stream.sigma_B == 0
            assert torch.equal(stream.latent_BTC[frozen], clean[frozen])


def test_flow_distillation_and_loras_learn_and_fit_the_engine(
    tmp_path: Path, gemma: Path, clips: LatentClips, networks: tuple[VideoVae, AudioVae]
) -> None:
    model = model_of(gemma)
    train_flow(model, [clips], tmp_path / "flow", Budget(6), FlowTraining(tokens_per_batch=350))
    lines = [json.loads(line) for line in (tmp_path / "flow" / "log.jsonl").read_text().splitlines()]
    assert min(line["video"] for line in lines[-2:]) < lines[0]["video"]

    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    adapter = distil(model, [clips], tmp_path / "distil", Budget(2), DistilTraining(tokens_per_batch=250, substeps=2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    adapter.save(tmp_path / "distilled.safetensors")

    # what was trained is what the engine loads: the checkpoint, and the LoRA beside it
    write_pocket(
        tmp_path / "pocket",
        flow=model,
        video_encoder=networks[0].encoder,
        video_decoder=networks[0].decoder,
        audio_encoder=networks[1].encoder,
        audio_decoder=networks[1].decoder,
        vocoder=Vocoder(VocoderConfig.from_metadata(pocket.vocoder_config())),
        upscaler=LatentUpsampler(UpsamplerConfig.from_metadata(pocket.upsampler_config())),
    )
    checkpoint = Checkpoint.open(tmp_path / "pocket" / CHECKPOINT)
    load_video_decoder(checkpoint, CPU, torch.float32)
    loaded = load_transformer(checkpoint, CPU, torch.float32)
    video, audio = some_streams(clips)
    adapter.strength = 1.0
    with torch.no_grad():
        wanted = model.transformer(video, audio).video
        set_loras(loaded, [(Lora.open(tmp_path / "distilled.safetensors"), 1.0)])
        found = loaded(video, audio).video
    assert wanted is not None
    assert found is not None
    assert (found - wanted).abs().max() < 0.05 * wanted.std()  # bfloat16 on disk
    total = sum(path.stat().st_size for path in (tmp_path / "pocket").iterdir())
    assert total < 38_000_000  # LoRAs and text encoder need the rest of the 40 MB


def test_a_step_begun_at_upscaled_latents_ends_where_the_teachers_does(gemma: Path, clips: LatentClips) -> None:
    upscaler = LatentUpsampler(UpsamplerConfig.from_metadata(pocket.upsampler_config()))
    statistics = PerChannelStatistics(pocket.LATENT_CHANNELS)
    blocks = cut_blocks(WorldDraws(CPU).clips(4, 17, 64, 64, seed=2)).flatten(0, 3)
    basis = BlockBasis.fit(blocks, channels=pocket.LATENT_CHANNELS)
    codec = LatentCodec(basis.pixels, basis.normalised, statistics)
    latents = clips.video_NCFhw.float()
    again = basis.normalised(basis.pixels(latents))
    assert torch.allclose(
        again[:, :, 1:], latents[:, :, 1:], atol=1e-2
    )  # of the first block one picture of eight is left

    made = upscaled(clips, upscaler, codec, batch=4)
    assert made.shape == clips.video_NCFhw.shape
    start, end = DISTILLED_STAGE_2[:2]
    maker = BatchMaker(
        [replace(clips, upscaled_NCFhw=made)],
        FlowTraining(),
        Randomness(0, CPU),
        model_of(gemma),
        lambda _, count, generator: torch.full((count,), start),
    )
    streams = maker.streams(0, torch.arange(6), keyframes=True, reference=False)
    error = streams.upscaling_error_BTC
    assert error is not None
    mask = streams.video.timesteps.per_token()[..., None] / start
    assert error.any()
    assert not (error * (mask < 0.5)).any()  # what is kept or given stays as it is
    velocity = torch.randn(streams.video.latent_BTC.shape)
    begun, wanted = begun_upscaled(streams, velocity, start, end)
    theirs = streams.video.latent_BTC + (end - start) * mask * velocity
    ours = begun.video.latent_BTC + (end - start) * mask * wanted
    assert torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("distilled", [True, False])
def test_a_sheet_shows_what_the_transformer_draws(
    tmp_path: Path, gemma: Path, networks: tuple[VideoVae, AudioVae], distilled: bool
) -> None:
    prompts = prompts_of(2, {"style": "sepia"})
    assert all("sepia" in prompt.lower() or "Sepia" in prompt for prompt in prompts)
    model, text = model_of(gemma), WordCounter()
    latents = sampled(model, text, prompts, distilled=distilled)  # type: ignore[arg-type]
    assert latents.shape == (2, pocket.LATENT_CHANNELS, 4, 3, 5)
    assert not torch.equal(latents[0], latents[1])
    again = sampled(model, text, prompts, distilled=distilled)  # type: ignore[arg-type]
    assert torch.equal(latents, again)
    path = tmp_path / "sheet.png"
    sheet_of_samples(path, model, text, networks[0].decoder, prompts, distilled=distilled)  # type: ignore[arg-type]
    sheet_of_rebuilt(tmp_path / "rebuilt.png", networks[0], WorldDraws(CPU).clips(2, 9, 64, 96, seed=2))
    with Image.open(path) as sheet, Image.open(tmp_path / "rebuilt.png") as rebuilt:
        assert sheet.width > 6 * 160
        assert sheet.height > 2 * 96
        assert rebuilt.height > 4 * 64


def test_a_lora_leaves_the_base_alone_at_strength_zero(tmp_path: Path, gemma: Path, clips: LatentClips) -> None:
    model = model_of(gemma)
    video, audio = some_streams(clips)
    with torch.no_grad():
        base = model.transformer(video, audio).video
    adapter = train_lora(model, [clips], tmp_path, Budget(2), LoraTraining(tokens_per_batch=250))
    with torch.no_grad():
        changed = model.transformer(video, audio).video
        adapter.strength = 0.0
        alone = model.transformer(video, audio).video
    assert base is not None
    assert changed is not None
    assert alone is not None
    assert torch.equal(alone, base)
    assert not torch.equal(changed, base)


def some_streams(clips: LatentClips) -> tuple[StreamInput, StreamInput]:
    """Two clips half noised, with random text."""
    taken = clips.take(torch.arange(2), np.random.default_rng(0))
    sigma = torch.tensor([0.5, 0.5])
    generator = torch.Generator().manual_seed(0)

    def stream(clean: Tensor, positions: Tensor, width: int) -> StreamInput:
        noise = torch.randn(clean.shape, generator=generator)
        context = torch.randn(2, 32, width, generator=generator)
        times = Timesteps.uniform(sigma, clean.shape[1])
        return StreamInput((clean + noise) / 2, sigma, times, positions, context)

    return stream(taken.video_BTC, clips.video_positions, 192), stream(taken.audio_BSC, clips.audio_positions, 96)
