"""Every mode end to end on tiny networks: exact counts, what is kept, what is drawn, cancelling, drafts, passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pipeline_kit import Collected, ResidentNetworks, contexts, film, tiny_networks, tone
from torch import Tensor

from engine.conditioning.layout import AudioLayout, VideoLayout
from engine.conditioning.state import draw_noise, fresh, noised
from engine.pipelines import recipe as recipes
from engine.pipelines import task as modes
from engine.pipelines.delivery import JOIN_FRAMES
from engine.pipelines.draft import draft_bytes, load_draft
from engine.pipelines.errors import MissingContext, NotPossible
from engine.pipelines.phases import planned_phases
from engine.pipelines.runner import Runner
from engine.pipelines.signals import network_pixels, rgb8
from engine.pipelines.task import GuideImage, Known, Reference, Task, TensorPictures, plan_following, reference_numbers
from engine.protocol.grid import FrameRange, LatentShape, mirrored, sample_of_frame
from engine.protocol.window import plan_extend, plan_fill, plan_new, plan_retake
from engine.sampling.denoiser import TransformerDenoiser
from engine.sampling.errors import Cancelled
from engine.sampling.loop import sample
from engine.sampling.pair import Pair
from engine.sampling.sigmas import DISTILLED_STAGE_1

RATE = Fraction(24)
LARGE = (64, 128)
NTSC = Fraction(30000, 1001)
H, W = 32, 64


def task_of(plans: Any, networks: ResidentNetworks, *, stages: int = 1, **options: Any) -> Task:
    recipe = options.pop("recipe", None) or recipes.fast(networks.facts, stages)
    height, width = options.pop("size", (H, W))
    return Task(plans, height, width, recipe, contexts(), **options)


def run(networks: ResidentNetworks, task: Task, **options: Any) -> Collected:
    collected = Collected()
    Runner(networks, collected).run(task, collected, **options)
    planned = planned_phases(
        task, networks.facts, draft_only=options.get("draft_only", False), from_draft=bool(options.get("drafts"))
    )
    assert [(phase.name, phase.steps) for phase in planned] == [
        (name, steps or 0) for name, steps, _ in collected.phases
    ]
    assert all(phase.work > 0 for phase in planned)
    return collected


def check_counts(collected: Collected, task: Task, variation: int = 0) -> None:
    """Exactly the asked frames and handles, and exactly their samples."""
    if task.deliver_video and task.video == "make":
        assert len(collected.film(variation)) == task.result.frames
        assert collected.film(variation).shape[1:] == (task.height, task.width, 3)
    else:
        assert not collected.frames
    if task.deliver_audio and task.audio == "make":
        expected = sample_of_frame(task.result.end, task.rate, task.sample_rate)
        expected -= sample_of_frame(task.result.start, task.rate, task.sample_rate)
        assert collected.track(variation).shape == (2, expected)
        assert collected.track(variation).abs().max() <= 1
    else:
        assert not collected.samples


def test_text_to_video(networks: ResidentNetworks) -> None:
    task = modes.text_to_video(task_of(plan_new(13, RATE, 33), networks))
    collected = run(networks, task)
    check_counts(collected, task)
    assert [phase[0] for phase in collected.phases] == ["stage 1", "decoding sound", "decoding"]
    assert collected.phases[0] == ("stage 1", 8, 0)
    assert collected.previews[0] == (2, 1, 3, "3")


def test_text_to_video_without_sound(networks: ResidentNetworks) -> None:
    task = modes.text_to_video(task_of(plan_new(9, NTSC, 33), networks), sound=False)
    check_counts(run(networks, task), task)


def test_two_stages_and_the_same_from_a_draft(networks: ResidentNetworks, tmp_path: Path) -> None:
    task = modes.text_to_video(
        task_of(plan_new(20, RATE, 33), networks, stages=2, size=LARGE, seeds=(3, 4)),
        (GuideImage(film(1, *LARGE).pixels[0], 0), GuideImage(film(1, *LARGE, 5).pixels[0], 19, 0.8)),
    )
    whole = run(networks, task)
    check_counts(whole, task, 0)
    check_counts(whole, task, 1)
    assert not torch.equal(whole.film(0), whole.film(1))
    assert [phase for phase in whole.phases if "decoding" not in phase[0]] == [
        ("encoding media", None, 0),
        ("stage 1", 8, 0),
        ("stage 1", 8, 1),
        ("upsampling", None, 0),
        ("encoding media", None, 0),
        ("stage 2", 3, 0),
        ("stage 2", 3, 1),
    ]

    small = Collected()
    drafts = Runner(networks, small).run(task, small, draft_only=True)
    assert small.film(0).shape == (20, 32, 64, 3)
    assert "stage 2" not in {phase[0] for phase in small.phases}
    kept = []
    for number, draft in enumerate(drafts):
        (tmp_path / str(number)).write_bytes(draft_bytes(draft, {"recipe": "words"}))
        kept.append(load_draft(tmp_path / str(number)))
    finished = run(networks, task, drafts=kept)
    assert "stage 1" not in {phase[0] for phase in finished.phases}
    for variation in (0, 1):
        assert torch.equal(finished.film(variation), whole.film(variation))
        assert torch.equal(finished.track(variation), whole.track(variation))


def test_a_seed_alone_decides(networks: ResidentNetworks) -> None:
    task = modes.text_to_video(task_of(plan_new(9, RATE, 33), networks, seeds=(7,)))
    first, second = run(networks, task), run(networks, replace(task, seeds=(8, 7)))
    assert torch.equal(first.film(), second.film(1))
    assert not torch.equal(first.film(), second.film(0))


def test_audio_to_video_delivers_no_sound(networks: ResidentNetworks) -> None:
    task = modes.audio_to_video(task_of(plan_new(17, RATE, 33), networks), tone(10, RATE, 44100))
    check_counts(run(networks, task), task)


@settings(max_examples=8)
@given(
    st.integers(1, 60),
    st.data(),
    st.sampled_from([RATE, NTSC, Fraction(25), Fraction(24000, 1001)]),
    st.sampled_from(["both", "picture", "sound"]),
    st.integers(0, 5),
    st.sampled_from([48000, 44100]),
)
def test_a_retake_has_the_exact_frames_and_samples(
    networks: ResidentNetworks, length: int, data: st.DataObject, rate: Fraction, what: Any, handles: int, hertz: int
) -> None:
    start = data.draw(st.integers(0, length - 1))
    asked = FrameRange(start, data.draw(st.integers(start + 1, min(length, start + 20))))
    plans = plan_retake(length, asked, rate, 33, context=8, handles=handles)
    task = task_of(plans, networks, sample_rate=hertz)
    task = modes.retake(task, Known(film(length), tone(length, rate, hertz)), what)
    check_counts(run(networks, task), task)


def test_a_retake_keeps_what_is_around_it(networks: ResidentNetworks) -> None:
    """Outside of the new latent frames the result is the plain round trip through the autoencoder."""
    media = film(41)
    plans = plan_retake(41, FrameRange(17, 25), RATE, 41, context=16, handles=8)
    (plan,) = plans
    assert (plan.origin, plan.frames, plan.new_frames) == (0, 41, (17, 25))
    draft = Runner(networks, Collected()).run(
        modes.retake(task_of(plans, networks), Known(media, tone(41, RATE))), Collected()
    )[0]
    with torch.no_grad():
        pixels = (media.pixels.permute(3, 0, 1, 2)[None].float() / 127.5) - 1
        encoded = networks.video_encoder_network(pixels)
    made = draft.passes[0].video
    assert made is not None
    kept = [0, 1, 2, 4, 5]
    torch.testing.assert_close(made[:, :, kept], encoded[:, :, kept], rtol=1e-4, atol=1e-4)
    assert (made[:, :, 3] - encoded[:, :, 3]).abs().mean() > 0.1
    assert draft.passes[0].audio is not None


@pytest.mark.parametrize("what", ["both", "picture", "sound"])
def test_a_retake_in_two_stages_and_from_its_draft(networks: ResidentNetworks, what: Any) -> None:
    recipe = recipes.fast(networks.facts, 2)
    plans = plan_retake(41, FrameRange(13, 25), RATE, 41, context=8)
    task = task_of(plans, networks, recipe=recipes.sound_alone(recipe) if what == "sound" else recipe, size=LARGE)
    task = modes.retake(task, Known(film(41, *LARGE), tone(41, RATE)), what)
    whole = run(networks, task)
    check_counts(whole, task)
    if what == "sound":
        return
    drafts = Runner(networks, Collected()).run(task, Collected(), draft_only=True)
    assert torch.equal(run(networks, task, drafts=drafts).film(), whole.film())


def test_noise_is_drawn_for_video_then_audio_then_stage_two(networks: ResidentNetworks) -> None:
    task = modes.text_to_video(task_of(plan_new(9, RATE, 33), networks, stages=2, size=LARGE, seeds=(11,)))
    (draft,) = Runner(networks, Collected()).run(task, Collected(), draft_only=True)
    generator = torch.Generator().manual_seed(11)
    video = fresh(VideoLayout(LatentShape(2, 1, 2), 4, RATE))
    audio = fresh(AudioLayout(9, 2))
    states = Pair(noised(video, draw_noise(video, generator)), noised(audio, draw_noise(audio, generator)))
    denoiser = TransformerDenoiser(networks.transformer_network, states, contexts())
    result = sample(states, DISTILLED_STAGE_1, denoiser)
    assert result.video is not None
    assert result.audio is not None
    assert torch.equal(draft.passes[0].noise, generator.get_state())
    assert draft.passes[0].video is not None
    assert draft.passes[0].audio is not None
    assert torch.equal(draft.passes[0].video, result.video.result())
    assert torch.equal(draft.passes[0].audio, result.audio.result())


def test_a_mild_retake_starts_from_what_is_there(networks: ResidentNetworks) -> None:
    media, plans = film(25), plan_retake(25, FrameRange(9, 17), RATE, 33)
    distances = []
    with torch.no_grad():
        encoded = networks.video_encoder_network((media.pixels.permute(3, 0, 1, 2)[None].float() / 127.5) - 1)
    for strength in (1.0, 0.45, 0.0):
        collected = Collected()
        task = modes.retake(task_of(plans, networks), Known(media, None), "picture", strength)
        (draft,) = Runner(networks, collected).run(task, collected)
        assert draft.passes[0].video is not None
        distances.append((draft.passes[0].video - encoded).abs().mean().item())
        check_counts(collected, task)
    assert distances[0] > distances[1]
    assert ("stage 1", 1, 0) in collected.phases


@dataclass
class Watched:
    """Pictures that remember which frames were asked of them."""

    inner: TensorPictures
    asked: list[int] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return self.inner.frames

    def read(self, numbers: Sequence[int]) -> Tensor:
        self.asked += numbers
        return self.inner.read(numbers)


def test_a_retake_reads_only_its_window(networks: ResidentNetworks) -> None:
    media = Watched(film(300))
    plans = plan_retake(300, FrameRange(200, 210), RATE, 481, context=8)
    run(networks, modes.retake(task_of(plans, networks), Known(media, None), "picture"))
    assert min(media.asked) >= 190
    assert max(media.asked) < 224


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("extra", [1, 12, 40])
def test_extending(networks: ResidentNetworks, backward: bool, extra: int) -> None:
    plans = plan_extend(30, extra, NTSC, 33, backward=backward, context=9, handles=4)
    task = modes.extend(task_of(plans, networks), Known(film(30), tone(30, NTSC)))
    assert (len(plans) > 1) == (extra == 40)
    collected = run(networks, task)
    check_counts(collected, task)
    assert task.result.frames == extra + 4
    # the handle is the medium again, through the autoencoder only
    media = film(30).pixels[:4] if backward else film(30).pixels[26:]
    handle = collected.film()[-4:] if backward else collected.film()[:4]
    assert media.shape == handle.shape


@pytest.mark.parametrize("gap", [1, 11, 60])
def test_filling_a_gap(networks: ResidentNetworks, gap: int) -> None:
    plans = plan_fill(20, gap, 14, RATE, 33, context=9, handles=4)
    task = modes.fill_gap(
        task_of(plans, networks),
        Known(film(20), tone(20, RATE), -20),
        Known(film(14, seed=3), None, gap),
    )
    collected = run(networks, task)
    check_counts(collected, task)
    assert task.result == (-4, gap + 4)


def test_longer_than_one_pass_with_two_stages(networks: ResidentNetworks) -> None:
    task = modes.text_to_video(task_of(plan_new(50, RATE, 33, context=9), networks, stages=2, size=LARGE))
    assert len(task.plans) == 2
    whole = run(networks, task)
    check_counts(whole, task)
    small = Collected()
    drafts = Runner(networks, small).run(task, small, draft_only=True)
    assert len(small.film()) == 50
    finished = run(networks, task, drafts=drafts)
    check_counts(finished, task)


def test_a_pass_takes_over_where_the_one_before_ends(networks: ResidentNetworks) -> None:
    """Each frame is one pass's own, but for those held back at the border; the next pass has kept their latents."""
    task = modes.text_to_video(task_of(plan_new(50, RATE, 33, context=9), networks))
    collected = Collected()
    (draft,) = Runner(networks, collected).run(task, collected)
    check_counts(collected, task)
    first, second = task.plans[0], task.plans[1]
    assert [clip.source for clip in second.contexts] == ["previous"]
    with torch.no_grad():
        videos = [latents.video for latents in draft.passes]
        assert all(video is not None for video in videos)
        decoded = [rgb8(networks.video_decoder_network(video)) for video in videos if video is not None]
        ended = decoded[0][second.origin - first.origin : first.asked.end - first.origin]
        kept = networks.video_encoder_network(network_pixels(ended, H, W))
    assert videos[1] is not None
    torch.testing.assert_close(videos[1][:, :, : kept.shape[2]], kept, rtol=1e-4, atol=1e-4)
    film_, border = collected.film().int(), first.asked.end
    held = slice(border - JOIN_FRAMES, border)
    assert (film_[: held.start] - decoded[0][: held.start]).abs().max() <= 1
    own = decoded[1][border - second.origin :][: second.asked.frames]
    assert (film_[border : border + len(own) - JOIN_FRAMES] - own[: len(own) - JOIN_FRAMES]).abs().max() <= 1
    weights = ((torch.arange(JOIN_FRAMES) + 1) / (JOIN_FRAMES + 1))[:, None, None, None]
    after = decoded[1][held.start - second.origin : held.stop - second.origin]
    expected = decoded[0][held] * (1 - weights) + after * weights
    assert (film_[held] - expected).abs().max() <= 2


