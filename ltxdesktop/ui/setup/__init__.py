"""What a person sets up: the window of settings, and the page that says what works here and what would unlock more."""
