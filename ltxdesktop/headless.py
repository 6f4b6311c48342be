"""One job without a window: ask the engine what works here, make a film, say where it is. No Qt.

With a clip a range of it is made again and the take is joined into the clip; with other words a new clip is made. With
nothing named at all it's the sample that comes with the program. Progress goes to standard error; the last line on
standard output is the path of the finished film. Engine, models and proxy are those of the window's settings.
"""

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from engine.media.joined import Placed, placement, write_joined
from engine.protocol.grid import FrameRange
from engine.protocol.messages import (
    Accepted,
    BackendCapability,
    Cancel,
    Cancelled,
    Capabilities,
    Done,
    Estimated,
    EstimateWork,
    Failed,
    GetCapabilities,
    JobChanged,
    JobNotice,
    JobProgress,
    Refused,
    Result,
    Submit,
)
from engine.protocol.work import Extend, Retake
from ltxdesktop.jobs.ask import Ask, SourceClip, capability, find_model, mode_of_ask, problems, title_of, work_of
from ltxdesktop.jobs.channel import engine_command
from ltxdesktop.jobs.errors import EngineGone, JobsError
from ltxdesktop.jobs.files import with_folder
from ltxdesktop.jobs.plain import PlainEngine
from ltxdesktop.pack.errors import PackError
from ltxdesktop.resources import samples
from ltxdesktop.settings.declared import ENGINE_COMMAND, PROXY
from ltxdesktop.settings.store import Settings
from ltxdesktop.settings.window import models_folder, settings_of_the_window, use_proxy
from ltxdesktop.words import clock, step_words

PROMPT = "A red ball bounces to the right on a meadow."


class MakeFailed(Exception):
    """The film wasn't made; the message is for the person."""


class NoModelWorks(MakeFailed):
    """No model that the engine knows of can be used here; the message says what each one lacks."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("\n  - ".join(["no model works here:", *dict.fromkeys(reasons)]))


class Teller:
    """Says on standard error how far it is: a line for each phase, in a terminal one that changes in place."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._phase = ""
        self._told: set[str] = set()  # a phase goes on after one within it: each is said once

    def progress(self, event: JobProgress) -> None:
        step = f", {step_words(event.phase, event.step, event.steps)}" if event.steps else ""
        left = f", {clock(event.seconds_left)} left" if event.seconds_left is not None else ""
        line = f"{event.fraction:4.0%}  {event.phase}{step}{left}"
        if self._live:
            print(f"\r\033[K{line}", end="", file=sys.stderr, flush=True)
        elif event.phase not in self._told:
            print(f"{event.fraction:4.0%}  {event.phase}", file=sys.stderr, flush=True)
        self._phase = event.phase
        self._told.add(event.phase)

    def line(self, words: str) -> None:
        print(("\r\033[K" if self._live and self._phase else "") + words, file=sys.stderr, flush=True)
        self._phase = ""
        self._told.clear()


def make_film(engine: PlainEngine, wanted: argparse.Namespace, teller: Teller) -> Path:
    """Make what `wanted` says (see `ltxdesktop make --help`) and return the finished film. Raises MakeFailed."""
    ask = choose(engine, wanted)
    teller.line(f"{mode_of_ask(ask).replace('_', ' ')} with {ask.model}: {title_of(ask)}")
    result = run_job(engine, ask, teller, wanted.output)
    film = next((each for each in result.files if each.role == "video"), None)
    if film is None:
        raise MakeFailed("The engine said that it's done, but there is no film among its results.")
    sound = next((each.path for each in result.files if each.role == "audio"), "")
    work = work_of(ask)
    if isinstance(work, Retake | Extend) and _is_steady(Path(work.source)):
        return finish(work, result, Path(film.path).parent, teller)
    placed = placement(work, film, sound)
    return Path(film.path) if placed is None else join(*placed, teller)


def finish(work: Retake | Extend, result: Result, folder: Path, teller: Teller) -> Path:
    """Put the take into a project of its clip, accept it, and export the film. Raises MakeFailed."""
    from ltxdesktop.film import FilmFailed, with_take

    teller.line(f"joining the take into {Path(work.source).name} and exporting the film")
    try:
        film, project = with_take(work, result, folder)
    except FilmFailed as exc:
        raise MakeFailed(str(exc)) from exc
    teller.line(f"the project, to change it by hand: {project}")
    return film


def _is_steady(path: Path) -> bool:
    """Whether a clip's frames all last equally long; others are joined frame by frame instead."""
    from engine.media.errors import MediaError
    from engine.media.probe import probe

    try:
        video = probe(path, exact=True).require_video()
    except MediaError:
        return False
    return not video.variable_rate


def choose(engine: PlainEngine, wanted: argparse.Namespace) -> Ask:
    """The job: what was wanted, the rest from the model that works here. Raises MakeFailed."""
    reply = engine.ask(GetCapabilities())
    if not isinstance(reply, Capabilities):
        raise MakeFailed(reply.message if isinstance(reply, Refused) else "The engine doesn't say what works here.")
    found = find_model(reply.backends, wanted.model)
    if found is None:
        reasons = [model.why_not for each in reply.backends for model in each.models if model.why_not]
        reasons = reasons or [each.why_not for each in reply.backends if each.why_not]
        raise NoModelWorks(reasons)
    backend, model = found
    width, height = _size(wanted.size) or (model.default_width or 768, model.default_height or 512)
    ask = Ask(
        prompt=wanted.prompt or PROMPT,
        model=model.model,
        backend=backend.backend,
        seed=wanted.seed,
        width=width,
        height=height,
        frames=wanted.frames or model.default_frames or 25,
        rate=Fraction(model.default_rate or "24"),
    )
    source = wanted.source
    retake = capability(model, "retake")
    says_nothing = not (wanted.source or wanted.prompt or wanted.size or wanted.frames)
    if says_nothing and retake is not None and retake.available and (shipped := samples()):
        source, ask = str(shipped[0].clip), replace(ask, prompt=shipped[0].prompt)
    if source:
        clip = look_at_clip(Path(source))
        ask = replace(ask, clip=clip, selection=_range(wanted.range, clip.frames))
    if wrong := problems(ask, backend, model):
        raise MakeFailed(" ".join(wrong))
    if backend.remote and not wanted.send:
        raise MakeFailed(_unagreed(engine, ask, backend))
    return replace(ask, may_leave=backend.remote)