def test_a_reference_skips_frames_as_its_lora_wants() -> None:
    (plan,) = plan_new(33, RATE, 33)
    known = Known(film(40), None, -3)
    assert reference_numbers(plan, known, 1) == list(range(3, 36))
    assert reference_numbers(plan, known, 2) == [3, *range(4, 35, 2)]
    assert reference_numbers(plan, known, 4) == [3, *range(4, 33, 4)]
    (long,) = plan_new(49, RATE, 49)
    assert reference_numbers(long, known, 1)[-1] == mirrored(51, 40)


def test_video_to_video_and_attention(networks: ResidentNetworks) -> None:
    plans = plan_following(FrameRange(5, 20), RATE, 33, handles=(3, 2))
    media = Known(film(30, *LARGE), tone(30, RATE), 0)
    reference = Reference(media, downscale=2, attention=0.5, attention_mask=film(30))
    recipe = recipes.in_context(recipes.fast(networks.facts, 2))
    assert recipe.size_multiple(networks.facts, 2) == 128
    task = modes.video_to_video(task_of(plans, networks, recipe=recipe, size=(128, 128)), reference, media.sound)
    assert task.result == (2, 22)
    check_counts(run(networks, task), task)
    alone = recipes.in_context(recipes.fast(networks.facts, 2), refine=False)
    assert len(alone.stages) == 1


