"""Everything that the service, the line and the disk may do wrong: a clear word, nothing lost, nothing paid twice."""

from __future__ import annotations

import datetime
import errno
import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_api import KEY, FakeApi, Film, Reply, grey
from PIL import Image
from remote_kit import PACE, Desk, Heard, check_file, clip, made

from engine.backends.base import (
    BadRequest,
    DiskFull,
    Interrupted,
    JobCancelled,
    JobError,
    NotWritable,
    ServiceRefused,
    ServiceUnreachable,
)
from engine.backends.remote import api as service
from engine.backends.remote import run as run_module
from engine.backends.remote.backend import RemoteBackend
from engine.backends.remote.keys import KeyCupboard
from engine.backends.remote.ledger import Ledger
from engine.backends.remote.saved import Saved
from engine.media import errors
from engine.media.encode import Delivery, write_media
from engine.protocol.work import AudioToVideo, ImageToVideo, Keyframe, Sound

SUBMIT = "POST /v2/text-to-video"
WORK = clip(frames=9)


def saved(remote: Desk) -> Saved | None:
    return Saved.read(remote.resume)


def spent(remote: Desk) -> int:
    return remote.backend.ledger.spending().spent_cents


def still(tmp_path: Path) -> ImageToVideo:
    Image.new("RGB", (32, 32), (9, 9, 200)).save(tmp_path / "a.png")
    picture = Keyframe(image=str(tmp_path / "a.png"))
    return ImageToVideo(width=256, height=144, frames=9, rate="24", keyframes=(picture,), model="pro", may_leave=True)


# --- refusals at the door: nothing has begun, nothing is charged ---


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply.error(400, "invalid_request_error", "fps must be 24"), BadRequest, "It says: fps must be 24."),
        (Reply.error(401, "authentication_error", "no"), ServiceRefused, "doesn't accept the key"),
        (Reply.error(402, "insufficient_funds_error", "no"), ServiceRefused, "doesn't have enough credit"),
        (Reply.error(403, "permission_error", "beta only"), ServiceRefused, "doesn't allow this"),
        (Reply(413, "<html><body>413 Request Entity Too Large</body></html>"), BadRequest, "too large"),
        (Reply.error(422, "content_filtered_error", "violence"), ServiceRefused, "safety check"),
        (Reply(418, {"detail": "I'm a teapot"}), ServiceRefused, "status 418. It says: I'm a teapot."),
        (Reply(400, {"message": "older shape"}), BadRequest, "older shape"),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Reply) else None,
)
def test_a_refused_job_says_why_and_costs_nothing(
    remote: Desk, reply: Reply, error: type[JobError], words: str
) -> None:
    remote.api.once(SUBMIT, reply)
    with pytest.raises(error, match=words) as caught:
        remote.run(WORK)
    assert not caught.value.resumable
    assert remote.resume == ""  # a retry begins anew
    assert (spent(remote), remote.api.submits) == (0, 0)
    assert "<html" not in caught.value.message


