"""Pictures of the app, made by the app: `python -m screenshots`."""
