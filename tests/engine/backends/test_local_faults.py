"""What goes wrong: every bad input with its sentence, a cancel in every phase, full disks; and nothing half is left."""

# ruff: noqa: E501  (the table of bad inputs is read by rows)

from __future__ import annotations

import gc
import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from local_kit import MODEL, Desk, footage, lossless, of_role, write_model
from PIL import Image
from safetensors.torch import save_file

from engine.backends.base import (
    BadMedia,
    BadRequest,
    DiskFull,
    JobCancelled,
    JobError,
    MissingWeights,
    NotWritable,
    Unsupported,
)
from engine.media.encode import Delivery, write_media
from engine.protocol.work import (
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    Keyframe,
    Lora,
    Neighbour,
    Output,
    Retake,
    Revoice,
    Sound,
    TextToVideo,
    Upscale,
    VideoToVideo,
)

SIZE: dict[str, Any] = {"width": 64, "height": 64, "frames": 9, "rate": "24"}


def words(**more: Any) -> TextToVideo:
    return TextToVideo(**({"prompt": "a red ball", "model": MODEL} | SIZE | more))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Good and bad media by name."""
    folder = tmp_path_factory.mktemp("given")
    footage(folder / "clip", 30)
    footage(folder / "silent", 30, sound=False)
    write_media(folder / "sound.wav", Delivery.WAV, samples=np.zeros((2, 48000), np.float32))
    (folder / "empty.mp4").touch()
    (folder / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    good = footage(folder / "whole", 60, delivery=Delivery.H264_AAC)
    (folder / "cut.mp4").write_bytes(Path(good).read_bytes()[:600])
    matroska = (folder / "clip.mkv").read_bytes()
    (folder / "half.mkv").write_bytes(matroska[: len(matroska) // 2])
    (folder / "picture.png").write_bytes(b"\x89PNG no picture")
    Image.new("RGB", (40, 30), "red").save(folder / "red.png")
    half = ("lora_A.weight", "lora_B.weight")
    save_file({f"blocks.0.self_attn.q.{name}": torch.zeros(4, 4) for name in half}, folder / "wan.safetensors")
    save_file(
        {f"transformer.double_blocks.0.img_attn.proj.{name}": torch.zeros(4, 4) for name in half},
        folder / "flux.safetensors",
    )
    save_file({"double_blocks.0.img_attn.proj.weight": torch.zeros(4, 4)}, folder / "flux-model.safetensors")
    return folder


# --- bad input ----------------------------------------------------------------------------------------------------

BAD: list[tuple[str, Callable[[Path], Any], type[JobError], str]] = [
    ("no prompt", lambda _: words(prompt=" \n"), BadRequest, "needs a prompt: say what"),
    ("endless prompt", lambda _: words(prompt="word " * 19_000), BadRequest, "95000 characters.*Shorten it"),
    ("unknown camera move", lambda _: words(camera="loop"), BadRequest, "no camera move 'loop'"),
    ("unknown model", lambda _: words(model="sora"), BadRequest, "no model 'sora'. Known are: tiny,"),
    ("no such checkpoint", lambda _: words(model="/no/x.safetensors"), BadRequest, "no file /no/x.safetensors"),
    ("missing weights", lambda _: words(model="ltx-2.3-22b-dev"), MissingWeights, "LTX-2.3 22B dev needs ltx-2.3-22b-dev.*GB.* from .*, in "),
    ("quality of a distilled model", lambda _: words(quality="quality"), BadRequest, "distilled: guided sampling needs"),
    ("too many pixels", lambda _: words(width=2048, height=2048), BadRequest, "2048 x 2048 is more than Tiny.*such as 256 x 256"),
    ("a rate of thousands", lambda _: words(rate="2000"), BadRequest, "'2000' is not a frame rate"),
    ("unknown LoRA", lambda _: words(loras=(Lora(lora="nowhere"),)), BadRequest, "no LoRA 'nowhere'"),
    ("LoRA of Wan", lambda f: words(loras=(Lora(lora=str(f / "wan.safetensors")),)), BadRequest, r"wan\.safetensors.*Wan"),
    ("LoRA of Flux", lambda f: words(loras=(Lora(lora=str(f / "flux.safetensors")),)), BadRequest, r"flux\.safetensors.*Flux"),
    ("no LoRA at all", lambda f: words(loras=(Lora(lora=str(f / "clip.mkv")),)), BadRequest, "clip.mkv"),
    ("no picture", lambda _: ImageToVideo(model=MODEL, **SIZE), BadRequest, "needs a picture"),
    ("broken picture", lambda f: ImageToVideo(keyframes=(Keyframe(image=str(f / "picture.png")),), model=MODEL, **SIZE), BadMedia, "picture.png"),
    ("missing picture", lambda f: ImageToVideo(keyframes=(Keyframe(image=str(f / "no.png")),), model=MODEL, **SIZE), BadMedia, "no file 'no.png'"),
    ("picture behind the end", lambda f: ImageToVideo(keyframes=(Keyframe(image=str(f / "red.png"), frame=9),), model=MODEL, **SIZE), BadRequest, r"frame 9, but the clip has 9 frames \(0 to 8\)"),
    ("missing clip", lambda f: Retake(source=str(f / "no.mp4"), start=0, end=9, model=MODEL), BadMedia, "no file 'no.mp4'"),
    ("empty file", lambda f: Retake(source=str(f / "empty.mp4"), start=0, end=9, model=MODEL), BadMedia, "empty.mp4' is empty"),
    ("noise", lambda f: Retake(source=str(f / "noise.mp4"), start=0, end=9, model=MODEL), BadMedia, "noise.mp4"),
    ("cut short", lambda f: Retake(source=str(f / "cut.mp4"), start=0, end=9, model=MODEL), BadMedia, "cut.mp4"),
    ("sound without picture", lambda f: Retake(source=str(f / "sound.wav"), start=0, end=9, model=MODEL), BadMedia, "sound.wav' has no picture"),
    ("empty range", lambda f: Retake(source=str(f / "clip.mkv"), start=9, end=9, model=MODEL), BadRequest, "frames 9 to 9 are not a range.* 30 frames"),
    ("range outside", lambda f: Retake(source=str(f / "clip.mkv"), start=20, end=31, model=MODEL), BadRequest, "20 to 31 .* 30 frames"),
    ("range in the lost half", lambda f: Retake(source=str(f / "half.mkv"), start=25, end=30, model=MODEL), BadRequest, "25 to 30"),
    ("extension past the end", lambda f: Extend(source=str(f / "clip.mkv"), at=31, frames=9, model=MODEL), BadRequest, "30 frames.*frame 31"),
    ("extension of nothing", lambda f: Extend(source=str(f / "clip.mkv"), at=0, frames=9, model=MODEL), BadRequest, "nothing of clip.mkv"),
    ("gap beside nothing", lambda f: FillGap(before=Neighbour(source=str(f / "clip.mkv"), at=0), after=Neighbour(source=str(f / "clip.mkv"), at=5), model=MODEL, **SIZE), BadRequest, "none of them lie before frame 0"),
    ("following outside", lambda f: VideoToVideo(source=str(f / "clip.mkv"), start=5, end=40, model=MODEL), BadRequest, "5 to 40 .* 30 frames"),
    ("no words to say", lambda f: Revoice(source=str(f / "clip.mkv"), start=5, end=20, words=" ", model=MODEL), BadRequest, "needs the new words"),
    ("no voice", lambda f: Revoice(source=str(f / "silent.mkv"), start=5, end=20, words="hi", model=MODEL), BadRequest, "silent.mkv has no sound"),
    ("picture as sound", lambda f: AudioToVideo(audio=Sound(file=str(f / "silent.mkv")), model=MODEL, **SIZE), BadMedia, "silent.mkv has no sound"),
    ("sound behind the end", lambda f: AudioToVideo(audio=Sound(file=str(f / "sound.wav"), start=48000), model=MODEL, **SIZE), BadRequest, "has 48000 samples; .* begins at sample 48000"),
    ("no such factor", lambda f: Upscale(source=str(f / "clip.mkv"), start=0, end=9, factor="1.5", model=MODEL), Unsupported, "no upscaler for a factor of 1.5"),
    ("upscaling by nothing", lambda f: Upscale(source=str(f / "clip.mkv"), start=0, end=9, factor="1", model=MODEL), BadRequest, "changes nothing"),
    ("no rate doubler", lambda f: Upscale(source=str(f / "clip.mkv"), start=0, end=9, smoother=True, model=MODEL), Unsupported, "doubles the rate"),
    ("finish of nothing", lambda _: words(stage="finish"), BadRequest, "name the latents"),
    ("finish of a lost draft", lambda f: words(stage="finish", draft_latents=str(f / "no.draft")), BadMedia, "no.draft can't be read"),
    ("finish of no draft", lambda f: words(stage="finish", draft_latents=str(f / "wan.safetensors")), BadMedia, "is not a draft"),
    ("finish of noise", lambda f: words(stage="finish", draft_latents=str(f / "noise.mp4")), BadMedia, "noise.mp4 can't be read"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "kind", "says"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_bad_input_is_refused_in_words_before_anything_is_loaded(
    desk: Desk, files: Path, tmp_path: Path, make: Callable[[Path], Any], kind: type[JobError], says: str
) -> None:
    desk.backend.free_memory()
    work = make(files)
    with pytest.raises(kind, match=says):
        desk.backend.estimate(work)
    with pytest.raises(kind, match=says):
        desk.run(work, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert desk.backend.resident_model == ""
    assert desk.heard.phases == []


def test_another_models_checkpoint_is_named(desk: Desk, files: Path, tmp_path: Path) -> None:
    shutil.copytree(desk.places.extra_models[0] / "gemma", files / "gemma", dirs_exist_ok=True)
    with pytest.raises(MissingWeights, match=r"flux-model.safetensors.*(Flux|FLUX)"):
        desk.run(words(model=str(files / "flux-model.safetensors")), tmp_path / "out")


def test_a_checkpoint_cut_short_says_so_in_its_capability(tmp_path: Path) -> None:
    write_model(tmp_path / "models")
    whole = (tmp_path / "models" / "tiny.safetensors").read_bytes()
    (tmp_path / "models" / "tiny.safetensors").write_bytes(whole[: len(whole) // 2])
    desk = Desk.at(tmp_path, tmp_path / "models")
    capability = next(model for model in desk.backend.capability().models if model.model == MODEL)
    assert not capability.available
    assert "tiny.safetensors" in capability.why_not
    with pytest.raises(MissingWeights, match=r"tiny\.safetensors"):
        desk.run(words(), tmp_path / "out")


def test_missing_weights_name_every_file_and_the_folder(tmp_path: Path) -> None:
    desk = Desk.at(tmp_path, tmp_path / "nothing")
    capability = desk.backend.capability()
    assert not capability.available
    assert str(tmp_path / "models") in capability.why_not
    with pytest.raises(MissingWeights, match="No model is installed"):
        desk.run(words(model=""), tmp_path / "out")


def test_a_prompt_longer_than_the_model_reads_is_cut_and_that_is_said(desk: Desk, tmp_path: Path) -> None:
    desk.run(words(prompt="a red ball and a blue box " * 30), tmp_path / "out")
    assert "64 tokens" in desk.heard.words("warning")


def test_a_draft_of_another_size_is_refused(desk: Desk, tmp_path: Path) -> None:
    draft = desk.run(words(width=128, height=128, stage="draft"), tmp_path / "out")
    latents = of_role(draft, "latents")[0].path
    for changed in ({"width": 192, "height": 128}, {"width": 128, "height": 128, "frames": 17}):
        with pytest.raises(BadRequest, match="another size or length"):
            desk.run(words(stage="finish", draft_latents=latents, **changed), tmp_path / "out")


# --- places that can't be written to ------------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_made(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "engine.backends.local.backend.os.access", lambda _path, _mode: False
    )  # root may write anywhere
    with pytest.raises(NotWritable, match="choose another folder"):
        desk.run(words(), tmp_path / "out")
    assert desk.heard.phases == []


def test_a_folder_that_goes_away_meanwhile(desk: Desk, tmp_path: Path) -> None:
    def remove(phase: str, _told: int) -> bool:
        if phase == "stage 1":
            shutil.rmtree(tmp_path / "out", ignore_errors=True)
        return False

    with pytest.raises(NotWritable, match="out"):
        desk.run(words(), tmp_path / "out", cancel_when=remove)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for file sizes")
@pytest.mark.parametrize(
    ("room", "more"), [(9_000, {}), (30_000, {"output": Output(codec="ffv1")}), (4_000, {"stage": "draft"})]
)
def test_a_full_disk_leaves_nothing_half(desk: Desk, tmp_path: Path, room: int, more: dict[str, Any]) -> None:
    work = words(width=128, height=128, frames=17, **more)
    desk.run(work, tmp_path / "before")
    with files_of_at_most(room), pytest.raises(DiskFull, match="disk is full"):
        desk.run(work, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())
    assert desk.run(work, tmp_path / "out").files


@pytest.mark.skipif(sys.platform == "win32", reason="no limit for file sizes")
def test_a_full_disk_while_the_draft_is_kept_removes_the_film_too(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = words(width=128, height=64, frames=9, stage="draft", sound=False)
    monkeypatch.setattr("engine.backends.local.writing.draft_bytes", lambda *_: bytes(300_000))
    with files_of_at_most(100_000), pytest.raises(DiskFull):
        desk.run(work, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


# --- cancelling ---------------------------------------------------------------------------------------------------

LONG_PHASES = ["loading", "encoding media", "stage 1", "stage 2", "decoding"]
PHASES = ["encoding prompt", "loading", "encoding media", "stage 1", "upsampling", "stage 2", "decoding sound", "decoding", "writing"]  # fmt: skip


@pytest.mark.parametrize(("phase", "at"), [(phase, 0) for phase in PHASES] + [(phase, 2) for phase in LONG_PHASES])
def test_a_cancel_is_obeyed_in_every_phase(desk: Desk, tmp_path: Path, phase: str, at: int) -> None:
    if phase == "loading":
        desk.backend.free_memory()
    source = footage(tmp_path / "clip", 30, 128, 120)
    work = Retake(source=source, start=9, end=20, prompt="x", model=MODEL, output=lossless())
    with pytest.raises(JobCancelled):
        desk.run(work, tmp_path / "out", cancel_when=lambda name, told: name == phase and told == at)
    assert desk.heard.words_after_cancel == 0
    assert desk.heard.phases[-1] == phase
    assert not list((tmp_path / "out").iterdir())


def test_between_a_cancel_and_the_end_there_is_at_most_one_step(desk: Desk, tmp_path: Path) -> None:
    """The cancel comes from outside in the middle of a step, as from the pipe's thread."""
    desk.run(words(), tmp_path / "before")
    networks = desk.backend._networks
    assert networks is not None
    calls: list[int] = []

    def count(*_: Any) -> None:
        calls.append(1)
        if len(calls) == 3:
            desk.heard._ending.set()

    hook = networks._loaded["transformer"].register_forward_pre_hook(count)
    try:
        with pytest.raises(JobCancelled):
            desk.run(words(), tmp_path / "out")
    finally:
        hook.remove()
    assert len(calls) == 3
    assert desk.heard.words_after_cancel == 1
    assert not list((tmp_path / "out").iterdir())