def test_revoicing_delivers_the_words_of_the_first_stage(networks: ResidentNetworks) -> None:
    plans = plan_following(FrameRange(4, 21), RATE, 33, handles=(4, 4))
    media = Known(film(40, *LARGE), tone(40, RATE), 0)
    recipe = recipes.dubbing(recipes.fast(networks.facts, 2))
    task = modes.revoice(task_of(plans, networks, recipe=recipe, size=LARGE), Reference(media), tone(20, RATE))
    check_counts(run(networks, task), task)


@pytest.mark.parametrize("factor", [Fraction(2), Fraction(3, 2)])
def test_upscaling_refines_the_medium_itself(networks: ResidentNetworks, factor: Fraction) -> None:
    plans = plan_following(FrameRange(0, 12), RATE, 33)
    recipe = recipes.enlarging(factor)
    size = (int(64 * factor), int(128 * factor))
    task = modes.upscale(task_of(plans, networks, recipe=recipe, size=size), Known(film(12, 64, 128), tone(12, RATE)))
    collected = run(networks, task)
    check_counts(collected, task)
    assert {phase[0] for phase in collected.phases} == {"encoding media", "upsampling", "stage 2", "decoding"}


@pytest.mark.parametrize("factor", [Fraction(1), Fraction(2)])
def test_upscaling_doubles_the_rate(networks: ResidentNetworks, factor: Fraction) -> None:
    plans = plan_following(FrameRange(8, 60), RATE * 2, 33, slow=2)
    assert all(plan.frames % 16 == 1 for plan in plans)
    assert len(plans) == 2
    recipe = recipes.enlarging(factor, smoother=True)
    media = Known(film(30), tone(30, RATE), every=2)
    task = task_of(plans, networks, recipe=recipe, size=(int(32 * factor), int(64 * factor)))
    task = modes.upscale(task, media)
    check_counts(run(networks, task), task)
    with pytest.raises(NotPossible, match="slow=2"):
        run(networks, replace(task, plans=plan_following(FrameRange(0, 25), RATE * 2, 33)))


