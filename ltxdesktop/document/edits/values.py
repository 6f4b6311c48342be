"""What clips look and sound like: parameters and their keys, effects, switches and names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from ltxdesktop.document.edits.desk import Desk
from ltxdesktop.document.errors import BadValue, NoSuch, NoSuchEffect, UnknownParameter
from ltxdesktop.document.model import (
    EMPTY,
    Clip,
    Content,
    Document,
    Easing,
    Effect,
    ItemId,
    Key,
    Parameter,
    SequenceId,
    new_id,
)
from ltxdesktop.document.parameters import EFFECTS, PARAMETERS, Declared, DeclaredEffect, problem_with


def edit_clips(
    document: Document,
    clip_ids: Iterable[ItemId],
    change: Callable[[Clip], Clip],
    *,
    linked: bool = False,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Put what a function makes of clips in their places. Raises NoSuchClip, LockedTrack."""
    desk = Desk(document, sequence_id)
    clips = [desk.clip(clip_id) for clip_id in desk.family(clip_ids, linked=linked)]
    desk.change_all(changed for clip in clips if (changed := change(clip)) != clip)
    return desk.document()


# ---- parameters ------------------------------------------------------------------------------------------------------


def set_value(
    document: Document,
    clip_id: ItemId,
    parameter: str,
    value: float | Parameter | None,
    *,
    effect: str | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Give a parameter one value for the whole clip, or a curve; None is its default.

    `effect` names the effect (by id) that the parameter belongs to; without it, it's the clip's own. Names and limits
    are those of `parameters`. Raises NoSuchClip, LockedTrack, NoSuchEffect, UnknownParameter, BadValue.
    """
    given = None if value is None else value if isinstance(value, Parameter) else Parameter(float(value))
    return _set(document, clip_id, parameter, effect, lambda _: given, sequence_id)


def set_key(
    document: Document,
    clip_id: ItemId,
    parameter: str,
    frame: int,
    value: float,
    easing: Easing | None = None,
    *,
    effect: str | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Let a parameter have a value at a frame of the clip: a new key there, or another value of the one that is.

    `easing` is that towards the next key; None keeps it as it is (linear for a new one). Raises as `set_value`.
    """

    def keyed(old: Parameter) -> Parameter:
        there = next((key for key in old.keys if key.frame == frame), None)
        there = there or Key(frame, float(value))
        key = replace(there, value=float(value), easing=easing or there.easing)
        others = [other for other in old.keys if other.frame != frame]
        return replace(old, keys=tuple(sorted([*others, key], key=lambda one: one.frame)))

    return _set(document, clip_id, parameter, effect, keyed, sequence_id)


def remove_key(
    document: Document,
    clip_id: ItemId,
    parameter: str,
    frame: int,
    *,
    effect: str | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Take a key away. The last one's value stays, for the whole clip. Raises NoSuch, and as `set_value`."""

    def without(old: Parameter) -> Parameter:
        there = next((key for key in old.keys if key.frame == frame), None)
        if there is None:
            raise NoSuch("key", f"{parameter} at {frame}")
        left = tuple(key for key in old.keys if key is not there)
        return replace(old, keys=left) if left else Parameter(there.value)

    return _set(document, clip_id, parameter, effect, without, sequence_id)


def move_key(
    document: Document,
    clip_id: ItemId,
    parameter: str,
    frame: int,
    to_frame: int,
    *,
    effect: str | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Move a key in time; one that is there already gives way. Raises NoSuch, and as `set_value`."""

    def moved(old: Parameter) -> Parameter:
        there = next((key for key in old.keys if key.frame == frame), None)
        if there is None:
            raise NoSuch("key", f"{parameter} at {frame}")
        others = [key for key in old.keys if key is not there and key.frame != to_frame]
        return replace(old, keys=tuple(sorted([*others, replace(there, frame=to_frame)], key=lambda one: one.frame)))

    return _set(document, clip_id, parameter, effect, moved, sequence_id)


def _set(
    document: Document,
    clip_id: ItemId,
    name: str,
    effect_id: str | None,
    change: Callable[[Parameter], Parameter | None],
    sequence_id: SequenceId | None,
) -> Document:
    def on_clip(clip: Clip) -> Clip:
        if effect_id is None:
            return replace(clip, values=_changed(clip.values, PARAMETERS.get(name), name, change))
        effect = _effect(clip, effect_id)
        declared = _kind(effect.kind).parameters.get(name)
        return _with_effect(clip, replace(effect, values=_changed(effect.values, declared, name, change)))

    return edit_clips(document, [clip_id], on_clip, sequence_id=sequence_id)


def _changed(
    values: Mapping[str, Parameter],
    declared: Declared | None,
    name: str,
    change: Callable[[Parameter], Parameter | None],
) -> Mapping[str, Parameter]:
    """The values with one changed; defaults aren't kept."""
    if declared is None:
        raise UnknownParameter(name)
    new = change(values.get(name) or Parameter(declared.default))
    others = {other: value for other, value in values.items() if other != name}
    if new is not None:
        if any(a.frame >= b.frame for a, b in zip(new.keys, new.keys[1:], strict=False)):
            raise BadValue(f"The keys of {declared.label} must ascend.")
        if why := problem_with(declared, new):
            raise BadValue(why + ".")
        if new.keys or new.value != declared.default:
            others[name] = new
    return MappingProxyType(others) if others else EMPTY


def copy_values(
    document: Document,
    source: ItemId,
    clip_ids: Iterable[ItemId],
    *,
    effects: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Give clips the parameters (and effects) of another one of the document. Raises NoSuchClip, LockedTrack."""
    model = Desk(document, sequence_id).clip(source)
    return dress(document, clip_ids, model, effects=effects, sequence_id=sequence_id)


def dress(
    document: Document,
    clip_ids: Iterable[ItemId],
    model: Clip,
    *,
    effects: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Give clips the parameters (and effects) of a clip that may lie anywhere, as on a clipboard. Raises NoSuchClip,
    LockedTrack."""

    def dressed(clip: Clip) -> Clip:
        new = tuple(replace(effect, id=new_id()) for effect in model.effects) if effects else clip.effects
        return replace(clip, values=model.values, effects=new)

    return edit_clips(document, clip_ids, dressed, sequence_id=sequence_id)


# ---- effects ---------------------------------------------------------------------------------------------------------


def add_effect(
    document: Document,
    clip_id: ItemId,
    kind: str,
    *,
    values: Mapping[str, float] = EMPTY,
    texts: Mapping[str, str] = EMPTY,
    place: int | None = None,
    effect_id: str = "",
    sequence_id: SequenceId | None = None,
) -> Document:
    """Put an effect on a clip, behind the others or at a place among them (0 = first done).

    `effect_id` is that of the new effect; without it a fresh one. Raises NoSuchClip, LockedTrack, NoSuch for a kind or
    text that isn't declared, UnknownParameter, BadValue.
    """
    declared = _kind(kind)
    _require_texts(declared, texts)
    effect = Effect(effect_id or new_id(), kind, texts=MappingProxyType(dict(texts)) if texts else EMPTY)
    for name, value in values.items():
        given = Parameter(float(value))

        def constant(_: Parameter, given: Parameter = given) -> Parameter:
            return given

        effect = replace(effect, values=_changed(effect.values, declared.parameters.get(name), name, constant))

    def added(clip: Clip) -> Clip:
        at = len(clip.effects) if place is None else place
        return replace(clip, effects=(*clip.effects[:at], effect, *clip.effects[at:]))

    return edit_clips(document, [clip_id], added, sequence_id=sequence_id)


def remove_effect(
    document: Document, clip_id: ItemId, effect_id: str, *, sequence_id: SequenceId | None = None
) -> Document:
    """Raises NoSuchClip, LockedTrack, NoSuchEffect."""

    def removed(clip: Clip) -> Clip:
        effect = _effect(clip, effect_id)
        return replace(clip, effects=tuple(other for other in clip.effects if other is not effect))

    return edit_clips(document, [clip_id], removed, sequence_id=sequence_id)


def move_effect(
    document: Document, clip_id: ItemId, effect_id: str, place: int, *, sequence_id: SequenceId | None = None
) -> Document:
    """Let an effect be done at another place in the order. Raises NoSuchClip, LockedTrack, NoSuchEffect."""

    def moved(clip: Clip) -> Clip:
        effect = _effect(clip, effect_id)
        others = [other for other in clip.effects if other is not effect]
        others.insert(max(0, place), effect)
        return replace(clip, effects=tuple(others))

    return edit_clips(document, [clip_id], moved, sequence_id=sequence_id)


def change_effect(
    document: Document,
    clip_id: ItemId,
    effect_id: str,
    *,
    enabled: bool | None = None,
    texts: Mapping[str, str] | None = None,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Switch an effect, or give some of its texts. Raises NoSuchClip, LockedTrack, NoSuchEffect, NoSuch."""

    def changed(clip: Clip) -> Clip:
        effect = _effect(clip, effect_id)
        _require_texts(_kind(effect.kind), texts or EMPTY)
        new = replace(effect, enabled=effect.enabled if enabled is None else enabled)
        if texts:
            new = replace(new, texts=MappingProxyType({**effect.texts, **texts}))
        return _with_effect(clip, new)

    return edit_clips(document, [clip_id], changed, sequence_id=sequence_id)


def _effect(clip: Clip, effect_id: str) -> Effect:
    found = next((effect for effect in clip.effects if effect.id == effect_id), None)
    if found is None:
        raise NoSuchEffect(effect_id)
    return found


def _kind(kind: str) -> DeclaredEffect:
    declared = EFFECTS.get(kind)
    if declared is None:
        raise NoSuch("kind of effect", kind)
    return declared


def _require_texts(declared: DeclaredEffect, texts: Mapping[str, str]) -> None:
    for name in texts:
        if name not in declared.texts:
            raise NoSuch("text", f"{declared.kind}.{name}")


def _with_effect(clip: Clip, effect: Effect) -> Clip:
    return replace(clip, effects=tuple(effect if old.id == effect.id else old for old in clip.effects))


# ---- the rest of a clip ----------------------------------------------------------------------------------------------


def set_enabled(
    document: Document,
    clip_ids: Iterable[ItemId],
    enabled: bool,
    *,
    linked: bool = True,
    sequence_id: SequenceId | None = None,
) -> Document:
    """Switch clips and their linked ones on or off. Raises NoSuchClip, LockedTrack."""
    return edit_clips(
        document, clip_ids, lambda clip: replace(clip, enabled=enabled), linked=linked, sequence_id=sequence_id
    )


def rename(
    document: Document, clip_id: ItemId, name: str, *, linked: bool = True, sequence_id: SequenceId | None = None
) -> Document:
    """Name a clip and its linked ones. Raises NoSuchClip, LockedTrack, BadValue for no name."""
    if not name.strip():
        raise BadValue("A clip needs a name.")
    return edit_clips(
        document, [clip_id], lambda clip: replace(clip, name=name.strip()), linked=linked, sequence_id=sequence_id
    )


def set_content(
    document: Document, clip_id: ItemId, content: Content, *, sequence_id: SequenceId | None = None
) -> Document:
    """Change the title or colour that a clip draws. Raises NoSuchClip, LockedTrack, BadValue for a clip of media."""

    def drawn(clip: Clip) -> Clip:
        if clip.content is None:
            raise BadValue(f"{clip.name!r} shows media; it has no text.")
        return replace(clip, content=content)

    return edit_clips(document, [clip_id], drawn, sequence_id=sequence_id)


def change_metadata(
    document: Document, clip_id: ItemId, values: Mapping[str, Any], *, sequence_id: SequenceId | None = None
) -> Document:
    """Add to a clip's metadata, or replace what has the same names. Raises NoSuchClip, LockedTrack."""
    return edit_clips(
        document,
        [clip_id],
        lambda clip: replace(clip, metadata=MappingProxyType({**clip.metadata, **values})),
        sequence_id=sequence_id,
    )
