"""The loop: from a place on the timeline to a job's work, and from the job's result to a take in that place. No Qt."""
