"""Conditioning pictures: upright, in sRGB, and put through one H.264 frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from media_samples import picture
from PIL import Image, ImageCms

from engine.media.errors import CorruptMedia, EmptyFile, NoSuchFile, NotAMediaFile
from engine.media.still import h264_round_trip, read_still

EXIF_ORIENTATION = 0x0112


@pytest.mark.parametrize("tag", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, tag: int):
    """All eight tags show the same picture when it is stored turned the way the tag says."""
    upright = picture(9, 40, 24)
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[tag]
    path = tmp_path / "photo.png"
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = tag
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    assert np.array_equal(read_still(path), upright)


def swapped_profile() -> bytes:
    """sRGB with the names of its red and green primaries exchanged (ICC.1 section 7.3: the tag table)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = int.from_bytes(profile[128:132], "big")
    names = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
    for entry in range(132, 132 + 12 * count, 12):
        name = bytes(profile[entry : entry + 4])
        profile[entry : entry + 4] = names.get(name, name)
    return bytes(profile)


def test_an_embedded_profile_is_converted_to_srgb(tmp_path: Path):
    """A file whose profile says that its first channel is green shows green."""
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8), (220, 30, 40)).save(path, icc_profile=swapped_profile())
    assert np.abs(read_still(path).astype(int) - [30, 220, 40]).max() <= 3


def test_a_broken_profile_is_ignored(tmp_path: Path):
    path = tmp_path / "photo.png"
    Image.new("RGB", (8, 8), (220, 30, 40)).save(path, icc_profile=b"no profile" * 20)
    assert (read_still(path) == [220, 30, 40]).all()


def test_an_srgb_profile_changes_nothing(tmp_path: Path):
    upright = picture(5, 32, 20)
    path = tmp_path / "photo.png"
    Image.fromarray(upright).save(path, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert np.abs(read_still(path).astype(int) - upright).max() <= 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_picture_becomes_rgb(tmp_path: Path, mode: str):
    path = tmp_path / ("photo.tif" if mode == "CMYK" else "photo.png")
    if mode == "I;16":
        Image.fromarray(np.full((10, 12), 200 << 8, np.uint16)).save(path)
    else:
        grey = Image.new("RGB", (12, 10), (200, 200, 200))
        (grey.quantize(4) if mode == "P" else grey.convert(mode)).save(path)
    shown = read_still(path)
    assert shown.shape == (10, 12, 3)
    assert shown.dtype == np.uint8
    if mode != "1":
        assert np.abs(shown.astype(int) - 200).max() <= 2


def test_transparency_lies_on_black(tmp_path: Path):
    path = tmp_path / "logo.png"
    Image.new("RGBA", (4, 4), (200, 100, 50, 0)).save(path)
    assert not read_still(path).any()


def test_bad_pictures_are_said(tmp_path: Path):
    good = tmp_path / "good.png"
    Image.fromarray(picture(1, 64, 64)).save(good)
    cases = {"cut.png": (good.read_bytes()[:2000], CorruptMedia), "text.png": (b"no picture here", NotAMediaFile)}
    cases["empty.png"] = (b"", EmptyFile)
    for name, (content, error) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(error, match=name):
            read_still(tmp_path / name)
    with pytest.raises(NoSuchFile):
        read_still(tmp_path / "gone.png")


def test_the_round_trip_keeps_the_picture_and_loses_detail():
    rows, columns = np.mgrid[:96, :128]
    smooth = np.stack([columns * 2, rows * 2, 255 - columns], axis=-1).astype(np.float64)
    noisy = np.clip(smooth + np.random.default_rng(0).normal(0, 6, smooth.shape), 0, 255).astype(np.uint8)
    back = h264_round_trip(noisy)
    assert back.shape == noisy.shape
    assert np.abs(back - smooth).mean() < np.abs(noisy - smooth).mean()  # the noise is what goes
    assert abs(float(back.mean()) - float(noisy.mean())) < 1
    assert np.array_equal(back, h264_round_trip(noisy))  # the same every time
    better = h264_round_trip(noisy, crf=5).astype(int)
    assert np.abs(better - noisy).mean() < np.abs(back.astype(int) - noisy).mean()


@pytest.mark.parametrize(("size", "expected"), [((33, 47), (32, 46)), ((2, 2), (2, 2)), ((1, 40), (1, 40))])
def test_the_round_trip_floors_to_even_sizes(size: tuple[int, int], expected: tuple[int, int]):
    assert h264_round_trip(np.full((*size, 3), 90, np.uint8)).shape[:2] == expected


def test_quality_zero_skips_the_round_trip():
    image = picture(2, 33, 21)
    assert np.array_equal(h264_round_trip(image, crf=0), image)
