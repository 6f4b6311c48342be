"""The fact sheet's whole list of faults, one by one, held to the same promise: a clear word, and no job that is lost.

What each message says in detail is in `test_remote_faults.py`; here nothing may be missing from the list.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fake_api import KEY, FakeApi, Reply
from PIL import Image
from remote_kit import Desk, check_file

from engine.backends.base import Interrupted, JobError
from engine.backends.remote import api as service
from engine.protocol.work import AnyWork, ImageToVideo, Keyframe

SUBMIT = "POST /v2/image-to-video"
Switch = Callable[[FakeApi], None]


def switched(**values: object) -> Switch:
    """Set these attributes of the service."""

    def switch(api: FakeApi) -> None:
        for name, value in values.items():
            assert hasattr(api, name)
            setattr(api, name, value)

    return switch


def answered(route: str, *replies: Reply) -> Switch:
    """Answer the next requests of this route so."""
    return lambda api: api.once(route, *replies)


def held(api: FakeApi) -> None:
    api.hold.clear()


FAULTS: dict[str, Switch] = {
    "film in the answer": switched(has_v2=False),
    "address of the film in the answer": switched(has_v2=False, as_json="video_url"),
    "address nested in the answer": switched(has_v2=False, as_json="result.video_url"),
    "empty body": switched(has_v2=False, empty_film=True),
    "401": answered(SUBMIT, Reply.error(401, "authentication_error", f"Invalid API key {KEY}")),
    "402": answered(SUBMIT, Reply.error(402, "insufficient_funds_error", "no credit")),
    "413 from the edge": answered(SUBMIT, Reply(413, "<html><body>413 Request Entity Too Large</body></html>")),
    "422": answered(SUBMIT, Reply.error(422, "content_filtered_error", "refused")),
    "429 with Retry-After": answered(SUBMIT, Reply.error(429, "rate_limit_error", "slow down", Retry_After="3")),
    "500": answered(SUBMIT, Reply.error(500, "api_error", "oops")),
    "no place for the upload": answered("POST /v1/upload", *[Reply.error(500, "api_error", "oops")] * 9),
    "upload refused": answered("PUT", *[Reply(403, "<Error>denied</Error>")] * 9),
    "required headers missing": switched(gives_required_headers=False),
    "taken with 200": switched(submit_status=200),
    "taken with 202": switched(submit_status=202),
    "taken without an id": switched(without_id=True),
    "ended in an unknown way": switched(final_status={"status": "exploded"}),
    "failed with a message": switched(
        final_status={"status": "failed", "error": {"type": "api_error", "message": "CUDA error"}}
    ),
    "completed without an address": switched(without_url=True),
    "one poll dropped": switched(reset_polls=1),
    "line cut at the submit": switched(reset_on_submit=1),
    "never done": held,
    "address of the film expired": switched(expired_links=1),
    "every address expired": switched(expired_links=99),
    "no request ids": switched(request_ids=False),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_in_a_film_or_in_a_clear_word_and_nothing_is_paid_twice(
    remote: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    Image.new("RGB", (32, 32), (9, 9, 200)).save(tmp_path / "a.png")
    picture = Keyframe(image=str(tmp_path / "a.png"))
    work = ImageToVideo(width=256, height=144, frames=9, rate="24", keyframes=(picture,), model="pro", may_leave=True)
    FAULTS[fault](remote.api)
    with monkeypatch.context() as patch:
        if fault == "never done":
            patch.setattr(service, "_JOB_S", 5.0)
        failure = outcome(remote, work)
    began = remote.api.submits
    if failure is None:
        assert began == 1
        return
    check_words(failure.message, failure.detail)
    kept = failure.resumable
    assert kept == ('"waiting"' in remote.resume)
    if began and not kept:  # then nothing can be fetched any more, and the person is told where to look
        assert isinstance(failure, Interrupted) or "charged" in failure.message
    repair(remote.api)
    assert outcome(remote, work, remote.resume) is None
    assert remote.api.submits == (began if kept else began + 1)


def outcome(remote: Desk, work: AnyWork, resume: str = "") -> JobError | None:
    """What the job failed with; None where it brought a good film."""
    try:
        check_file(remote.run(work, resume=resume).files[0])
    except JobError as exc:
        return exc
    return None


def check_words(message: str, detail: str) -> None:
    """One or more whole sentences in a person's words, without anything secret or raw."""
    assert message[0].isupper()
    assert message.endswith(".")
    assert "LTX API" in message
    for never in (KEY, "<html", "<Error>", "Traceback", "upload-secret", "very-secret"):
        assert never not in message + detail


def repair(api: FakeApi) -> None:
    """The service as it should be."""
    api.out_of_turn.clear()
    api.hold.set()
    for name, value in {
        "has_v2": True,
        "as_json": "",
        "empty_film": False,
        "gives_required_headers": True,
        "without_id": False,
        "final_status": None,
        "without_url": False,
        "reset_polls": 0,
        "reset_on_submit": 0,
        "expired_links": 0,
    }.items():
        setattr(api, name, value)
