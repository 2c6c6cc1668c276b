"""Detectors over many monthly series at once: has the newest month fallen below what it should have been?

Pure functions of arrays, each month judged only on the months before it (:func:`detect`), and what other series add to
that: leading ones (customs imports, the lead firm of a chain) and all firms of a chain together (``linked``).
"""

from qxmonitor.signals.detect.judged import Detected, detect, festival_shares
from qxmonitor.signals.detect.linked import chain_evidence, supported

__all__ = ["Detected", "chain_evidence", "detect", "festival_shares", "supported"]
