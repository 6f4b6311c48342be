"""Pocket's architecture: LTX-2.3's own `config` metadata with small numbers in it, and nothing that LTX-2.3 lacks.

The keys and the switches are those of the released checkpoint (transformer, text and autoencoder specification,
section "config values"); only widths, counts of layers and residual blocks differ.
"""

from __future__ import annotations

from typing import Any

MODEL_VERSION = "2.3.0"
LATENT_CHANNELS = 64
AUDIO_LATENT_CHANNELS = 4
MEL_BINS = 64
NATIVE_SIZES = ((320, 192), (192, 320), (256, 256))  # width x height of the second stage; the first has half of each
TEXT_TOKENS = 48  # what a prompt is padded to; a multiple of the registers. The longest caption has 36


def transformer_config(caption_channels: int) -> dict[str, Any]:
    """`config.transformer`: 6 blocks of 4 heads x 48 (video) and x 24 (audio)."""
    heads, video_head, audio_head = 4, 48, 24
    return {
        "_class_name": "AVTransformer3DModel",
        "num_layers": 6,
        "num_attention_heads": heads,
        "attention_head_dim": video_head,
        "audio_num_attention_heads": heads,
        "audio_attention_head_dim": audio_head,
        "in_channels": LATENT_CHANNELS,
        "out_channels": LATENT_CHANNELS,
        "audio_in_channels": AUDIO_LATENT_CHANNELS * MEL_BINS // 4,
        "audio_out_channels": AUDIO_LATENT_CHANNELS * MEL_BINS // 4,
        "cross_attention_dim": heads * video_head,
        "audio_cross_attention_dim": heads * audio_head,
        "positional_embedding_type": "rope",
        "positional_embedding_theta": 10000.0,
        "positional_embedding_max_pos": [20, 2048, 2048],
        "audio_positional_embedding_max_pos": [20],
        "rope_type": "split",
        "frequencies_precision": "float64",
        "use_middle_indices_grid": True,
        "causal_temporal_positioning": True,
        "timestep_scale_multiplier": 1000,
        "av_ca_timestep_scale_multiplier": 1000.0,
        "apply_gated_attention": True,
        "cross_attention_adaln": True,
        "norm_eps": 1e-6,
        "norm_elementwise_affine": False,
        "standardization_norm": "rms_norm",
        "qk_norm": "rms_norm",
        "activation_fn": "gelu-approximate",
        "attention_bias": True,
        "dropout": 0.0,
        "caption_channels": caption_channels,
        "caption_proj_before_connector": True,
        "caption_proj_input_norm": False,
        "caption_projection_first_linear": False,
        "caption_projection_second_linear": False,
        "text_encoder_norm_type": "per_token_rms",
        "use_embeddings_connector": True,
        "connector_norm_output": True,
        "connector_num_layers": 2,
        "connector_num_attention_heads": heads,
        "connector_attention_head_dim": video_head,
        "audio_connector_num_attention_heads": heads,
        "audio_connector_attention_head_dim": audio_head,
        "connector_num_learnable_registers": 16,
        "connector_learnable_registers_std": 1,
        "connector_positional_embedding_max_pos": [4096],
        "connector_apply_gated_attention": True,
        "num_embeds_ada_norm": 1000,
        "num_vector_embeds": None,
        "cross_attention_norm": True,
        "double_self_attention": False,
        "only_cross_attention": False,
        "upcast_attention": False,
        "use_linear_projection": False,
        "share_ff": False,
        "use_audio_video_cross_attention": True,
        "av_cross_ada_norm": True,
        "attention_type": "default",
        "norm_num_groups": 32,
    }


