"""All widgets of the app. Importing this room only defines things."""
