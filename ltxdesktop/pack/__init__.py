"""The engine pack: a plain Python environment, apart from the bundled app, in which the engine runs.

A bundle has no torch. What the engine needs is installed for this machine's device into a folder of its own, checked,
and put into place by one rename; the app finds the newest that fits its version. Not here: the engine itself, whose
source comes with the app, and the files of models.
"""
