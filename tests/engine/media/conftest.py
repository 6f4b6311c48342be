"""The generated media files, made once per test process."""

from __future__ import annotations

from media_fixtures import clip, samples  # noqa: F401
