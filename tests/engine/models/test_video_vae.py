"""The video autoencoder beyond its reference values: exact streams, flat memory, tiles, training, refused configs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from autoencoder_samples import VAE_2_0, VAE_2_3, randomise, relative_error
from hypothesis import given, settings
from hypothesis import strategies as st
from live_bytes import LiveBytes, peak_of
from torch import Tensor, nn

from engine.models.errors import UnknownConfigValue
from engine.models.video_streaming import (
    StreamingDecoder,
    StreamingEncoder,
    decode_in_pieces,
    encode_in_pieces,
    multiply_adds,
)
from engine.models.video_tiling import (
    _shares,  # pyright: ignore[reportPrivateUsage]  (the weights that must sum to one)
    decode_in_tiles,
    encode_in_tiles,
    plan,
    tile_sides,
)
from engine.models.video_vae import (
    VideoDecoder,
    VideoEncoder,
    VideoVaeConfig,
    depth_to_space,
    patchify,
    space_to_depth,
    unpatchify,
)

SMALL = {"latent_channels": 4, "encoder_base_channels": 4, "decoder_base_channels": 4}
BLOCKS: dict[str, Any] = {  # all kinds of block, one layer each
    "encoder_blocks": [[name, {"num_layers": 1} if name == "res_x" else kw] for name, kw in VAE_2_3["encoder_blocks"]],
    "decoder_blocks": [[name, {"num_layers": 1} if name == "res_x" else kw] for name, kw in VAE_2_3["decoder_blocks"]],
}
ZEROS = VAE_2_3 | SMALL | BLOCKS
REFLECT = ZEROS | {"spatial_padding_mode": "reflect"}
RESIDUAL = VAE_2_0 | SMALL  # the 2.0 layout: residual upsampling, reflected in the decoder


def encoder_of(metadata: dict[str, Any]) -> VideoEncoder:
    network = VideoEncoder(VideoVaeConfig.from_metadata(metadata)).double()
    randomise(network)
    return network


def decoder_of(metadata: dict[str, Any]) -> VideoDecoder:
    network = VideoDecoder(VideoVaeConfig.from_metadata(metadata)).double()
    randomise(network)
    return network


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7), dtype=torch.float64)


def cuts(total: int) -> st.SearchStrategy[list[int]]:
    """Ways to cut `total` frames into consecutive pieces."""
    return st.sets(st.integers(1, max(1, total - 1)), max_size=6).map(
        lambda marks: [b - a for a, b in zip([0, *sorted(marks)], [*sorted(marks), total], strict=True) if b > a]
    )


# Rearrangements -----------------------------------------------------------------------------------------------------


def test_space_to_depth_puts_the_width_offset_fastest() -> None:
    x = torch.arange(2 * 4 * 4 * 6).view(1, 2, 4, 4, 6)
    folded = space_to_depth(x, (2, 2, 3))
    n, p, q, r, t, i, j = 1, 1, 0, 2, 1, 1, 0
    assert folded[0, ((n * 2 + p) * 2 + q) * 3 + r, t, i, j] == x[0, n, 2 * t + p, 2 * i + q, 3 * j + r]
    assert torch.equal(depth_to_space(folded, (2, 2, 3)), x)


def test_patchify_puts_the_row_offset_fastest() -> None:
    x = torch.arange(3 * 2 * 8 * 12).view(1, 3, 2, 8, 12)
    patches = patchify(x, 4)
    n, q, r, t, i, j = 2, 1, 3, 1, 1, 2
    assert patches[0, n * 16 + r * 4 + q, t, i, j] == x[0, n, t, 4 * i + q, 4 * j + r]
    assert torch.equal(unpatchify(patches, 4), x)


# Exact streams ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metadata", [ZEROS, REFLECT, RESIDUAL], ids=["zeros", "reflect", "2.0"])
@pytest.mark.parametrize("frames", [1, 2, 3, 5, 16])
def test_streamed_decode_equals_one_shot(metadata: dict[str, Any], frames: int) -> None:
    decoder, latent = decoder_of(metadata), noise(1, 4, frames, 2, 2)
    with torch.no_grad():
        expected = decoder(latent)
    assert expected.shape == (1, 3, 8 * frames - 7, 64, 64)
    frame_bytes = 8 * 4 * 4  # of the latent
    for budget in (1, 20 * frame_bytes, 500 * frame_bytes, None):
        streamed = torch.cat(list(decode_in_pieces(decoder, latent, budget)), dim=2)
        assert relative_error(streamed, expected) < 1e-11


@settings(max_examples=25)
@given(data=st.data(), frames=st.integers(1, 9), budget=st.one_of(st.none(), st.integers(1, 60_000)))
def test_decoder_takes_any_pushes(data: st.DataObject, frames: int, budget: int | None) -> None:
    latent = noise(2, 4, frames, 1, 2)
    with torch.no_grad():
        expected = DECODER(latent)
    stream = StreamingDecoder(DECODER, budget)
    pieces: list[Tensor] = []
    for part in latent.split(data.draw(cuts(frames)), dim=2):
        consumed = stream.push(part)
        if data.draw(st.booleans()):  # what is not consumed now is done later
            pieces.extend(consumed)
    pieces.extend(stream.finish())
    assert relative_error(torch.cat(pieces, dim=2), expected) < 1e-11


@settings(max_examples=25)
@given(data=st.data(), latents=st.integers(1, 4), budget=st.one_of(st.none(), st.integers(1, 60_000)))
def test_encoder_takes_any_pushes(data: st.DataObject, latents: int, budget: int | None) -> None:
    frames = 8 * latents - 7
    pixels = noise(2, 3, frames, 32, 64)
    with torch.no_grad():
        expected = ENCODER(pixels)
    stream = StreamingEncoder(ENCODER, budget)
    pieces: list[Tensor] = []
    for part in pixels.split(data.draw(cuts(frames)), dim=2):
        pieces.extend(stream.push(part))
    pieces.extend(stream.finish())
    assert relative_error(torch.cat(pieces, dim=2), expected) < 1e-11


DECODER = decoder_of(ZEROS)
ENCODER = encoder_of(ZEROS)


def test_streamed_float32_equals_one_shot() -> None:
    decoder = decoder_of(ZEROS).float()
    latent = noise(1, 4, 9, 2, 3).float()
    with torch.no_grad():
        expected = decoder(latent)
    streamed = torch.cat(list(decode_in_pieces(decoder, latent, 4096)), dim=2)
    assert (streamed - expected).abs().max() < 1e-5 * expected.std()


def test_encoder_emits_a_latent_with_its_last_frame() -> None:
    stream = StreamingEncoder(ENCODER)
    pixels = noise(1, 3, 17, 32, 32)
    counts = [sum(p.shape[2] for p in stream.push(pixels[:, :, f : f + 1])) for f in range(17)]
    assert [f for f, count in enumerate(counts) if count] == [0, 8, 16]
    assert list(stream.finish()) == []


def test_stream_of_a_wrong_length_is_refused_at_its_end() -> None:
    stream = StreamingEncoder(ENCODER)
    assert len(list(stream.push(noise(1, 3, 4, 32, 32)))) == 1
    with pytest.raises(ValueError, match="8k \\+ 1 frames, not 4"):
        stream.finish()


def test_first_pixels_come_after_fourteen_more_latents_of_the_published_depth() -> None:
    decoder = decoder_of(VAE_2_3 | SMALL)
    stream = StreamingDecoder(decoder)
    counts = [sum(p.shape[2] for p in stream.push(noise(1, 4, 1, 1, 1))) for _ in range(16)]
    assert counts[:14] == [0] * 14
    assert counts[14] > 0


def test_progress_is_exact_and_an_exception_in_it_stops_the_work() -> None:
    fractions: list[float] = []
    list(decode_in_pieces(DECODER, noise(1, 4, 3, 1, 1), 1000, fractions.append))
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1, abs=1e-12)
    fractions.clear()
    list(encode_in_pieces(ENCODER, noise(1, 3, 17, 32, 32), 1000, fractions.append))
    assert fractions[-1] == pytest.approx(1, abs=1e-12)

    class Cancelled(Exception):
        pass

    def cancel(fraction: float) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        list(decode_in_pieces(DECODER, noise(1, 4, 3, 1, 1), 1000, cancel))


def test_work_of_the_published_sizes() -> None:
    """118 TFLOP for 768x512x121, in the specification; encoding the same within 3 percent."""
    with torch.device("meta"):
        config = VideoVaeConfig.from_metadata(VAE_2_3)
        decoder, encoder = VideoDecoder(config), VideoEncoder(config)
    decode = 2 * multiply_adds(decoder.layers(), 16, 16, 24)
    encode = 2 * multiply_adds(encoder.layers(), 121, 128, 192)
    assert decode == pytest.approx(118e12, rel=0.01)
    assert encode == pytest.approx(decode, rel=0.035)


# Memory: the published widths, one layer a block, on the meta device --------------------------------------------------


def wide(kind: type[VideoEncoder] | type[VideoDecoder]) -> Any:
    with torch.device("meta"):
        network = kind(VideoVaeConfig.from_metadata(VAE_2_3 | BLOCKS))
    return network.to(torch.bfloat16).requires_grad_(requires_grad=False)


def meta(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.bfloat16, device="meta")


MIB = 1 << 20


def test_streamed_decode_memory_does_not_grow_with_the_clip() -> None:
    """192x128 pixels; pieces fill this budget from 43 latent frames on."""
    decoder = wide(VideoDecoder)
    peaks = [peak_of(decode_in_pieces(decoder, meta(1, 128, t, 4, 6), 2 * MIB)) for t in (48, 96)]
    assert peaks[1] < 1.06 * peaks[0]
    with LiveBytes() as live, torch.no_grad():
        decoder(meta(1, 128, 48, 4, 6))
    assert peaks[0] < live.peak / 20
    assert peaks[0] < 18 * MIB  # 16; 21 if waiting frames keep alive the pieces that they were cut from


def test_streamed_encode_memory_does_not_grow_with_the_clip() -> None:
    encoder = wide(VideoEncoder)
    peaks = [peak_of(encode_in_pieces(encoder, meta(1, 3, f, 128, 192), 2 * MIB)) for f in (121, 241)]
    assert peaks[1] < 1.02 * peaks[0]
    with LiveBytes() as live, torch.no_grad():
        encoder(meta(1, 3, 121, 128, 192))
    assert peaks[0] < live.peak / 5


def test_a_smaller_budget_takes_less_memory() -> None:
    decoder = wide(VideoDecoder)
    small, large = (peak_of(decode_in_pieces(decoder, meta(1, 128, 32, 4, 6), b * MIB)) for b in (4, 32))
    assert small < 0.8 * large


# Tiles --------------------------------------------------------------------------------------------------------------


@given(size=st.integers(2, 30), length=st.integers(1, 200), scale=st.sampled_from([1, 4]), data=st.data())
def test_tiles_cover_everything_with_shares_that_sum_to_one(
    size: int, length: int, scale: int, data: st.DataObject
) -> None:
    overlap = data.draw(st.integers(0, size - 1))
    spans = plan(length, size, overlap)
    total = torch.zeros(length * scale, dtype=torch.float64)
    for span, share in zip(spans, _shares(spans, length, scale), strict=True):
        assert 0 < span.end - span.start <= size
        total[span.start * scale : span.end * scale] += share
    assert torch.allclose(total, torch.ones_like(total))


def test_shares_are_linear_ramps_over_the_overlap() -> None:
    first, second = _shares(plan(6, 4, 2), 6, 1)
    assert first.tolist() == pytest.approx([1, 1, 2 / 3, 1 / 3])
    assert second.tolist() == pytest.approx([1 / 3, 2 / 3, 1, 1])


def test_the_specifications_example_of_tiles() -> None:
    assert [(s.start, s.end) for s in plan(16, 10, 3)] == [(0, 10), (7, 16)]  # in time a frame more: [6, 16)


def test_tile_sides_keep_the_shape() -> None:
    assert tile_sides(16, 24) == (16, 24)
    assert tile_sides(34, 60) == (14, 24)
    assert tile_sides(120, 3) == (24, 3)


@pytest.mark.parametrize(("size", "overlap"), [(1, 0), (4, 4), (4, -1)])
def test_impossible_tiles_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="cannot cover"):
        plan(10, size, overlap)


def test_one_tile_is_the_streamed_decode() -> None:
    latent = noise(1, 4, 3, 2, 3)
    expected = torch.cat(list(decode_in_pieces(DECODER, latent, 5000)), dim=2)
    assert torch.equal(decode_in_tiles(DECODER, latent, (2, 3), overlap=1, piece_bytes=5000), expected)
    pixels = noise(1, 3, 9, 64, 96)
    expected = torch.cat(list(encode_in_pieces(ENCODER, pixels, 5000)), dim=2)
    assert torch.equal(encode_in_tiles(ENCODER, pixels, (2, 3), overlap=1, piece_bytes=5000), expected)


def test_tiles_of_a_network_that_looks_nowhere_give_the_one_shot_picture() -> None:
    """With only the middle of each kernel left, overlap changes nothing, so every seam must vanish."""
    decoder, encoder = decoder_of(ZEROS), encoder_of(ZEROS)
    for network in (decoder, encoder):
        for module in network.modules():
            if isinstance(module, nn.Conv3d):
                with torch.no_grad():
                    middle = module.weight[:, :, 1:2, 1:2, 1:2].clone()
                    module.weight.zero_()[:, :, 1:2, 1:2, 1:2] = middle
    latent, pixels = noise(1, 4, 3, 7, 5), noise(1, 3, 9, 224, 160)
    fractions: list[float] = []
    with torch.no_grad():
        tiled = decode_in_tiles(decoder, latent, (4, 3), overlap=2, piece_bytes=5000, on_piece=fractions.append)
        assert relative_error(tiled, decoder(latent)) < 1e-10
        assert relative_error(encode_in_tiles(encoder, pixels, (4, 3), overlap=2), encoder(pixels)) < 1e-10
    assert fractions == sorted(fractions)
    assert fractions[-1] == pytest.approx(1)


# Training -----------------------------------------------------------------------------------------------------------


def test_both_networks_train() -> None:
    config = VideoVaeConfig.from_metadata(ZEROS)
    torch.manual_seed(0)
    encoder, decoder = VideoEncoder(config), VideoDecoder(config)
    pixels = noise(2, 3, 9, 32, 32).float()
    moments = encoder.moments(pixels)
    assert moments.mean.shape == moments.logvar.shape == (2, 4, 2, 1, 1)
    loss = (decoder(moments.mean) - pixels).square().mean() + moments.logvar.square().mean()
    loss.backward()
    for name, parameter in [*encoder.named_parameters(), *decoder.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_gradients_equal_finite_differences() -> None:
    decoder = decoder_of(REFLECT)
    assert torch.autograd.gradcheck(
        lambda z: decoder(z)[:, :, ::4, ::13, ::11], (noise(1, 4, 2, 2, 2).requires_grad_(),), fast_mode=True
    )


def test_statistics_can_be_set_and_move_with_the_network() -> None:
    encoder = encoder_of(ZEROS)
    pixels = noise(1, 3, 9, 32, 32)
    with torch.no_grad():
        mean = encoder.moments(pixels).mean
        encoder.per_channel_statistics.set_to(torch.full((4,), 2.0), torch.full((4,), 4.0))
        assert torch.allclose(encoder(pixels), (mean - 2) / 4)
    decoder = decoder_of(ZEROS)
    decoder.per_channel_statistics.load_state_dict(encoder.per_channel_statistics.state_dict())
    assert torch.equal(decoder.per_channel_statistics.std, torch.full((4,), 4.0, dtype=torch.float64))
    with pytest.raises(ValueError, match="zero or less"):
        encoder.per_channel_statistics.set_to(torch.zeros(4), torch.tensor([1.0, 1.0, 0.0, 1.0]))


# Configurations -----------------------------------------------------------------------------------------------------


def test_the_generations_differ_as_published() -> None:
    new, old = VideoVaeConfig.from_metadata(VAE_2_3), VideoVaeConfig.from_metadata(VAE_2_0)
    assert (new.encoder_padding, new.decoder_padding) == ("zeros", "zeros")
    assert (old.encoder_padding, old.decoder_padding) == ("zeros", "reflect")
    for config in (new, old):
        assert (config.time_factor, config.space_factor) == (8, 32)
    with torch.device("meta"):
        encoder, decoder = VideoEncoder(old), VideoDecoder(old)
    assert sum(p.numel() for p in encoder.parameters()) == 694_098_881
    assert sum(p.numel() for p in decoder.parameters()) == 528_380_720


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"_class_name": "CausalDiffusionVAE"}, "vae._class_name"),
        ({"timestep_conditioning": True}, "vae.timestep_conditioning"),
        ({"timestep_conditioning": None}, "vae.timestep_conditioning"),  # absent: the official default is true
        ({"causal_decoder": True}, "vae.causal_decoder"),
        ({"norm_layer": "group_norm"}, "vae.norm_layer"),
        ({"latent_log_var": "per_channel"}, "vae.latent_log_var"),
        ({"use_quant_conv": True}, "vae.use_quant_conv"),
        ({"normalize_latent_channels": True}, "vae.normalize_latent_channels"),
        ({"dims": 2}, "vae.dims"),
        ({"spatial_padding_mode": "replicate"}, "vae.spatial_padding_mode"),
        ({"latent_channels": 0}, "vae.latent_channels"),
        ({"encoder_blocks": [["compress_all", {"multiplier": 2}]]}, "vae.encoder_blocks[0]"),
        ({"encoder_blocks": [["attn_res_x", {"num_layers": 2}]]}, "vae.encoder_blocks[0]"),
        ({"decoder_blocks": [["res_x_y", {"multiplier": 2}]]}, "vae.decoder_blocks[0]"),
        (
            {"decoder_blocks": [["res_x", {"num_layers": 1, "inject_noise": True}]]},
            "vae.decoder_blocks[0].inject_noise",
        ),
        ({"decoder_blocks": [["res_x", {"num_layers": 1, "surprise": 1}]]}, "vae.decoder_blocks[0].surprise"),
        ({"decoder_blocks": "res_x"}, "vae.decoder_blocks"),
        ({"decoder_blocks": [["res_x"]]}, "vae.decoder_blocks[0]"),
    ],
)
def test_what_we_cannot_build_is_refused_by_name(change: dict[str, Any], key: str) -> None:
    metadata = {k: v for k, v in (VAE_2_3 | change).items() if v is not None}
    with pytest.raises(UnknownConfigValue) as caught:
        VideoVaeConfig.from_metadata(metadata)
    assert caught.value.key == key


def test_wrong_sizes_are_refused_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="8k \\+ 1 frames, not 8"):
        ENCODER(noise(1, 3, 8, 32, 32))
    with pytest.raises(ValueError, match="multiples of 32, not 48x32"):
        ENCODER(noise(1, 3, 9, 32, 48))