def test_half_precision_networks_run(networks: ResidentNetworks) -> None:
    half = tiny_networks(torch.bfloat16)
    plans = plan_retake(25, FrameRange(9, 15), RATE, 33)
    task = modes.retake(task_of(plans, half, stages=2, size=LARGE), Known(film(25, *LARGE), tone(25, RATE)))
    check_counts(run(half, task), task)
    collected = Collected()
    Runner(half, collected, max_batch=4, piece_bytes=1 << 16, reference_rounding=True).run(task, collected)
    check_counts(collected, task)


def test_tiles_take_the_place_of_frames_that_are_too_large(networks: ResidentNetworks) -> None:
    """Same seed: what is made differs only by the autoencoder's blended seams, and counts stay exact."""
    plans = plan_retake(25, FrameRange(9, 15), RATE, 33)
    task = modes.retake(task_of(plans, networks, stages=1, size=LARGE), Known(film(25, *LARGE), tone(25, RATE)))
    whole, tiled = run(networks, task), Collected()
    Runner(networks, tiled, tile=3).run(task, tiled)
    check_counts(tiled, task)
    assert tiled.film().shape == whole.film().shape
    assert not torch.equal(tiled.film(), whole.film())


def test_guided_recipes_run(networks: ResidentNetworks) -> None:
    facts = replace(networks.facts, distilled=False, distilled_lora=True)
    for recipe in (recipes.quality(facts, 1, steps=2), recipes.quality(facts, 2, steps=2, high=True)):
        task = task_of(plan_new(9, RATE, 33), networks, recipe=recipe, size=LARGE, negative=contexts(2))
        check_counts(run(networks, modes.text_to_video(task)), task)


