"""A stand-in for the LTX API: a real HTTP server on this machine that checks what it gets and misbehaves as it is told.

Its films are uniform grey: frame k of the new part has the grey value of `grey(k)`, frames of the given film have
`KNOWN`. So a test can say which frame of the service's film became which frame of the take. Facts: the fact sheet,
sections 2 to 9. It keeps its own tables, so that a slip in the program's tables shows.
"""

from __future__ import annotations

import io
import json
import socket
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import av
import numpy as np

KEY = "ltx-test-0123456789abcdef-secret"
KNOWN = 12  # grey of the frames that came from the given film
SAMPLE_RATE = 48_000

_SIZES = {720: (1280, 720), 1080: (1920, 1080), 1440: (2560, 1440), 2160: (3840, 2160)}
_SHORT = {2, 3, 4, 5, 6, 8, 10}
_LONG = _SHORT | {12, 14, 16, 18, 20}
_CAMERA = {"dolly_in", "dolly_out", "dolly_left", "dolly_right", "jib_up", "jib_down", "static", "focus_shift"}
_FIELDS = {
    "text-to-video": {"prompt", "model", "resolution", "duration", "fps", "generate_audio", "camera_motion"},
    "audio-to-video": {"prompt", "model", "resolution", "audio_uri", "image_uri"},
    "retake": {"video_uri", "start_time", "duration", "mode", "model", "prompt", "resolution"},
    "extend": {"video_uri", "duration", "mode", "model", "prompt", "context"},
}
_FIELDS["image-to-video"] = _FIELDS["text-to-video"] | {"image_uri", "last_frame_uri"}


def grey(frame: int) -> int:
    """The grey of frame `frame` of what was made new; three steps apart, so that coding can't blur them."""
    return 30 + 3 * (frame % 70)


