"""What a job may ask for: one class per way of making frames, with all its parameters.

These are also what a recipe holds. Times are frames at an exact rate, or samples; files are named by path on the
engine's machine. Limits here are only those that no model could ever lift: what a model can do here and now is said by
`Capabilities`, and refused by the planner with numbers.
"""

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Struct

JobId = Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{1,64}$")]  # a uuid as text
Rate = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,8}(/[1-9][0-9]{0,8})?$")]  # frames per second: "24", "30000/1001"
FileName = Annotated[str, Meta(max_length=4096)]
Side = Annotated[int, Meta(ge=1, le=16384)]  # pixels
FrameIndex = Annotated[int, Meta(ge=0, le=1 << 40)]
FrameCount = Annotated[int, Meta(ge=1, le=10_000_000)]
SampleIndex = Annotated[int, Meta(ge=0, le=1 << 50)]
Seed = Annotated[int, Meta(ge=0, le=(1 << 63) - 1)]
Strength = Annotated[float, Meta(ge=0.0, le=1.0)]
Text = Annotated[str, Meta(max_length=100_000)]

ModeName: TypeAlias = Literal[
    "text_to_video",
    "image_to_video",
    "audio_to_video",
    "retake",
    "extend",
    "fill_gap",
    "video_to_video",
    "revoice",
    "upscale",
]


class Lora(Struct, frozen=True, kw_only=True):
    """A LoRA and how strongly it acts; `lora` is a known id or a path."""

    lora: Annotated[str, Meta(min_length=1, max_length=4096)]
    strength: Annotated[float, Meta(ge=-10.0, le=10.0)] = 1.0


class Keyframe(Struct, frozen=True, kw_only=True):
    """A picture that frame `frame` of the result shall show. Frame 0 is the first; strength 1 keeps it as it is."""

    image: FileName
    frame: FrameIndex = 0
    strength: Strength = 1.0


class Sound(Struct, frozen=True, kw_only=True):
    """A stretch of a sound file, in samples of that file; `samples` 0 means to its end."""

    file: FileName
    start: SampleIndex = 0
    samples: SampleIndex = 0


class Output(Struct, frozen=True, kw_only=True):
    """Where results go. An empty folder means the engine's own results folder; names get endings as needed."""

    folder: FileName = ""
    name: Annotated[str, Meta(max_length=200, pattern=r"^[^/\\\x00]*$")] = ""
    codec: Literal["h264", "prores", "ffv1"] = "h264"  # with AAC, PCM and FLAC sound, in that order


class Guidance(Struct, frozen=True, kw_only=True):
    """How strongly one stream is steered; None leaves a value to the model."""

    cfg: Annotated[float, Meta(ge=0.0, le=50.0)] | None = None
    stg: Annotated[float, Meta(ge=0.0, le=50.0)] | None = None
    stg_blocks: tuple[Annotated[int, Meta(ge=0, le=1000)], ...] | None = None
    modality: Annotated[float, Meta(ge=0.0, le=50.0)] | None = None
    rescale: Annotated[float, Meta(ge=0.0, le=1.0)] | None = None


class Work(Struct, frozen=True, kw_only=True, tag_field="mode"):
    """The part that all modes share. Empty, zero and None leave a choice to the model and the policy."""

    prompt: Text = ""
    negative: Text = ""
    enhance: bool = False  # write the prompt out first, with the model's own text encoder
    camera: Annotated[str, Meta(max_length=100)] = ""  # id of a camera move, see ModelCapability.camera_moves
    seed: Seed = 0
    model: Annotated[str, Meta(max_length=300)] = ""
    backend: Annotated[str, Meta(max_length=100)] = ""
    may_leave: bool = False  # the person has seen what a remote backend would send, and agreed
    loras: Annotated[tuple[Lora, ...], Meta(max_length=32)] = ()
    quality: Literal["fast", "quality"] = "fast"
    stage: Literal["full", "draft", "finish"] = "full"  # finish: refine the very draft named by `draft_latents`
    draft_latents: FileName = ""
    variations: Annotated[int, Meta(ge=1, le=8)] = 1
    steps: Annotated[int, Meta(ge=0, le=1000)] = 0
    sampler: Literal["", "euler", "res_2s", "gradient_estimation", "euler_ancestral"] = ""
    video_guidance: Guidance | None = None
    audio_guidance: Guidance | None = None
    sound: bool = True  # False: make no sound, where the mode would
    keyframes: Annotated[tuple[Keyframe, ...], Meta(max_length=256)] = ()
    output: Output = Output()
    parents: Annotated[tuple[FileName, ...], Meta(max_length=64)] = ()  # for the recipe: what it comes from