def vae_config() -> dict[str, Any]:
    """`config.vae`: encoder 16-32-64-128-128, decoder 96-48-48-48-24, the official order of blocks."""
    return {
        "_class_name": "CausalVideoAutoencoder",
        "dims": 3,
        "in_channels": 3,
        "out_channels": 3,
        "latent_channels": LATENT_CHANNELS,
        "patch_size": 4,
        "norm_layer": "pixel_norm",
        "latent_log_var": "uniform",
        "use_quant_conv": False,
        "causal_decoder": False,
        "timestep_conditioning": False,
        "normalize_latent_channels": False,
        "encoder_base_channels": 16,
        "decoder_base_channels": 24,
        "scaling_factor": 1.0,
        "spatial_padding_mode": "zeros",
        "encoder_blocks": [
            ["res_x", {"num_layers": 1}],
            ["compress_space_res", {"multiplier": 2}],
            ["res_x", {"num_layers": 2}],
            ["compress_time_res", {"multiplier": 2}],
            ["res_x", {"num_layers": 2}],
            ["compress_all_res", {"multiplier": 2}],
            ["res_x", {"num_layers": 1}],
            ["compress_all_res", {"multiplier": 1}],
            ["res_x", {"num_layers": 1}],
        ],
        "decoder_blocks": [
            ["res_x", {"num_layers": 2}],
            ["compress_space", {"multiplier": 2}],
            ["res_x", {"num_layers": 2}],
            ["compress_time", {"multiplier": 1}],
            ["res_x", {"num_layers": 2}],
            ["compress_all", {"multiplier": 1}],
            ["res_x", {"num_layers": 2}],
            ["compress_all", {"multiplier": 2}],
            ["res_x", {"num_layers": 1}],
        ],
    }


def audio_vae_config() -> dict[str, Any]:
    """`config.audio_vae`: 64 channels on all three levels, 4 latent channels of 16 bins."""
    return {
        "model": {
            "params": {
                "sampling_rate": 16000,
                "ddconfig": {
                    "double_z": True,
                    "mel_bins": MEL_BINS,
                    "z_channels": AUDIO_LATENT_CHANNELS,
                    "resolution": 256,
                    "downsample_time": False,
                    "in_channels": 2,
                    "out_ch": 2,
                    "ch": AUDIO_LATENT_CHANNELS * MEL_BINS // 4,
                    "ch_mult": [1, 1, 1],
                    "num_res_blocks": 1,
                    "attn_resolutions": [],
                    "dropout": 0.0,
                    "mid_block_add_attention": False,
                    "norm_type": "pixel",
                    "causality_axis": "height",
                },
            }
        },
        "preprocessing": {
            "stft": {"filter_length": 1024, "hop_length": 160, "win_length": 1024, "causal": True},
            "mel": {"n_mel_channels": MEL_BINS, "mel_fmin": 0, "mel_fmax": 8000},
            "audio": {"sampling_rate": 16000, "stereo": True, "causal_padding": 3},
        },
    }


def vocoder_config() -> dict[str, Any]:
    """`config.vocoder`: main generator 128 -> 2 channels wide, bandwidth extension 32 -> 1."""
    shared: dict[str, Any] = {
        "resblock": "AMP1",
        "resblock_kernel_sizes": [3, 7, 11],
        "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        "activation": "snakebeta",
        "stereo": True,
        "use_tanh_at_final": False,
        "use_bias_at_final": False,
    }
    return {
        "vocoder": shared
        | {
            "upsample_initial_channel": 128,
            "upsample_rates": [5, 2, 2, 2, 2, 2],
            "upsample_kernel_sizes": [11, 4, 4, 4, 4, 4],
        },
        "bwe": shared
        | {
            "upsample_initial_channel": 32,
            "upsample_rates": [6, 5, 2, 2, 2],
            "upsample_kernel_sizes": [12, 11, 4, 4, 4],
            "apply_final_activation": False,
            "input_sampling_rate": 16000,
            "output_sampling_rate": 48000,
            "hop_length": 80,
            "n_fft": 512,
            "win_size": 512,
            "num_mels": MEL_BINS,
        },
    }


def upsampler_config() -> dict[str, Any]:
    """The flat config of the spatial x2 latent upsampler file."""
    return {
        "_class_name": "LatentUpsampler",
        "in_channels": LATENT_CHANNELS,
        "mid_channels": 64,
        "num_blocks_per_stage": 2,
        "dims": 3,
        "spatial_upsample": True,
        "temporal_upsample": False,
        "spatial_scale": 2.0,
        "rational_resampler": False,
    }


def checkpoint_config(caption_channels: int) -> dict[str, Any]:
    """The whole `config` of Pocket's single file."""
    return {
        "transformer": transformer_config(caption_channels),
        "vae": vae_config(),
        "audio_vae": audio_vae_config(),
        "vocoder": vocoder_config(),
        "scheduler": {
            "_class_name": "RectifiedFlowScheduler",
            "num_train_timesteps": 1000,
            "sampler": "LinearQuadratic",
            "shifting": None,
            "base_resolution": None,
        },
    }