@dataclass
class Reply:
    """An answer out of turn. `body` a dict is sent as JSON."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def error(cls, status: int, kind: str, message: str, **headers: str) -> Reply:
        body = {"type": "error", "error": {"type": kind, "message": message}}
        return cls(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class Film:
    """What the service makes for one job."""

    width: int
    height: int
    rate: Fraction
    greys: tuple[int, ...]
    sound: bool = True

    def encoded(self) -> bytes:
        return _encoded(self.width, self.height, self.rate, self.greys, self.sound)


@dataclass
class Job:
    """One job at the service."""

    id: str
    endpoint: str
    body: dict[str, Any]
    film: Film
    polls: int = 0
    links: int = 0


class FakeApi:
    """The service. Everything public may be changed by a test while it runs."""

    def __init__(self) -> None:
        self.out_of_turn: dict[str, deque[Reply]] = {}  # by "POST /v2/extend", "PUT", "GET poll", "GET file"
        self.complaints: list[str] = []  # what a request did wrong that no answer shows
        self.seen: list[str] = []  # "POST /v2/extend" and so on, in order
        self.jobs: dict[str, Job] = {}
        self.files: dict[str, bytes] = {}  # uploads by uri
        self.headers_required = {"x-ms-blob-type": "BlockBlob"}
        self.gives_required_headers = True
        self.polls_until_done = 1  # "processing" so many times
        self.hold = threading.Event()  # polls say "processing" until it is set
        self.hold.set()
        self.has_v2 = True
        self.submit_status = 202
        self.without_id = False
        self.final_status: dict[str, Any] | None = None  # in place of a completed job
        self.without_url = False
        self.reset_on_submit = 0  # so many times: the line is cut after the request came
        self.reset_polls = 0
        self.begun = threading.Event()  # a job began
        self.stalled: set[str] = set()  # "PUT", "GET file": these requests get stuck halfway, until they're taken out
        self.stuck = threading.Event()  # one of them is
        self.polled = threading.Event()
        self.silent = threading.Event()  # set: submits are never answered (until close)
        self.drop_after: deque[int] = deque()  # downloads break off after so many bytes
        self.ranges = True  # downloads can be continued
        self.expired_links = 0  # so many links answer 403
        self.as_json = ""  # v1: "", "video_url", "result.video_url", "nothing"
        self.empty_film = False
        self.request_ids = True
        self.change: Callable[[Film], Film | bytes] = lambda film: film
        self.shape = "whole"  # "new": retake and extend give the new part alone
        self.link_host = ""  # in place of the server's own address in links
        self._links: dict[str, Job] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._uploads = 0
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def once(self, route: str, *replies: Reply) -> None:
        """Answer the next requests of this route so."""
        self.out_of_turn.setdefault(route, deque()).extend(replies)

    def count(self, route: str) -> int:
        return sum(seen == route for seen in self.seen)

    @property
    def submits(self) -> int:
        """Jobs that really began, each of which would be paid for."""
        return len(self.jobs)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for the threads of requests

    # --- what the handler asks ---

    def next_out_of_turn(self, route: str) -> Reply | None:
        waiting = self.out_of_turn.get(route)
        return waiting.popleft() if waiting else None

    def wait_in_silence(self) -> None:
        self._closing.wait(30)

    def get_stuck(self, route: str) -> None:
        """Hold a request until its route is no longer stalled."""
        self.stuck.set()
        while route in self.stalled and not self._closing.wait(0.02):
            pass

    def new_upload(self) -> tuple[str, dict[str, str]]:
        with self._lock:
            self._uploads += 1
            return str(self._uploads), self.headers_required if self.gives_required_headers else {}

    def begin(self, endpoint: str, body: dict[str, Any]) -> Job:
        with self._lock:
            job = Job(f"job-{len(self.jobs) + 1}", endpoint, body, self._film(endpoint, body))
            self.jobs[job.id] = job
            self.begun.set()
            return job

    def film_of(self, job: Job) -> bytes:
        film = self.change(job.film)
        return film if isinstance(film, bytes) else film.encoded()

    def link(self, job: Job) -> str:
        with self._lock:
            job.links += 1
            token = f"{job.id}-{job.links}"
            self._links[token] = job
        return f"{self.link_host or self.url}/_files/{token}?signature=sig-{token}-very-secret"

    def of_link(self, token: str) -> Job | None:
        return self._links.get(token)

    def _film(self, endpoint: str, body: dict[str, Any]) -> Film:
        if endpoint in ("text-to-video", "image-to-video"):
            width, height = map(int, body["resolution"].split("x"))
            count = round(body["duration"] * body["fps"])
            greys = tuple(grey(frame) for frame in range(count))
            return Film(width, height, Fraction(body["fps"]), greys, body["generate_audio"])
        if endpoint == "audio-to-video":
            width, height = map(int, body["resolution"].split("x"))
            seconds = sound_seconds(self.files[body["audio_uri"]])
            return Film(width, height, Fraction(24), tuple(grey(frame) for frame in range(int(seconds * 24) + 1)))
        given = described(self.files[body["video_uri"]])
        if endpoint == "retake":
            first = round(body["start_time"] * given.rate)
            count = round(body["duration"] * given.rate)
            new = [grey(frame) for frame in range(count)]
            whole = [*[KNOWN] * first, *new, *[KNOWN] * (len(given.greys) - first - count)]
            width, height = map(int, body["resolution"].split("x"))
            return Film(width, height, given.rate, tuple(new if self.shape == "new" else whole), given.sound)
        new = [grey(frame) for frame in range(round(body["duration"] * given.rate))]
        known = [KNOWN] * len(given.greys)
        whole = [*new, *known] if body["mode"] == "start" else [*known, *new]
        chosen = new if self.shape == "new" else whole
        return Film(given.width, given.height, given.rate, tuple(chosen), given.sound)


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    api: FakeApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name that it has there)
        """Quiet."""

    @property
    def api(self) -> FakeApi:
        return self.server.api

    # --- routes ---

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        route = f"POST {self.path}"
        self.api.seen.append(route)
        if not self._authorised():
            self._send(Reply.error(401, "authentication_error", f"Invalid API key {self._given_key()}"))
            return
        if reply := self.api.next_out_of_turn(route):
            self._send(reply)
            return
        if self.path == "/v1/upload":
            self._upload()
            return
        _, version, endpoint = self.path.split("/")
        if version == "v2" and not self.api.has_v2:
            self._send(Reply.error(404, "not_found_error", "Not found"))
            return
        try:
            body = json.loads(data)
            _validate(endpoint, body, self.api.files)
        except (ValueError, KeyError, TypeError) as exc:
            self._send(Reply.error(400, "invalid_request_error", str(exc)))
            return
        self._submit(version, endpoint, body)

    def do_PUT(self) -> None:
        api = self.api
        api.seen.append("PUT")
        if "Authorization" in self.headers:
            api.complaints.append("the key was sent to the storage")
        if reply := api.next_out_of_turn("PUT"):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._send(reply)
            return
        if "PUT" in api.stalled:
            self.rfile.read(int(self.headers["Content-Length"]) // 2)
            api.get_stuck("PUT")
            self._cut()
            return
        data = self.rfile.read(int(self.headers["Content-Length"]))
        for name, value in api.headers_required.items():
            if self.headers.get(name) != value:
                self._send(Reply(400, "<Error>missing header</Error>"))
                return
        token = self.path.removeprefix("/_blob/").partition("?")[0]
        api.files[f"ltx://uploads/{token}"] = data
        self._send(Reply(201))

    def do_GET(self) -> None:
        if self.path.startswith("/_files/"):
            self._file()
            return
        self.api.seen.append("GET poll")
        self.api.polled.set()
        _, _, endpoint, job_id = self.path.split("/")
        if self.api.reset_polls > 0:
            self.api.reset_polls -= 1
            self._cut()
            return
        if not self._authorised():
            self._send(Reply.error(401, "authentication_error", "Invalid API key"))
            return
        if reply := self.api.next_out_of_turn("GET poll"):
            self._send(reply)
            return
        job = self.api.jobs.get(job_id)
        if job is None or job.endpoint != endpoint:
            self._send(Reply.error(404, "not_found_error", "No such job"))
            return
        job.polls += 1
        told: dict[str, Any] = {"id": job.id, "created_at": "2026-11-21T12:00:00.000Z", "status": "processing"}
        if job.polls > self.api.polls_until_done and self.api.hold.is_set():
            link = {} if self.api.without_url else {"video_url": self.api.link(job)}
            told |= self.api.final_status or {"status": "completed", "result": link}
        self._send(Reply(200, told))

    # --- parts ---

    def _upload(self) -> None:
        token, headers = self.api.new_upload()
        place = {
            "upload_url": f"{self.api.url}/_blob/{token}?sig=upload-secret",
            "storage_uri": f"ltx://uploads/{token}",
        }
        self._send(Reply(200, place | ({"required_headers": headers} if headers else {})))

    def _submit(self, version: str, endpoint: str, body: dict[str, Any]) -> None:
        api = self.api
        if api.silent.is_set():
            api.begin(endpoint, body)
            api.wait_in_silence()
            self._cut()
            return
        if api.reset_on_submit > 0:
            api.reset_on_submit -= 1
            api.begin(endpoint, body)
            self._cut()
            return
        job = api.begin(endpoint, body)
        if version == "v2":
            told = {"created_at": "2026-11-21T12:00:00.000Z"} | ({} if api.without_id else {"id": job.id})
            self._send(Reply(api.submit_status, told))
            return
        if api.empty_film:
            self._send_bytes(b"", "video/mp4")
        elif api.as_json == "nothing":
            self._send(Reply(200, {"status": "ok"}))
        elif api.as_json:
            answer: dict[str, Any] = {"video_url": api.link(job)}
            self._send(Reply(200, {"result": answer} if api.as_json.startswith("result.") else answer))
        else:
            self._send_bytes(api.film_of(job), "application/octet-stream")

    def _file(self) -> None:
        api = self.api
        api.seen.append("GET file")
        if reply := api.next_out_of_turn("GET file"):
            self._send(reply)
            return
        job = api.of_link(self.path.removeprefix("/_files/").partition("?")[0])
        if job is None or api.expired_links > 0:
            api.expired_links -= 1
            self._send(Reply(403, "<Error>expired</Error>"))
            return
        self._send_bytes(api.film_of(job), "video/mp4")

    def _send_bytes(self, data: bytes, kind: str) -> None:
        first = 0
        wanted = self.headers.get("Range", "")
        if wanted and self.api.ranges:
            first = int(wanted.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        rest = data[first:]
        if self.path.startswith("/_files/") and "GET file" in self.api.stalled:
            self.wfile.write(rest[: len(rest) // 2])
            self.wfile.flush()
            self.api.get_stuck("GET file")
            self._cut()
            return
        if self.api.drop_after:
            self.wfile.write(rest[: self.api.drop_after.popleft()])
            self.wfile.flush()
            self._cut()
            return
        self.wfile.write(rest)

    def _send(self, reply: Reply) -> None:
        text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body or {})
        data = text.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "text/html" if isinstance(reply.body, str) else "application/json")
        self.send_header("Content-Length", str(len(data)))
        if self.api.request_ids:
            self.send_header("x-request-id", f"req-{len(self.api.seen)}")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _cut(self) -> None:
        """End the connection as a fallen line does: without a goodbye (RST)."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _authorised(self) -> bool:
        return self._given_key() == KEY

    def _given_key(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


# --- what the service accepts ------------------------------------------------------------------------------------


def _validate(endpoint: str, body: dict[str, Any], files: Mapping[str, bytes]) -> None:
    """Raises ValueError for what the service would refuse."""
    if unknown := set(body) - _FIELDS[endpoint]:
        raise ValueError(f"unknown fields {sorted(unknown)}")
    for name in ("image_uri", "last_frame_uri", "audio_uri", "video_uri"):
        if name in body and body[name] not in files:
            raise ValueError(f"{name} {body[name]!r} was never uploaded")
    if "last_frame_uri" in body and not body["model"].startswith("ltx-2-3"):
        raise ValueError("last_frame_uri needs ltx-2-3")
    if endpoint in ("text-to-video", "image-to-video"):
        _validate_clip(endpoint, body, files)
    elif endpoint == "audio-to-video":
        if body["model"] == "ltx-2-3-fast":
            raise ValueError("ltx-2-3-fast doesn't take audio")
        if not 2 <= sound_seconds(files[body["audio_uri"]]) <= 20:
            raise ValueError("audio must be 2 to 20 seconds")
        if not body.get("prompt") and "image_uri" not in body:
            raise ValueError("prompt or image_uri is needed")
    else:
        _validate_edit(endpoint, body, files)


def _validate_clip(endpoint: str, body: dict[str, Any], files: Mapping[str, bytes]) -> None:
    model, fps, duration = body["model"], body["fps"], body["duration"]
    width, height = map(int, body["resolution"].split("x"))
    short = min(width, height)
    if (max(width, height), short) != _SIZES.get(short):
        raise ValueError(f"resolution {body['resolution']}")
    if not isinstance(duration, int) or not isinstance(fps, int):
        raise TypeError("duration and fps are integers")
    small_and_slow = short <= 1080 and fps in (24, 25)
    allowed = {
        "ltx-2-3-fast": ({24, 25, 48, 50}, _LONG if small_and_slow else _SHORT, 2160),
        "ltx-2-3-pro": ({24, 25, 48, 50}, _SHORT, 2160),
        "ltx-2-5-fast": ({24, 25, 48, 50}, _LONG if small_and_slow else _SHORT, 2160),
        "ltx-2-5-pro": ({24, 25, 50}, _SHORT, 1080),
    }[model]
    if fps not in allowed[0] or duration not in allowed[1] or short > allowed[2]:
        raise ValueError(f"{model} doesn't make {body['resolution']} at {fps} for {duration} s")
    if "camera_motion" in body and (body["camera_motion"] not in _CAMERA or "pro" not in model):
        raise ValueError("camera_motion")
    if endpoint == "text-to-video" and not body["prompt"]:
        raise ValueError("prompt must not be empty")
    for name in ("image_uri", "last_frame_uri"):
        if name in body and not files[body[name]].startswith(b"\x89PNG"):
            raise ValueError(f"{name} is no PNG")


def _validate_edit(endpoint: str, body: dict[str, Any], files: Mapping[str, bytes]) -> None:
    if body["model"] != "ltx-2-3-pro":
        raise ValueError(f"{endpoint} needs ltx-2-3-pro")
    given = described(files[body["video_uri"]])
    if len(given.greys) < 73:
        raise ValueError(f"{len(given.greys)} frames are fewer than 73")
    seconds = len(given.greys) / given.rate
    if body["duration"] < 2:
        raise ValueError("duration must be at least 2 seconds")
    if endpoint == "retake":
        if body["mode"] not in ("replace_audio", "replace_video", "replace_audio_and_video"):
            raise ValueError("mode")
        if body["start_time"] < 0 or body["start_time"] + body["duration"] > float(seconds) + 1e-5 or seconds > 20.1:
            raise ValueError("the section must lie in the video")
        return
    if body["mode"] not in ("start", "end") or body["duration"] > 20:
        raise ValueError("mode or duration")
    if (body["context"] + body["duration"]) * given.rate > 505 or body["context"] > float(seconds) + 1e-5:
        raise ValueError("context and duration are too long")
    if Fraction(given.width, given.height) not in (Fraction(16, 9), Fraction(9, 16)):
        raise ValueError("only 16:9 and 9:16")


def described(data: bytes) -> Film:
    """Size, rate, sound of a film, and the mean grey of each of its frames."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        greys = tuple(
            round(float(frame.reformat(format="gray", width=32, height=18).to_ndarray().mean()))
            for frame in container.decode(stream)
        )
        rate = Fraction(stream.average_rate or 0)
        return Film(stream.width, stream.height, rate, greys, bool(container.streams.audio))


def sound_seconds(data: bytes) -> float:
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.audio[0]
        return float(sum(frame.samples for frame in container.decode(stream)) / stream.rate)


@lru_cache(maxsize=32)
def _encoded(width: int, height: int, rate: Fraction, greys: tuple[int, ...], sound: bool) -> bytes:
    """A film of uniform frames with a tone, quickly."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            video: Any = container.add_stream("libx264", rate=rate, options={"crf": "10", "preset": "ultrafast"})
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            video.codec_context.time_base = 1 / rate
            video.codec_context.color_range, video.codec_context.colorspace = 1, 1
            audio: Any = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo") if sound else None
            for number, value in enumerate(greys):
                frame = av.VideoFrame(width, height, "yuv420p")
                for plane, fill in zip(frame.planes, (16 + round(value * 219 / 255), 128, 128), strict=True):
                    plane.update(bytes([fill]) * plane.buffer_size)
                frame.pts, frame.time_base = number, 1 / rate
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if audio is not None:
                samples = round(len(greys) / rate * SAMPLE_RATE)
                tone = np.tile((0.25 * np.sin(np.arange(samples) * (440 * 2 * np.pi / SAMPLE_RATE))), (2, 1))
                sound_frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone, np.float32), "fltp", "stereo")
                sound_frame.sample_rate, sound_frame.pts = SAMPLE_RATE, 0
                for packet in (*audio.encode(sound_frame), *audio.encode(None)):
                    container.mux(packet)
        return path.read_bytes()
