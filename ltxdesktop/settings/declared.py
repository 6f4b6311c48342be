"""Every setting of the app. A new one is added here; file, check and dialog follow from it."""

from __future__ import annotations

from typing import Any, Final, cast

from ltxdesktop.settings.kinds import Address, Choice, Folder, Number, Setting, Switch, Text, Whole

# --- looks -------------------------------------------------------------------------------------------------------

THEME: Final = Choice(
    key="looks.theme",
    default="dark",
    title="Theme",
    help="Colours of all windows. The picture itself never changes.",
    words="dark light appearance colour",
    choices={"dark": "Dark", "light": "Light", "system": "As the system"},
)
KEYMAP: Final = Choice(
    key="looks.keymap",
    default="ltxdesktop",
    title="Keyboard shortcuts",
    help="Which program's shortcuts to use. Single ones are changed in the list of shortcuts.",
    words="keys hotkeys premiere resolve",
    choices={"ltxdesktop": "ltxdesktop", "premiere": "Premiere Pro", "resolve": "DaVinci Resolve", "own": "Your own"},
)
OWN_KEYS: Final = Text(
    key="looks.own_keys",
    default="",
    longest=100_000,
    title="Your own shortcuts",
    help="What was changed in the list of shortcuts, which writes it; it holds while your own are chosen.",
    words="keys hotkeys",
)

# --- projects ----------------------------------------------------------------------------------------------------

BACKUPS: Final = Whole(
    key="projects.backups",
    default=10,
    minimum=0,
    maximum=200,
    title="Backups to keep",
    help="Each saving keeps the file before it: so many of the newest, beside one for each hour of the last day and "
    "each day of the last month. Edits since the last saving are in a journal, safe from a crash.",
    words="history versions autosave",
)

# --- playback and media ------------------------------------------------------------------------------------------

PREVIEW_SCALE: Final = Choice(
    key="playback.scale",
    default="auto",
    title="Preview resolution",
    help="A smaller picture plays more smoothly. It never changes what is exported.",
    words="quality half quarter monitor",
    choices={"auto": "As the monitor needs", "1": "Full", "1/2": "Half", "1/4": "Quarter"},
)
SCREEN: Final = Choice(
    key="playback.screen",
    default="auto",
    title="Monitors are drawn by",
    help="The graphics processor converts and scales pictures where there is a real one. Painting works everywhere.",
    words="opengl gpu graphics raster hardware acceleration",
    choices={"auto": "Whichever suits this machine", "raster": "Painting", "opengl": "The graphics processor (OpenGL)"},
    restart=True,
)
MAKE_PROXIES: Final = Switch(
    key="media.make_proxies",
    default=True,
    title="Make stand-ins of heavy films",
    help="Small copies (proxies) of films that don't play smoothly are made in the background and shown instead. "
    "Exports always use the originals.",
    words="proxy proxies 4k hevc smooth",
)
CACHE_GB: Final = Number(
    key="media.cache_gb",
    default=20.0,
    minimum=1.0,
    maximum=10_000.0,
    unit="GB",
    title="Largest cache",
    help="Thumbnails, waveforms and proxies are kept up to this size; what wasn't used for longest goes first.",
    words="disk space proxies thumbnails waveforms",
    restart=True,
)
CACHE_FOLDER: Final = Folder(
    key="media.cache_folder",
    default="",
    title="Cache folder",
    help="Where thumbnails, waveforms and proxies are kept. A quick disk helps. Empty: the system's own place.",
    restart=True,
)

# --- takes -------------------------------------------------------------------------------------------------------

