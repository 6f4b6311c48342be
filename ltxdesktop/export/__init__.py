"""From a sequence to a finished file: presets, encoding, smart render, checks, and the queue. No widgets.

`job.Export` makes one file, `queue.ExportQueue` several in order, `command` does it without a window.
"""