def _unagreed(engine: PlainEngine, ask: Ask, backend: BackendCapability) -> str:
    """What would be sent and cost, for whoever hasn't agreed to it."""
    reply = engine.ask(EstimateWork(work=work_of(replace(ask, may_leave=True))))
    if isinstance(reply, Estimated) and not reply.fits:
        return reply.why_not
    sends, cost = (reply.sends, reply.cost_text) if isinstance(reply, Estimated) else (backend.sends, "")
    price = f" It costs {cost}." if cost else ""
    return (
        f"The {backend.title} would get: {'; '.join(sends)}.{price} Nothing was sent. Say --send to agree to this, or "
        "choose a model on this machine."
    )


def look_at_clip(path: Path) -> SourceClip:
    """Exact facts of a clip. Raises MakeFailed."""
    from engine.media.errors import MediaError
    from engine.media.probe import probe

    try:
        info = probe(path, exact=True)
        video = info.require_video()
    except MediaError as exc:
        raise MakeFailed(str(exc)) from exc
    if video.frames is None or video.rate is None:
        raise MakeFailed(f"{path} is a picture, not a clip.")
    width, height = video.rotated_size
    return SourceClip(str(path.resolve()), video.frames, video.rate, width, height, bool(info.audio))


def run_job(engine: PlainEngine, ask: Ask, teller: Teller, folder: str) -> Result:
    """Queue the job and wait for its end; Ctrl+C cancels it. Raises MakeFailed, JobsError.

    Results go to `folder`, if that isn't empty. An engine on another machine gets the media first, and what it made is
    brought here.
    """
    job, work = str(uuid.uuid4()), work_of(ask)
    if engine.remote:
        work = engine.put_files(work)
    elif folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        work = with_folder(work, Path(folder).resolve())
    reply = engine.ask(Submit(job=job, work=work, title=title_of(ask)))
    if not isinstance(reply, Accepted):
        raise MakeFailed(reply.message if isinstance(reply, Refused) else "The engine didn't take the job.")
    state = reply.state
    while not isinstance(state, Done | Failed | Cancelled):
        try:
            event = engine.next_event()
        except KeyboardInterrupt:
            teller.line("cancelling")
            engine.ask(Cancel(job=job))
            continue
        match event:
            case JobProgress(job=about) if about == job:
                teller.progress(event)
            case JobNotice(job=about) if about == job:
                teller.line(f"      {event.message}")
            case JobChanged(job=about) if about == job:
                state = event.state
            case _:
                pass
    match state:
        case Done():
            return (engine.fetch_result(job, state, Path(folder)) if engine.remote else state).result
        case Failed():
            raise MakeFailed(state.message)
        case Cancelled():
            raise MakeFailed(state.message or "Cancelled; nothing was made.")


def join(clip: Path, take: Placed, teller: Teller) -> Path:
    """Put a take into its clip; the film lies beside the take. Raises MakeFailed."""
    from engine.media.errors import MediaError

    target = take.film.with_name(f"{clip.stem}-with-{take.film.stem}.mp4")
    teller.line(f"joining the take into {clip}")
    try:
        write_joined(clip, take, target)
    except (MediaError, ValueError) as exc:
        raise MakeFailed(str(exc)) from exc
    return target


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise MakeFailed(f"{text!r} is not a size: give it as 768x512")
    return int(width), int(height)


def _range(text: str, frames: int) -> FrameRange:
    """The frames to make again; the middle third when none were named."""
    if not text:
        return FrameRange(frames // 3, max(frames // 3 + 1, frames * 2 // 3))
    start, _, end = text.partition(":")
    if not (start.isdigit() and end.isdigit()):
        raise MakeFailed(f"{text!r} is not a range: give it as IN:OUT, in frames, such as 24:48")
    return FrameRange(int(start), int(end))


def command_of(options: argparse.Namespace, settings: Settings) -> list[str]:
    """How the engine is started: as the words say, else as the window starts it. Raises NoPack."""
    command = options.engine or settings.get(ENGINE_COMMAND)
    return engine_command(command, options.backend, options.store, models_folder(settings))


def run(options: argparse.Namespace) -> int:
    """`ltxdesktop make`: the exit status."""
    teller, settings = Teller(), settings_of_the_window()
    use_proxy(settings.get(PROXY))
    try:
        with PlainEngine(command_of(options, settings)) as engine:
            film = make_film(engine, options, teller)
    except (MakeFailed, JobsError, PackError, OSError) as exc:
        teller.line(f"ltxdesktop: {exc}")
        if isinstance(exc, EngineGone):
            print(exc.log[-4000:], file=sys.stderr)
        return 1
    teller.line("done")
    print(film)
    return 0
