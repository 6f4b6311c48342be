"""Colour arithmetic on arrays of RGB (…, 3): matrices, transfer curves, and high dynamic range to BT.709.

Signals are floats, 0 = black and 1 = reference white of their coding; linear light too unless it says cd/m². What
leaves this room is always BT.709, limited range in YUV (H.273: matrix, primaries, transfer 1).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.media.colour import Matrix

Floats = NDArray[np.floating[Any]]  # float32 where it is much

# (Kr, Kb) of H.273 table 4. FCC's differ from BT.601's in the third digit only.
WEIGHTS: Final = {
    Matrix.BT709: (0.2126, 0.0722),
    Matrix.FCC: (0.30, 0.11),
    Matrix.BT470BG: (0.299, 0.114),
    Matrix.SMPTE170M: (0.299, 0.114),
    Matrix.SMPTE240M: (0.212, 0.087),
    Matrix.BT2020: (0.2627, 0.0593),
}

BT709_LUMA: Final = np.array([0.2126, 0.7152, 0.0722], np.float32)
BT2020_LUMA: Final = np.array([0.2627, 0.6780, 0.0593], np.float32)

# H.273 codes that are asked for here.
PRIMARIES_BT2020: Final = 9
TRANSFER_PQ: Final = 16
TRANSFER_HLG: Final = 18

DISPLAY_GAMMA: Final = 2.4  # ITU-R BT.1886, for black at 0

# BT.2020 to BT.709 in linear light (ITU-R BT.2087, inverse of its table 2).
_BT2020_TO_BT709: Final = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)

# SMPTE ST 2084.
_PQ_M1: Final = 2610 / 16384
_PQ_M2: Final = 2523 / 4096 * 128
_PQ_C1: Final = 3424 / 4096
_PQ_C2: Final = 2413 / 4096 * 32
_PQ_C3: Final = 2392 / 4096 * 32

# ITU-R BT.2100, hybrid log-gamma.
_HLG_A: Final = 0.17883277
_HLG_B: Final = 1 - 4 * _HLG_A
_HLG_C: Final = 0.5 - _HLG_A * float(np.log(4 * _HLG_A))

# What is assumed of HDR material that says nothing of its mastering: most is graded on displays of 1000 cd/m². HDR
# reference white (ITU-R BT.2408) is as bright as the white of the SDR picture may get.
HDR_PEAK_CD: Final = 1000.0
SDR_WHITE_CD: Final = 203.0


def yuv_matrix(matrix: Matrix) -> NDArray[np.float64]:
    """RGB (0..1) -> (Y 0..1, Cb -0.5..0.5, Cr -0.5..0.5) as a 3x3 matrix."""
    red, blue = WEIGHTS[matrix]
    green = 1 - red - blue
    luma = np.array([red, green, blue])
    blueness = (np.array([0.0, 0.0, 1.0]) - luma) / (2 * (1 - blue))
    redness = (np.array([1.0, 0.0, 0.0]) - luma) / (2 * (1 - red))
    return np.stack([luma, blueness, redness])


def yuv_codes(rgb: tuple[float, float, float], matrix: Matrix = Matrix.BT709) -> tuple[int, int, int]:
    """An RGB colour (0..1) as 8-bit limited-range codes (Y, Cb, Cr)."""
    y, cb, cr = yuv_matrix(matrix) @ np.array(rgb)
    return round(16 + 219 * y), round(128 + 224 * cb), round(128 + 224 * cr)


def pq_to_light(signal: Floats) -> Floats:
    """PQ signal 0..1 -> cd/m² (ST 2084's EOTF)."""
    power = np.clip(signal, 0, 1) ** np.float32(1 / _PQ_M2)
    return 10000 * (np.maximum(power - _PQ_C1, 0) / (_PQ_C2 - _PQ_C3 * power)) ** np.float32(1 / _PQ_M1)


def light_to_pq(light: Floats) -> Floats:
    """cd/m² -> PQ signal."""
    power = (np.maximum(light, 0) / 10000) ** np.float32(_PQ_M1)
    return ((_PQ_C1 + _PQ_C2 * power) / (1 + _PQ_C3 * power)) ** np.float32(_PQ_M2)


def hlg_to_light(signal: Floats) -> Floats:
    """HLG signal (…, 3) -> cd/m² on a display of 1000 cd/m² (BT.2100: inverse OETF, then OOTF with gamma 1.2)."""
    signal = np.clip(signal, 0, 1)
    high = (np.exp((signal - _HLG_C) / _HLG_A) + _HLG_B) / 12
    scene = np.where(signal <= 0.5, signal * signal / 3, high)
    brightness = np.maximum(scene @ BT2020_LUMA, 1e-6)[..., None]
    return (1000 * scene * brightness ** np.float32(0.2)).astype(np.float32)


def tone_mapped(light: Floats) -> Floats:
    """cd/m² up to the HDR peak -> cd/m² up to SDR white by ITU-R BT.2390's EETF, on the largest component.

    The other components keep their ratio to it, so that highlights keep their hue.
    """
    largest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    return light * (_eetf(largest) / largest)


def _eetf(light: Floats) -> Floats:
    """BT.2390-10 section 5.4.1: below the knee nothing changes, above it a Hermite spline leads to the new peak."""
    low, high = (float(light_to_pq(np.array(peak, np.float32))) for peak in (SDR_WHITE_CD, HDR_PEAK_CD))
    maximum = low / high
    knee = 1.5 * maximum - 0.5
    part = np.minimum(light_to_pq(light) / high, 1)
    t = np.maximum(part - knee, 0) / (1 - knee)
    spline = (2 * t**3 - 3 * t**2 + 1) * knee + (t**3 - 2 * t**2 + t) * (1 - knee) + (3 * t**2 - 2 * t**3) * maximum
    return pq_to_light((np.where(part < knee, part, spline) * high).astype(np.float32))


_TO_LIGHT: Final = {TRANSFER_PQ: pq_to_light, TRANSFER_HLG: hlg_to_light}


def hdr_to_bt709(signal: Floats, transfer: int) -> Floats:
    """A PQ or HLG signal with BT.2020 primaries -> BT.709 signal for a BT.1886 display, within 0..1."""
    light = _TO_LIGHT[transfer](signal)
    mapped = tone_mapped(light) / SDR_WHITE_CD
    return encoded(np.clip(mapped @ _BT2020_TO_BT709.T, 0, 1))


def bt2020_to_bt709(signal: Floats) -> Floats:
    """A standard range BT.2020 signal with BT.709 primaries; what BT.709 can't show leaves 0..1."""
    return encoded((linear(signal) @ _BT2020_TO_BT709.T).astype(np.float32))


def linear(signal: Floats) -> Floats:
    """Display light of a signal (BT.1886); odd, so that values below black keep their sign."""
    return np.sign(signal) * np.abs(signal) ** np.float32(DISPLAY_GAMMA)


def encoded(light: Floats) -> Floats:
    """The signal of display light: the inverse of `linear`."""
    return np.sign(light) * np.abs(light) ** np.float32(1 / DISPLAY_GAMMA)
