"""The Deliver workspace: what a film becomes, and the queue of exports."""
