"""Words of ours: camera moves, the default negative prompt, and what is said to the text encoder as a writer."""

from __future__ import annotations

from typing import Final

# id -> what is added to the prompt
CAMERA_MOVES: Final = {
    "static": "The camera stands still on a tripod.",
    "push_in": "The camera slowly pushes in.",
    "pull_out": "The camera slowly pulls out.",
    "pan_left": "The camera pans smoothly to the left.",
    "pan_right": "The camera pans smoothly to the right.",
    "tilt_up": "The camera tilts up.",
    "tilt_down": "The camera tilts down.",
    "orbit": "The camera circles around the subject at a constant distance.",
    "dolly_left": "The camera dollies to the left, parallel to the subject.",
    "dolly_right": "The camera dollies to the right, parallel to the subject.",
    "crane_up": "The camera rises on a crane.",
    "crane_down": "The camera sinks on a crane.",
    "handheld": "Handheld camera with slight natural shake.",
    "follow": "The camera follows the subject.",
}

NEGATIVE: Final = (
    "burnt-in captions, on-screen text, watermark, channel logo, black bars, fade from black, cross-fade to another "
    "shot, out of focus, smeared motion, blown highlights, crushed shadows, colour banding, flickering light, "
    "jittering edges, melting shapes, extra limbs, fused fingers, warped face, eyes looking apart, "
    "mouth out of step with the words, "
    "mechanical voice, clipped or muffled sound, hum, sudden silence"
)

_COMMON: Final = """\
You turn a rough idea into the description of one continuous film shot with sound, for a model that makes both.
Write one paragraph in English, in the present tense, in the order in which things happen. Begin with the action, then
say who or what is seen and what it looks like, where it is, the light and the colours. Name a camera move only if the
idea asks for one. Weave in what is heard throughout: voices, steps, objects, the place, music only where it belongs.
Put spoken words in quotation marks exactly as given, and add no speech that was not asked for. Keep every detail that
was given, add only what the shot needs, leave out whatever was excluded, and avoid superlatives. If a style is named,
the paragraph begins with it. Answer with the paragraph alone, at most two hundred words."""

TEXT_TO_VIDEO_SYSTEM: Final = _COMMON
IMAGE_TO_VIDEO_SYSTEM: Final = (
    _COMMON + " The first picture of the shot is shown to you: do not describe what it already shows, say what changes "
    "from there on, what moves, what comes in, and what is heard."
)


def with_camera(prompt: str, camera: str) -> str:
    """The prompt with a camera move said in words. Raises KeyError for a move that isn't known."""
    if not camera:
        return prompt
    sentence = CAMERA_MOVES[camera]
    if not prompt.strip():
        return sentence
    end = "" if prompt.rstrip().endswith((".", "!", "?", '"')) else "."
    return f"{prompt.rstrip()}{end} {sentence}"


def revoiced(prompt: str, words: str, language: str) -> str:
    """The prompt of a dubbing: who speaks stays as the prompt says, what is spoken is given word for word."""
    begin = prompt.strip() or "The same person in the same place speaks to the same listener, in the same voice"
    spoken = f" in {language}" if language else ""
    return f'{begin.rstrip(".")}. They say{spoken}: "{words.strip()}"'
