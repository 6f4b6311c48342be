"""One export: from a sequence to a checked file under its own name, on threads that can be stopped within a frame.

pictures thread ──┐ a few frames, or groups to copy
                  ├─► the caller of `run`: encode, mux ─► temporary file ─► opened again, compared ─► renamed
sound thread ─────┘ half seconds
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import Final

import numpy as np
from av import VideoFrame
from av.error import FFmpegError
from av.video.stream import VideoStream

from engine.media.containers import flush_to_disk, opened, picture_stream
from engine.media.index import VideoIndex
from ltxdesktop.document.model import Media, MediaId, Sequence
from ltxdesktop.document.time import samples_at
from ltxdesktop.export import smart
from ltxdesktop.export.before import check_media, check_place
from ltxdesktop.export.bridging import ENCODERS, Bridge, fits
from ltxdesktop.export.channel import Channel, Closed
from ltxdesktop.export.checking import Verdict, check_film, check_folder, checked_numbers
from ltxdesktop.export.encoders import Choice, choose, choose_sound, with_alpha
from ltxdesktop.export.errors import Cancelled, CheckFailed, ExportError, writing_error
from ltxdesktop.export.feed import Feed, Samples, captions_for, mixed_down, sequence_to_render
from ltxdesktop.export.feeding import Picture, RenderedFilm, Threads, mix, render
from ltxdesktop.export.nal import BadHeaders
from ltxdesktop.export.progress import Clock, Pace, Progress
from ltxdesktop.export.provenance import disclosure
from ltxdesktop.export.reframing import Reframing
from ltxdesktop.export.settings import Settings, Shape, Subtitles, even
from ltxdesktop.export.subtitles import chapters, srt
from ltxdesktop.export.target import part_of, remove, size_of, subtitles_beside
from ltxdesktop.export.writing import Extras, FilmFile, PictureFolder
from ltxdesktop.render.loudness import Loudness, LoudnessMeter

_PICTURES_AHEAD: Final = 3  # 3 MB each at 1080p
_SOUND_AHEAD: Final = 6
_POSTER_WIDTH: Final = 640
_MEASURED_S: Final = Fraction(2, 5)  # what EBU R 128 measures at a time
_CEILING_DBTP: Final = -1.0  # EBU R 128 s2, for what is streamed


@dataclass(frozen=True)
class Job:
    """What an export needs to know of a project, at the moment when it was asked for."""

    sequence: Sequence
    media: Mapping[MediaId, Media]
    settings: Settings
    target: Path
    make_film: Callable[[Sequence], RenderedFilm]  # a renderer of originals, never of proxies
    locate: Callable[[Media], Path]
    index_of: Callable[[Path], VideoIndex | None] = lambda path: None  # without indexes nothing is copied
    key: str = ""  # names the file while it's made, so that what a killed program left of it is found again


@dataclass(frozen=True)
class Report:
    """What was made."""

    path: Path
    frames: int
    samples: int
    bytes: int
    seconds: float  # that it took
    copied: int = 0  # frames whose packets are the source's own
    psnr_db: float = inf  # of the worst compared picture; inf = bit for bit
    encoder: str = ""
    notes: tuple[str, ...] = ()
    subtitles: Path | None = None

    def lines(self) -> list[str]:
        """For the person."""
        said: list[str] = []
        if self.copied:
            share = self.copied / self.frames
            said.append(f"{self.copied} of {self.frames} pictures ({share:.0%}) were copied without loss.")
        if self.subtitles is not None:
            said.append(f"Subtitles are in {self.subtitles.name}.")
        return [*said, *self.notes]


class Export:
    """Makes one file. `run` may be called once, on any thread; `cancel` from any other."""

    def __init__(
        self, job: Job, on_progress: Callable[[Progress], None] = lambda progress: None, clock: Clock = time.monotonic
    ) -> None:
        """Raises NoSuchPreset, BadSettings, NothingToExport, TargetNotWritable before anything is begun."""
        self.job = job
        self.shape = check_place(job.sequence, job.media, job.settings, job.target, job.locate)
        self._say, self._clock = on_progress, clock
        self._pictures: Channel[Picture] = Channel(_PICTURES_AHEAD)
        self._sound: Channel[Samples] = Channel(_SOUND_AHEAD)
        self._cancelled = threading.Event()
        self._notes: list[str] = []
        self._part = part_of(job.target, job.key or secrets.token_hex(6))

    def cancel(self) -> None:
        """Stop as soon as the frame that is being made is done; `run` then raises Cancelled."""
        self._cancelled.set()
        self._pictures.close()
        self._sound.close()

    def run(self) -> Report:
        """Make the file. Raises the errors of `errors`; then nothing is left at the target but what was there."""
        start = self._clock()
        target = self.job.target
        part = self._part
        try:
            remove(part)  # of an earlier run that was killed
            check_media(self.job.sequence, self.job.media, self.shape, self.job.locate)
            made = self._make(part)
            beside = self._write_subtitles()
            self._put_in_place(part, beside)
        except Closed as error:
            raise Cancelled from error
        except (OSError, FFmpegError) as error:
            if isinstance(error, ExportError):
                raise
            raise writing_error(target, error) from error
        finally:
            remove(part)
        return Report(
            path=target,
            frames=self.shape.frames if self.shape.has_picture else 0,
            samples=self.shape.samples if self.shape.has_sound else 0,
            bytes=size_of(target),
            seconds=self._clock() - start,
            copied=made.copied,
            psnr_db=made.verdict.psnr_db,
            encoder=made.encoder,
            notes=tuple(self._notes),
            subtitles=beside,
        )

    # ---- making ------------------------------------------------------------------------------------------------------

    def _make(self, part: Path) -> _Made:
        """The checked file under its temporary name."""
        job, shape = self.job, self.shape
        film = job.make_film(sequence_to_render(job.sequence, job.settings, shape))
        gain = self._gain(film) if shape.has_sound and shape.lufs is not None else 1.0
        choice = self._chosen()
        if shape.preset.is_folder:
            digits = max(5, len(str(shape.frames)))
            folder = PictureFolder(part, job.target.name, self._options(choice), digits)
            return self._write_folder(folder, self._feed(film, choice, gain), film)
        extras = self._extras(film)
        plan = self._smart_plan(choice)
        if choice is not None and plan is not None:
            try:
                return self._film(part, film, extras, gain, choice, plan)
            except (CheckFailed, BadHeaders) as error:
                self._notes.append(f"Nothing is copied after all, because what was copied didn't fit in: {error}")
                self._begin_again()
        return self._film(part, film, extras, gain, choice, None)

    def _film(
        self,
        part: Path,
        film: RenderedFilm,
        extras: Extras,
        gain: float,
        choice: Choice | None,
        plan: smart.SmartPlan | None,
    ) -> _Made:
        """The file, opened again and compared. Raises CheckFailed, and BadHeaders for a plan that can't be kept."""
        out, bridge, choice = self._opened(part, choice, plan, extras)
        try:
            sent = self._fill(out, self._feed(film, choice, gain), film, bridge, plan)
        except FFmpegError:
            instead = self._software_for(choice) if choice is not None and out.encoder_failed else None
            if choice is None or instead is None:
                raise
            failed, used = choice.encoder.name, instead.encoder.name
            self._notes.append(f"The hardware encoder {failed} failed in mid-film; all of it was made with {used}.")
            self._begin_again()
            out, bridge, choice = self._file(part, instead, extras), None, instead
            sent = self._fill(out, self._feed(film, choice, gain), film, None, None)
        flush_to_disk(part)
        self._step("checking the file")
        verdict = check_film(part, self.job.target, self.shape, sent)
        return _Made(verdict, bridge.copied if bridge else 0, choice.encoder.name if choice else "")

    def _fill(
        self, out: FilmFile, feed: Feed, film: RenderedFilm, bridge: Bridge | None, plan: smart.SmartPlan | None
    ) -> dict[int, VideoFrame]:
        """The whole file; nothing of it is left where that fails. Returns the pictures that are compared afterwards."""
        try:
            sent = self._write(out, feed, film, bridge, plan)
            self._step("writing the index")
            out.finish()
        except BaseException:
            out.abort()
            raise
        return sent

    def _begin_again(self) -> None:
        """Fresh channels for another run through the film. Raises Closed when it was cancelled."""
        self._pictures, self._sound = Channel(_PICTURES_AHEAD), Channel(_SOUND_AHEAD)
        self._step("beginning again")  # looks behind the channels: `cancel` closes those that are there

    def _software_for(self, choice: Choice) -> Choice | None:
        """What can stand in for a hardware encoder; None for others, and where there is none."""
        codec = self.shape.preset.picture
        if codec is None or not choice.encoder.is_hardware:
            return None
        instead = choose(codec, deep=self.shape.deep)
        return None if instead.encoder.is_hardware else instead

    def _feed(self, film: RenderedFilm, choice: Choice | None, gain: float) -> Feed:
        sequence = self.job.sequence
        size = (sequence.width, sequence.height)
        captions = captions_for(sequence, self.job.settings, self.shape)
        kept_at = self._reframing().at
        return Feed(film, size, self.shape, _fed_format(choice, self.shape), kept_at, gain, captions)

    def _reframing(self) -> Reframing:
        return Reframing(self.job.sequence, self.job.media, self.job.settings.focus)

    def _options(self, choice: Choice | None) -> dict[str, str]:
        if choice is None:
            return {}
        return choice.encoder.with_rate(quality=self.shape.quality, bitrate_kbps=self.job.settings.bitrate_kbps)

    def _chosen(self) -> Choice | None:
        if self.shape.preset.picture is None:
            return None
        choice = choose(self.shape.preset.picture, hardware=self.job.settings.hardware, deep=self.shape.deep)
        if choice.note:
            self._notes.append(choice.note)
        return replace(choice, encoder=with_alpha(choice.encoder)) if self.shape.alpha else choice

    def _smart_plan(self, choice: Choice | None) -> smart.SmartPlan | None:
        if choice is None or choice.encoder.name not in ENCODERS:
            return None
        job = self.job
        sequence = sequence_to_render(job.sequence, job.settings, self.shape)
        plan = smart.plan_copies(sequence, job.media, job.locate, job.index_of, self.shape, job.settings)
        self._notes.extend(plan.notes)
        if not plan.pieces:
            return None
        if not fits(plan, choice.encoder, self._options(choice), self.shape):
            self._notes.append(f"Nothing is copied: what {choice.encoder.name} makes here can't stand beside it.")
            return None
        return plan

    def _opened(
        self, part: Path, choice: Choice | None, plan: smart.SmartPlan | None, extras: Extras
    ) -> tuple[FilmFile, Bridge | None, Choice | None]:
        """The file, ready to be written, what copies into it, and the encoder that took the job.

        A hardware encoder may work on a small picture and refuse this film (its size, too many at a time): then it's
        encoded without it, and a note says so.
        """
        if choice is not None and plan is not None:
            bridge = Bridge(plan, choice.encoder, self._options(choice), self.shape)
            return self._file(part, choice, extras, bridge, plan), bridge, choice
        try:
            return self._file(part, choice, extras), None, choice
        except (FFmpegError, ValueError):
            instead = self._software_for(choice) if choice is not None else None
            if choice is None or instead is None:
                raise
            failed, used = choice.encoder.name, instead.encoder.name
            self._notes.append(f"The hardware encoder {failed} can't take this film here; {used} is used instead.")
            return self._file(part, instead, extras), None, instead

    def _file(
        self,
        part: Path,
        choice: Choice | None,
        extras: Extras,
        bridge: Bridge | None = None,
        plan: smart.SmartPlan | None = None,
    ) -> FilmFile:
        codec = self.shape.preset.sound
        sound = choose_sound(codec) if self.shape.has_sound and codec is not None else None
        if bridge is not None and plan is not None:
            with opened(plan.template) as container:
                template: VideoStream = picture_stream(container, plan.template)
                return FilmFile(part, self.shape, sound=sound, extras=extras, template=template, headers=bridge.headers)
        encoder = choice.encoder if choice else None
        options = self._options(choice)
        return FilmFile(part, self.shape, encoder=encoder, options=options, sound=sound, extras=extras)

    def _extras(self, film: RenderedFilm) -> Extras:
        job, shape = self.job, self.shape
        found = chapters(job.sequence, shape) if job.settings.chapters else []
        poster = None
        if job.settings.poster is not None and not shape.preset.holds_poster:
            self._notes.append(f"{shape.preset.name} files hold no poster frame, so this one has none.")
        elif job.settings.poster is not None:
            width = min(shape.width, _POSTER_WIDTH)
            small = replace(shape, width=even(width), height=even(round(shape.height * width / shape.width)))
            size = (job.sequence.width, job.sequence.height)
            number = small.number_of(min(max(job.settings.poster, shape.first), shape.last - 1))
            poster = Feed(film, size, small, "rgb24", self._reframing().at).picture(number)
        comment = disclosure(job.sequence, job.media, shape) if job.settings.disclose else ""
        if comment and not shape.preset.holds_words:
            self._notes.append(f"{shape.preset.name} files hold no words, so this one can't say that AI was used.")
        return Extras(job.sequence.name, found, poster, comment)

    def _gain(self, film: RenderedFilm) -> float:
        """The factor that brings the whole to the wanted loudness: the first of two passes.

        What is measured is what the file will hold; one channel counts as heard from two loudspeakers ("dual mono").
        """
        shape, meter, reading = self.shape, LoudnessMeter(self.shape.sample_rate), Loudness()
        assert shape.lufs is not None
        for first in range(0, shape.samples, shape.sample_rate):
            self._step("measuring the loudness", first, shape.samples)
            heard = film.sound(shape.first_sample + first, min(shape.sample_rate, shape.samples - first))
            meter.add(np.broadcast_to(mixed_down(heard, shape.channels, 1), heard.shape))
        reading = _with_the_last_peaks(meter, shape)
        decibels = reading.gain_to(shape.lufs, _CEILING_DBTP)
        if shape.samples < shape.sample_rate * _MEASURED_S:
            self._notes.append("The film is too short for its loudness to be measured, so it was left as it is.")
        elif reading.integrated == -inf:
            self._notes.append("The film is silent, so its loudness was left as it is.")
        elif reading.integrated + decibels < shape.lufs - 0.1:
            self._notes.append(
                f"The sound reaches {reading.integrated + decibels:.1f} LUFS instead of {shape.lufs:g}: "
                f"louder, its peaks would be cut. Compress the loud places to get further."
            )
        return 10 ** (decibels / 20)

    # ---- writing -----------------------------------------------------------------------------------------------------

    def _write(
        self, out: FilmFile, feed: Feed, film: RenderedFilm, bridge: Bridge | None, plan: smart.SmartPlan | None
    ) -> dict[int, VideoFrame]:
        """All pictures and samples, in step. Returns the pictures that are compared afterwards."""
        shape = self.shape
        sent: dict[int, VideoFrame] = {}
        compared = checked_numbers(shape.frames)
        pace = Pace(self._clock, shape.frames if shape.has_picture else shape.samples)
        with Threads() as threads:
            if shape.has_picture:
                threads.start("export pictures", self._pictures, lambda put: render(feed, film, plan, compared, put))
            if shape.has_sound:
                threads.start("export sound", self._sound, lambda put: mix(feed, film, put))
            heard = 0
            while shape.has_picture and (made := self._next_picture()) is not None:
                sent |= made.compared
                heard = self._write_sound(out, heard, samples_at(made.last, shape.rate, shape.sample_rate))
                if isinstance(made.what, VideoFrame):
                    if bridge is None:
                        out.write_picture(made.what)
                    else:
                        bridge.write_picture(out, made.what, made.last - 1)
                elif bridge is not None:
                    bridge.write_group(out, made.what)
                self._say(pace.at("exporting", made.last))
            if bridge is not None:
                bridge.end_run(out)
            while heard < shape.samples and shape.has_sound:
                heard = self._write_sound(out, heard, heard + 1)
                if not shape.has_picture:
                    self._say(pace.at("exporting", heard))
        return sent

    def _next_picture(self) -> Picture | None:
        """None when all are there. Raises Closed when it was cancelled, and what went wrong with the pictures."""
        try:
            return self._pictures.get()
        except Closed:
            if self._cancelled.is_set():
                raise
            return None

    def _write_sound(self, out: FilmFile, heard: int, wanted: int) -> int:
        """Write blocks until `wanted` samples are there, and return how many are."""
        while self.shape.has_sound and heard < min(wanted, self.shape.samples):
            block = self._sound.get()
            out.write_sound(block)
            heard += len(block)
        return heard

    def _write_folder(self, out: PictureFolder, feed: Feed, film: RenderedFilm) -> _Made:
        shape, sent = self.shape, dict[int, VideoFrame]()
        compared = checked_numbers(shape.frames)
        pace = Pace(self._clock, shape.frames)
        try:
            with Threads() as threads:
                threads.start("export pictures", self._pictures, lambda put: render(feed, film, None, compared, put))
                while (made := self._next_picture()) is not None:
                    assert isinstance(made.what, VideoFrame)
                    sent |= made.compared
                    out.write_picture(made.what)
                    self._say(pace.at("exporting", made.last))
            self._step("checking the pictures")
            return _Made(check_folder(out, self.job.target, shape, sent), 0, "png")
        except BaseException:
            out.abort()
            raise

    def _write_subtitles(self) -> Path | None:
        """The .srt file under its temporary name, if one is wanted and there is something to say."""
        if self.job.settings.subtitles is not Subtitles.FILE:
            return None
        text = srt(self.job.sequence, self.shape.first, self.shape.last)
        if not text:
            self._notes.append("No .srt file was written: the film has no subtitles in this range.")
            return None
        beside = subtitles_beside(self.job.target, is_folder=self.shape.preset.is_folder)
        part = part_of(beside, secrets.token_hex(6))
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            flush_to_disk(part)
            part.replace(beside)
        finally:
            remove(part)
        return beside

    def _put_in_place(self, part: Path, beside: Path | None) -> None:
        self._step("naming the file")
        target = self.job.target
        try:
            if self.shape.preset.is_folder and target.is_dir():
                target.rmdir()  # it's empty: check_target looked
            part.replace(target)
        except OSError:
            if beside is not None:
                remove(beside)
            raise
        flush_to_disk(target.parent)

    def _step(self, doing: str, done: int = 0, frames: int = 0) -> None:
        """Say what comes now. Raises Closed when it was cancelled."""
        if self._cancelled.is_set():
            raise Closed
        self._say(Progress(doing, done, frames))


@dataclass(frozen=True)
class _Made:
    verdict: Verdict
    copied: int
    encoder: str


def _with_the_last_peaks(meter: LoudnessMeter, shape: Shape) -> Loudness:
    """The reading of everything, with peaks behind the last full 100 ms; silence behind the film makes those full."""
    heard, short = meter.reading.integrated, -shape.samples % (shape.sample_rate // 10)
    meter.add(np.zeros((short, 2), np.float32))
    return replace(meter.finish(), integrated=heard)


def _fed_format(choice: Choice | None, shape: Shape) -> str:
    """The pixels that the encoder is given; a GIF's colours are reduced on the way."""
    if choice is None:
        return "yuv420p"
    return "rgb24" if choice.encoder.pixel_format in ("pal8", "rgb24") else choice.encoder.pixel_format
