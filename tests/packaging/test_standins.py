"""Small libraries in the place of large ones do what the app asks of them, and say so where they can't."""

from __future__ import annotations

import ast
import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import PySide6
import pytest
from bundling import cipher, icu, layout, standins

ROOT = Path(__file__).resolve().parents[2]
on_linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="stand-ins are Linux's")
with_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


def said_by(code: str, preloaded: Path | None = None) -> str:
    """What Python prints, with a library loaded first: others that ask for its name are given it."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"} | ({"LD_PRELOAD": str(preloaded)} if preloaded else {})
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# Qt's ICU table

WORDS = """
import functools
from PySide6.QtCore import QCollator, QDateTime, QLocale, QStringDecoder, QTimeZone
words = "zebra Äpfel ångström apple Öl ö 中文 北京 上海 ほん かな 한국 עברית نور".split()
words += "résumé resume Résumé clip10 clip9 ñ n 😀 İ ı i".split()
for name in "C en_US sv_SE de_DE zh_CN zh_TW ja_JP ko_KR tr_TR es_ES ar_EG".split():
    language = QLocale(name)
    collator = QCollator(language)
    collator.setNumericMode(True)
    print(name, *sorted(words, key=functools.cmp_to_key(collator.compare)))
    print(language.toUpper("iıß straße"), language.toLower("Iİ"), language.toString(1234567.891))
for name in (b"Europe/Berlin", b"Asia/Calcutta", b"America/New_York"):
    zone = QTimeZone(name)
    long = zone.displayName(QTimeZone.TimeType.StandardTime, QTimeZone.NameType.LongName, QLocale("en_US"))
    print(long, zone.offsetFromUtc(QDateTime.fromSecsSinceEpoch(1700000000)))
