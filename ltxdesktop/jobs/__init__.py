"""Jobs as the app sees them: what a person asks for, and the engine process that does it. No Qt, no widgets."""
