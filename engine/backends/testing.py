"""A backend that behaves as told: slow, dying, hanging, flooding, talking nonsense, but with true files as results.

It's for tests and for trying the app without a model. The prompt of a job holds the orders as JSON (`Orders`); any
other prompt is done at once and well. Results are real: uncompressed video (Y4M) and sound (WAV) of a moving stripe, at
the exact size, rate and length that were asked, made by Python alone.
"""

import ctypes
import faulthandler
import os
import shutil
import subprocess
import sys
import threading
import wave
from array import array
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Final, Literal, cast

import msgspec

from engine.backends.base import (
    Backend,
    BadMedia,
    BadRequest,
    EngineBroken,
    Estimate,
    Job,
    JobContext,
    MissingWeights,
    OutOfMemory,
    Places,
    PlannedPhase,
    ServiceRefused,
    ServiceUnreachable,
    Unsupported,
)
from engine.protocol.grid import format_rate
from engine.protocol.messages import (
    BackendCapability,
    Device,
    EnhancePrompt,
    ModeCapability,
    Model,
    ModelCapability,
    Recipe,
    Result,
    ResultFile,
)
from engine.protocol.work import (
    AnyWork,
    AudioToVideo,
    Extend,
    FillGap,
    ImageToVideo,
    ModeName,
    Retake,
    TextToVideo,
    Upscale,
)

PHASES: Final = ("loading", "encoding prompt", "stage 1", "decoding", "writing")
MODEL: Final = "test-stripes"
SAMPLE_RATE: Final = 48_000
_MODES: Final[tuple[ModeName, ...]] = (
    "text_to_video",
    "image_to_video",
    "audio_to_video",
    "retake",
    "extend",
    "fill_gap",
    "video_to_video",
    "revoice",
    "upscale",
)
_GATE_LOOK_S: Final = 0.005

Failure = Literal[
    "bad_request",
    "bad_media",
    "unsupported",
    "missing_weights",
    "out_of_memory",
    "refused",
    "unreachable",
    "broken",
    "mistake",
    "exit",
    "memory_error",
]


