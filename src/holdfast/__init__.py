"""Holdfast: Git is the only way to change production, and the whole loop is closed."""

__version__ = "0.1.0"
