"""Per-channel mean and deviation of a latent space, shared by the video and the audio autoencoder.

The transformer, the noise and everything on disk live in the normalised space; only the networks on either side of it
see raw latents.
"""

import torch
from torch import Tensor, nn

_MEAN = "mean-of-means"  # the checkpoint's names carry hyphens, so the buffers are registered and read by string
_STD = "std-of-means"


class PerChannelStatistics(nn.Module):
    """Mean and standard deviation per latent channel; zero and one until somebody sets or loads them.

    Works on any tensor whose axis 1 holds the channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.register_buffer(_MEAN, torch.zeros(channels))
        self.register_buffer(_STD, torch.ones(channels))

    @property
    def mean(self) -> Tensor:
        return self.get_buffer(_MEAN)

    @property
    def std(self) -> Tensor:
        return self.get_buffer(_STD)

    def set_to(self, mean: Tensor, std: Tensor) -> None:
        """Overwrite the statistics in place, both of shape (channels,). Raises ValueError unless every std is > 0."""
        if mean.shape != self.mean.shape or std.shape != self.std.shape:
            raise ValueError(f"statistics need shape {tuple(self.mean.shape)}, not {mean.shape} and {std.shape}")
        if not bool((std > 0).all()):
            raise ValueError("a latent channel has a standard deviation of zero or less")
        with torch.no_grad():
            self.mean.copy_(mean)
            self.std.copy_(std)

    def normalise(self, raw: Tensor) -> Tensor:
        mean, std = self._shaped_for(raw)
        return (raw - mean) / std

    def un_normalise(self, normalised: Tensor) -> Tensor:
        mean, std = self._shaped_for(normalised)
        return normalised * std + mean

    def _shaped_for(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Both buffers as (channels, 1, 1, …), in the dtype of `x`."""
        shape = (-1,) + (1,) * (x.ndim - 2)
        return self.mean.to(x.dtype).view(shape), self.std.to(x.dtype).view(shape)
