"""What the service answers: a job's state, a refusal, an error; and those in a person's words. It asks nothing."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, cast

from engine.backends.base import BadRequest, JobError, ServiceRefused
from engine.backends.remote.keys import Secret, redacted
from engine.backends.remote.offers import CONSOLE
from engine.backends.remote.wire import Answer

Endpoint = Literal["text-to-video", "image-to-video", "audio-to-video", "retake", "extend"]


class Refusal(Exception):
    """An answer that isn't what was asked for."""

    def __init__(self, answer: Answer, key: Secret, *, by_storage: bool = False) -> None:
        """`by_storage`: the place for an upload refused, not the service itself."""
        self.by_storage = by_storage
        self.status = answer.status
        self.kind, self.words = said(answer, key)
        self.request_id = redacted(answer.header("x-request-id"), key)
        self.retry_after_s = retry_after(answer.header("retry-after"))
        super().__init__(f"{self.status} {self.kind}: {self.words}")

    @property
    def detail(self) -> str:
        """For the log."""
        request = f", request {self.request_id}" if self.request_id else ""
        return f"status {self.status} {self.kind or 'without a type'}{request}: {self.words or 'no words'}"


class Working(NamedTuple):
    """The job isn't done."""


class Finished(NamedTuple):
    """The result waits at `url`."""

    url: str


class GaveUp(NamedTuple):
    """The service failed at the job; not `certain` where it says something that nobody has described."""

    kind: str
    words: str
    certain: bool


class Gone(NamedTuple):
    """The service doesn't know the job (any more)."""


JobNow = Working | Finished | GaveUp | Gone


class Taken(NamedTuple):
    """The service works on it under this id."""

    id: str


class Arrived(NamedTuple):
    """The film came with the answer itself (v1) and lies in the target."""


class LinkExpired(Exception):
    """The address of a result doesn't hold any more; the job has to be asked for a new one."""


def explained(refusal: Refusal) -> JobError:
    """What the person reads. Nothing was begun, so nothing was charged."""
    said = f" It says: {refusal.words}" if refusal.words else ""
    said += "" if not said or said.endswith((".", "!", "?", "…")) else "."
    detail = refusal.detail
    if refusal.by_storage:
        return ServiceRefused(
            f"The storage that the LTX API named didn't take the upload (status {refusal.status}).{said} Nothing was "
            "charged. Try again later.",
            detail,
        )
    match refusal.status:
        case 400:
            return BadRequest(f"The LTX API can't do this as asked.{said} Nothing was charged.", detail)
        case 401:
            return ServiceRefused(
                f"The LTX API doesn't accept the key. Enter a valid one (they are made at {CONSOLE}). Nothing was "
                "charged.",
                detail,
            )
        case 402:
            return ServiceRefused(
                f"The account at the LTX API doesn't have enough credit for this. Top it up at {CONSOLE} and retry; "
                "nothing was charged.",
                detail,
            )
        case 403:
            return ServiceRefused(f"The LTX API doesn't allow this.{said} Nothing was charged.", detail)
        case 413:
            return BadRequest("What is sent is too large for the LTX API. Choose a shorter stretch.", detail)
        case 422:
            return ServiceRefused(
                f"The LTX API's safety check refused the words or the pictures.{said} Change them and try again.",
                detail,
            )
        case _:
            return ServiceRefused(f"The LTX API refused with status {refusal.status}.{said}", detail)


def gave_up(result: GaveUp) -> JobError:
    """What the person reads when the service failed at a job that it had taken."""
    end = f"Whether it was charged stands at {CONSOLE}. A retry starts it again."
    if result.kind == "content_filtered_error":
        return ServiceRefused(
            f"The LTX API's safety check refused the words or the pictures. It says: {result.words} {end}", result.kind
        )
    if result.kind == "insufficient_funds_error":
        return ServiceRefused(
            f"The account at the LTX API ran out of credit. Top it up at {CONSOLE} and retry.", result.kind
        )
    if not result.certain:
        return ServiceRefused(
            f"The LTX API says something about this job that this version of the program doesn't know: {result.words} "
            "Its id is kept: retry asks again, at no new cost.",
            result.kind,
            resumable=True,
        )
    return ServiceRefused(f"The LTX API failed at this job. It says: {result.words} {end}", result.kind)


# --- reading answers ---


def is_film(answer: Answer) -> bool:
    kind = answer.header("content-type")
    return answer.status == 200 and ("video" in kind or "octet-stream" in kind)


def json_object(answer: Answer) -> dict[str, Any]:
    """The answer's JSON object; an empty one where it is something else."""
    try:
        found: object = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def result_url(told: Mapping[str, Any]) -> str:
    """The film's address, wherever the service puts it (fact sheet, section 3)."""
    inner = told.get("result")
    for place in (inner, told):
        if not isinstance(place, dict):
            continue
        for name in ("video_url", "output_video_url", "output_video", "output_url", "url"):
            if isinstance(url := cast("dict[str, Any]", place).get(name), str) and url:
                return url
    return ""


def said(answer: Answer, key: Secret) -> tuple[str, str]:
    """(type, words) of an error; nothing where the body isn't the service's own (an edge server's page)."""
    return error_words(json_object(answer), key)


def error_words(told: object, key: Secret) -> tuple[str, str]:
    if isinstance(told, str):
        return "", redacted(told, key)
    if not isinstance(told, dict):
        return "", ""
    fields = cast("dict[str, Any]", told)
    inner = fields.get("error")
    if isinstance(inner, dict | str):
        kind, words = error_words(cast("object", inner), key)
        if words:
            return kind, words
    for name in ("message", "detail"):
        if isinstance(words := fields.get(name), str) and words:
            kind = fields.get("type")
            return redacted(kind, key) if isinstance(kind, str) else "", redacted(words, key)
    return "", ""


def header_texts(found: object) -> dict[str, str]:
    if not isinstance(found, dict):
        return {}
    return {str(name): str(value) for name, value in cast("dict[Any, Any]", found).items()}


def retry_after(text: str) -> float:
    """Seconds that the service asks to wait; 0 where it doesn't. Both forms of RFC 9110 section 10.2.3."""
    text = text.strip()
    if not text:
        return 0.0
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return 0.0