@pytest.mark.parametrize("sampler", ["euler", "gradient_estimation", "euler_ancestral", "res_2s"])
def test_every_sampler_is_a_choice(networks: ResidentNetworks, sampler: Any) -> None:
    recipe = recipes.with_sampler(recipes.fast(networks.facts, 1, steps=3), sampler)
    task = task_of(plan_new(9, RATE, 33), networks, recipe=recipe)
    assert torch.equal(run(networks, task).film(), run(networks, task).film())


# --- cancelling and refusing --------------------------------------------------------------------------------------


class Stopping(Collected):
    """Calls the job off at the n-th event of a kind."""

    at: tuple[str, int] = ("step", 0)

    def step(self, done: int) -> None:
        super().step(done)
        if self.at[0] == "step" and self.steps == self.at[1]:
            raise Cancelled

    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None:
        super().phase(name, steps, variation)
        if self.at == (name, variation):
            raise Cancelled


@pytest.mark.parametrize("at", [("step", 1), ("step", 5), ("step", 12), ("decoding", 1), ("encoding media", 0)])
def test_cancelling_ends_within_a_step_and_frees_memory(networks: ResidentNetworks, at: tuple[str, int]) -> None:
    listener = Stopping()
    listener.at = at
    plans = plan_retake(41, FrameRange(10, 20), RATE, 33, context=8)
    runner = Runner(networks, listener)
    task = modes.retake(task_of(plans, networks, seeds=(1, 2)), Known(film(41), tone(41, RATE)))
    with pytest.raises(Cancelled):
        runner.run(task, listener)
    assert not runner._media.encoded
    if at[0] == "step":
        assert listener.steps == at[1]


