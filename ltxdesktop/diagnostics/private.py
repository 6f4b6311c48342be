"""Takes what is private out of a text: keys, person, machine; and unless they're wanted, prompts and names of files.

What is known to be private is taken out wherever it stands; what looks like a key, an address or a path is taken out
too, since a log may hold more than anybody knows. The program's own paths stay, or no traceback could be read.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Final

from ltxdesktop.resources import HOME

SHORTEST: Final = 3  # of a word that is taken out wherever it stands: "a" is in every other word

_TOKENS: Final = (
    re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]{4,}"),
    re.compile(r"\b(hf|sk|pk|ghp|gho|github_pat|xox[abp]|AKIA|AIza)[-_][\w-]{6,}"),
    re.compile(r"\bltxv?[-_][\w-]*[A-Za-z0-9]{16,}[\w-]*"),  # not ltx-engine, not ltx-2-3-pro
    re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"),
)
_NAMED: Final = re.compile(
    r"""(?ix) ( [\w-]* (?: api[_-]?key | token | secret | passwor[dt] | passwd | authorization | credential ) [\w-]* )
    ( ["']? \s* [=:] \s* ) ( "[^"\n]*" | '[^'\n]*' | [^\s,;]+ )"""
)
_IN_ADDRESS: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@\"'<>]+@", re.IGNORECASE)
_SIGNED: Final = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s?#\"'<>]+)[?#][^\s\"'<>]*", re.IGNORECASE)
_MAIL: Final = re.compile(r"\b[\w.+-]+@[\w-]+(\.[\w-]+)+\b")
_NUMBERS: Final = re.compile(r"(?<![\w.])(?!127\.)(?:\d{1,3}\.){3}\d{1,3}(?![\w.])")

_MEDIA: Final = (
    "mp4|mov|mkv|webm|avi|mxf|m4v|mpg|mpeg|mts|m2ts|ts|gif|png|jpe?g|webp|tiff?|bmp|exr|dpx|heic|wav|flac|mp3|m4a|aac"
    "|ogg|opus|aiff?|otio|xml|fcpxml|edl|srt|vtt|ass|cube|safetensors|gguf|txt|json|csv|zip|pdf|part"
)
_PATH_TO_FILE: Final = re.compile(
    rf"(?<![\w:/\\.~-])(?:[A-Za-z]:[\\/]|\\\\|~?/)[^\n\"'<>|*?]*?\.({_MEDIA})\b", re.IGNORECASE
)
_FILE: Final = re.compile(rf"[^\s\"'<>|*?/\\:(){{}}\[\],;=]+\.({_MEDIA})\b", re.IGNORECASE)
_PATH: Final = re.compile(r"(?<![\w:/\\.~<-])(?:[A-Za-z]:[\\/]|\\\\|~?/)[^\s\"'<>|*?,;()\[\]]+")
_QUOTED_PATH: Final = re.compile(r"(?<=[\"'])(?:[A-Za-z]:[\\/]|\\\\|~?/)[^\"'\n]+(?=[\"'])")
_CODE: Final = (".py", ".pyc", ".so", ".dll", ".pyd", ".dylib", ".exe", ".toml", ".ini", ".lock", ".sqlite", ".db")
_SYSTEM: Final = ("/usr/", "/lib", "/bin/", "/proc/", "/dev/", "/sys/", "/opt/", "C:\\Windows", "C:\\Program Files")


@dataclass(frozen=True)
class Private:
    """What is known to be private here."""

    home: str = ""
    user: str = ""
    machine: str = ""
    secrets: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset()  # prompts, titles
    files: frozenset[str] = frozenset()  # names or whole paths of files and folders

    @classmethod
    def of_this_machine(cls) -> Private:
        """The account, the machine, and the keys in the environment."""
        try:
            user = getpass.getuser()
        except (OSError, KeyError, ImportError):
            user = ""
        marks = ("KEY", "TOKEN", "SECRET", "PASSWORD")
        keys = (value.strip() for name, value in os.environ.items() if any(mark in name.upper() for mark in marks))
        return cls(
            home=str(Path.home()),
            user=user,
            machine=platform.node(),
            secrets=frozenset(key for key in keys if len(key) > SHORTEST),
        )

    def knowing(self, *, words: Iterable[str] = (), files: Iterable[str] = ()) -> Private:
        """The same, and these."""
        return replace(self, words=self.words | {*words}, files=self.files | {*files})


@dataclass(frozen=True)
class Cleaner:
    """Cleans texts; `words` and `names` leave prompts and names of files in, because the person wants that."""

    private: Private
    words: bool = False
    names: bool = False

    def clean(self, text: str) -> str:
        """The text without anything private."""
        text = self._without_secrets(text)
        if not self.words:
            for known in _longest_first(self.private.words):
                text = text.replace(known, f"<{len(known)} characters>")
        if not self.names:
            text = self._without_names(text)
        return self._without_person(text)

    def words_of(self, text: str) -> str:
        """Words of the person by themselves, such as a prompt."""
        return self.clean(text) if self.words else f"<{len(text)} characters>" if text else ""

    def _without_secrets(self, text: str) -> str:
        for known in _longest_first(self.private.secrets):
            text = text.replace(known, "<key>")
        text = _SIGNED.sub(r"\1?<signature>", _IN_ADDRESS.sub(r"\1<account>@", text))
        for shape in _TOKENS:
            text = shape.sub("<key>", text)
        return _NAMED.sub(r"\1\2<key>", text)

    def _without_names(self, text: str) -> str:
        for known in _longest_first(_forms(self.private.files)):
            text = text.replace(known, f"<file>{_ending(known)}")
        text = _QUOTED_PATH.sub(_path_word, text)
        text = _PATH_TO_FILE.sub(_path_word, text)
        text = _PATH.sub(_path_word, text)
        return _FILE.sub(lambda found: f"<file>.{found[1]}", text)

    def _without_person(self, text: str) -> str:
        private = self.private
        if len(private.home) > 1:
            for form in dict.fromkeys(
                (private.home, private.home.replace("\\", "\\\\"), private.home.replace("\\", "/"))
            ):
                text = text.replace(form, "~")
        text = _MAIL.sub("<mail>", text)
        for known, instead in ((private.machine, "<machine>"), (private.user, "<user>")):
            if len(known) >= SHORTEST:
                text = re.sub(rf"(?i)(?<![^\W_]){re.escape(known)}(?![^\W_])", instead, text)
        return _NUMBERS.sub("<address>", text)


def _path_word(found: re.Match[str]) -> str:
    """A path of the system or of this program as it is; of any other only its ending."""
    path = found[0]
    own = path.startswith((str(HOME), sys.prefix, sys.base_prefix, *_SYSTEM))
    if own and (path.startswith(_SYSTEM) or path.lower().endswith(_CODE)):
        return path
    return f"<file>{_ending(path)}" if _ending(path) else "<folder>"


def _ending(path: str) -> str:
    ending = PurePath(path.replace("\\", "/")).suffix
    return ending if 1 < len(ending) <= 12 and ending[1:].isalnum() else ""


def _forms(files: Iterable[str]) -> set[str]:
    """Each path whole, as it stands in JSON, its name, and its name without the ending."""
    forms: set[str] = set()
    for each in files:
        plain = each.replace("\\", "/").rstrip("/")
        name = plain.rsplit("/", 1)[-1]
        forms |= {each, plain, each.replace("\\", "\\\\"), name, name.removesuffix(_ending(name))}
    return forms


def _longest_first(known: Iterable[str]) -> list[str]:
    return sorted((each for each in known if len(each.strip()) >= SHORTEST), key=len, reverse=True)
