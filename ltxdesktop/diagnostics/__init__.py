"""What helps to find a fault, as one zip that a person has seen before it is saved. It is sent nowhere.

private.py    what has to be taken out of every text, and how
pages.py      the files of the bundle: versions, doctor, settings, jobs, log
gathering.py  asks the machine and the engine for what goes into them
keeping.py    the log of the last runs, on disk
command.py    `ltxdesktop diagnostics`
"""