def test_what_cannot_be_is_refused(networks: ResidentNetworks) -> None:
    plans = plan_new(9, RATE, 33)
    with pytest.raises(NotPossible, match="multiples of 64"):
        run(networks, task_of(plans, networks, stages=2, size=(96, 96)))
    with pytest.raises(MissingContext):
        run(networks, task_of(plan_extend(20, 8, RATE, 33), networks))
    with pytest.raises(NotPossible, match="neither"):
        run(networks, replace(task_of(plans, networks), video="absent", audio="absent"))
    with pytest.raises(NotPossible, match="dev model"):
        recipes.quality(networks.facts, 1)
    with pytest.raises(NotPossible, match="distilled"):
        recipes.fast(replace(networks.facts, distilled=False), 1)
    task = task_of(plans, networks, stages=2, size=(128, 128))
    drafts = Runner(networks, Collected()).run(task, Collected(), draft_only=True)
    with pytest.raises(NotPossible, match="other seeds"):
        run(networks, replace(task, seeds=(5,)), drafts=drafts)
    with pytest.raises(NotPossible, match="another plan"):
        run(networks, replace(task, plans=plan_new(60, RATE, 33)), drafts=drafts)
    with pytest.raises(NotPossible, match="finished already"):
        run(networks, replace(task, recipe=recipes.fast(networks.facts, 1)), drafts=drafts)


def test_a_file_that_is_no_draft_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"x": torch.zeros(1)}, tmp_path / "x")
    with pytest.raises(NotPossible, match="not a draft"):
        load_draft(tmp_path / "x")