def test_a_wrong_key_never_appears_in_what_is_said(remote: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = Desk(remote.folder, remote.api, key="wrong-0123456789-key")
    with pytest.raises(ServiceRefused, match="doesn't accept the key") as caught:  # the answer quotes the key
        wrong.run(WORK)
    for text in (caught.value.message, caught.value.detail, caplog.text, str(wrong.heard.notices)):
        assert "wrong-0123456789-key" not in text
    assert "<key>" in caught.value.detail


def test_a_good_job_leaves_no_secret_anywhere(remote: Desk, caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level(logging.DEBUG)
    remote.run(still(tmp_path))
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for secret in (KEY, "upload-secret", "very-secret"):
        assert secret not in caplog.text
        assert secret not in str(remote.heard.notices) + "".join(remote.heard.kept)
        assert not any(secret.encode() in data for data in files)


# --- "not now" ---


@pytest.mark.parametrize("status", [429, 500, 503, 529])
def test_a_busy_service_is_asked_again_and_the_job_begins_once(remote: Desk, status: int) -> None:
    remote.api.once(SUBMIT, *[Reply.error(status, "rate_limit_error", "slow down", Retry_After="20")] * 3)
    remote.run(WORK)
    assert remote.api.submits == 1
    assert remote.api.count(SUBMIT) == 4
    assert "trying again in 20 s" in remote.heard.words("warning")


def test_retry_after_is_obeyed_in_both_of_its_forms(remote: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    remote.api.once(
        SUBMIT,
        Reply(429, {}, {"Retry-After": "7"}),
        Reply(503, {}, {"Retry-After": "Fri, 31 Dec 2999 23:59:59 GMT"}),
        Reply(429, {}, {"Retry-After": "soon"}),
    )
    monkeypatch.setattr(Heard, "wait", lambda _self, seconds: waits.append(seconds / PACE))
    remote.run(WORK)
    assert waits[:2] == [pytest.approx(7.0), pytest.approx(600.0)]  # no service makes us wait longer than that
    assert 4.0 <= waits[2] <= 6.0  # its own pause: the third, with a part by chance


def test_a_service_that_stays_down_ends_the_job_without_a_charge(remote: Desk) -> None:
    remote.api.once(SUBMIT, *[Reply.error(503, "service_unavailable", "maintenance")] * 6)
    with pytest.raises(ServiceUnreachable, match=r"can't take the job now \(maintenance\). Nothing was charged"):
        remote.run(WORK)
    assert remote.resume == ""


def test_no_network_at_all_is_said_before_anything_is_kept(remote: Desk) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    cupboard = KeyCupboard(None, environment={"LTX_API_KEY": KEY})
    remote.backend = RemoteBackend(remote.places, cupboard=cupboard, base=nowhere, pace=PACE)
    with pytest.raises(ServiceUnreachable, match="no connection comes"):
        remote.run(WORK)
    assert remote.resume == ""


# --- what may have begun isn't begun again ---


def test_a_line_that_breaks_at_the_submit_is_not_tried_again(remote: Desk) -> None:
    remote.api.reset_on_submit = 1
    with pytest.raises(Interrupted, match="can't be said from here: console"):
        remote.run(WORK)
    assert remote.api.submits == 1
    assert spent(remote) == 6  # counted, to be on the safe side
    assert remote.resume == ""


@pytest.mark.parametrize("status", [502, 504])
def test_a_gateway_that_can_not_know_is_not_asked_again(remote: Desk, status: int) -> None:
    remote.api.once(SUBMIT, Reply(status, "<html>Bad Gateway</html>"))
    with pytest.raises(Interrupted, match=f"gateway answered {status}"):
        remote.run(WORK)
    assert remote.api.count(SUBMIT) == 1


def test_a_job_without_an_id_is_said_to_be_lost_at_the_service(remote: Desk) -> None:
    remote.api.without_id = True
    with pytest.raises(Interrupted, match="gave no id"):
        remote.run(WORK)
    assert remote.resume == ""


def test_an_engine_that_died_while_submitting_does_not_submit_again(remote: Desk) -> None:
    died = Saved(stage="submitting", model="ltx-2-3-fast", cents=6).text()
    with pytest.raises(Interrupted, match=r"very moment .* \(\$0.06\)"):
        remote.run(WORK, resume=died)
    assert remote.api.seen == []
    assert remote.resume == ""


@pytest.mark.parametrize("status", [200, 202])
def test_both_answers_that_mean_taken_are_understood(remote: Desk, status: int) -> None:
    remote.api.submit_status = status
    assert made(remote.run(WORK).files[0].path) == list(range(9))


# --- uploads ---


def test_uploads_are_tried_again_with_a_new_link(remote: Desk, tmp_path: Path) -> None:
    remote.api.once("POST /v1/upload", Reply.error(500, "api_error", "oops"))
    remote.api.once("PUT", Reply(403, "<Error>expired</Error>"), Reply(500))
    remote.run(still(tmp_path))
    assert remote.api.count("POST /v1/upload") == 4
    assert remote.api.submits == 1
    assert max(remote.heard.steps) >= 100
    assert "uploading" in remote.heard.phases


def test_an_upload_that_is_refused_for_good_ends_the_job(remote: Desk, tmp_path: Path) -> None:
    remote.api.once("PUT", *[Reply(403, "<Error>no</Error>")] * 2)
    with pytest.raises(ServiceRefused, match=r"didn't take the upload \(status 403\)"):
        remote.run(still(tmp_path))
    remote.api.once("POST /v1/upload", Reply(200, {"something": "else"}))
    with pytest.raises(ServiceUnreachable, match="no place to send"):
        remote.run(still(tmp_path))
    remote.api.gives_required_headers = False
    with pytest.raises(ServiceRefused, match=r"didn't take the upload \(status 400\)"):
        remote.run(still(tmp_path))
    assert (remote.api.submits, spent(remote)) == (0, 0)


def test_links_to_other_places_than_https_are_not_followed(remote: Desk, tmp_path: Path) -> None:
    place = {"upload_url": "http://example.com/steal", "storage_uri": "ltx://uploads/x"}
    remote.api.once("POST /v1/upload", Reply(200, place))
    with pytest.raises(ServiceRefused, match="isn't https"):
        remote.run(still(tmp_path))
    remote.api.link_host = "ftp://example.com"
    with pytest.raises(ServiceRefused, match="isn't https") as caught:
        remote.run(WORK)
    assert caught.value.resumable


# --- waiting ---


def test_dropped_and_refused_polls_are_asked_again(remote: Desk) -> None:
    remote.api.reset_polls = 2
    remote.api.once(
        "GET poll", Reply(502), Reply.error(429, "rate_limit_error", "slow", Retry_After="1"), Reply(200, "")
    )
    remote.api.polls_until_done = 3
    assert made(remote.run(WORK).files[0].path) == list(range(9))
    assert remote.api.submits == 1


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"status": "failed", "error": {"type": "api_error", "message": "CUDA error"}}, "It says: CUDA error"),
        ({"status": "failed", "error": {"type": "content_filtered_error", "message": "no"}}, "safety check"),
        ({"status": "failed", "error": {"type": "insufficient_funds_error", "message": "no"}}, "ran out of credit"),
        ({"status": "failed"}, "ended as 'failed' without a reason"),
        ({"status": "cancelled", "error": "by staff"}, "It says: by staff"),
    ],
)
def test_a_job_that_the_service_fails_at_is_told_and_not_counted(
    remote: Desk, told: dict[str, Any], words: str
) -> None:
    remote.api.final_status = told
    with pytest.raises(ServiceRefused, match=words) as caught:
        remote.run(WORK)
    assert not caught.value.resumable
    assert remote.resume == ""
    assert spent(remote) == 0


