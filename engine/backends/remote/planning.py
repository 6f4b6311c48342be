"""From a job to an order. Only numbers and the headers of files; nothing is encoded or sent here.

What the service can't do is refused here, with a sentence that says what would work.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from engine.backends.base import BadRequest, Unsupported
from engine.backends.films import FilmFacts
from engine.backends.remote import offers
from engine.backends.remote.answers import Endpoint
from engine.backends.remote.footage import Films, framed, sound_extent
from engine.backends.remote.offers import LEAST_SECONDS, LEAST_WINDOW_FRAMES, MOST_SECONDS, Offer
from engine.backends.remote.order import Cut, FilmParcel, Order, Parcel, SoundParcel, StillParcel, TooLarge
from engine.media.conform import Fit
from engine.protocol import work as asked
from engine.protocol.grid import (
    SAMPLE_RATE,
    FrameRange,
    format_rate,
    parse_rate,
    sample_of_frame,
    snap_frames_down,
)
from engine.protocol.messages import Combination
from engine.protocol.window import CONTEXT_SECONDS, plan_extend, plan_retake
from engine.protocol.work import AnyWork, Sound, mode_of

_NEAR: Final = Fraction(1, 500)  # rates that differ by less (24 and 23.976) are taken frame by frame
_LAST_PICTURE_STRETCH: Final = Fraction(1, 20)  # how much a clip may be sped up to end on its last picture


@dataclass
class Planner:
    """Plans one job. `films` opens what is given."""

    work: AnyWork
    offer: Offer
    films: Films
    adjusted: list[str] = field(default_factory=list[str])
    sends: list[str] = field(default_factory=list[str])

    def plan(self) -> Order:
        """Raises BadRequest, BadMedia, Unsupported, TooLarge, and what engine.media raises."""
        self._check()
        match self.work:
            case asked.TextToVideo() | asked.ImageToVideo() as work:
                return self._clip(work)
            case asked.AudioToVideo() as work:
                return self._following(work)
            case asked.Retake() as work:
                return self._retake(work)
            case asked.Extend() as work:
                return self._extend(work)
            case _:
                raise Unsupported(f"The LTX API has no {mode_of(self.work).replace('_', ' ')}.")

    # --- what every mode shares ---

    def _check(self) -> None:
        """Refuse what the service has nothing for, and note what it leaves out."""
        work = self.work
        if not self.offer.does(mode_of(work)):
            raise Unsupported(f"{self.offer.title} doesn't do {mode_of(work).replace('_', ' ')}.")
        if len(work.prompt) > offers.MOST_PROMPT_CHARS:
            raise BadRequest(
                f"The prompt has {len(work.prompt)} characters; the LTX API takes {offers.MOST_PROMPT_CHARS}."
            )
        if work.loras:
            raise BadRequest("The LTX API takes no LoRAs: leave them out, or make this on your own machine.")
        if work.stage == "finish":
            raise BadRequest("A draft of this machine's own model can't be finished by the LTX API.")
        if work.variations > 1:
            raise BadRequest("The LTX API makes one take at a time: ask for one, or queue the job several times.")
        if work.camera and (not self.offer.camera or work.camera not in offers.CAMERA_MOVES):
            raise BadRequest(
                f"{self.offer.title} has no camera move {work.camera!r}: say it in the prompt"
                f"{', or choose ' + ', '.join(offers.CAMERA_MOVES) if self.offer.camera else ''}."
            )
        if work.stage == "draft":
            self.adjusted.append("the LTX API makes no drafts: this is the finished take")
        if work.negative:
            self.adjusted.append("the LTX API takes no negative prompt: it is left out")
        if work.enhance:
            self.adjusted.append("the prompt isn't written out first: the LTX API gets it as it is")
        if work.prompt:
            self.sends.append(f"the prompt ({len(work.prompt)} characters)")

    def _body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": self.work.prompt, "model": self.offer.model}
        if self.work.camera:
            body["camera_motion"] = self.work.camera
        return body

    def _order(
        self, endpoint: Endpoint, body: dict[str, Any], parcels: Sequence[Parcel], cut: Cut, billed: Fraction
    ) -> Order:
        fit = cut.as_fit
        height, width = fit.grid
        cents = self.offer.cents(mode_of(self.work), width, height, billed)
        if (width, height) != (cut.width, cut.height):
            self.adjusted.append(
                f"{cut.width} x {cut.height} is made as {width} x {height}, one of the LTX API's sizes, and cut back"
            )
        return Order(
            endpoint=endpoint,
            body=body,
            parcels=tuple(parcels),
            cut=cut,
            cents=cents,
            made=f"{width} x {height} at {cut.made_rate}",
            adjusted=tuple(self.adjusted),
            sends=tuple(self.sends),
        )

    # --- new clips ---

    def _clip(self, work: asked.TextToVideo | asked.ImageToVideo) -> Order:
        first, last = self._end_pictures(work)
        mode = "image_to_video" if first is not None else "text_to_video"
        if mode == "text_to_video" and not work.prompt.strip():
            raise BadRequest("Text-to-video needs a prompt: say what should be seen and heard.")
        row = self._row(work, self.offer.combinations(mode))
        fit = framed(work.width, work.height, row.width, row.height)
        rate = parse_rate(work.rate)
        fresh = work.frames if row.by_count else math.ceil(work.frames * row.rate / rate)
        if last is not None:
            self._check_stretch(work, row)
        body = self._body() | {
            "resolution": f"{row.width}x{row.height}",
            "duration": int(row.seconds),
            "fps": int(row.rate),
            "generate_audio": work.sound,
        }
        parcels: list[Parcel] = []
        for name, picture in (("image_uri", first), ("last_frame_uri", last)):
            if picture is not None:
                parcels.append(StillParcel(name, picture.image, (work.width, work.height), fit))
                self.sends.append(f"the picture {Path(picture.image).name}")
        cut = self._new_cut(work, fit, row.rate, fresh, row.by_count, stretched=last is not None)
        return self._order("image-to-video" if first else "text-to-video", body, parcels, cut, row.seconds)

    def _new_cut(
        self,
        work: asked.TextToVideo | asked.ImageToVideo | asked.AudioToVideo,
        fit: Fit,
        made_rate: Fraction,
        fresh: int,
        by_count: bool,
        *,
        stretched: bool = False,
    ) -> Cut:
        return Cut(
            width=work.width,
            height=work.height,
            rate=format_rate(parse_rate(work.rate)),
            frames=work.frames,
            start=0,
            made_rate=format_rate(made_rate),
            fit=_flat(fit),
            fresh=fresh,
            by_count=by_count,
            stretched=stretched,
            sound=work.sound or isinstance(work, asked.AudioToVideo),
            given=work.audio if isinstance(work, asked.AudioToVideo) else None,
        )

    def _end_pictures(
        self, work: asked.TextToVideo | asked.ImageToVideo
    ) -> tuple[asked.Keyframe | None, asked.Keyframe | None]:
        """The pictures of the first and the last frame; the service knows no others."""
        first: asked.Keyframe | None = None
        last: asked.Keyframe | None = None
        for picture in work.keyframes:
            if picture.frame == 0:
                first = picture
            elif picture.frame == work.frames - 1:
                last = picture
            else:
                raise BadRequest(
                    f"The LTX API takes a picture for the first frame and one for the last (frame {work.frames - 1}), "
                    f"not for frame {picture.frame}."
                )
            if picture.strength < 1:
                self.adjusted.append("the LTX API keeps pictures as they are, at full strength")
        if isinstance(work, asked.ImageToVideo) and first is None:
            raise BadRequest("Image-to-video through the LTX API needs a picture for the first frame.")
        if last is not None and first is None:
            raise BadRequest("The LTX API takes a last picture only together with a first one.")
        if last is not None and not self.offer.last_picture:
            raise BadRequest(f"{self.offer.title} takes no last picture: choose LTX-2.3, or leave it out.")
        return first, last

    def _check_stretch(self, work: asked.TextToVideo | asked.ImageToVideo, row: _Row) -> None:
        """The last picture stands at the end of what the service makes, so that has to be about as long as asked."""
        wanted, made = work.frames / parse_rate(work.rate), row.seconds
        if abs(made / wanted - 1) <= _LAST_PICTURE_STRETCH:
            return
        frames = round(made * parse_rate(work.rate))
        moved = tuple(
            msgspec.structs.replace(picture, frame=frames - 1) if picture.frame == work.frames - 1 else picture
            for picture in work.keyframes
        )
        raise TooLarge(
            f"With a last picture the LTX API makes fixed lengths: {frames} frames ({float(made):g} s) are the nearest "
            f"to {work.frames}.",
            msgspec.structs.replace(work, frames=frames, keyframes=moved),
        )

    def _following(self, work: asked.AudioToVideo) -> Order:
        rate = parse_rate(work.rate)
        row = self._row(work, self.offer.combinations("audio_to_video"), any_rate=True)
        wanted = sample_of_frame(work.frames, rate)
        extent = sound_extent(work.audio)
        if extent < wanted:
            self.adjusted.append("the sound is shorter than the clip: silence follows it")
        samples = max(wanted, LEAST_SECONDS * SAMPLE_RATE)
        parcels: list[Parcel] = [SoundParcel("audio_uri", work.audio, samples)]
        self.sends.append(f"{samples / SAMPLE_RATE:.1f} s of the sound {Path(work.audio.file).name}")
        fit = framed(work.width, work.height, row.width, row.height)
        for picture in work.keyframes:
            if picture.frame:
                raise BadRequest("With a sound the LTX API takes a picture for the first frame only.")
            parcels.append(StillParcel("image_uri", picture.image, (work.width, work.height), fit))
            self.sends.append(f"the picture {Path(picture.image).name}")
        if not work.prompt.strip() and len(parcels) == 1:
            raise BadRequest("Say in a prompt what should be seen, or give a picture for the first frame.")
        body = self._body() | {"resolution": f"{row.width}x{row.height}"}
        fresh = math.ceil(work.frames * row.rate / rate)
        cut = self._new_cut(work, fit, row.rate, fresh, by_count=False)
        return self._order("audio-to-video", body, parcels, cut, Fraction(samples, SAMPLE_RATE))

    def _row(
        self,
        work: asked.TextToVideo | asked.ImageToVideo | asked.AudioToVideo,
        table: Sequence[Combination],
        *,
        any_rate: bool = False,
    ) -> _Row:
        """The fixed size, rate and length that serves this best. Raises TooLarge."""
        rate = parse_rate(work.rate)
        wanted = work.frames / rate
        lying = work.width >= work.height
        rows = [
            _Row(each.width, each.height, parse_rate(name), Fraction(seconds), abs(parse_rate(name) / rate - 1) < _NEAR)
            for each in table
            if (each.width > each.height) is lying
            for name in each.rates
            for seconds in each.seconds
        ]
        longest = max(row.seconds for row in rows)
        long_enough = [
            row for row in rows if (row.seconds * row.rate >= work.frames if row.by_count else row.seconds >= wanted)
        ]
        if not long_enough:
            frames = int(longest * rate)
            raise TooLarge(
                f"{work.frames} frames ({float(wanted):.1f} s) are longer than {self.offer.title} makes: at most "
                f"{float(longest):g} s, {frames} frames at {work.rate}.",
                msgspec.structs.replace(work, frames=frames),
            )
        best = min(long_enough, key=lambda row: row.distance(work.width, work.height, rate))
        if not best.by_count and not any_rate:
            self.adjusted.append(
                f"the LTX API makes no {float(rate):.5g} frames per second: {float(best.rate):g} are made, and each "
                "frame takes the one that is on screen at its time"
            )
        if min(best.width, best.height) < min(work.width, work.height):
            self.adjusted.append(f"{best.width} x {best.height} is the largest size at this length")
        return best

    # --- parts of films ---

    def _retake(self, work: asked.Retake) -> Order:
        facts = self.films.facts(work.source)
        made_rate = _made_rate(facts.rate)
        name = Path(work.source).name
        if not 0 <= work.start < work.end <= facts.frames:
            raise BadRequest(
                f"The range {work.start} to {work.end} is empty or outside {name}, which has {facts.frames} frames."
            )
        self._check_least(work, facts, made_rate)
        longest = snap_frames_down(int(MOST_SECONDS * made_rate))
        plans = plan_retake(
            facts.frames,
            FrameRange(work.start, work.end),
            facts.rate,
            longest,
            context=work.context,
            handles=work.handles,
        )
        if len(plans) > 1:
            most = longest - 2 * (work.handles + 16)  # with the least of context on both sides
            raise TooLarge(
                f"{work.end - work.start} frames are more than the LTX API makes again at once: about {most}.",
                msgspec.structs.replace(work, end=work.start + most),
            )
        if work.strength < 1:
            self.adjusted.append("the LTX API makes the range wholly anew: how far it may go can't be set")
        if work.keyframes:
            raise BadRequest("The LTX API takes no pictures for a retake.")
        plan = next(iter(plans))
        frames = max(plan.frames, LEAST_WINDOW_FRAMES)
        lying = facts.width >= facts.height
        grid = offers.RETAKE_SIZE if lying else offers.RETAKE_SIZE[::-1]
        fit = framed(facts.width, facts.height, *grid)
        parcel = self._film(work, facts, plan.origin, frames, made_rate, fit, work.soundtrack, work.start)
        lead = work.start - plan.origin
        modes = {"both": "replace_audio_and_video", "picture": "replace_video", "sound": "replace_audio"}
        body = self._body() | {
            "start_time": _seconds(lead / made_rate),
            "duration": _seconds((work.end - work.start) / made_rate),
            "mode": modes[work.what],
            "resolution": f"{grid[0]}x{grid[1]}",
        }
        if not work.prompt:
            del body["prompt"]
        before, after = plan.handles
        kept_sound = work.what == "picture" and not parcel.silent
        cut = Cut(
            width=facts.width,
            height=facts.height,
            rate=format_rate(facts.rate),
            frames=work.end - work.start + before + after,
            start=work.start - before,
            made_rate=format_rate(made_rate),
            fit=_flat(fit),
            lead=lead,
            fresh=work.end - work.start,
            tail=frames - lead - (work.end - work.start),
            handle_before=before,
            handle_after=after,
            what=work.what,
            sound=work.sound and (work.what != "picture" or kept_sound),
            given=work.soundtrack if kept_sound else None,
            given_at=sample_of_frame(work.start, facts.rate),
            given_film=work.source if kept_sound and work.soundtrack is None else "",
        )
        return self._order("retake", body, [parcel], cut, frames / made_rate)

    def _check_least(self, work: asked.Retake, facts: FilmFacts, made_rate: Fraction) -> None:
        least = math.ceil(LEAST_SECONDS * made_rate)
        if work.end - work.start >= least:
            return
        if facts.frames < least:
            raise BadRequest(
                f"The LTX API makes at least {LEAST_SECONDS} s again ({least} frames); {Path(work.source).name} has "
                f"{facts.frames} frames."
            )
        start = max(0, min(work.start - (least - work.end + work.start) // 2, facts.frames - least))
        raise TooLarge(
            f"{work.end - work.start} frames are too few: the LTX API makes at least {LEAST_SECONDS} s again, "
            f"{least} frames of this film. Frames {start} to {start + least} would do.",
            msgspec.structs.replace(work, start=start, end=start + least),
        )

    def _extend(self, work: asked.Extend) -> Order:
        facts = self.films.facts(work.source)
        made_rate = _made_rate(facts.rate)
        name = Path(work.source).name
        if not 0 <= work.at <= facts.frames:
            raise BadRequest(f"{name} has {facts.frames} frames: it can't be extended at frame {work.at}.")
        if work.keyframes:
            raise BadRequest("The LTX API takes no pictures for an extension.")
        backward = work.direction == "backward"
        known = facts.frames - work.at if backward else work.at
        if known < 1:
            raise BadRequest(f"There is nothing of {name} on that side of frame {work.at} to go on from.")
        seconds = max(Fraction(LEAST_SECONDS), Fraction(math.ceil(work.frames / made_rate * 2), 2))
        room = offers.MOST_EXTEND_FRAMES - math.ceil(seconds * made_rate)
        if seconds > MOST_SECONDS or room < LEAST_WINDOW_FRAMES:
            most = min(int(MOST_SECONDS * made_rate), offers.MOST_EXTEND_FRAMES - LEAST_WINDOW_FRAMES)
            raise TooLarge(
                f"{work.frames} frames are more than the LTX API adds at once: at most {most} here.",
                msgspec.structs.replace(work, frames=most),
            )
        wish = work.context if work.context is not None else math.ceil(CONTEXT_SECONDS * facts.rate)
        window = max(LEAST_WINDOW_FRAMES, snap_frames_down(max(1, min(wish, known, room))))
        first = work.at if backward else work.at - window  # beyond the film's ends it is mirrored
        grid = _smallest(facts.width, facts.height)
        fit = framed(facts.width, facts.height, *grid)
        parcel = self._film(work, facts, first, window, made_rate, fit, work.soundtrack, 0)
        body = self._body() | {
            "duration": _seconds(seconds),
            "mode": "start" if backward else "end",
            "context": _seconds(window / made_rate),
        }
        if not work.prompt:
            del body["prompt"]
        # The plan of the local backend says how far handles reach; the rest of it is about its own model.
        plan = plan_extend(known, work.frames, facts.rate, 10_000_001, backward=backward, handles=work.handles)[0]
        before, after = (min(handle, window) for handle in plan.handles)
        cut = Cut(
            width=facts.width,
            height=facts.height,
            rate=format_rate(facts.rate),
            frames=work.frames + before + after,
            start=(work.at - work.frames if backward else work.at) - before,
            made_rate=format_rate(made_rate),
            fit=_flat(fit),
            lead=0 if backward else window,
            fresh=work.frames,
            tail=window if backward else 0,
            handle_before=before,
            handle_after=after,
            backward=backward,
            sound=work.sound,
        )
        return self._order("extend", body, [parcel], cut, seconds + window / made_rate)

    def _film(
        self,
        work: asked.Retake | asked.Extend,
        facts: FilmFacts,
        first: int,
        frames: int,
        made_rate: Fraction,
        fit: Fit,
        soundtrack: Sound | None,
        soundtrack_frame: int,
    ) -> FilmParcel:
        silent = soundtrack is None and not facts.has_sound
        with_sound = "without sound" if silent else "with its sound"
        low, high = max(0, first), min(facts.frames, first + frames)
        self.sends.append(
            f"frames {low} to {high} of {Path(work.source).name}, {float((high - low) / facts.rate):.1f} s {with_sound}"
        )
        if made_rate != facts.rate:
            self.adjusted.append(
                f"the film is sent at {float(made_rate):g} frames per second and brought back to "
                f"{float(facts.rate):.6g}, frame by frame"
            )
        return FilmParcel(
            field="video_uri",
            source=work.source,
            first=first,
            frames=frames,
            rate=facts.rate,
            made_rate=made_rate,
            fit=fit,
            soundtrack=soundtrack,
            soundtrack_at=sample_of_frame(soundtrack_frame, facts.rate),
            silent=silent,
        )


class _Row(NamedTuple):
    """One thing that the service makes."""

    width: int
    height: int
    rate: Fraction
    seconds: Fraction
    by_count: bool  # its rate is the asked one, as good as

    def distance(self, width: int, height: int, rate: Fraction) -> tuple[Any, ...]:
        """How far it is from what is asked: the right rate, no picture made larger, then little to make."""
        inner = framed(width, height, self.width, self.height).inner
        enlarged = inner[0] < height or inner[1] < width
        area = self.width * self.height
        return (
            not self.by_count,
            enlarged,
            -area if enlarged else area,  # where nothing is large enough, the largest
            self.rate < rate,  # rather leave frames out than show one twice
            abs(self.rate - rate),
            self.seconds,
        )


def _made_rate(rate: Fraction) -> Fraction:
    """The rate at which a film is sent: whole, since the service's own tools round others down."""
    return Fraction(max(1, round(rate)))


def _smallest(width: int, height: int) -> tuple[int, int]:
    """The smallest of the service's sizes that holds a film without making it smaller, else the largest."""
    sizes = offers.SIZES if width >= height else tuple((short, long) for long, short in offers.SIZES)
    return next((size for size in sizes if size[0] >= width and size[1] >= height), sizes[-1])


def _seconds(value: Fraction) -> float:
    return round(float(value), 6)


def _flat(fit: Fit) -> tuple[int, int, int, int, int, int, int, int]:
    return (*fit.source, *fit.inner, *fit.grid, *fit.before)
