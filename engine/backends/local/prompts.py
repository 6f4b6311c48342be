"""Prompts to contexts: text encoder and conditioner when they are needed, and a cache on disk so that they seldom are.

A context depends on the text, the text encoder and the checkpoint's projection, and on nothing else. 12.6 MB each in
bfloat16 for the full model, so the cache has a limit and forgets what was not used for longest.
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

from engine.models.text import TextContext

CACHE_LIMIT_BYTES = 2_000_000_000

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


def on_cpu(context: TextContext) -> TextContext:
    """A context without its device and without a graph."""
    return TextContext(*(tensor.detach().to("cpu", torch.float32) for tensor in context))
