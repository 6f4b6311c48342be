"""Nothing private gets out: properties over whatever a log, a job or a doctor may contain."""

from __future__ import annotations

import io
import string
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.protocol.messages import Cancelled, Failed, JobDetail, JobRow
from engine.protocol.work import Keyframe, Retake, TextToVideo
from ltxdesktop.diagnostics.pages import Facts, pages_of, save, settings_text
from ltxdesktop.diagnostics.private import Cleaner, Private
from ltxdesktop.settings.declared import API_MODEL, ENGINE_COMMAND
from ltxdesktop.settings.store import Settings

# Words that stand in nothing of ours by chance: all of them begin with zq.
NAME_LETTERS = st.sampled_from("abcdefghijkmnoprstuvwxy")
word = st.text(NAME_LETTERS, min_size=3, max_size=8).map(lambda text: "zq" + text)
any_text = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=30)
key = st.text(string.ascii_letters + string.digits + "-_", min_size=8, max_size=40).map(lambda text: "zqk" + text)
file_name = st.builds(
    lambda words, ending: " ".join(words) + ending,
    st.lists(word, min_size=1, max_size=3),
    st.sampled_from([".mp4", ".mov", ".MKV", ".png", ".wav", ".otio", ""]),
)
folder = st.lists(st.lists(word, min_size=1, max_size=2).map(" ".join), min_size=1, max_size=3)


@st.composite
def people(draw: st.DrawFn) -> Private:
    user, machine = draw(word), draw(word)
    root = draw(st.sampled_from(["/home/", "/Users/", "C:\\Users\\"]))
    home = root + user
    slash = "\\" if "\\" in root else "/"
    places = [slash.join([home, *draw(folder), draw(file_name)]) for _ in range(draw(st.integers(1, 3)))]
    return Private(
        home=home,
        user=user,
        machine=machine,
        secrets=frozenset(draw(st.lists(key, min_size=1, max_size=2))),
        words=frozenset(draw(st.lists(st.lists(word, min_size=1, max_size=5).map(" ".join), min_size=1, max_size=2))),
        files=frozenset(places),
    )


def secrets_of(private: Private, *, words: bool = False, names: bool = False) -> list[str]:
    """All that may not be there."""
    found = [private.home, private.user, private.machine, *private.secrets]
    found += [] if words else [*private.words]
    if not names:
        for path in private.files:
            name = path.replace("\\", "/").rsplit("/", 1)[-1]
            found += [path, name]
    return found


@st.composite
def logs(draw: st.DrawFn, private: Private) -> str:
    """Lines in which everything private stands somewhere, between any other text."""
    shapes = [
        "{}",
        "'{}'",
        '"{}"',
        "({})",
        "path={}",
        "{}: No such file",
        "[{}]",
        "file://{}",
        "key {} is wrong",
        "{},",
    ]
    lines: list[str] = []
    for secret in secrets_of(private):
        shape = draw(st.sampled_from(shapes))
        before, after = draw(any_text), draw(any_text)
        lines.append(f"{before} {shape.format(secret)} {after}")
    return "\n".join(draw(st.permutations(lines)))


@settings(max_examples=120)
@given(data=st.data())
def test_no_page_holds_anything_private(data: st.DataObject) -> None:
    private = data.draw(people())
    text = data.draw(logs(private))
    words, names = data.draw(st.booleans()), data.draw(st.booleans())
    source = next(iter(private.files))
    prompt = next(iter(private.words))
    work = Retake(source=source, start=0, end=9, prompt=prompt, negative=prompt)
    row = JobRow(job="a1b2", mode="retake", state="failed", title=f"Retake of {source}: {prompt}", message=text)
    jobs = (
        JobDetail(row=row, work=work, state=Failed(kind="internal", message=text, detail=text)),
        JobDetail(row=row, work=work, state=Cancelled(message=text)),
    )
    facts = Facts(
        versions={"python": text}, doctor=text, settings=text, jobs=jobs, log=text, crash=text, private=private
    )
    for page in pages_of(facts, words=words, names=names):
        for secret in secrets_of(private, words=words, names=names):
            assert secret.casefold() not in page.text.casefold(), (page.name, secret)


