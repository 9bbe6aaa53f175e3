"""The widgets of the app, one a file. A widget gets values and posts messages; it never fetches."""