def test_a_state_that_nobody_has_described_keeps_the_job(remote: Desk) -> None:
    remote.api.final_status = {"status": "exploded"}
    with pytest.raises(ServiceRefused, match="doesn't know: it ended as 'exploded'") as caught:
        remote.run(WORK)
    assert caught.value.resumable
    assert spent(remote) == 6
    remote.api.final_status = None
    assert made(remote.run(WORK, resume=remote.resume).files[0].path) == list(range(9))
    assert remote.api.submits == 1


def test_a_job_that_takes_for_ever_is_given_back_with_its_id_kept(
    remote: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote.api.hold.clear()
    monkeypatch.setattr(service, "_JOB_S", 5.0)
    with pytest.raises(ServiceUnreachable, match="Its id is kept: retry asks") as caught:
        remote.run(WORK)
    assert caught.value.resumable
    kept = remote.resume
    remote.api.hold.set()
    assert made(remote.run(WORK, resume=kept).files[0].path) == list(range(9))
    assert (remote.api.submits, spent(remote)) == (1, 6)


def test_a_key_that_was_withdrawn_while_waiting_does_not_lose_the_job(remote: Desk) -> None:
    remote.api.once("GET poll", Reply.error(401, "authentication_error", "revoked"))
    with pytest.raises(ServiceRefused, match="doesn't accept the key") as caught:
        remote.run(WORK)
    assert caught.value.resumable
    assert made(remote.run(WORK, resume=remote.resume).files[0].path) == list(range(9))
    assert remote.api.submits == 1


def test_a_job_that_the_service_has_forgotten_is_said_so(remote: Desk) -> None:
    remote.api.once("GET poll", Reply.error(404, "not_found_error", "gone"))
    with pytest.raises(ServiceRefused, match="no longer knows this job") as caught:
        remote.run(WORK)
    assert not caught.value.resumable
    assert remote.resume == ""


# --- the result ---


def test_a_completed_job_without_a_film_can_be_asked_again(remote: Desk) -> None:
    remote.api.without_url = True
    with pytest.raises(ServiceUnreachable, match="names no film") as caught:
        remote.run(WORK)
    assert caught.value.resumable
    remote.api.without_url = False
    assert made(remote.run(WORK, resume=remote.resume).files[0].path) == list(range(9))
    assert remote.api.submits == 1


def test_an_expired_link_is_replaced_by_a_fresh_one(remote: Desk) -> None:
    remote.api.expired_links = 2
    assert made(remote.run(WORK).files[0].path) == list(range(9))
    assert remote.api.jobs["job-1"].links == 3
    remote.api.expired_links = 99
    with pytest.raises(ServiceRefused, match="every link to it was refused") as caught:
        remote.run(WORK)
    assert caught.value.resumable


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on_where_it_broke(remote: Desk, ranges: bool) -> None:
    remote.api.ranges = ranges
    remote.api.drop_after.extend([2_000, 1_000, 500])
    take = remote.run(WORK).files[0]
    check_file(take)
    assert made(take.path) == list(range(9))
    assert remote.api.count("GET file") == 4


def test_a_download_that_never_comes_keeps_the_job(remote: Desk) -> None:
    remote.api.once("GET file", *[Reply(503)] * 6)
    with pytest.raises(ServiceUnreachable, match=r"can't be downloaded \(status 503\)") as caught:
        remote.run(WORK)
    assert caught.value.resumable
    assert made(remote.run(WORK, resume=remote.resume).files[0].path) == list(range(9))
    assert (remote.api.submits, spent(remote)) == (1, 6)


def shorter(film: Film) -> Film:
    return replace(film, greys=film.greys[:7])


def cut_short(film: Film) -> bytes:
    return film.encoded()[:-2000]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (shorter, "it has 7 frames at 24 per second, and 9 are needed"),
        (lambda _film: b"this is no film" * 100, "can't be read"),
        (cut_short, "can't be"),
    ],
    ids=["too short", "no film", "cut"],
)
def test_a_wrong_film_is_kept_as_it_came_and_no_take_is_made_of_it(
    remote: Desk, change: Callable[[Film], Film | bytes], words: str
) -> None:
    remote.api.change = change
    with pytest.raises(ServiceRefused, match=words) as caught:
        remote.run(WORK)
    assert "$0.06 were charged" in caught.value.message
    left = [path.name for path in remote.heard.folder.iterdir() if path.is_file()]
    assert left == ["text_to_video-job-1-as-received.mp4"]
    assert left[0] in caught.value.message