@settings(max_examples=100)
@given(data=st.data())
def test_what_nobody_knew_of_is_taken_out_by_its_shape(data: st.DataObject) -> None:
    secret = data.draw(key)
    shape = data.draw(
        st.sampled_from(
            [
                "Authorization: Bearer {}",
                "hf_{}",
                "LTX_API_KEY={}",
                '"api_key": "{}"',
                "token: {}",
                "https://store.example/a.mp4?sig={}&x=1",
                "https://me:{}@proxy.example:3128/",
                "password = '{}'",
                "/srv/films/{}.mp4",
                "D:\\films\\{}.mov",
                "mail {}@example.com",
                "opening {}.mp4 failed",
            ]
        )
    )
    before = data.draw(any_text.filter(lambda text: not text or not text[-1].isalnum()))
    cleaned = Cleaner(Private()).clean(f"{before} {shape.format(secret)} and more")
    assert secret not in cleaned
    assert cleaned.endswith("and more")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ('  File "/usr/lib/python3.11/ssl.py", line 517', '  File "/usr/lib/python3.11/ssl.py", line 517'),
        ("can't open /home/zq/My Films/kitchen one.mp4: broken", "can't open <file>.mp4: broken"),
        ("step 3/8 of stage 1/2, 24000/1001", "step 3/8 of stage 1/2, 24000/1001"),
        ("connected to 192.168.7.20, not 127.0.0.1", "connected to <address>, not 127.0.0.1"),
        ("`ltx-engine models get ltx-2.3` and ltx-2-3-pro", "`ltx-engine models get ltx-2.3` and ltx-2-3-pro"),
        ("the key ltx-test-0123456789abcdef-secret is", "the key <key> is"),
        ("torch 2.13.0 with CUDA 13.0", "torch 2.13.0 with CUDA 13.0"),
        ("status 401 authentication_error, request req-17", "status 401 authentication_error, request req-17"),
    ],
)
def test_what_helps_to_find_a_fault_stays(text: str, cleaned: str) -> None:
    assert Cleaner(Private(home="/home/zq")).clean(text) == cleaned


def test_words_and_names_stay_in_when_they_are_wanted() -> None:
    work = TextToVideo(
        prompt="a zq ball", width=64, height=64, frames=9, rate="24", keyframes=(Keyframe(image="/zq.png"),)
    )
    row = JobRow(job="a", mode="text_to_video", state="cancelled", title="a zq ball", message="")
    facts = Facts(jobs=(JobDetail(row=row, work=work, state=Cancelled()),), log="took /films/zq.png")
    pages = {page.name: page.text for page in pages_of(facts)}
    assert "zq" not in "".join(pages.values())
    assert "<9 characters>" in pages["jobs.txt"]
    assert "prompts and titles; names of files" in pages["about.txt"]
    kept = {page.name: page.text for page in pages_of(facts, words=True, names=True)}
    assert "a zq ball" in kept["jobs.txt"]
    assert "/films/zq.png" in kept["log.txt"]
    assert "Left in because you ticked it: prompts and names of files." in kept["about.txt"]


def test_settings_tell_choices_but_no_free_words(tmp_path: Path) -> None:
    kept = Settings(tmp_path / "settings.toml")
    kept.set(ENGINE_COMMAND, "ssh me@secret-host ltx-engine --stdio")
    kept.set(API_MODEL, "ltx-2-3-fast")
    told = settings_text(kept)
    assert "secret-host" not in told
    assert "engine.command = (given)" in told
    assert "api.model = 'ltx-2-3-fast'" in told


def test_the_zip_holds_what_was_shown_and_nothing_else(tmp_path: Path) -> None:
    pages = pages_of(Facts(log="one\ntwo", crash="Fatal Python error"))
    save(pages, tmp_path / "bundle.zip")
    with zipfile.ZipFile(io.BytesIO((tmp_path / "bundle.zip").read_bytes())) as bundle:
        assert {name: bundle.read(name).decode() for name in bundle.namelist()} == dict(pages)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle.zip"]