class Orders(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a job does. Places in it are named by phase (see PHASES); "" means nowhere."""

    steps: int = 4  # of "stage 1"
    step_ms: int = 0  # how long each takes, at least
    wait_at: str = ""  # begin this phase (or come to the "end"), then wait for the file `gate` or for a cancel
    gate: str = ""
    die_at: str = ""  # end the process without a word
    crash_at: str = ""  # end it by a segmentation fault
    hang_at: str = ""  # stand still, deaf to cancel
    fail_at: str = ""
    fail_with: Failure = "mistake"
    remember: str = ""  # keep this text before "stage 1"
    progress_flood: int = 0  # so many extra tellings in "stage 1"
    notice_flood: int = 0  # so many notices there: these are never dropped
    preview_frames: int = 1  # pictures in each preview; 0 sends none
    preview_size: tuple[int, int] = (32, 24)
    previews: int = 0  # so many extra previews in "stage 1", one after the other
    print_bytes: int = 0  # print so many to fd 1 in each phase: from Python, through the C library, and by a child
    grow_bytes: int = 0  # hold so many more bytes after each step, until the job ends
    result: Literal["good", "none", "nonsense", "missing_file"] = "good"


CARDS: Final = "cards.txt"  # in the folder of models: what graphics cards there are, for the test's backend


class TestBackend(Backend):
    """The backend. Its device is made up."""

    __test__: ClassVar = False  # pytest takes classes of this name for tests
    name = "test"

    def __init__(self, places: Places) -> None:
        self._places = places
        self._resident = ""
        self._cards = self._named_cards()

    def capability(self, refresh: bool = False) -> BackendCapability:
        modes = tuple(ModeCapability(mode=mode, available=True, max_frames=100_000) for mode in _MODES)
        model = ModelCapability(
            model=MODEL,
            title="Test stripes",
            modes=modes,
            description="Draws moving stripes, to try the program without a model.",
            qualities=("fast", "quality"),
            default_steps={"fast": 4, "quality": 8},
            drafts=True,
            negative=True,
            loras=True,
            keyframes=True,
            max_variations=8,
            default_width=256,
            default_height=160,
            default_frames=49,
            default_rate="24",
            codecs=("ffv1",),
        )
        return BackendCapability(
            backend=self.name, title="Test", available=True, device=self.device(), models=(model,), enhances=True
        )

    def models(self) -> tuple[Model, ...]:
        return (Model(model=MODEL, title="Test stripes", kind="model", installed=True, licence="Apache-2.0"),)

    def outdated(self) -> str:
        return "A graphics card has come." if self._named_cards() != self._cards else ""

    def _named_cards(self) -> str:
        file = self._places.models / CARDS
        return file.read_text(encoding="utf-8") if file.is_file() else ""

    def device(self) -> Device:
        return Device(name="Test device", kind="cpu", memory_bytes=8 << 30, free_bytes=4 << 30)

    @property
    def resident_model(self) -> str:
        return self._resident

    def estimate(self, work: AnyWork) -> Estimate:
        return Estimate(fits=True, model=MODEL, phases=_plan(_orders(work)), peak_bytes=1 << 20, free_bytes=4 << 30)

    def enhance(self, asked: EnhancePrompt, check: Callable[[], None]) -> str:
        check()
        return f"{asked.prompt}, in stripes"

    def free_memory(self) -> None:
        self._resident = ""

    def run(self, job: Job, context: JobContext) -> Result:
        orders = _orders(job.work)
        context.plan(MODEL, _plan(orders))
        context.notice("plan", "Stripes are drawn on no device at all.")
        files: list[ResultFile] = []
        hoard: list[bytearray] = []
        for phase in PHASES:
            context.phase(phase)
            _obey(orders, phase, context)
            self._resident = MODEL
            if phase == "stage 1":
                self._steps(job, orders, context, hoard)
            if phase == "writing":
                files = _write(job, context)
        _obey(orders, "end", context)
        match orders.result:
            case "none":
                return cast(Result, None)
            case "nonsense":
                return cast(Result, {"files": [1, 2, 3], "recipe": b"\xff"})
            case "missing_file":
                gone = ResultFile(path=str(context.output_folder / "nowhere.mp4"), role="video", size_bytes=1)
                return Result(files=(gone,))
            case "good":
                recipe = Recipe(
                    work=job.work,
                    engine="test",
                    backend=self.name,
                    device=self.device().name,
                    seeds=tuple(job.work.seed + n for n in range(job.work.variations)),
                    settings={"resumed": job.resume},
                )
                return Result(files=tuple(files), recipe=recipe, peak_bytes=1 << 20)

    def _steps(self, job: Job, orders: Orders, context: JobContext, hoard: list[bytearray]) -> None:
        if orders.remember:
            context.remember(orders.remember)
        width, height = orders.preview_size
        pause = threading.Event()
        for step in range(1, orders.steps + 1):
            if orders.step_ms:
                pause.wait(orders.step_ms / 1000)
            if orders.grow_bytes:
                hoard.append(bytearray(orders.grow_bytes))
            context.step(step)
            if orders.preview_frames and context.wants_preview:
                picture = _rgb(width, height, orders.preview_frames, step)
                context.preview(picture, width, height, orders.preview_frames, rate="24")
        for number in range(orders.progress_flood):
            context.step(number % (orders.steps + 1))
        for number in range(orders.notice_flood):
            context.notice("warning", f"notice {number} of {orders.notice_flood} of job {job.id}")
        for number in range(orders.previews):
            context.preview(_rgb(width, height, 1, number), width, height)
            context.check()


def open_backend(places: Places) -> Backend:
    """Open the test backend."""
    return TestBackend(places)


def _orders(work: AnyWork) -> Orders:
    """Read the orders in the prompt. Raises BadRequest for orders that it can't understand."""
    if not work.prompt.lstrip().startswith("{"):
        return Orders()
    try:
        return msgspec.json.decode(work.prompt, type=Orders)
    except msgspec.DecodeError as exc:
        raise BadRequest(f"These are no orders for the test backend: {exc}.") from exc


def _plan(orders: Orders) -> tuple[PlannedPhase, ...]:
    return tuple(
        PlannedPhase(
            phase, 1.0 * orders.steps if phase == "stage 1" else 1.0, orders.steps if phase == "stage 1" else 0
        )
        for phase in PHASES
    )


def _obey(orders: Orders, phase: str, context: JobContext) -> None:
    """Do what the orders say for the beginning of this phase."""
    if orders.print_bytes and phase in PHASES:
        _print(orders.print_bytes)
    if orders.wait_at == phase:
        gate, pause = Path(orders.gate), threading.Event()
        context.notice("plan", f"Waiting at {phase}.")
        while not gate.exists():
            context.check()
            pause.wait(_GATE_LOOK_S)
    if orders.die_at == phase:
        os._exit(99)
    if orders.crash_at == phase:
        _crash()
    while orders.hang_at == phase:
        threading.Event().wait(1.0)
    if orders.fail_at == phase:
        _fail(orders.fail_with)


def _crash() -> None:
    """End the process as native code would."""
    faulthandler.disable()
    ctypes.string_at(0)


def _fail(failure: Failure) -> None:
    detail = "the orders said so"
    match failure:
        case "bad_request":
            raise BadRequest("The range is empty.", detail)
        case "bad_media":
            raise BadMedia("kitchen.mov has no picture.", detail)
        case "unsupported":
            raise Unsupported("Stripes can't do that.", detail)
        case "missing_weights":
            raise MissingWeights("The weights aren't here.", detail)
        case "out_of_memory":
            raise OutOfMemory("This takes 9.1 GB and 8.0 GB are free; 704 x 480 would fit.", detail)
        case "refused":
            raise ServiceRefused("The service refused the prompt.", detail, can_retry=False)
        case "unreachable":
            raise ServiceUnreachable("The service can't be reached.", detail)
        case "broken":
            raise EngineBroken("The device doesn't answer any more.", detail)
        case "memory_error":
            raise MemoryError
        case "exit":
            sys.exit(5)
        case "mistake":
            raise ZeroDivisionError("a mistake")


def _print(count: int) -> None:
    """Print to fd 1 as badly behaved libraries do: Python's print, a write to the descriptor, and a child process."""
    noise = "LTXm noise " * (count // 11 + 1)
    print(noise[:count], flush=True)
    os.write(1, noise[:count].encode())
    subprocess.run([sys.executable, "-c", "print('printed by a child')"], check=False)


def _rgb(width: int, height: int, frames: int, step: int) -> bytes:
    """Pictures with a bright column that moves with `step`."""
    row = bytearray(b"\x20\x30\x40" * width)
    at = step % width
    row[at * 3 : at * 3 + 3] = b"\xff\xff\xff"
    return bytes(row) * height * frames


def _shape(work: AnyWork) -> tuple[int, int, int, str]:
    """Width, height, frames (without handles) and rate of the result: the source's own where there is a source."""
    match work:
        case TextToVideo() | ImageToVideo() | AudioToVideo() | FillGap():
            return work.width, work.height, work.frames, work.rate
        case Extend():
            width, height, rate = _of_source(work.source)
            return width, height, work.frames, rate
        case Upscale():
            width, height, rate = _of_source(work.source)
            scale = Fraction(work.factor)
            return int(width * scale), int(height * scale), work.end - work.start, rate
        case _:
            width, height, rate = _of_source(work.source)
            return width, height, work.end - work.start, rate


def _of_source(name: str) -> tuple[int, int, str]:
    """Size and rate of a clip; a size of its own for a name that is no clip, which most tests use."""
    from engine.media.errors import MediaError
    from engine.media.index import build_index
    from engine.media.probe import probe

    try:
        path = Path(name)
        width, height = probe(path).require_video().rotated_size
        return width, height, format_rate(build_index(path).rate)
    except MediaError:
        return 256, 160, "24"


def _write(job: Job, context: JobContext) -> list[ResultFile]:
    """Write picture and sound of every variation, each first under another name."""
    work = job.work
    width, height, frames, rate = _shape(work)
    if frames < 1:
        raise BadRequest(f"The range holds {frames} frames; it needs at least one.")
    handles = work.handles if isinstance(work, Retake) else 0
    frames += 2 * handles
    samples = round(Fraction(frames * SAMPLE_RATE) / Fraction(rate))
    files: list[ResultFile] = []
    for variation in range(work.variations):
        context.check()
        stem = f"{work.output.name or job.id}-{variation + 1}"
        picture = context.output_folder / f"{stem}.y4m"
        _write_y4m(context.scratch / "part.y4m", picture, width, height, frames, rate, work.seed + variation)
        sound = context.output_folder / f"{stem}.wav"
        _write_wav(context.scratch / "part.wav", sound, samples)
        files.append(
            ResultFile(
                path=str(picture),
                role="video",
                size_bytes=picture.stat().st_size,
                variation=variation,
                width=width,
                height=height,
                rate=rate,
                frames=frames,
                handle_before=handles,
                handle_after=handles,
            )
        )
        files.append(
            ResultFile(
                path=str(sound),
                role="audio",
                size_bytes=sound.stat().st_size,
                variation=variation,
                sample_rate=SAMPLE_RATE,
                samples=samples,
            )
        )
    return files


def _write_y4m(part: Path, whole: Path, width: int, height: int, frames: int, rate: str, seed: int) -> None:
    """Write 4:2:0 video of a bright stripe that moves one pixel a frame; `seed` says where it starts and its colour."""
    exact = Fraction(rate)
    chroma_size = ((width + 1) // 2) * ((height + 1) // 2)
    chroma = bytes([64 + seed * 37 % 128]) * chroma_size + bytes([64 + seed * 73 % 128]) * chroma_size
    with part.open("wb") as file:
        file.write(b"YUV4MPEG2 W%d H%d F%d:%d Ip A1:1 C420jpeg\n" % (width, height, exact.numerator, exact.denominator))
        for frame in range(frames):
            row = bytearray(b"\x30" * width)
            for offset in range(max(1, width // 16)):
                row[(seed + frame + offset) % width] = 0xE0
            file.write(b"FRAME\n" + bytes(row) * height + chroma)
    _put(part, whole)


def _write_wav(part: Path, whole: Path, samples: int) -> None:
    """Write stereo sound: a quiet saw-tooth of 480 Hz."""
    period = array("h", [value for n in range(100) for value in ((n - 50) * 60, (n - 50) * 60)])
    wanted = samples * 4
    data = period.tobytes() * (wanted // (len(period) * 2) + 1)
    with wave.open(str(part), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(data[:wanted])
    _put(part, whole)


def _put(part: Path, whole: Path) -> None:
    """Give a finished file its place and name, whole or not at all, also on another disk."""
    beside = whole.with_name(f".{whole.name}.part")
    try:
        shutil.move(part, beside)
        beside.replace(whole)
    finally:
        beside.unlink(missing_ok=True)
