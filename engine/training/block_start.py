"""Start the video autoencoder as a transform of single blocks, before any convolution looks at its neighbours.

Restricted to the middle tap of every convolution, with residual blocks that add nothing, encoder and decoder work on
one 8 x 32 x 32 block at a time. Such networks are a thousand times cheaper to train, and already hold what matters: the
encoder finds the hand-made coefficients (latent_basis.py), the decoder turns them back into the block. Full
training then starts from pictures with seams instead of from noise.
"""

# torch leaves `manual_seed` and `Optimizer.step` half annotated:
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from einops import rearrange
from torch import Tensor, nn

from engine.models.video_vae import (
    Downsample,
    TemporalConv,
    Upsample,
    VideoDecoder,
    VideoEncoder,
    depth_to_space,
    patchify,
    pixel_norm,
    unpatchify,
)

STEADY = 6.0  # a constant in the last layer's input, against which the signal is small: norm and SiLU are near linear


class MiddleTap(nn.Module):
    """What is left of a 3 x 3 x 3 convolution when only its own position counts."""

    def __init__(self, conv: TemporalConv):
        super().__init__()
        out_channels, in_channels = conv.conv.weight.shape[:2]
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels) / in_channels**0.5)
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x_NCtyx: Tensor) -> Tensor:
        return F.conv3d(x_NCtyx, self.weight[:, :, None, None, None], self.bias)

    @torch.no_grad()
    def install(self, conv: TemporalConv) -> None:
        """Write the tap into a convolution; a causal one has its own frame last."""
        conv.conv.weight.mul_(0.02)  # the neighbours: little, but not nothing
        conv.conv.weight[:, :, conv.copies_in_front, 1, 1] = self.weight
        assert conv.conv.bias is not None
        conv.conv.bias.copy_(self.bias)


def quiet_residuals(network: VideoEncoder | VideoDecoder) -> None:
    """Residual blocks that pass their input on: the second convolution starts near zero."""
    for name, parameter in network.named_parameters():
        if ".conv2." in name:
            parameter.data.mul_(0.02 if parameter.ndim > 1 else 0.0)


class BlockEncoder(nn.Module):
    """Pixels of blocks (N, 3, 8, 32, 32) to coefficients (N, C), through the encoder's resampling path."""

    def __init__(self, encoder: VideoEncoder):
        super().__init__()
        self.patch = encoder.config.patch_size
        self._layers: list[tuple[TemporalConv, Downsample | None]] = []
        for layer in encoder.layers():
            if isinstance(layer, Downsample):
                self._layers.append((layer.conv, layer))
            elif isinstance(layer, TemporalConv):
                self._layers.append((layer, None))
        self.taps = nn.ModuleList(MiddleTap(conv) for conv, _ in self._layers)
        with torch.no_grad():  # the last resampling's first channel is the steady one
            last = self.taps[-2]
            assert isinstance(last, MiddleTap)
            last.bias[0] = STEADY

    def forward(self, blocks: Tensor) -> Tensor:
        x = patchify(blocks, self.patch)
        for tap, (_, resampling) in zip(self.taps, self._layers, strict=True):
            if resampling is not None:
                x = resampling.fold(tap(x), x)
            else:
                x = tap(F.silu(pixel_norm(x, 1e-8)) if tap is self.taps[-1] else x)
        return x[:, :-1].flatten(1)

    def install(self) -> None:
        for tap, (conv, _) in zip(self.taps, self._layers, strict=True):
            assert isinstance(tap, MiddleTap)
            tap.install(conv)


class BlockDecoder(nn.Module):
    """Coefficients (N, C) to the pixels of blocks (N, 3, 8, 32, 32), through the decoder's resampling path."""

    def __init__(self, decoder: VideoDecoder):
        super().__init__()
        self.patch = decoder.config.patch_size
        self._layers: list[tuple[TemporalConv, Upsample | None]] = []
        for layer in decoder.layers():
            if isinstance(layer, Upsample):
                self._layers.append((layer.conv, layer))
            elif isinstance(layer, TemporalConv):
                self._layers.append((layer, None))
        self.taps = nn.ModuleList(MiddleTap(conv) for conv, _ in self._layers)
        with torch.no_grad():
            last = self.taps[-2]
            assert isinstance(last, MiddleTap)
            _, unfolding = self._layers[-2]
            assert unfolding is not None
            last.bias[: unfolding.factors[0] * unfolding.factors[1] * unfolding.factors[2]] = STEADY

    def forward(self, latent_NC: Tensor) -> Tensor:
        x = latent_NC[:, :, None, None, None]
        for tap, (_, resampling) in zip(self.taps, self._layers, strict=True):
            if resampling is not None:
                x = depth_to_space(tap(x), resampling.factors)
            else:
                x = tap(F.silu(pixel_norm(x, 1e-8)) if tap is self.taps[-1] else x)
        return unpatchify(x, self.patch)

    def install(self) -> None:
        for tap, (conv, _) in zip(self.taps, self._layers, strict=True):
            assert isinstance(tap, MiddleTap)
            tap.install(conv)


def as_pixels(blocks_NK: Tensor) -> Tensor:
    """Blocks as latent_basis cuts them, (N, 8*32*32*3), to (N, 3, 8, 32, 32)."""
    return rearrange(blocks_NK, "n (p y x c) -> n c p y x", p=8, y=32, x=32, c=3)


def fit_blocks(
    encoder: VideoEncoder,
    decoder: VideoDecoder,
    blocks_NK: Tensor,
    coefficients_NC: Tensor,
    *,
    steps: int,
    seed: int,
    batch: int = 192,
) -> Iterator[tuple[int, float, float]]:
    """Fit both block networks and write them into the real ones; yields (step, encoder error, decoder error).

    The iterator has to be read to its end: only then are the networks written. Measured at 3,000 steps of Pocket's own
    VAE: 64 principal components alone rebuild unseen clips at 27.5 dB, the fitted decoder from the same numbers at
    27.7 dB, and from the fitted encoder's at 26.8 dB.
    """
    torch.manual_seed(seed)
    small_encoder, small_decoder = BlockEncoder(encoder), BlockDecoder(decoder)
    small_encoder.to(blocks_NK.device)
    small_decoder.to(blocks_NK.device)
    parameters = [*small_encoder.parameters(), *small_decoder.parameters()]
    optimiser = torch.optim.Adam(parameters, lr=1e-2, betas=(0.9, 0.98))
    draw = torch.Generator().manual_seed(seed)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 1e-2 * min(1.0, (step + 1) / 50) * max(0.02, 1 - step / steps)
        picked = torch.randint(len(blocks_NK), (batch,), generator=draw)
        pixels, coefficients = as_pixels(blocks_NK[picked]), coefficients_NC[picked]
        found = F.mse_loss(small_encoder(pixels), coefficients)
        made = small_decoder(coefficients)
        detail = (pixels - pixels.mean(dim=(2, 3, 4), keepdim=True)).abs().amax(dim=1, keepdim=True)
        rebuilt = ((made - pixels).square() * (1 + 4 * detail.clamp(max=1))).mean()
        optimiser.zero_grad()
        (found + 10 * rebuilt).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if step % 50 == 0 or step == steps - 1:
            yield step, found.item(), rebuilt.item()
    quiet_residuals(encoder)
    quiet_residuals(decoder)
    small_encoder.install()
    small_decoder.install()
