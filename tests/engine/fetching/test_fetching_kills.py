"""A download that is killed again and again, by SIGKILL: nothing is lost, and hardly a byte comes twice."""

import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import msgspec
from fake_hub import FakeHub, Fault
from fetching_kit import FREE, content, library

from engine.fetching.manifest import Manifest, Package, RemoteFile

ROOT = Path(__file__).resolve().parents[3]
SIZE = 16_000_000
KILLS = 20
IN_FLIGHT = 4096  # of what was sent, not yet in the file when the signal comes
FETCH = """
import sys
from pathlib import Path
from engine.fetching.control import Control
from engine.fetching.hub import Hub
from engine.fetching.library import Library
from engine.fetching.manifest import load_manifest

library = Library(Path(sys.argv[1]), load_manifest(Path(sys.argv[2])))
library.get(library.manifest.packages, Hub(sys.argv[3]), Control())
"""


def test_twenty_kills_at_random_bytes_cost_less_than_a_hundredth(tmp_path: Path):
    data = content("large", SIZE)
    file = RemoteFile(path="large.safetensors", size_bytes=SIZE, sha256=hashlib.sha256(data).hexdigest())
    package = Package(
        id="large", title="Large", kind="model", licence="free", repository="A/B", revision="b" * 40, files=(file,)
    )
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(msgspec.json.encode(Manifest(licences={"free": FREE}, packages=(package,))))
    models = tmp_path / "models"
    library(models)  # accepts the licence
    part = models / ".downloading" / "large.safetensors.part"
    points = sorted(random.Random(7).sample(range(IN_FLIGHT, SIZE - IN_FLIGHT), KILLS))

    def start(fake: FakeHub) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", FETCH, str(models), str(manifest), fake.endpoint]
        return subprocess.Popen(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"})

    with FakeHub({"large.safetensors": data}) as fake:
        for point in points:
            have = part.stat().st_size if part.exists() else 0
            fake.plan.append(Fault(stall_after=point - have))
            fetching = start(fake)
            assert fake.stalled.wait(300)
            fake.stalled.clear()
            while not part.exists() or part.stat().st_size < point - IN_FLIGHT:
                assert fetching.poll() is None
            fetching.kill()
            assert fetching.wait(300) != 0
            assert not (models / "large.safetensors").exists()
        assert start(fake).wait(300) == 0
        assert fake.sent_bytes - SIZE <= SIZE // 100
        assert len(fake.to("sender")) == KILLS + 1
    assert (models / "large.safetensors").read_bytes() == data
    assert not part.exists()
