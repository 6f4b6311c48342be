"""The timeline: one painted widget over a pure layout, its tools, snapping, drops and overview, and their panel."""
