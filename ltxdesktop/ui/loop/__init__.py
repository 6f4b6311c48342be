"""The loop on the timeline: say what should happen in a range, watch it become, compare takes, keep one."""
