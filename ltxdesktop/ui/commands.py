"""Every command of the Edit workspace, declared in one place: name, words, keys, explanation. No Qt in here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is "group.what" and stays the same for ever: keymaps refer to it. Keys are written as Qt does."""

    name: str
    words: str  # as in a menu, with "…" where a question follows
    keys: tuple[str, ...] = ()
    tip: str = ""  # more than the words say; shown in tooltips and in the palette
    checkable: bool = False

    @property
    def group(self) -> str:
        return self.name.split(".", 1)[0]


def _commands() -> Iterator[Command]:
    yield Command("project.new", "New project…", ("Ctrl+N",), "Begin an empty project of a size and rate")
    yield Command("project.open", "Open project…", ("Ctrl+O",), "Open a project, or a timeline of another editor")
    yield Command("project.save", "Save", ("Ctrl+S",))
    yield Command("project.save_as", "Save as…", ("Ctrl+Shift+S",))
    yield Command("project.close", "Close project", ("Ctrl+Shift+W",), "Back to the start page")
    yield Command("project.import", "Import files…", ("Ctrl+I",), "Add clips, sounds and pictures to the media panel")
    yield Command("project.import_folder", "Import a folder…", ("Ctrl+Shift+I",))
    yield Command(
        "project.import_subtitles", "Import subtitles…", ("Ctrl+Alt+I",), "An .srt or .vtt file, as a subtitle track"
    )
    yield Command(
        "project.proxies",
        "Play small stand-ins",
        ("Ctrl+Alt+P",),
        "Heavy films are shown by proxies; never exported",
        True,
    )
    yield Command(
        "project.export_timeline", "Export timeline…", ("Ctrl+Alt+E",), "As OpenTimelineIO, FCP 7 XML, FCPXML or EDL"
    )
    yield Command(
        "project.relink", "Find missing media…", ("Ctrl+Alt+F",), "Look for files that were moved, in a folder"
    )

    yield Command("edit.undo", "Undo", ("Ctrl+Z",))
    yield Command("edit.redo", "Redo", ("Ctrl+Shift+Z", "Ctrl+Y"))
    yield Command("edit.cut", "Cut", ("Ctrl+X",))
    yield Command("edit.copy", "Copy", ("Ctrl+C",))
    yield Command("edit.paste", "Paste", ("Ctrl+V",), "Over what is at the playhead")
    yield Command("edit.paste_insert", "Paste and make room", ("Ctrl+Shift+V",))
    yield Command("edit.paste_attributes", "Paste attributes", ("Ctrl+Alt+V",), "How the copied clip looks and sounds")
    yield Command("edit.duplicate", "Duplicate", ("Ctrl+Shift+D",), "A copy behind the selection")
    yield Command("edit.lift", "Delete", ("Del", "Backspace"), "Leaves a gap")
    yield Command("edit.extract", "Ripple delete", ("Shift+Del", "Shift+Backspace"), "What follows closes the gap")
    yield Command("edit.select_all", "Select all", ("Ctrl+A",))
    yield Command("edit.select_here", "Select at the playhead", ("D",), "The topmost clip; again: the next one below")
    yield Command("edit.select_forward", "Select from the playhead on", ("Alt+Shift+A",), "On all tracks")
    yield Command("edit.select_backward", "Select up to the playhead", ("Ctrl+Alt+A",), "On all tracks")
    yield Command("edit.deselect", "Select nothing", ("Ctrl+Shift+A",))

    yield Command("clip.split", "Split at the playhead", ("Ctrl+B",), "The selected clips, else all under the playhead")
    yield Command("clip.split_all", "Split all tracks", ("Ctrl+Shift+B",))
    yield Command("clip.trim_start", "Trim start to the playhead", ("Q",), "Ripple: what follows closes up")
    yield Command("clip.trim_end", "Trim end to the playhead", ("W",), "Ripple: what follows closes up")
    yield Command("clip.nudge_left", "One frame earlier", ("Alt+Left",))
    yield Command("clip.nudge_right", "One frame later", ("Alt+Right",))
    yield Command("clip.nudge_left_5", "Five frames earlier", ("Alt+Shift+Left",))
    yield Command("clip.nudge_right_5", "Five frames later", ("Alt+Shift+Right",))
    yield Command("clip.slip_left", "Slip one frame earlier", ("Ctrl+Alt+Left",))
    yield Command("clip.slip_right", "Slip one frame later", ("Ctrl+Alt+Right",))
    yield Command(
        "make.now",
        "Make",
        ("Ctrl+Return",),
        "What the Make panel says goes into the queue: retake, extend, replace, fill",
    )
    yield Command("make.draft", "Draft", ("Ctrl+Shift+Return",), "A quick look at half the size; finished later")
    yield Command("make.panel", "Say what should happen", ("P",), "To the prompt of the Make panel")
    yield Command("make.enhance", "Enhance the prompt", ("Ctrl+P",), "Have the model write a few words out")
    yield Command("make.compare", "Compare with the original", ("\\",), "Take and take 0 in turn, side by side, wiped")
    yield Command("make.accept", "Keep this take", ("Return",), "Say that the take that is shown is the one")
    yield Command("make.finish", "Finish the draft", ("Alt+Return",), "Make the very take that is shown in full size")
    yield Command(
        "make.again", "Again with this recipe", ("Ctrl+Alt+Return",), "The same words, seed and place as this take"
    )
    yield Command("make.vary", "Vary", ("Alt+Shift+Return",), "The same words in the same place with another seed")
    yield Command("make.recipe", "Show the recipe", ("Ctrl+Alt+R",), "All that is needed to make the take again")
    yield Command(
        "make.remove_unused", "Remove unused takes", ("Ctrl+Alt+U",), "All but the shown one, of the selected clips"
    )

    yield Command("clip.speed", "Speed…", ("Ctrl+R",), "Faster, slower, backwards, or a standing picture")
    yield Command("clip.hold", "Hold the frame", ("Ctrl+Shift+H",), "The picture stands for two seconds, then goes on")
    yield Command(
        "clip.replace", "Replace with the source", ("Shift+F11",), "The clip's media by the source's, from its in point"
    )
    yield Command(
        "clip.transition",
        "Add a dissolve",
        ("Ctrl+T",),
        "Between selected clips, at both ends of a single one, or with none at the playhead",
    )
    yield Command("clip.fade", "Fade in and out", ("Ctrl+Shift+F",), "Half a second at both ends of the selection")
    yield Command("clip.enabled", "Show or hide", ("Shift+E",))
    yield Command("clip.link", "Link", ("Ctrl+L",), "Picture and sound that are linked are edited together")
    yield Command("clip.unlink", "Unlink", ("Ctrl+Shift+U",))
    yield Command("clip.group", "Group", ("Ctrl+G",))
    yield Command("clip.ungroup", "Ungroup", ("Ctrl+Shift+G",))
    yield Command("clip.detach_audio", "Detach sound", ("Ctrl+Alt+S",))
    yield Command(
        "clip.close_gap", "Close the gap", ("Ctrl+Backspace",), "The selected one, else the one at the playhead"
    )
    yield Command("clip.rename", "Rename…", ("F2",))
    yield Command("clip.marker", "Put a marker on the clip", ("Ctrl+Alt+M",), "It moves along with the clip")
    yield Command("clip.next_take", "Next take", ("Alt+Down",))
    yield Command("clip.previous_take", "Previous take", ("Alt+Up",))

    yield Command("sequence.new", "New sequence", ("Ctrl+Shift+N",), "An empty one of the same size and rate")
    yield Command("sequence.duplicate", "Duplicate the sequence", ("Ctrl+Alt+N",), "A copy to try something else in")
    yield Command("sequence.remove", "Remove the sequence", ("Ctrl+Alt+W",))
    yield Command("sequence.add_video", "Add a video track", ("Ctrl+Alt+1",))
    yield Command("sequence.add_audio", "Add an audio track", ("Ctrl+Alt+2",))
    yield Command("sequence.title", "Add a title", ("Ctrl+Shift+T",), "At the playhead, on the topmost free track")
    yield Command("sequence.marker", "Add a marker", ("M",))
    yield Command("sequence.next_marker", "Next marker", ("Shift+M",))
    yield Command("sequence.previous_marker", "Previous marker", ("Ctrl+Shift+M",))
    yield Command("sequence.settings", "Sequence settings…", ("Ctrl+Alt+,",))

    yield Command("mark.in", "Mark in", ("I",))
    yield Command("mark.out", "Mark out", ("O",))
    yield Command("mark.clip", "Mark the clip", ("X",), "In and out around what is under the playhead")
    yield Command("mark.clear", "Clear in and out", ("Alt+X",))
    yield Command("mark.go_in", "Go to in", ("Shift+I",))
    yield Command("mark.go_out", "Go to out", ("Shift+O",))
    yield Command("mark.lift", "Lift the range", (";",), "Take the range out and leave a gap")
    yield Command("mark.extract", "Extract the range", ("'",), "Take the range out and close up")

    yield Command("play.toggle", "Play or pause", ("Space",))
    yield Command("play.backwards", "Play backwards", ("J",), "Again: faster, up to 8×")
    yield Command("play.stop", "Stop", ("K",))
    yield Command("play.forwards", "Play forwards", ("L",), "Again: faster, up to 8×")
    yield Command("play.slow_backwards", "Slowly backwards", ("Shift+J",), "A quarter, again: half speed")
    yield Command("play.slow_forwards", "Slowly forwards", ("Shift+L",), "A quarter, again: half speed")
    yield Command("play.frame_back", "One frame back", ("Left",))
    yield Command("play.frame_on", "One frame on", ("Right",))
    yield Command("play.second_back", "One second back", ("Shift+Left",))
    yield Command("play.second_on", "One second on", ("Shift+Right",))
    yield Command("play.start", "To the start", ("Home",))
    yield Command("play.end", "To the end", ("End",))
    yield Command("play.previous_cut", "To the previous cut", ("Up",))
    yield Command("play.next_cut", "To the next cut", ("Down",))
    yield Command("play.range", "Play in to out", ("Alt+Space",))
    yield Command("play.loop", "Loop", ("Ctrl+Alt+L",), checkable=True)
    yield Command("play.mute", "Mute", ("Ctrl+M",), "The monitors only; what is exported stays", checkable=True)
    yield Command("play.scrub_sound", "Sound while scrubbing", ("Shift+S",), checkable=True)

    yield Command("source.insert", "Insert", (",",), "The source's range at the playhead, making room")
    yield Command("source.overwrite", "Overwrite", (".",), "The source's range at the playhead, over what is there")
    yield Command("source.append", "Append", ("Shift+F12",), "The source's range behind the end")
    yield Command(
        "source.picture", "Take the picture", ("Shift+P",), "Of the source: off, only its sound is inserted", True
    )
    yield Command(
        "source.sound", "Take the sound", ("Shift+A",), "Of the source: off, only its picture is inserted", True
    )
    yield Command("source.match", "Match frame", ("F",), "Open the frame under the playhead in the source monitor")

    yield Command("tool.select", "Select", ("V",))
    yield Command("tool.blade", "Blade", ("B",))
    yield Command("tool.ripple", "Ripple", ("R",))
    yield Command("tool.roll", "Roll", ("N",))
    yield Command("tool.slip", "Slip", ("Y",))
    yield Command("tool.slide", "Slide", ("U",))
    yield Command("tool.range", "Range", ("G",))
    yield Command("tool.extend", "Extend", ("E",))
    yield Command("tool.hand", "Hand", ("H",))
    yield Command("tool.zoom", "Zoom", ("Z",))

    yield Command("view.zoom_in", "Timeline nearer", ("=", "+"))
    yield Command("view.zoom_out", "Timeline farther", ("-",))
    yield Command("view.zoom_fit", "Whole timeline", ("Shift+Z",))
    yield Command("view.snap", "Snapping", ("S",), "Edges catch at cuts, markers and the playhead", checkable=True)
    yield Command("view.full_screen", "Full screen", ("Ctrl+F", "F11"), "The picture alone; Esc comes back")
    yield Command(
        "view.safe_areas", "Safe areas", ("Ctrl+'",), "93 % and 90 % of the picture (EBU R 95)", checkable=True
    )
    yield Command(
        "view.handles",
        "Handles in the picture",
        ("Shift+H",),
        "The selected clip is moved, scaled and turned there",
        True,
    )
    yield Command("view.grab", "Save this picture…", ("Ctrl+Shift+E",), "The frame at the playhead as a PNG file")
    yield Command("view.palette", "All commands…", ("Ctrl+Shift+P", "F1"), "Find a command by its words")
    yield Command("view.keys", "Keyboard shortcuts…", ("Ctrl+Alt+K",))
    yield Command("view.reset_layout", "Reset the panels", ("Alt+Shift+0",), "All panels where they were at first")
    yield Command("view.theme", "Light or dark", ("Ctrl+Shift+L",))
    yield Command("view.source", "To the source monitor", ("Shift+1",), "Its keys go there")
    yield Command("view.program", "To the timeline", ("Shift+2",), "Its keys go there")

    yield Command("panel.next", "Next panel", ("F6",), "The keyboard's focus goes on to it")
    yield Command("panel.previous", "Previous panel", ("Shift+F6",), "The keyboard's focus goes back to it")
    yield Command("panel.media", "Media", ("Shift+3",), "Show the panel and go to it")
    yield Command("panel.inspector", "Inspector", ("Shift+4",), "Show the panel and go to it")
    yield Command("panel.markers", "Markers", ("Shift+5",), "Show the panel and go to it")
    yield Command("panel.steps", "History", ("Shift+6",), "Show the panel and go to it")
    yield Command("panel.scopes", "Scopes", ("Shift+7",), "Show the panel and go to it")
    yield Command("panel.takes", "Takes", ("Shift+8",), "Show the panel and go to it")
    yield Command("panel.jobs", "Jobs", ("Shift+9",), "Show the panel and go to it")


COMMANDS: tuple[Command, ...] = tuple(_commands())
BY_NAME = {command.name: command for command in COMMANDS}
GROUP_NAMES = {
    "project": "Project",
    "edit": "Edit",
    "clip": "Clip",
    "make": "Make",
    "sequence": "Sequence",
    "mark": "Mark",
    "play": "Play",
    "source": "Source",
    "tool": "Tools",
    "view": "View",
    "panel": "Panels",
}