print([QStringDecoder(name).isValid() for name in ("UTF-8", "UTF-16LE", "UTF-32BE", "ISO-8859-1")])
"""


@on_linux
def test_qt_sorts_and_changes_case_with_a_seventh_of_icu(tmp_path: Path):
    whole = next((Path(PySide6.__file__).parent / "Qt/lib").glob("libicudata.so.*"))
    small = tmp_path / whole.name
    small.write_bytes(icu.smaller(whole.read_bytes()))
    assert small.stat().st_size < whole.stat().st_size / 7
    before = said_by(WORDS)
    assert before == said_by(WORDS, small)
    assert before.count("\n") == 2 * 11 + 3 + 1


@on_linux
def test_a_library_without_a_table_is_refused():
    with pytest.raises(icu.NotAsExpected, match="no table"):
        icu.smaller(Path("/bin/sh").read_bytes())
    with pytest.raises(icu.NotAsExpected, match="no ELF"):
        icu.smaller(b"MZ and more")


def test_items_of_the_table_are_kept_by_their_names():
    assert icu.is_kept("icudt73l/coll/sv.res")
    assert icu.is_kept("icudt74l/root.res")
    assert not icu.is_kept("icudt73l/lang/sv.res")
    assert not icu.is_kept("icudt73l/brkitr/cjdict.dict")


# The keyring's encryption


@on_linux
@pytest.mark.parametrize("bits", [128, 192, 256])
def test_secrets_are_encrypted_as_cryptography_does_it(bits: int):
    ciphers = pytest.importorskip("cryptography.hazmat.primitives.ciphers")
    key, vector, message = bytes(range(bits // 8)), bytes(range(16)), bytes(range(160))
    theirs = ciphers.Cipher(ciphers.algorithms.AES(key), ciphers.modes.CBC(vector)).encryptor()
    ours = cipher.Cipher(cipher.Aes(key), cipher.Cbc(vector)).encryptor()
    secret = theirs.update(message) + theirs.finalize()
    assert ours.update(message[:7]) + ours.update(message[7:]) + ours.finalize() == secret
    back = cipher.Cipher(cipher.Aes(key), cipher.Cbc(vector)).decryptor()
    assert back.update(secret[:33]) + back.update(secret[33:]) + back.finalize() == message


def test_a_secret_that_was_cut_off_is_refused():
    with pytest.raises(ValueError, match="16"):
        cipher.Cipher(cipher.Aes(b"short"), cipher.Cbc(bytes(16)))
    cut = cipher.Cipher(cipher.Aes(bytes(16)), cipher.Cbc(bytes(16))).decryptor()
    assert cut.update(b"only a part") == b""
    with pytest.raises(ValueError, match="multiple"):
        cut.finalize()


@on_linux
def test_all_that_secret_storage_imports_is_there():
    code = (
        f"import sys; sys.path.append({str(ROOT / 'packaging')!r}); from bundling import cipher; cipher.install(); "
        "import secretstorage.item, secretstorage.util as util; print(util.Cipher.__module__)"
    )
    assert said_by(code) == "bundling.cipher\n"


# NumPy's linear algebra

ALGEBRA = """
import sys
import numpy as np
random = np.random.default_rng(1)
for kind in "fdFD":
    near = dict(rtol=2e-3, atol=2e-3) if kind in "fF" else dict(rtol=1e-9, atol=1e-9)
    def made(*shape):
        imaginary = 1j * random.standard_normal(shape) if kind in "FD" else 0
        return (random.standard_normal(shape) + imaginary).astype(kind)
    for size in (1, 2, 3, 17):
        square, right = (made(size, size) + size * np.eye(size)).astype(kind), made(size, 2)
        assert np.allclose(np.einsum("ij,jk", np.linalg.inv(square), square), np.eye(size), **near)
        assert np.allclose(np.einsum("ij,jk", square, np.linalg.solve(square, right)), right, **near)
        own = np.einsum("ij,kj", square, square.conj())
        low, up = np.linalg.cholesky(own), np.linalg.cholesky(own, upper=True)
        assert np.allclose(np.einsum("ij,kj", low, low.conj()), own, **near)
        assert np.allclose(np.einsum("ji,jk", up.conj(), up), own, **near)
    for rows, inner, cols in ((3, 4, 5), (1, 7, 3), (20, 9, 17)):
        one, other = made(rows, inner), made(inner, cols)
        for a in (one, np.asfortranarray(one), made(rows, 2 * inner)[:, ::2]):
            for b in (other, np.asfortranarray(other), made(cols, inner).T):
                assert np.allclose(a @ b, np.einsum("ij,jk", a, b), **near)
                assert np.allclose(a @ b[:, 0], np.einsum("ij,j", a, b[:, 0]), **near)
                assert np.allclose(a[0] @ b, np.einsum("j,jk", a[0], b), **near)
        assert np.allclose(one @ one.T, np.einsum("ij,kj", one, one), **near)
        assert np.allclose(one.T @ one, np.einsum("ji,jk", one, one), **near)
        assert np.allclose(np.vdot(one, one), (one.conj() * one).sum(), **near)
        assert np.allclose(one[0][::-1] @ one[0], (one[0][::-1] * one[0]).sum(), **near)
    try:
        np.linalg.inv(np.zeros((3, 3), kind))
        print("came back: singular", kind)
    except np.linalg.LinAlgError:
        pass
for name in ("eig", "eigh", "eigvals", "eigvalsh", "svd", "qr", "pinv"):
    for kind in "fdFD":
        try:
            getattr(np.linalg, name)(np.eye(3, dtype=kind) + 0.1)
            print("came back:", name, kind)
        except np.linalg.LinAlgError:
            pass
assert abs(np.linalg.det(np.array([[1.0, 2.0], [3.0, 4.0]])) + 2) < 1e-12
assert np.allclose(np.correlate(np.arange(6.0), [1.0, 2.0], "valid"), [2, 5, 8, 11, 14])
print("done", any(sys.path[0] in line for line in open("/proc/self/maps")))
"""


@on_linux
@with_compiler
def test_products_and_systems_come_out_and_nothing_else_comes_back(tmp_path: Path):
    whole = next((Path(np.__file__).parents[1] / "numpy.libs").glob("libscipy_openblas64_*"), None)
    if whole is None:
        pytest.skip("this NumPy has another BLAS")
    users = Path(np.__file__).parent.rglob("*.so")
    small = standins.linear_algebra(whole.name, standins.asked_for(whole, users), tmp_path)
    assert small.stat().st_size < 200_000
    assert said_by(f"import sys; sys.path[0] = {str(tmp_path)!r}\n{ALGEBRA}", small) == "done True\n"


def test_the_app_asks_for_no_other_linear_algebra():
    """The stand-in has inverses, systems, determinants and Cholesky's factors."""
    asked = {
        node.attr
        for room in ("ltxdesktop", "engine/media", "engine/protocol")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute) and node.value.attr == "linalg"
    }
    assert asked <= {"inv", "solve", "det", "cholesky", "LinAlgError"}


