"""A person's own clips become training material, and a LoRA of them fits the model they were made for."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from local_model import write_tiny_model

from engine.loading.checkpoint import Checkpoint
from engine.loading.lora import Lora, set_loras
from engine.loading.transformer_loading import load_transformer
from engine.media.encode import Delivery, write_media
from engine.protocol.grid import sample_of_frame
from engine.training.__main__ import main
from engine.training.clips import NoUsableClips, captioned_files, encode_clips, stretches
from engine.training.latents import Bucket

GEMMA = Path(__file__).resolve().parents[3] / "resources" / "pocket" / "gemma"
BUCKET = Bucket(64, 64, 9, Fraction(24))
CPU = torch.device("cpu")


def film(path: Path, frames: int, caption: str | None, *, sound: bool = True, rate: Fraction = Fraction(24)) -> None:
    """A clip whose brightness tells the frame number."""
    pictures = np.repeat((np.arange(frames) * 5).astype(np.uint8), 96 * 64 * 3).reshape(frames, 64, 96, 3)
    tone = np.sin(np.arange(sample_of_frame(frames, rate)) / 20).astype(np.float32) * 0.3
    samples = np.stack([tone, tone]) if sound else None
    write_media(path, Delivery.FFV1_FLAC, frames=[pictures], samples=samples, rate=rate)
    if caption is not None:
        path.with_suffix(".txt").write_text(caption, encoding="utf-8")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny.safetensors", GEMMA)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    clips = tmp_path / "clips"
    clips.mkdir()
    film(clips / "a.mkv", 20, "a red ball\nbounces")
    film(clips / "b.mkv", 9, "a blue box", sound=False)
    film(clips / "c.mkv", 9, None)
    film(clips / "d.mkv", 5, "too short")
    (clips / "e.mp4").write_bytes(b"no video at all")
    (clips / "e.txt").write_text("broken")
    film(clips / "f.mkv", 9, "  \n")
    return clips


def test_stretches_have_the_asked_size_length_and_rate(tmp_path: Path) -> None:
    film(tmp_path / "a.mkv", 20, None)
    both = list(stretches(tmp_path / "a.mkv", BUCKET))
    assert [tuple(each.pixels_CFHW.shape) for each in both] == [(3, 9, 64, 64)] * 2
    brightness = [(each.pixels_CFHW[0, :, 32, 32] + 1) * 127.5 / 5 for each in both]
    assert torch.allclose(brightness[0], torch.arange(9.0), atol=0.5)
    assert torch.allclose(brightness[1], torch.arange(11.0, 20.0), atol=0.5)
    slow = next(iter(stretches(tmp_path / "a.mkv", Bucket(64, 64, 9, Fraction(12)))))
    assert torch.allclose((slow.pixels_CFHW[0, :, 0, 0] + 1) * 127.5 / 5, torch.arange(0.0, 18.0, 2), atol=0.5)
    assert slow.sound_CN is not None
    assert slow.sound_CN.shape == (2, 12000)


def test_what_cannot_be_used_is_named_and_the_rest_is_encoded(model: Path, folder: Path) -> None:
    said: list[str] = []
    clips, _ = encode_clips(Checkpoint.open(model), GEMMA, folder, BUCKET, CPU, text_tokens=64, say=said.append)
    assert len(clips) == 3
    assert clips.audible_N is not None
    assert clips.audible_N.tolist() == [True, True, False]
    told = "\n".join(said)
    for name in ("c.mkv has no caption", "d.mkv: it has 5 frames", "e.mp4", "f.txt is empty"):
        assert name in told
    assert "3 stretches of 2 captions, 4 files passed over, 1 stretches without sound" in said[-1]
    assert torch.equal(clips.hidden_NPLDY[0], clips.hidden_NPLDY[1])
    assert not torch.equal(clips.hidden_NPLDY[0], clips.hidden_NPLDY[2])


def test_a_folder_with_nothing_usable_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoUsableClips, match="no folder"):
        captioned_files(tmp_path / "none")
    with pytest.raises(NoUsableClips, match="no video file"):
        captioned_files(tmp_path)


def test_the_command_writes_a_lora_that_the_engine_takes(model: Path, folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "mine.safetensors"
    options = f"--model {model} --gemma {GEMMA} --clips {folder} --output {output} --rank 2 --steps 2 --text-tokens 64"
    size = "--width 64 --height 64 --frames 9 --device cpu"
    assert main(["lora", *options.split(), *size.split()]) == 0
    lora = Lora.open(output)
    assert {pair.rank for pair in lora.pairs.values()} == {2}
    transformer = load_transformer(Checkpoint.open(model), CPU, torch.float32)
    set_loras(transformer, [(lora, 1.0)])


def test_the_command_says_what_is_wrong(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = f"--model {model} --gemma {GEMMA} --clips {tmp_path / 'none'} --output {tmp_path / 'x.safetensors'}"
    assert main(["lora", *options.split()]) == 1
    assert "There is no folder" in capsys.readouterr().err
