"""Where the frozen app begins."""

import multiprocessing
import sys

if __name__ == "__main__":
    multiprocessing.freeze_support()  # before anything else: a child of a pool starts this program again
    if sys.platform.startswith("linux"):
        from bundling import cipher

        cipher.install()
    from ltxdesktop.__main__ import main

    sys.exit(main())
