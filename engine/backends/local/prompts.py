"""Prompts to contexts: text encoder and conditioner when they are needed, and a cache on disk so that they seldom are.

A context depends on the text, the text encoder and the checkpoint's projection, and on nothing else. 12.6 MB each in
bfloat16 for the full model, so the cache has a limit and forgets what was not used for longest. Here too: rough prompts
written out by the text encoder, which is a chat model besides.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from safetensors.torch import load, save

from engine.backends.base import BadRequest, JobContext
from engine.backends.local.lending import LocalNetworks
from engine.backends.local.media import as_tensor
from engine.backends.local.phrases import IMAGE_TO_VIDEO_SYSTEM, NEGATIVE, TEXT_TO_VIDEO_SYSTEM
from engine.backends.local.tasks import Prepared
from engine.media.still import read_still
from engine.models.text import TextContext

CACHE_LIMIT_BYTES = 2_000_000_000
_WRITTEN_TOKENS = 512  # of a prompt that is written out: two hundred words and more
_SHOWN_LETTERS = 40  # of a prompt, in a sentence about it

Encode = Callable[[Sequence[str]], list[TextContext]]


class ContextCache:
    """Contexts by (encoder, prompt) in a folder. A file that can't be read is made again; a full disk is no failure."""

    def __init__(self, folder: Path, limit_bytes: int = CACHE_LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit_bytes = limit_bytes

    def contexts(self, encoder: str, prompts: Sequence[str], encode: Encode) -> list[TextContext]:
        """The contexts of these prompts, in order; `encode` is called once, with those that are not known."""
        found = {prompt: self._read(encoder, prompt) for prompt in prompts}
        unknown = [prompt for prompt in dict.fromkeys(prompts) if found[prompt] is None]
        if unknown:
            for prompt, context in zip(unknown, encode(unknown), strict=True):
                found[prompt] = context
                self._write(encoder, prompt, context)
        return [context for prompt in prompts if (context := found[prompt]) is not None]

    def has(self, encoder: str, prompts: Sequence[str]) -> bool:
        """Whether all of them are known. Those count as just used: they aren't forgotten before the job has them."""
        try:
            for prompt in prompts:
                os.utime(self._path(encoder, prompt))
        except OSError:
            return False
        return True

    def _path(self, encoder: str, prompt: str) -> Path:
        key = "\0".join((encoder, prompt)).encode("utf-8", "surrogatepass")
        return self._folder / f"{hashlib.sha256(key).hexdigest()}.context"

    def _read(self, encoder: str, prompt: str) -> TextContext | None:
        path = self._path(encoder, prompt)
        try:
            tensors = load(path.read_bytes())
            os.utime(path)
            return TextContext(tensors["video"], tensors["audio"])
        except OSError:
            return None
        except Exception:
            with contextlib.suppress(OSError):
                path.unlink()
            return None

    def _write(self, encoder: str, prompt: str, context: TextContext) -> None:
        part = self._folder / f".{secrets.token_hex(6)}.part"
        stored = {
            name: tensor.detach().to("cpu").contiguous()
            for name, tensor in zip(("video", "audio"), context, strict=True)
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(save(stored))
            part.replace(self._path(encoder, prompt))
            self._forget()
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _forget(self) -> None:
        files = [(path.stat(), path) for path in self._folder.glob("*.context")]
        files.sort(key=lambda entry: entry[0].st_mtime_ns, reverse=True)
        total = 0
        for stat, path in files:
            total += stat.st_size
            if total > self._limit_bytes:
                path.unlink(missing_ok=True)


class PromptReader:
    """The contexts of a job's prompts, by the networks that the job has."""

    def __init__(self, cache: ContextCache) -> None:
        self._cache = cache

    def known(self, networks: LocalNetworks, prepared: Prepared) -> bool:
        """Whether the text encoder isn't needed for this job."""
        return self._cache.has(networks.text_identity(), _prompts(prepared))

    def contexts(
        self, networks: LocalNetworks, prepared: Prepared, context: JobContext
    ) -> tuple[TextContext, TextContext | None]:
        """Positive, and negative where the recipe is guided. Raises JobCancelled, and what loading raises."""
        context.phase("encoding prompt")

        def encode(unknown: Sequence[str]) -> list[TextContext]:
            contexts = [on_cpu(found) for found in networks.encode(unknown)]
            for number in networks.cut:
                context.notice(
                    "warning",
                    f'The prompt "{unknown[number][:_SHOWN_LETTERS]}..." is longer than the {networks.prompt_tokens} '
                    "tokens that the model reads: its end is left out.",
                )
            context.check()
            return contexts

        found = self._cache.contexts(networks.text_identity(), _prompts(prepared), encode)
        return found[0], found[1] if len(found) > 1 else None


def _prompts(prepared: Prepared) -> list[str]:
    positive, negative = prepared.prompts
    guided = any(plan is not None for stage in prepared.task.recipe.stages for plan in stage.guidance)
    return [positive, negative or NEGATIVE] if guided else [positive]


def written_out(networks: LocalNetworks, prompt: str, seed: int, image: str, check: Callable[[], None]) -> str:
    """A detailed prompt made of a few words, and of the picture in the file `image` if the text encoder can see.

    `check` is called at each token and may raise to stop. Raises BadRequest, and what reading a picture raises.
    """
    if not prompt.strip():
        raise BadRequest("There is nothing to write out: give a few words first.")
    gemma = networks.text_encoder()
    sees = image != "" and getattr(gemma.model.config, "vision_config", None) is not None
    picture = as_tensor(read_still(Path(image))) if sees else None
    system = IMAGE_TO_VIDEO_SYSTEM if image else TEXT_TO_VIDEO_SYSTEM
    written = gemma.enhance(prompt, system, seed % (1 << 32), _WRITTEN_TOKENS, picture, on_token=lambda _count: check())
    return written or prompt


def on_cpu(context: TextContext) -> TextContext:
    """A context without its device and without a graph."""
    return TextContext(*(tensor.detach().to("cpu", torch.float32) for tensor in context))
