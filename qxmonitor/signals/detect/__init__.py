"""Detectors over many monthly series at once: has the newest month fallen below what it should have been?

Pure functions of arrays, each month judged only on the months before it (:func:`detect`), and whether the firms of a
set lie low together (:func:`together`).
"""

from qxmonitor.signals.detect.judged import Detected, detect, festival_shares
from qxmonitor.signals.detect.linked import together

__all__ = ["Detected", "detect", "festival_shares", "together"]