# Libraries that are only named


@pytest.fixture
def libraries(tmp_path: Path) -> tuple[Path, Path]:
    """A library, and one that calls a function of it."""
    library, user = tmp_path / "libthing-01234567.so.1.2", tmp_path / "user.so"
    texts = {
        library: "long thing(void) { return 7; } long unasked(void) { return 1; }",
        user: "long thing(void); long ask(void) { return thing(); }",
    }
    for file, text in texts.items():
        source = tmp_path / f"{file.name}.c"
        source.write_text(text)
        names = [str(library)] if file is user else []
        words = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{file.name}", "-Wl,-rpath,$ORIGIN", "-o", file, source, *names]
        subprocess.run(words, check=True)
    return library, user


@on_linux
@with_compiler
def test_functions_of_an_empty_library_fail(libraries: tuple[Path, Path], tmp_path: Path):
    library, user = libraries
    assert standins.asked_for(library, [user, tmp_path / "user.so.c"]) == {"thing": ""}
    small = standins.empty(library.name, {"thing": "", "versioned": "THING_1.0"}, library.parent)
    assert ctypes.CDLL(str(user)).ask() == -1
    assert b"THING_1.0" in small.read_bytes()


@on_linux
@with_compiler
def test_a_second_copy_of_a_library_names_the_first(libraries: tuple[Path, Path], tmp_path: Path):
    library, user = libraries
    system = tmp_path / "libthing.so.1"
    words = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{system.name}", "-o", system, tmp_path / f"{library.name}.c"]
    subprocess.run(words, check=True)
    table = [(file.name, str(file), "BINARY") for file in (library, system, user)]
    made = standins.replaced(table, tmp_path / "made", pytest.fail)
    small = Path(made[0][1])
    assert made == [(library.name, str(tmp_path / "made" / library.name), "BINARY"), *table[1:]]
    with pytest.raises(standins.CannotReplace, match="other"):
        standins.forwarder(library.name, {"other": ""}, system, tmp_path / "made")
    for file in (system, user):
        shutil.copyfile(file, small.parent / file.name)
    code = f"import ctypes; print(ctypes.CDLL({str(small.parent / user.name)!r}).ask())"
    environment = {**os.environ, "LD_LIBRARY_PATH": str(small.parent)}  # as the bundle's starter sets it
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "7\n"


@on_linux
@with_compiler
def test_without_tools_the_large_library_stays_and_that_is_said(
    libraries: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    gnutls = libraries[0].rename(tmp_path / "libgnutls-01234567.so.30")
    table = [(f"av.libs/{gnutls.name}", str(gnutls), "BINARY"), ("user.so", str(libraries[1]), "EXTENSION")]
    said: list[str] = []
    with monkeypatch.context() as bare:
        bare.setenv("PATH", str(tmp_path))
        assert standins.replaced(table, tmp_path / "made", said.append) == table
    assert len(said) == 1
    assert said[0].startswith(f"{gnutls.name} stays whole: ")


def test_the_systems_libraries_are_left_to_it():
    table = [
        ("libssl.so.3", "/usr/lib/x86_64-linux-gnu/libssl.so.3", "BINARY"),
        ("libpython3.11.so.1.0", "/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", "BINARY"),
        ("lib-dynload/zlib.so", "/usr/lib/python3.11/lib-dynload/zlib.so", "EXTENSION"),
        ("av.libs/libx264-1.so", "/home/me/.venv/av.libs/libx264-1.so", "BINARY"),
    ]
    ours, system = layout.apart(table)
    assert system == table[:1]
    assert ours == table[1:]
