"""Subtitle files as people have them: read, written again, and what is said of those that can't be read."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltxdesktop.document import edits
from ltxdesktop.document.check import check
from ltxdesktop.document.edits import Cue
from ltxdesktop.document.errors import BadValue
from ltxdesktop.document.model import new_document, new_sequence
from ltxdesktop.export.subtitles import srt, srt_time
from ltxdesktop.project.errors import NotReadable, ProjectError
from ltxdesktop.project.interchange.subtitles import BrokenSubtitles, read_subtitles, with_subtitles

SRT = "1\n00:00:01,000 --> 00:00:02,000\nHello\nthere\n\n2\n00:00:03,000 --> 00:00:04,480\nagain\n"


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str | bytes, name: str = "film.srt") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def read(path: Path) -> list[Cue]:
    file = read_subtitles(path)
    assert file.notes == ()
    return list(file.cues)


HELLO = [Cue(1000, 2000, "Hello\nthere"), Cue(3000, 4480, "again")]


def test_a_file_is_read(written):
    assert read(written(SRT)) == HELLO
    assert read(written(SRT.replace("\n", "\r\n"))) == HELLO
    assert read(written(SRT.replace("\n", "\r"))) == HELLO


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom"])
def test_encodings_that_say_what_they_are(written, encoding: str):
    text = SRT.replace("Hello", "Ça va – 你好")
    marks = {"utf-16-le-bom": ("utf-16-le", b"\xff\xfe"), "utf-16-be-bom": ("utf-16-be", b"\xfe\xff")}
    codec, mark = marks.get(encoding, (encoding, b""))
    assert read(written(mark + text.encode(codec)))[0].text == "Ça va – 你好\nthere"


@pytest.mark.parametrize(
    ("encoding", "said"), [("cp1252", "Windows-1252"), ("utf-16-le", "UTF-16"), ("utf-16-be", "UTF-16")]
)
def test_a_guess_is_said(written, encoding: str, said: str):
    file = read_subtitles(written(SRT.replace("Hello", "Ça va – “so”").encode(encoding)))
    assert file.cues[0].text == "Ça va – “so”\nthere"
    assert said in file.notes[0]
    assert "'film.srt'" in file.notes[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<i>Hello</i>", Cue(0, 1000, "Hello", italic=True)),
        ("<i>one</i>\n<I>two</I>", Cue(0, 1000, "one\ntwo", italic=True)),
        ("<b><i>Hello</i></b>", Cue(0, 1000, "Hello", italic=True, bold=True)),
        ('<font color="#FF8000">Hello</font>', Cue(0, 1000, "Hello", colour="#ff8000ff")),
        ("<font color=yellow>Hello", Cue(0, 1000, "Hello", colour="#ffff00ff")),
        ("{\\an8}Hello", Cue(0, 1000, "Hello", top=True)),
        ("{\\an7\\i1}Hello", Cue(0, 1000, "Hello", italic=True, align="left", top=True)),
        ("{\\b1}{\\c&H0080FF&}Hello\\Nthere", Cue(0, 1000, "Hello\nthere", bold=True, colour="#ff8000ff")),
        ("a < b & c > d <music> {sic} C:\\New", Cue(0, 1000, "a < b & c > d <music> {sic} C:\\New")),
        ("1984", Cue(0, 1000, "1984")),
        ("with\n\n\na hole", Cue(0, 1000, "with\na hole")),
    ],
)
def test_styles_of_a_whole_text_are_kept(written, text: str, shown: Cue):
    assert read(written(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n"))[0] == shown


@pytest.mark.parametrize("text", ["<i>one</i> two", "<u>one two</u>", "{\\fnArial}one two", "{\\pos(1,2)}one two"])
def test_styles_that_a_title_can_not_have_are_said(written, text: str):
    file = read_subtitles(written(f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n"))
    assert file.cues == (Cue(0, 1000, "one two"),)
    assert "became plainer" in file.notes[0]


def test_numbers_and_times_as_programs_write_them(written):
    text = (
        "0:00:01.5 --> 0:00:02\none\n2\n00:03,000-->00:04,000  X1:100 X2:200\n2 of 3\n\n"
        "3\n\n00:00:05,1 --> 00:00:06,12\nx"
    )
    assert read(written(text)) == [Cue(1500, 2000, "one"), Cue(3000, 4000, "2 of 3"), Cue(5100, 6120, "x")]


def test_webvtt_is_read_without_what_is_no_text(written):
    text = (
        "WEBVTT - a film\nKind: captions\n\nSTYLE\n::cue { color: red }\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start line:0\n"
        "<v Bob>Hello &amp; <c.loud>you</c>\n\nNOTE two\nlines\n\n"
        "01:00:03.000 --> 01:00:04.000 line:-1\n<i>again &lt;3</i>\n"
    )
    assert read(written(text, "film.vtt")) == [
        Cue(1000, 2000, "Hello & you", align="left", top=True),
        Cue(3_603_000, 3_604_000, "again <3", italic=True),
    ]


@pytest.mark.parametrize(
    ("broken", "line", "why"),
    [
        ("00:00:01,000 -> 00:00:02,000\nHello\n", 1, "00:00:01,000 -> "),
        ("1\n00:00:75,000 --> 00:01:20,000\nHello\n", 2, "00:00:75,000"),
        ("1\n00:00:02,000 --> 00:00:01,000\nHello\n", 2, "ends before it begins"),
        ("\n\nDear Sir,\n", 3, "Dear Sir"),
        ("WEBVTT\n\n00:01 --> soon\nHello\n", 3, "soon"),
        ("", 0, "no text with a time"),
        (b"\x00\x01\x02\x00\x00\xff\xfe" * 9, 0, "no text file"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(written, broken, line: int, why: str):
    with pytest.raises(BrokenSubtitles, match=why) as refused:
        read_subtitles(written(broken))
    assert refused.value.line == line
    assert not line or f"Line {line}:" in str(refused.value)


def test_cues_that_can_not_be_read_are_named_and_the_rest_is_taken(written):
    bad = "".join(f"{n}\n00:00:0{n},000 --> sometime\nx\n\n" for n in range(3, 8))
    file = read_subtitles(written(SRT + "\n" + bad))
    assert list(file.cues) == HELLO
    assert "5 subtitles couldn't be read. Line 11: " in file.notes[0]
    assert "And 2 more." in file.notes[0]


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(NotReadable, match="no such file"):
        read_subtitles(tmp_path / "gone.srt")


def test_times_that_count_from_the_sequences_timecode(written):
    sequence = new_sequence("Film", rate=Fraction(25))
    tape = edits.change_sequence(new_document("Film", sequence), first_frame=90_000)
    late = SRT.replace("00:00:0", "01:00:0")
    tracks = with_subtitles(tape, written(late)).document.sequence.tracks
    assert tracks[-1].starts[1] == 25
    assert with_subtitles(tape, written(SRT)).document.sequence.tracks[-1].starts[1] == 25


PIECES = st.sampled_from(
    ["1\n", "00:00:01,000", " --> ", "->", "00:00:02.5", "\n", "\n\n", "WEBVTT\n\n", "NOTE x\n", "<i>", "</b>",
     "<font color=red>", "{\\an8}", "{\\c&H1&}", "{", "<", "&amp;", "Hello", "\r", "\ufeff", "\x00", "\u0663",
     "align:end line:5%", "<v A>", "1\n00:00:01,000 --> 00:00:02,000\nHello\n"]
)  # fmt: skip


@given(text=st.lists(PIECES, max_size=30).map("".join), encoding=st.sampled_from(["utf-8", "utf-16", "cp1252"]))
def test_no_text_makes_it_stumble(text: str, encoding: str, tmp_path_factory):
    """Whatever is in a file: cues that can be laid out, or a sentence."""
    path = tmp_path_factory.mktemp("odd") / "odd.srt"
    path.write_bytes(text.encode(encoding, "replace"))
    document = new_document("Film", new_sequence("Film", rate=Fraction(25)))
    try:
        document = with_subtitles(document, path).document
    except (ProjectError, BadValue):
        return
    check(document)
    assert srt(document.sequence, 0, document.sequence.duration)


FRAMES = st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 200)), min_size=1, max_size=12)
TEXT = st.sampled_from(
    [
        "Hello",
        "two\nlines",
        "<i>soft</i>",
        "<b>loud</b>",
        '<font color="#ff8000">warm</font>',
        "{\\an8}high",
        "a < b",
        "7",
    ]
)


@given(data=st.data(), rate=st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)]))
def test_what_is_read_and_written_again_is_the_same(data, rate: Fraction, tmp_path_factory):
    """Cues at whole frames that don't overlap: the file that comes out is the one that went in."""
    blocks: list[str] = []
    frame = 0
    for gap, length in data.draw(FRAMES):
        first, frame = frame + gap, frame + gap + length
        times = f"{srt_time(first / rate)} --> {srt_time(frame / rate)}"
        blocks.append(f"{len(blocks) + 1}\n{times}\n{data.draw(TEXT)}\n")
    path = tmp_path_factory.mktemp("srt") / "film.srt"
    path.write_text("\n".join(blocks), encoding="utf-8")
    document = with_subtitles(new_document("Film", new_sequence("Film", rate=rate)), path).document
    assert srt(document.sequence, 0, document.sequence.duration) == path.read_text(encoding="utf-8")
