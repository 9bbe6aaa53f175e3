"""The commands of `qdeck`. Importing this package imports none of them: each is loaded when it is called."""
