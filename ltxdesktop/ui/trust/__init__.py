"""What leaves this computer, and diagnostics: the windows of the Help menu that are about trust."""
