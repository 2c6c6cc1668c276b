"""Economic monitoring and early warning for a manufacturing town."""

__version__ = "0.1.0"
