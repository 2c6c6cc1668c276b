"""``python -m qxmonitor``."""

from qxmonitor.cli import main

main()