def test_another_size_rate_and_silence_are_brought_to_what_was_asked_and_said(remote: Desk) -> None:
    def other(film: Film) -> Film:
        return replace(film, width=1280, height=704, rate=Fraction(48), sound=False, greys=tuple(map(grey, range(60))))

    remote.api.change = other
    take = remote.run(WORK).files[0]
    check_file(take)
    assert (take.width, take.height, take.rate, take.samples) == (256, 144, "24", 0)
    assert made(take.path) == list(range(0, 18, 2))
    said = remote.heard.words("warning")
    for words in ("1280 x 704 instead of 1280 x 720", "at 48 frames per second instead of 24", "without sound"):
        assert words in said


def test_a_full_disk_at_the_end_leaves_the_result_to_be_fetched_again(
    remote: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: Any, **_more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("engine.backends.remote.wire.Wire._to_file", full)
        with pytest.raises(DiskFull, match="it isn't paid for again") as caught:
            remote.run(WORK)
    assert caught.value.resumable

    def full_too(*_args: Any, **_more: Any) -> None:
        raise errors.DiskFull(Path("take.mp4"))

    kept = remote.resume
    with monkeypatch.context() as patch:
        patch.setattr(run_module, "write_recipe", full_too)
        with pytest.raises(DiskFull, match="without paying again") as caught:
            remote.run(WORK, resume=kept)
    assert caught.value.resumable
    assert list(remote.heard.folder.glob("*.*")) == []
    remote.run(WORK, resume=remote.resume)
    assert (remote.api.submits, spent(remote)) == (1, 6)


# --- the older way (v1), for endpoints that have no jobs yet ---


@pytest.mark.parametrize("as_json", ["", "video_url", "result.video_url"])
def test_where_there_are_no_jobs_the_film_comes_with_the_answer(remote: Desk, as_json: str) -> None:
    remote.api.has_v2 = False
    remote.api.as_json = as_json
    assert made(remote.run(WORK).files[0].path) == list(range(9))
    assert "don't close the program" in remote.heard.words("warning")
    assert spent(remote) == 6


def test_what_can_go_wrong_with_films_that_come_with_the_answer(remote: Desk) -> None:
    remote.api.has_v2 = False
    remote.api.empty_film = True
    with pytest.raises(ServiceUnreachable, match="an empty film"):
        remote.run(WORK)
    remote.api.empty_film = False
    remote.api.as_json = "nothing"
    with pytest.raises(ServiceRefused, match="sent no film"):
        remote.run(WORK)
    remote.api.as_json = ""
    remote.api.drop_after.append(1000)
    with pytest.raises(Interrupted, match="broke off"):
        remote.run(WORK)
    remote.api.once("POST /v1/text-to-video", Reply(504))
    with pytest.raises(Interrupted, match="gateway answered 504"):
        remote.run(WORK)
    remote.api.once("POST /v1/text-to-video", Reply.error(402, "insufficient_funds_error", "no"))
    with pytest.raises(ServiceRefused, match="enough credit"):
        remote.run(WORK)


# --- cancel ---


def test_a_cancel_says_what_was_and_what_was_not_charged(remote: Desk, tmp_path: Path) -> None:
    def stop_at(wanted: str) -> Callable[[str, int], None]:
        return lambda phase, _done: remote.heard.end() if phase == wanted else None

    with pytest.raises(JobCancelled, match="Nothing was charged") as caught:
        remote.run(still(tmp_path), at=stop_at("uploading"))
    assert (remote.api.submits, caught.value.resumable) == (0, False)
    for phase in ("waiting", "downloading"):
        with pytest.raises(JobCancelled, match=r"about \$0.06 are charged. Retry fetches the result") as caught:
            remote.run(WORK, at=stop_at(phase))
        assert caught.value.resumable
    began = remote.api.submits
    assert made(remote.run(WORK, resume=remote.resume).files[0].path) == list(range(9))
    assert remote.api.submits == began


def test_a_cancel_ends_a_request_that_is_never_answered(remote: Desk) -> None:
    remote.api.silent.set()

    def cancel_when_submitted() -> None:
        remote.api.begun.wait()
        remote.heard.end()

    remote.api.begun.clear()
    thread = threading.Thread(target=cancel_when_submitted)
    thread.start()
    with pytest.raises(JobCancelled, match="whether it began, and was charged"):
        remote.run(WORK)
    thread.join()


def test_a_cancel_between_two_tries_knows_that_nothing_was_charged(remote: Desk) -> None:
    remote.api.once(SUBMIT, *[Reply.error(429, "rate_limit_error", "slow", Retry_After="600")] * 9)

    with pytest.raises(JobCancelled, match="Nothing was charged"):
        remote.run(WORK, on_notice=lambda message: remote.heard.end() if "trying again" in message else None)
    assert spent(remote) == 0


def test_a_failure_of_ours_after_the_payment_keeps_the_job(remote: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_writable(*_args: Any, **_more: Any) -> None:
        raise errors.NotWritable(Path("take.mp4"), "the drive is gone")

    with monkeypatch.context() as patch:
        patch.setattr(run_module, "write_take", not_writable)
        with pytest.raises(NotWritable, match="the drive is gone") as caught:
            remote.run(WORK)
    assert caught.value.resumable
    remote.run(WORK, resume=remote.resume)
    assert (remote.api.submits, spent(remote)) == (1, 6)


def test_a_soundtrack_that_is_gone_does_not_cost_the_paid_film(remote: Desk, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 96_000)).astype(np.float32)
    song = tmp_path / "song.wav"
    write_media(song, Delivery.WAV, samples=noise)
    work = AudioToVideo(
        prompt="a drum",
        audio=Sound(file=str(song)),
        width=256,
        height=144,
        frames=9,
        rate="24",
        model="ltx-2-3-pro",
        may_leave=True,
    )
    take = remote.run(work, at=lambda phase, _done: song.unlink(missing_ok=True) if phase == "writing" else None)
    check_file(take.files[0])
    assert take.files[0].samples == 18_000
    assert "song.wav is gone" in remote.heard.words("warning")


# --- the limit ---


def test_a_limit_is_kept_over_engines_and_months(remote: Desk, api: FakeApi) -> None:
    remote.backend.set_spending_limit(15)
    remote.run(WORK)
    remote.run(WORK)
    assert remote.estimate(WORK).why_not.startswith(
        "This would cost about $0.06; of this month's limit of $0.15, $0.12"
    )
    remote.backend = remote.new_backend()
    assert not remote.estimate(WORK).fits
    with pytest.raises(ServiceRefused, match="Nothing was sent"):
        remote.run(WORK)
    assert api.submits == 2
    spending = remote.backend.capability().spending
    assert spending is not None
    assert (spending.spent_cents, spending.limit_cents) == (12, 15)
    remote.backend.set_spending_limit(None)
    remote.run(WORK)
    later = Ledger(remote.places.state, now=lambda: datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC))
    assert later.spending().spent_cents == 0
