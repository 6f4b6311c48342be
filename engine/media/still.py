"""Pictures that condition a generation: read upright in sRGB, and put through the codec that the model knows.

Pillow reads the file, not PyAV: it applies the embedded colour profile (littlecms), which FFmpeg has no filter for in
the PyAV wheels, and it never takes a name for a number pattern.
"""

# PyAV's stubs leave the parameter of Packet open:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import io
import warnings
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
from av import VideoFrame
from av.codec import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps

from .colour import ACCURATE
from .containers import check_readable
from .errors import CorruptMedia, NoEncoder, NotAMediaFile

# CRF of the conditioning round trip for LTX-2.0 and 2.3 (spec/autoencoders-audio-upsampler.md section 5.3).
CONDITIONING_CRF: Final = 33

_PIXELS_LIMIT: Final = 200_000_000  # a picture beyond this is refused before it fills the memory


def read_still(path: Path) -> NDArray[np.uint8]:
    """A picture file as sRGB uint8 (height, width, 3): EXIF rotation applied, embedded profile converted.

    Transparent pictures are laid on black. Of an animated file the first picture is taken.
    Raises NoSuchFile, NotReadable, EmptyFile, NotAMediaFile, CorruptMedia.
    """
    picture = read_picture(path)
    if picture.shape[2] == 3:
        return picture
    shown = Image.fromarray(picture)
    return np.asarray(Image.alpha_composite(Image.new("RGBA", shown.size, (0, 0, 0, 255)), shown).convert("RGB"))


def read_picture(path: Path) -> NDArray[np.uint8]:
    """As `read_still`, but (height, width, 4) with straight (not premultiplied) alpha where the file has alpha."""
    check_readable(path)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # "possibly a decompression bomb": the limit here is our own
            with Image.open(file) as image:
                if image.width * image.height > _PIXELS_LIMIT:
                    raise NotAMediaFile(path, f"{image.width} x {image.height} is larger than any picture we read")
                image.load()
                upright = ImageOps.exif_transpose(image)
                return np.asarray(_to_srgb(upright, image.info.get("icc_profile")), np.uint8)
    except (Image.UnidentifiedImageError, Image.DecompressionBombError) as exc:
        raise NotAMediaFile(path, "no known picture format was found in it") from exc
    except (OSError, ValueError, SyntaxError, EOFError) as exc:  # Pillow's words for damage
        if isinstance(exc, NotAMediaFile):
            raise
        raise CorruptMedia(path, f"the picture can't be read ({exc})") from exc


def picture_size(path: Path) -> tuple[int, int]:
    """(width, height) of what `read_picture` gives, from the header alone. Raises as it does."""
    check_readable(path)
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            with Image.open(file) as image:
                width, height = image.size
                turned = image.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
    except (Image.UnidentifiedImageError, Image.DecompressionBombError) as exc:
        raise NotAMediaFile(path, "no known picture format was found in it") from exc
    except (OSError, ValueError, SyntaxError, EOFError) as exc:
        raise CorruptMedia(path, f"the picture can't be read ({exc})") from exc
    return (height, width) if turned else (width, height)


def h264_round_trip(picture: NDArray[np.uint8], crf: int = CONDITIONING_CRF) -> NDArray[np.uint8]:
    """The picture as one H.264 frame gives it back: uint8 (h, w, 3) -> uint8 (h', w', 3), sizes floored to even.

    The model was trained on frames of compressed video, and a flawless still looks foreign to it. `crf` 0, or a side
    below 2, leaves the picture alone. Encoder settings: libx264, veryfast, yuv420p, BT.601 both ways (the round trip
    only needs the same matrix twice). Raises NoEncoder where libx264 is missing.
    """
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    if crf == 0 or height < 2 or width < 2:
        return picture
    source = VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), "rgb24")
    frame = source.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=ACCURATE,
    )
    frame.pts = 0
    try:
        encoder = _context("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
        encoder.time_base, encoder.framerate = Fraction(1, 25), Fraction(25)
        encoder.options = {"crf": str(crf), "preset": "veryfast"}
        packets = [*encoder.encode(frame), *encoder.encode(None)]
    except (FFmpegError, ValueError) as exc:
        raise NoEncoder(Path("conditioning picture"), "H.264", ("libx264",)) from exc
    decoder = _context("h264", "r")
    decoded = [out for packet in [*packets, None] for out in decoder.decode(cast("Any", packet))]
    back = decoded[0].reformat(
        format="rgb24",
        src_colorspace=Colorspace.ITU601,
        src_color_range=ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=ACCURATE,
    )
    return cast("NDArray[np.uint8]", back.to_ndarray())


def _context(name: str, mode: Any) -> VideoCodecContext:
    return cast("VideoCodecContext", CodecContext.create(name, mode))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if image.mode == "P":
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):  # 16-bit grey
        image = Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).astype(np.uint8))
    alpha = None
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
        image = image.convert("RGBA")
        alpha = image.getchannel("A")
        image = image.convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                image,
                source,
                ImageCms.createProfile("sRGB"),
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
            )
        except (ImageCms.PyCMSError, OSError, ValueError):
            converted = None  # a profile that does not fit the picture: shown as it is, as viewers do
        image = converted or image
    image = image.convert("RGB")
    if alpha is not None:
        image.putalpha(alpha)
    return image
