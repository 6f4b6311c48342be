"""The command `ltx-generate`: one job from the command line, without a window, an engine process or a queue."""