def test_a_cancelled_job_leaves_no_tensors_behind(desk: Desk, tmp_path: Path) -> None:
    work = words(width=128, height=128)
    desk.run(work, tmp_path / "before")
    kept = living_bytes()
    for phase in ("stage 1", "stage 2", "decoding"):
        with pytest.raises(JobCancelled):
            desk.run(work, tmp_path / "out", cancel_when=lambda name, told, phase=phase: name == phase and told > 0)
        assert living_bytes() == kept
    desk.backend.free_memory()
    assert desk.backend.resident_model == ""


def test_a_failed_job_does_not_disturb_the_next(desk: Desk, tmp_path: Path) -> None:
    work = words(output=lossless())
    first = desk.run(work, tmp_path / "out")
    with pytest.raises(JobCancelled):
        desk.run(words(loras=(Lora(lora="painted"),)), tmp_path / "out", cancel_when=lambda name, _: name == "stage 1")
    again = desk.run(work, tmp_path / "out")
    assert (
        Path(of_role(first, "video")[0].path).read_bytes()[-4000:]
        == Path(of_role(again, "video")[0].path).read_bytes()[-4000:]
    )


def living_bytes() -> int:
    gc.collect()
    return sum(thing.nbytes for thing in gc.get_objects() if issubclass(type(thing), torch.Tensor))
