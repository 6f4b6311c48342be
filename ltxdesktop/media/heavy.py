"""Which media are too heavy to be played and stepped through as they are: the one rule for making proxies."""

from __future__ import annotations

from typing import Final

from ltxdesktop.document.model import MediaKind
from ltxdesktop.media.facts import Facts

# Pixels that an ordinary machine decodes a second beside everything else: 1080p60 of H.264, measured on two cores at
# about twice real time.
_PIXELS_A_SECOND: Final = 130_000_000

# How much longer a pixel takes than one of H.264, measured with FFmpeg 8 on x86 (rounded); others count 1.
_COST: Final = {
    "hevc": 1.3,
    "vp9": 1.2,
    "libvpx-vp9": 1.6,
    "av1": 1.5,
    "libdav1d": 1.3,
    "libaom-av1": 3.0,
    "vvc": 4.0,
    "prores": 1.5,
    "dnxhd": 1.2,
    "jpeg2000": 8.0,
    "cfhd": 1.5,
    "ffv1": 4.0,
    "png": 4.0,
    "mpeg2video": 0.7,
}
_DEEP: Final = 1.5  # more than 8 bits
_LONG_GROUP_S: Final = 12  # seconds between key pictures from which a seek is felt …
_LONG_GROUP_PIXELS: Final = 1920 * 1080  # … from this size on

_ALPHA: Final = ("yuva", "gbrap", "rgba", "bgra", "argb", "abgr", "ya8", "ya16")


def why_heavy(facts: Facts) -> str | None:
    """Why a proxy should be made, for a person; None for what plays well as it is or can't have one (alpha)."""
    if facts.kind is not MediaKind.VIDEO or facts.pixel_format.startswith(_ALPHA) or facts.index is None:
        return None
    pixels = facts.width * facts.height
    work = float(pixels * facts.rate) * _COST.get(facts.codec, 1.0) * (_DEEP if facts.bits > 8 else 1.0)
    if work > _PIXELS_A_SECOND:
        depth = f", {facts.bits} bits" if facts.bits > 8 else ""
        return f"{facts.width} x {facts.height} at {float(facts.rate):.4g} pictures a second ({facts.codec}{depth})"
    keys = max(1, len(facts.index.key_pts))
    if pixels >= _LONG_GROUP_PIXELS and facts.frames / keys > _LONG_GROUP_S * facts.rate:
        return f"only every {round(facts.frames / keys)}th picture stands alone"
    return None
