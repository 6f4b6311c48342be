"""How many films of other programs open, and are the same after they're saved here and read again?

    python benchmarks/foreign_films.py FOLDER

Takes every `.otio`, `.xml` and `.edl` below the folder, such as checkouts of OpenTimelineIO and of its adapters for
CMX 3600 and FCP 7 XML. One JSON line: how many of them open, the sentences by which the others are refused, and those
that changed on the way through a file of ours (none should). No media are needed.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _report import report

from ltxdesktop.document.check import check
from ltxdesktop.document.otio.read import from_text
from ltxdesktop.document.otio.write import to_text
from ltxdesktop.project.errors import ProjectError
from ltxdesktop.project.interchange.common import ExchangeError
from ltxdesktop.project.interchange.exchange import import_film

ENDINGS = (".otio", ".xml", ".edl")


def main() -> None:
    if len(sys.argv) != 2:
        print("say in which folder the films lie: foreign_films.py FOLDER", file=sys.stderr)
        return
    found = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.suffix.lower() in ENDINGS and path.is_file())
    if not found:
        raise SystemExit(f"there are no films below {sys.argv[1]}")
    opened, changed = 0, list[str]()
    refused: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in found:
            try:
                document = import_film(path, Path(folder)).document
            except (ProjectError, ExchangeError) as error:
                refused[path.name] = str(error)
                continue
            check(document)
            opened += 1
            if from_text(to_text(document)).document != document:
                changed.append(path.name)
    report("films of other programs that open", [opened], unit="files", of=len(found), refused=refused, changed=changed)


if __name__ == "__main__":
    main()
