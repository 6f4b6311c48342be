"""Schedules, steps, guidance and whole loops against the golden values."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from engine.conditioning.items import Item, Keyframe, LatentRegion, Replace, apply_items
from engine.conditioning.layout import AudioLayout, VideoLayout
from engine.conditioning.state import LatentState, fresh, frozen, noised
from engine.models.text import TextContext
from engine.models.transformer import Transformer
from engine.models.transformer_config import TransformerConfig
from engine.protocol.grid import AUDIO_TIME, FrameRange, LatentShape, latents_touching
from engine.sampling import sigmas
from engine.sampling.denoiser import TransformerDenoiser
from engine.sampling.guidance import HIGH_QUALITY, Guidance
from engine.sampling.loop import sample
from engine.sampling.pair import Pair
from engine.sampling.solvers import Euler, Res2s, Solver, ancestral_step, euler_step

GOLDEN = Path(__file__).parents[2] / "golden"
SHAPE = LatentShape(4, 2, 3)
AUDIO = AudioLayout(steps=26, channels=2)
Tensors = dict[str, Tensor]


def golden(name: str) -> tuple[Tensors, dict[str, Any]]:
    with safe_open(GOLDEN / "cases" / f"{name}.safetensors", framework="pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["params"])  # noqa: SIM118


def assert_near(actual: Tensor, expected: Tensor, relative: float) -> None:
    error = (actual - expected).abs().max() / expected.std()
    assert error <= relative, f"{error:.2e} of the standard deviation, allowed {relative:.0e}"


@pytest.fixture(scope="module")
def transformer() -> Transformer:
    prefix = "model.diffusion_model."
    with safe_open(GOLDEN / "tiny-checkpoint.safetensors", framework="pt") as file:
        network = Transformer(TransformerConfig.from_metadata(json.loads(file.metadata()["config"])["transformer"]))
        state = {
            key.removeprefix(prefix): file.get_tensor(key)
            for key in file.keys()  # noqa: SIM118
            if key.startswith(prefix) and "embeddings_connector" not in key
        }
    network.load_state_dict(state)
    return network.eval()


# --- schedules ----------------------------------------------------------------------------------------------------


def test_schedules_equal_golden() -> None:
    tensors, _ = golden("sigmas")
    for name, expected in tensors.items():
        words = name.split("_")
        if name.startswith("ltx2"):
            made = sigmas.ltx2(int(words[1][5:]), int(words[2][6:]))
        elif name.startswith("linear_quadratic"):
            made = sigmas.linear_quadratic(int(words[2][5:]))
        elif name.startswith("beta"):
            made = sigmas.beta(int(words[1][5:]))
        else:
            made = {"distilled_stage1": sigmas.DISTILLED_STAGE_1, "distilled_stage2": sigmas.DISTILLED_STAGE_2}[name]
        assert len(made) == len(expected), name
        torch.testing.assert_close(torch.tensor(made), expected, rtol=0, atol=1e-6, msg=name)


def test_the_distilled_schedule_is_linear_quadratic() -> None:
    assert sigmas.linear_quadratic(8) == pytest.approx(sigmas.DISTILLED_STAGE_1, abs=1e-12)


# --- steps and guidance -------------------------------------------------------------------------------------------


def test_euler_and_ancestral_steps_equal_golden() -> None:
    t, _ = golden("sampler-steps")
    schedule = [float(s) for s in t["sigmas"]]
    state = fresh(VideoLayout(LatentShape(1, 2, 7), 4, Fraction(24)))
    state = LatentState(state.layout, t["x"], t["clean"], t["mask"], state.positions)
    x0 = state.kept(t["x0"])
    assert_near(x0, t["expected_x0_masked"], 1e-5)
    for step in (0, 5, 7):
        sigma, after = schedule[step], schedule[step + 1]
        assert_near(euler_step(t["x"], x0, sigma, after), t[f"expected_euler_step{step}"], 1e-5)
        moved = ancestral_step(t["x"], x0, sigma, after, t["noise"]) if after else x0
        assert_near(moved, t[f"expected_ancestral_step{step}_before_mask"], 1e-5)
        final = state.kept(moved) if after else x0  # the last step returns x0, which is masked already
        assert_near(final, t[f"expected_ancestral_step{step}"], 1e-5)


def test_guidance_equals_golden() -> None:
    t, params = golden("guidance")
    for index, numbers in params["sets"].items():
        combined = Guidance(**numbers).combine(t["cond"], t["negative"], t["perturbed"], t["isolated"])
        assert_near(combined, t[f"expected_{index}"], 1e-5)


class Draws:
    """The golden noise, handed out in the documented order."""

    def __init__(self, tensors: Tensors, stacked: bool) -> None:
        self.tensors, self.stacked = tensors, stacked
        self.calls: list[str] = []

    def __call__(self, kind: str, like: Tensor) -> Tensor:
        stream = "audio" if self.calls.count(kind) % 2 else "video"
        index = self.calls.count(kind) // 2
        self.calls.append(kind)
        noise = self.tensors[f"noise.{kind}_{stream}"]
        return (noise[index : index + 1] if self.stacked else noise).to(like.dtype)


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_res2s_step_equals_golden(size: str) -> None:
    t, params = golden(f"res2s-step-{size}")
    layout = VideoLayout(LatentShape(1, 2, 7), 4, Fraction(24))
    audio = AudioLayout(6, 2)
    states = Pair(
        LatentState(layout, t["video.x"], t["video.clean"], t["video.mask"], layout.positions()[None]),
        LatentState(audio, t["audio.x"], t["audio.clean"], t["audio.mask"], audio.positions()[None]),
    )
    handed: list[Pair[Tensor]] = []

    def estimate(x: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]:
        handed.append(x)

        def toy(state: LatentState, name: str, latent: Tensor) -> Tensor:
            return state.kept((latent @ t[f"{name}.W"]).tanh() * (1 - sigma) + 0.1 * sigma)

        assert states.video is not None
        assert states.audio is not None
        assert x.video is not None
        assert x.audio is not None
        return Pair(toy(states.video, "video", x.video), toy(states.audio, "audio", x.audio))

    draws = Draws(t, stacked=False)
    x = states.map(lambda state: state.latent)
    after, _ = Res2s(draws).step(states, x, params["sigma_a"], params["sigma_b"], estimate, 0)
    assert draws.calls == ["substep", "substep", "step", "step"]
    for name, mid, end in (("video", handed[1].video, after.video), ("audio", handed[1].audio, after.audio)):
        assert mid is not None
        assert end is not None
        assert_near(mid, t[f"{name}.expected_mid"], 1e-5)
        assert_near(end, t[f"{name}.expected"], 1e-5)


# --- loops --------------------------------------------------------------------------------------------------------


class Recorder:
    """Passes everything on and remembers the latents handed to the model and its estimates."""

    def __init__(self, denoiser: TransformerDenoiser) -> None:
        self.denoiser = denoiser
        self.sigmas: list[float] = []
        self.handed: list[Pair[Tensor]] = []
        self.estimates: list[Pair[Tensor]] = []

    def prepare(self, sigmas: list[float]) -> None:
        self.denoiser.prepare(sigmas)

    def __call__(self, latents: Pair[Tensor], sigma: float, step: int) -> Pair[Tensor]:
        self.sigmas.append(sigma)
        self.handed.append(latents)
        self.estimates.append(self.denoiser(latents, sigma, step))
        return self.estimates[-1]


def run_loop(
    name: str,
    transformer: Transformer,
    states: Pair[LatentState],
    tensors: Tensors,
    *,
    guidance: Pair[Any] = Pair(None, None),  # noqa: B008 (an immutable value)
    solver: Solver | None = None,
    schedule: tuple[float, ...] | None = None,
    max_batch: int = 1,
    tolerance: float = 1e-4,
) -> float:
    """Runs a golden loop, checks every latent handed to the model and the result; returns the worst error."""
    t = tensors
    contexts = [
        TextContext(t[f"video.{kind}"], t[f"audio.{kind}"]) if f"video.{kind}" in t else None
        for kind in ("context", "negative_context")
    ]
    assert contexts[0] is not None
    denoiser = TransformerDenoiser(transformer, states, contexts[0], contexts[1], guidance, max_batch=max_batch)
    recorder = Recorder(denoiser)
    result = sample(states, schedule or tuple(map(float, t["sigmas"])), recorder, solver)
    worst = 0.0
    streams = (("video", states.video, result.video), ("audio", states.audio, result.audio))
    for index, (stream, before, after) in enumerate(streams):
        assert before is not None
        assert after is not None
        assert_near(before.mask, t[f"{stream}.mask"], 0) if before.mask.std() else None
        assert torch.equal(before.positions, t[f"{stream}.positions"])
        assert_near(before.latent, t[f"{stream}.start"], 1e-6)
        handed = torch.cat([pair[index] for pair in recorder.handed])
        for actual, expected in (
            (handed, t[f"{stream}.expected_trajectory"]),
            (after.result(), t[f"{stream}.expected_latent"]),
            (torch.cat([pair[index] for pair in recorder.estimates]), t.get(f"{stream}.expected_x0")),
        ):
            if expected is not None:
                assert_near(actual, expected, tolerance)
                worst = max(worst, float((actual - expected).abs().max() / expected.std()))
    if "sigma_of_call" in t:
        torch.testing.assert_close(torch.tensor(recorder.sigmas), t["sigma_of_call"], rtol=0, atol=1e-6)
    print(f"{name}: {worst:.1e}")
    return worst


def video_layout(tensors: Tensors) -> VideoLayout:
    return VideoLayout(LatentShape(*tensors["video.expected_latent"].shape[2:]), 4, Fraction(24))


def generated(tensors: Tensors, items: tuple[Item, ...] = (), noise_scale: float = 1.0) -> Pair[LatentState]:
    """Both streams made, from the golden noise."""
    t = tensors
    video = fresh(video_layout(t), initial=t.get("upsampled_latent", t.get("expected_upsampled_latent")))
    audio = fresh(AUDIO, initial=t.get("stage1.audio_latent"))
    video, audio = apply_items(video, items), audio
    if "video.noise" not in t:  # only the noised state is given
        return Pair(video.with_latent(t["video.start"]), audio.with_latent(t["audio.start"]))
    return Pair(noised(video, t["video.noise"], noise_scale), noised(audio, t["audio.noise"], noise_scale))


def test_loop_distilled_text_to_video(transformer: Transformer) -> None:
    t, _ = golden("loop-distilled-t2v")
    assert tuple(map(float, t["sigmas"])) == pytest.approx(sigmas.DISTILLED_STAGE_1, abs=1e-7)
    run_loop("t2v", transformer, generated(t), t, schedule=sigmas.DISTILLED_STAGE_1)


def test_loop_distilled_image_and_keyframe(transformer: Transformer) -> None:
    t, params = golden("loop-distilled-i2v-keyframe")
    items = (Replace(t["image_latent"]), Keyframe(t["keyframe_latent"], params["keyframe_pixel_frame"], 0.9))
    run_loop("i2v-keyframe", transformer, generated(t, items), t)


def test_loop_distilled_second_stage(transformer: Transformer) -> None:
    t, params = golden("loop-distilled-stage2")
    states = generated(t, noise_scale=params["noise_scale"])
    run_loop("stage2", transformer, states, t, schedule=sigmas.DISTILLED_STAGE_2)


def test_loop_audio_to_video_keeps_the_sound(transformer: Transformer) -> None:
    t, _ = golden("loop-distilled-a2v")
    video = noised(fresh(video_layout(t)), t["video.noise"])
    audio = noised(frozen(AUDIO, t["source.audio_latent"]), t["audio.noise"], 0)
    run_loop("a2v", transformer, Pair(video, audio), t)


def heard_region(params: dict[str, Any]) -> LatentRegion:
    return LatentRegion(AUDIO_TIME.touching(params["t0"], params["t1"], AUDIO.steps))


def test_loop_retake_of_both_streams(transformer: Transformer) -> None:
    t, params = golden("loop-distilled-retake")
    layout = video_layout(t)
    frames = FrameRange(math.floor(params["t0"] * 24), math.ceil(params["t1"] * 24))
    video = LatentRegion(latents_touching(frames)).apply(fresh(layout, initial=t["source.video_latent"]))
    audio = heard_region(params).apply(fresh(AUDIO, initial=t["source.audio_latent"]))
    states = Pair(noised(video, t["video.noise"]), noised(audio, t["audio.noise"]))
    run_loop("retake", transformer, states, t)


def test_loop_retake_of_the_sound_alone(transformer: Transformer) -> None:
    t, params = golden("loop-distilled-audio-retake")
    video = noised(frozen(video_layout(t), t["source.video_latent"]), t["video.noise"])
    audio = heard_region(params).apply(fresh(AUDIO, initial=t["source.audio_latent"]))
    run_loop("audio-retake", transformer, Pair(video, noised(audio, t["audio.noise"])), t)


@pytest.mark.parametrize("max_batch", [1, 3, 4])
def test_loop_guided_euler(transformer: Transformer, max_batch: int) -> None:
    t, params = golden("loop-guided-euler")
    blocks = tuple(params["stg_blocks"])
    guidance = Pair(Guidance(3, 1, blocks, 0.7, 3), Guidance(7, 1, blocks, 0.7, 3))
    states = generated(t, (Replace(t["image_latent"]),))
    run_loop(
        f"guided, {max_batch} at once",
        transformer,
        states,
        t,
        guidance=guidance,
        solver=Euler(),
        max_batch=max_batch,
        tolerance=1e-3,
    )


@pytest.mark.parametrize("name", ["loop-res2s-guided", "loop-res2s-stage2"])
def test_loop_res2s(transformer: Transformer, name: str) -> None:
    t, _ = golden(name)
    guidance: Pair[Any] = Pair(HIGH_QUALITY.video, HIGH_QUALITY.audio) if "guided" in name else Pair(None, None)
    states = generated(t, (Replace(t["image_latent"]),))
    solver = Res2s(Draws(t, stacked=True))
    run_loop(name, transformer, states, t, guidance=guidance, solver=solver, tolerance=1e-3)