HANDLES: Final = Whole(
    key="takes.handles",
    default=4,
    minimum=0,
    maximum=240,
    unit="frames",
    title="Handles of a take",
    help="Extra frames that are made on both sides of a range, for the blend into the clip around it.",
    words="retake extend join",
)
BLEND: Final = Whole(
    key="takes.blend",
    default=4,
    minimum=0,
    maximum=240,
    unit="frames",
    title="Blend at a join",
    help="Over so many frames a take fades into the clip around it; 0 cuts. At most the handles.",
    words="crossfade dissolve join",
)
KEEP_TAKES: Final = Switch(
    key="takes.keep_rejected",
    default=True,
    title="Keep the other takes",
    help="When a take is kept, those that weren't chosen stay in the clip, to come back to. Off: they leave it; undo "
    "brings them back, and their files stay in the media panel, with their recipes.",
    words="delete files disk",
)
PLAY_ARRIVED: Final = Switch(
    key="takes.play_arrived",
    default=True,
    title="Play a take when it arrives",
    help="For whoever asked and waits in front of the window. Off: only the playhead goes there. Whoever has gone on "
    "to something else is never interrupted.",
    words="loop audition autoplay sound",
)
TAKE_FORMAT: Final = Choice(
    key="takes.format",
    default="h264",
    title="Store takes as",
    help="Lossless takes keep every bit through later grading and exports, at many times the size. A model "
    "that can't write the format stores H.264.",
    words="codec file prores ffv1 quality disk space",
    choices={"h264": "H.264, small", "prores": "ProRes 422 HQ", "ffv1": "FFV1, lossless"},
)

# --- engine ------------------------------------------------------------------------------------------------------

ENGINE_COMMAND: Final = Text(
    key="engine.command",
    default="",
    title="Engine on another machine",
    help="A command that starts the engine, such as: ssh HOST ltx-engine --stdio. Empty: this machine's own.",
    words="remote gpu ssh server",
    restart=True,
)
MODELS_FOLDER: Final = Folder(
    key="engine.models_folder",
    default="",
    title="Models folder",
    help="Where weights lie, tens of gigabytes of them. Empty: the program's own data folder.",
    words="weights checkpoints loras disk",
    restart=True,
)
MIRROR: Final = Text(
    key="engine.mirror",
    default="",
    title="Mirror for downloads",
    help="An address that serves Hugging Face's files instead of huggingface.co. Empty: huggingface.co itself.",
    words="hub download proxy endpoint",
)
PROXY: Final = Address(
    key="engine.proxy",
    default="",
    title="Proxy",
    help="The way out for the engine's downloads and jobs, a whole address with its port. Empty: the system's own.",
    words="network http https download api firewall",
    restart=True,
)
DOWNLOAD_LIMIT: Final = Number(
    key="engine.download_limit_mb",
    default=0.0,
    minimum=0.0,
    maximum=100_000.0,
    unit="MB/s",
    title="Limit for downloads",
    help="Weights are downloaded no faster than this, to leave room for others on the line. 0: no limit.",
    words="bandwidth speed",
)

# --- the LTX API (its key is in the system's keyring, never here) ------------------------------------------------

BACKEND: Final = Choice(
    key="api.preference",
    default="",
    title="Make frames",
    help="Where new jobs go when both would do. Nothing is ever sent to the API without this or a click for the job.",
    words="backend cloud remote local privacy",
    choices={"": "Wherever it suits, asking before anything is sent", "local": "On this machine", "remote": "LTX API"},
)
API_MODEL: Final = Choice(
    key="api.model",
    default="ltx-2-3-pro",
    title="Model of the LTX API",
    help="Fast is cheaper and makes longer clips; Pro also retakes, extends and follows sound.",
    words="cloud price",
    choices={
        "ltx-2-3-fast": "LTX-2.3 Fast",
        "ltx-2-3-pro": "LTX-2.3 Pro",
        "ltx-2-5-fast": "LTX-2.5 Fast",
        "ltx-2-5-pro": "LTX-2.5 Pro",
    },
)
MONTHLY_LIMIT: Final = Number(
    key="api.monthly_limit",
    default=0.0,
    minimum=0.0,
    maximum=1_000_000.0,
    unit="US$",
    title="Spend at most, each month",
    help="Jobs that would go over it are refused before anything is sent. 0: no limit.",
    words="money cost price budget",
)

SETTINGS: Final[tuple[Setting[Any], ...]] = tuple(
    cast("Setting[Any]", value) for value in list(globals().values()) if isinstance(value, Setting)
)
GROUPS: Final = {
    "looks": "Looks",
    "projects": "Projects",
    "playback": "Playback",
    "media": "Media",
    "takes": "Takes",
    "engine": "Engine and models",
    "api": "LTX API",
}


def looked_for(words: str) -> tuple[Setting[Any], ...]:
    """The settings that a person's words describe, in the order of the dialog; all for no words."""
    return tuple(setting for setting in SETTINGS if setting.found_by(words))
