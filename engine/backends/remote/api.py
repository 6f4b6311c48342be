"""The LTX API: its endpoints, and how long one waits and tries again. What it answers is in `answers.py`.

Facts: the fact sheet in docs, and the service's own description of errors (type and status) and of jobs (v2). Bodies
of requests and answers are never logged; paths, statuses and the service's request ids are.
"""

from __future__ import annotations

import json
import logging
import mimetypes
import random
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar
from urllib.parse import quote, urlsplit

from engine.backends.base import (
    BadRequest,
    DiskFull,
    Interrupted,
    NoticeKind,
    ServiceRefused,
    ServiceUnreachable,
)
from engine.backends.remote.answers import (
    Arrived,
    Endpoint,
    Finished,
    GaveUp,
    Gone,
    JobNow,
    LinkExpired,
    Refusal,
    Taken,
    Working,
    error_words,
    explained,
    header_texts,
    is_film,
    json_object,
    result_url,
    retry_after,
    said,
)
from engine.backends.remote.keys import Secret, redacted
from engine.backends.remote.offers import CONSOLE, RESULT_HOURS, UPLOAD_LIMIT_BYTES
from engine.backends.remote.wire import Answer, BadAddress, CutShort, NoAnswer, Wire
from engine.media.errors import is_disk_full
from engine.net import origin

InDoubt = Callable[[bool], None]  # whether the service may be beginning what costs something
T = TypeVar("T")

# How long each kind of request may be silent, in seconds: fact sheet, sections 2 to 5.
_UPLOAD_START_S: Final = 60.0
_UPLOAD_S: Final = 300.0
_SUBMIT_S: Final = 120.0
_POLL_S: Final = 60.0
_CHECK_S: Final = 15.0
_DOWNLOAD_S: Final = 120.0
_AT_ONCE_S: Final = 1200.0  # v1 answers with the film itself

POLL_EVERY_S: Final = 5.0  # what the service asks for
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_LONGEST_ASKED_PAUSE_S: Final = 600.0  # of what Retry-After may ask
_TRIES: Final = 6
_BUSY_TRIES: Final = 40  # 429: only so many jobs at a time, and another one may run for minutes
_OFFLINE_S: Final = 1800.0  # a paid job is polled for so long without any answer
_JOB_S: Final = 3600.0  # and for so long with answers that say "not yet"

# Statuses that say "not now" and that nothing has begun. 502 and 504 come from gateways that can't know.
_NOT_NOW: Final = frozenset({408, 425, 429, 500, 503, 529})
_MAYBE: Final = frozenset({502, 504})
_WORKING: Final = frozenset({"queued", "pending", "processing", "running", "in_progress", "starting", "started"})
_ENDED_BADLY: Final = frozenset({"failed", "error", "cancelled", "canceled", "expired", "rejected"})

_log = logging.getLogger(__name__)


class Pausing(Protocol):
    """The part of a job's context that waiting needs."""

    def check(self) -> None: ...

    def wait(self, seconds: float) -> None: ...

    def notice(self, kind: NoticeKind, message: str) -> None: ...


