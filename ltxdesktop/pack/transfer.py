"""Downloads of single files that go on where they stopped, even after the process was killed, and are checked whole.

The parts of a download lie beside its target as NAME.part; the sha256 decides what is good, so nothing else about an
earlier try has to be remembered. urllib follows redirects and the environment's proxies.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ltxdesktop.pack.errors import Corrupt, DownloadFailed

PIECE_BYTES: Final = 1 << 20
PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0)  # between tries that brought nothing; one that brought bytes counts afresh
TIMEOUT_S: Final = 30.0

Progress = Callable[[int, int], None]  # bytes that are there, bytes of the whole (0: unknown)


def sha256_of(path: Path) -> str:
    """The hash of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch(
    url: str, target: Path, sha256: str, progress: Progress | None = None, wait: Callable[[float], None] = time.sleep
) -> None:
    """Bring `url` to `target`, unless it's there already. Raises DownloadFailed, Corrupt, OSError (a full disk)."""
    if target.exists():
        if sha256_of(target) == sha256:
            return
        target.unlink()
    part = target.with_name(target.name + ".part")
    resumed = part.exists() and part.stat().st_size > 0
    _fetch_part(url, part, progress or _nobody, wait)
    found = sha256_of(part)
    if found != sha256 and resumed:  # its beginning may be of another file: once more, from the first byte
        part.unlink()
        _fetch_part(url, part, progress or _nobody, wait)
        found = sha256_of(part)
    if found != sha256:
        part.unlink()
        raise Corrupt(target.name, sha256, found)
    part.replace(target)


def _nobody(_there: int, _whole: int) -> None:
    pass


def _fetch_part(url: str, part: Path, progress: Progress, wait: Callable[[float], None]) -> None:
    """Fill `part` up to its end, with as many connections as it takes. Raises DownloadFailed, OSError."""
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _take(url, part, before, progress):
                return
            reason = "the connection ended too early"
        except urllib.error.HTTPError as exc:
            exc.close()
            if exc.code == 416 and before:  # all of it is here, or the file there is another one
                if _whole_of_416(exc) == before:
                    return
                part.unlink()
                before, reason = 0, "the server has another file now"
            elif exc.code in {408, 429} or exc.code >= 500:
                reason = f"the server said {exc.code} {exc.reason}"
            else:
                raise DownloadFailed(url, f"the server said {exc.code} {exc.reason}") from exc
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as exc:
            reason = str(getattr(exc, "reason", exc)) or type(exc).__name__
        failures = 0 if part.exists() and part.stat().st_size > before else failures + 1
        if failures > len(PAUSES_S):
            raise DownloadFailed(url, reason)
        wait(PAUSES_S[max(0, failures - 1)])


def _take(url: str, part: Path, start: int, progress: Progress) -> bool:
    """Take what one connection brings; whether that was all."""
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", "User-Agent": "ltxdesktop"})
    if start:
        request.add_header("Range", f"bytes={start}-")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S, context=_certificates(url)) as answer:
        if answer.status != 206:
            start = 0
        length = int(answer.headers.get("Content-Length", 0))
        whole = start + length if length else 0
        there = start
        with part.open("r+b" if start else "wb") as file:
            file.seek(start)
            file.truncate()
            while piece := answer.read(PIECE_BYTES):
                file.write(piece)
                there += len(piece)
                progress(there, whole)
            file.flush()
            os.fsync(file.fileno())
    return not whole or there == whole


def _whole_of_416(exc: urllib.error.HTTPError) -> int:
    """The length of the file as the refusal of a range says it (`bytes */123`); -1 if it doesn't."""
    text = (exc.headers.get("Content-Range") or "").rpartition("/")[2]
    return int(text) if text.isdigit() else -1


def _certificates(url: str) -> ssl.SSLContext | None:
    """The system's own certificates: those that a frozen Python looks for are the building machine's."""
    if not url.startswith("https:"):
        return None
    import truststore

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
