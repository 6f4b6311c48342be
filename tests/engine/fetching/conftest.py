"""The smallest client of a running engine, which lies with the tests of the server, can be imported here too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "server"))
