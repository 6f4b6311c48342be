"""Playback: pictures and sound of a source in time. No widgets, no Qt: plain threads and callbacks."""
