"""The Edit workspace: monitors, media panel, inspector and what holds them together around the timeline."""