class TextToVideo(Work, frozen=True, kw_only=True, tag="text_to_video"):
    """A clip from words."""

    width: Side
    height: Side
    frames: FrameCount
    rate: Rate


class ImageToVideo(Work, frozen=True, kw_only=True, tag="image_to_video"):
    """A clip that starts with, ends with or passes through given pictures: one or more `keyframes`."""

    width: Side
    height: Side
    frames: FrameCount
    rate: Rate


class AudioToVideo(Work, frozen=True, kw_only=True, tag="audio_to_video"):
    """A clip that follows a sound, which stays as its soundtrack."""

    audio: Sound
    width: Side
    height: Side
    frames: FrameCount
    rate: Rate


class Retake(Work, frozen=True, kw_only=True, tag="retake"):
    """Frames [start, end) of a clip made again; size, rate and sample rate are the source's own."""

    source: FileName
    start: FrameIndex  # in frames of the media
    end: FrameIndex
    what: Literal["both", "picture", "sound"] = "both"
    strength: Strength = 1.0  # 1 = from pure noise, less = nearer to what was there
    handles: Annotated[int, Meta(ge=0, le=240)] = 4  # extra frames on both sides, for the join
    context: Annotated[int, Meta(ge=0, le=10_000)] | None = None  # frames looked at on each side; None: planner's
    soundtrack: Sound | None = None  # the sound under [start, end), when it isn't the source's own


class Extend(Work, frozen=True, kw_only=True, tag="extend"):
    """`frames` new frames that go on after frame `at` - 1 of a clip, or lead up to frame `at`."""

    source: FileName
    at: FrameIndex
    frames: FrameCount
    direction: Literal["forward", "backward"] = "forward"
    handles: Annotated[int, Meta(ge=0, le=240)] = 4  # at the seam only
    context: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    soundtrack: Sound | None = None  # under the context, when it isn't the source's own


class Neighbour(Struct, frozen=True, kw_only=True):
    """A clip beside a gap: the gap touches it at `at` (the frame after the gap, or one past the frame before it)."""

    source: FileName
    at: FrameIndex
    soundtrack: Sound | None = None


class FillGap(Work, frozen=True, kw_only=True, tag="fill_gap"):
    """Exactly `frames` frames that lead from one clip to another; neighbours are conformed to size and rate first."""

    before: Neighbour
    after: Neighbour
    width: Side
    height: Side
    frames: FrameCount
    rate: Rate
    handles: Annotated[int, Meta(ge=0, le=240)] = 4
    context: Annotated[int, Meta(ge=0, le=10_000)] | None = None


class VideoToVideo(Work, frozen=True, kw_only=True, tag="video_to_video"):
    """A new clip with the motion of frames [start, end) of another, through an in-context LoRA among `loras`."""

    source: FileName
    start: FrameIndex
    end: FrameIndex
    control: Literal["as_is", "canny", "depth", "pose"] = "as_is"  # as_is: the source already is the control picture
    reference_strength: Strength = 1.0
    attention_strength: Strength = 1.0
    attention_mask: FileName = ""  # video or picture, white where the reference counts
    refine: bool = True  # False: without the second stage
    keep_sound: bool = True  # the source's sound goes into the result unchanged
    width: Annotated[int, Meta(ge=0, le=16384)] = 0  # 0: the source's
    height: Annotated[int, Meta(ge=0, le=16384)] = 0


class Revoice(Work, frozen=True, kw_only=True, tag="revoice"):
    """Frames [start, end) with the same face and voice but new `words`."""

    source: FileName
    start: FrameIndex
    end: FrameIndex
    words: Text
    language: Annotated[str, Meta(max_length=100)] = ""  # "" as the words are
    voice: Sound | None = None  # how the speaker sounds; None: as in the source
    handles: Annotated[int, Meta(ge=0, le=240)] = 4
    soundtrack: Sound | None = None


class Upscale(Work, frozen=True, kw_only=True, tag="upscale"):
    """Frames [start, end) larger (by `factor`) or at twice the rate (`smoother`)."""

    source: FileName
    start: FrameIndex
    end: FrameIndex
    factor: Literal["1", "1.5", "2"] = "2"
    smoother: bool = False
    handles: Annotated[int, Meta(ge=0, le=240)] = 0


AnyWork: TypeAlias = (
    TextToVideo | ImageToVideo | AudioToVideo | Retake | Extend | FillGap | VideoToVideo | Revoice | Upscale
)


def mode_of(work: AnyWork) -> ModeName:
    """Return the name of the mode, as it stands in messages and in the store."""
    tag = work.__struct_config__.tag
    assert isinstance(tag, str)
    return tag  # pyright: ignore[reportReturnType]  # the tags above are the names in ModeName; a test holds them equal