class LtxApi:
    """One job's conversation with the service."""

    def __init__(self, wire: Wire, base: str, key: Secret, context: Pausing, pace: float = 1.0) -> None:
        """`pace` scales every pause: tests take a hundredth."""
        self._wire = wire
        self._base = base
        self._key = key
        self._context = context
        self._pace = pace

    @property
    def host(self) -> str:
        return urlsplit(self._base).hostname or ""

    # --- upload ---

    def upload(self, file: Path, on_bytes: Callable[[int], None]) -> str:
        """Send a file and return what later requests call it. Raises JobError, JobCancelled."""
        size = file.stat().st_size
        if size > UPLOAD_LIMIT_BYTES:
            raise BadRequest(
                f"{file.name} has {size / 1e6:.0f} MB; the LTX API takes {UPLOAD_LIMIT_BYTES / 1e6:.0f} MB at most. "
                "Choose a shorter stretch."
            )
        try:
            return self._patiently(lambda: self._upload_once(file, on_bytes), "the upload")
        except Refusal as exc:
            raise explained(exc) from exc

    def _upload_once(self, file: Path, on_bytes: Callable[[int], None]) -> str:
        place = self._json("POST", "/v1/upload", None, _UPLOAD_START_S)
        url, uri = place.get("upload_url"), place.get("storage_uri")
        if not isinstance(url, str) or not isinstance(uri, str) or not url or not uri:
            raise ServiceUnreachable("The LTX API gave no place to send the file to. Try again later.")
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        headers = {"Content-Type": kind, **header_texts(place.get("required_headers"))}
        answer = self._wire.put(url, headers, file, on_bytes, _UPLOAD_S)  # the link is signed: no key goes there
        self._note("PUT", "(upload)", answer)
        if answer.status not in (200, 201):
            raise Refusal(answer, self._key, by_storage=True)
        return uri

    def check_key(self) -> None:
        """Ask for a job that can't be: a service that says so has accepted the key. Free. Raises NoAnswer, Refusal."""
        answer = self._ask("GET", "/v2/text-to-video/00000000-0000-0000-0000-000000000000", None, _CHECK_S)
        if answer.status not in (200, 404):
            raise Refusal(answer, self._key)

    # --- jobs ---

    def submit(
        self,
        endpoint: Endpoint,
        body: Mapping[str, Any],
        target: Path,
        on_bytes: Callable[[int, int], None],
        in_doubt: InDoubt,
    ) -> Taken | Arrived:
        """Have the job begun, exactly once: what may have begun it isn't sent again. Raises JobError, JobCancelled.

        `in_doubt(True)` is called right before each request that may begin it, `in_doubt(False)` when it's clear that
        the request didn't. v2 gives an id at once. A service that doesn't have that for this endpoint is asked by v1,
        which keeps the line open until the film is made.
        """
        data = json.dumps(body).encode()
        try:
            answer = self._patiently(lambda: self._submit_once(f"/v2/{endpoint}", data), "the job", in_doubt)
        except Refusal as exc:
            if exc.status not in (404, 405):
                raise explained(exc) from exc
            return self._at_once(endpoint, data, target, on_bytes, in_doubt)
        found = json_object(answer).get("id")
        if not isinstance(found, str) or not found:
            raise Interrupted(
                "The LTX API took the job but gave no id for it, so its result can't be fetched. It may have been "
                f"charged: {CONSOLE} says. A retry would start it again.",
                f"status {answer.status}",
            )
        return Taken(found)

    def _submit_once(self, path: str, data: bytes) -> Answer:
        answer = self._ask("POST", path, data, _SUBMIT_S)
        if answer.status not in (200, 201, 202):
            raise Refusal(answer, self._key)
        return answer

    def _at_once(
        self,
        endpoint: Endpoint,
        data: bytes,
        target: Path,
        on_bytes: Callable[[int, int], None],
        in_doubt: InDoubt,
    ) -> Arrived:
        self._context.notice(
            "warning", "The service makes this while we wait, without an id: don't close the program until it's there."
        )
        try:
            head = self._patiently(lambda: self._at_once_once(endpoint, data, target, on_bytes), "the job", in_doubt)
        except Refusal as exc:
            raise explained(exc) from exc
        if head.body:
            url = result_url(json_object(head))
            if not url:
                words = said(head, self._key)[1]
                raise ServiceRefused(f"The LTX API sent no film: {words or 'it gave no reason'}.")
            self.download(url, target, on_bytes)
        elif not target.exists() or not target.stat().st_size:
            raise ServiceUnreachable(f"The LTX API sent an empty film. It may have been charged: {CONSOLE} says.")
        return Arrived()

    def _at_once_once(
        self, endpoint: Endpoint, data: bytes, target: Path, on_bytes: Callable[[int, int], None]
    ) -> Answer:
        url = f"{self._base}/v1/{endpoint}"
        head = self._wire.fetch("POST", url, self._with_key(), target, on_bytes, _AT_ONCE_S, body=data, is_film=is_film)
        self._note("POST", f"/v1/{endpoint}", head)
        if head.status != 200:
            raise Refusal(head, self._key)
        return head

    def status(self, endpoint: Endpoint, service_id: str) -> JobNow:
        """How the job is doing. Raises NoAnswer, Refusal, JobCancelled."""
        answer = self._ask("GET", f"/v2/{endpoint}/{quote(service_id, safe='')}", None, _POLL_S)
        if answer.status == 404:
            return Gone()
        if answer.status != 200:
            raise Refusal(answer, self._key)
        told = json_object(answer)
        state = told.get("status")
        if not isinstance(state, str) or not state:
            raise NoAnswer("an answer that can't be read", sent=True)
        if state in _WORKING:
            return Working()
        if state == "completed":
            return Finished(result_url(told))
        error = told.get("error")
        kind, words = error_words(error if error is not None else told, self._key)
        words = words or f"it ended as {redacted(state, self._key)!r} without a reason."
        return GaveUp(kind, words, certain=state in _ENDED_BADLY)

    def wait_for(self, endpoint: Endpoint, service_id: str, on_wait: Callable[[float], None]) -> JobNow:
        """Ask until the job has ended; `on_wait` hears the seconds waited. Raises ServiceUnreachable, JobCancelled.

        Slower and slower while nothing answers; a network that comes back (a lid that was closed) is noticed. What
        counts is the time in which it was asked and waited for, whatever the clock did meanwhile.
        """
        waited = unheard = 0.0  # seconds
        silent = 0
        while True:
            pause, asked = POLL_EVERY_S, time.monotonic()
            try:
                now = self.status(endpoint, service_id)
            except NoAnswer as exc:
                problem, words = exc, exc.reason
            except Refusal as exc:
                if exc.status not in _NOT_NOW | _MAYBE:
                    error = explained(exc)
                    error.resumable = True
                    raise error from exc
                problem, words, pause = exc, exc.words or f"status {exc.status}", exc.retry_after_s or pause
            else:
                if not isinstance(now, Working):
                    return now
                problem, words, silent, unheard = None, "", 0, 0.0
            if problem is not None:
                silent += 1
                pause = max(pause, self._pause(silent, 0))
                if silent == 3:
                    self._context.notice("warning", f"The LTX API can't be asked now ({words}); waiting for it.")
            spent = pause + time.monotonic() - asked
            waited, unheard = waited + spent, unheard + spent
            if waited > _JOB_S or unheard > _OFFLINE_S:
                raise ServiceUnreachable(
                    f"The LTX API hasn't finished the job for {waited / 60:.0f} minutes"
                    f"{f' ({words})' if words else ''}. Its id is kept: retry asks for the same result again, "
                    f"without paying again, for {RESULT_HOURS} hours.",
                    f"job {service_id} at {endpoint}",
                    resumable=True,
                )
            on_wait(waited)
            self._context.wait(pause * self._pace)

    # --- the result ---

    def download(self, url: str, target: Path, on_bytes: Callable[[int, int], None]) -> None:
        """Fetch a film; a line that breaks is taken up where it broke.

        Raises LinkExpired where the link doesn't hold (any more), ServiceUnreachable, DiskFull, JobCancelled.
        """
        headers = self._with_key() if origin(url) == origin(self._base) else {}  # never to anybody else
        tries = 0
        while True:
            before = target.stat().st_size if target.exists() else 0
            try:
                answer = self._wire.fetch("GET", url, headers, target, on_bytes, _DOWNLOAD_S)
            except BadAddress as exc:
                raise ServiceRefused(f"The result can't be fetched: {exc}.", resumable=True) from exc
            except NoAnswer as exc:
                received = exc.received if isinstance(exc, CutShort) else 0
                tries = 1 if received > before else tries + 1
                reason, pause = exc.reason, 0.0
            except OSError as exc:
                if is_disk_full(exc):
                    raise DiskFull(
                        "The disk is full: the result couldn't be kept. Make room and retry: it isn't paid for again.",
                        str(exc),
                        resumable=True,
                    ) from exc
                raise
            else:
                self._note("GET", "(result)", answer)
                if answer.status == 200 and target.exists() and target.stat().st_size:
                    return
                if answer.status == 416:
                    target.unlink(missing_ok=True)
                if answer.status in (401, 403, 404, 410):
                    raise LinkExpired(f"status {answer.status}")
                tries += 1
                reason, pause = f"status {answer.status}", retry_after(answer.header("retry-after"))
            if tries >= _TRIES:
                raise ServiceUnreachable(
                    f"The result can't be downloaded ({reason}). It's made and kept for {RESULT_HOURS} hours: retry "
                    "fetches it without paying again.",
                    resumable=True,
                )
            self._context.wait(self._pause(tries, pause) * self._pace)

    # --- one request ---

    def _json(self, method: str, path: str, body: bytes | None, timeout_s: float) -> dict[str, Any]:
        answer = self._ask(method, path, body, timeout_s)
        if answer.status != 200:
            raise Refusal(answer, self._key)
        return json_object(answer)

    def _ask(self, method: str, path: str, body: bytes | None, timeout_s: float) -> Answer:
        headers = self._with_key() | ({"Content-Type": "application/json"} if body is not None else {})
        answer = self._wire.ask(method, self._base + path, headers, body, timeout_s)
        self._note(method, path, answer)
        return answer

    def _with_key(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key.reveal()}"}

    def _note(self, method: str, path: str, answer: Answer) -> None:
        request = redacted(answer.header("x-request-id"), self._key) or "not named"
        _log.info("%s %s: status %d, request %s", method, path, answer.status, request)

    def _patiently(self, once: Callable[[], T], what: str, in_doubt: InDoubt | None = None) -> T:
        """Try until there is an answer; with `in_doubt` only as long as the service can't have begun.

        Raises Refusal, JobError, JobCancelled.
        """
        tries = links = 0
        while True:
            if in_doubt is not None:
                in_doubt(True)
            try:
                return once()
            except BadAddress as exc:
                raise ServiceRefused(f"The LTX API can't be used: {exc}.") from exc
            except NoAnswer as exc:
                if in_doubt is not None and exc.sent:
                    raise Interrupted(
                        f"The connection to the LTX API broke off while it was given the job ({exc.reason}). Whether "
                        f"it began, and was charged, can't be said from here: {CONSOLE} says. A retry would start it "
                        "again."
                    ) from exc
                problem, reason, pause, most = exc, exc.reason, 0.0, _TRIES
            except Refusal as exc:
                if exc.status in _MAYBE and in_doubt is not None:
                    raise Interrupted(
                        f"The LTX API's gateway answered {exc.status}: whether the job began, and was charged, can't "
                        f"be said from here; {CONSOLE} says. A retry would start it again.",
                        exc.detail,
                    ) from exc
                ran_out = exc.status == 403 and what == "the upload"  # its link, perhaps: the next try asks for another
                links += ran_out
                if exc.status not in _NOT_NOW | _MAYBE and not (ran_out and links == 1):
                    raise
                problem, reason, pause = exc, exc.words or f"status {exc.status}", exc.retry_after_s
                most = _BUSY_TRIES if exc.status == 429 else _TRIES
            tries += 1
            if tries >= most:
                detail = problem.detail if isinstance(problem, Refusal) else repr(problem)
                raise ServiceUnreachable(
                    f"The LTX API can't take {what} now ({reason}). Nothing was charged. Try again later.", detail
                ) from problem
            if in_doubt is not None:
                in_doubt(False)
            seconds = self._pause(tries, pause)
            if seconds > 3 or tries == 3:
                self._context.notice("warning", f"The LTX API is busy ({reason}): trying again in {seconds:.0f} s.")
            self._context.wait(seconds * self._pace)

    @staticmethod
    def _pause(tries: int, asked_s: float) -> float:
        """Seconds before the next try: what the service asks, else twice as long each time and a part by chance."""
        if asked_s > 0:
            return min(asked_s, _LONGEST_ASKED_PAUSE_S)
        pause = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (tries - 1))
        return pause * (1 + random.random() / 2)
