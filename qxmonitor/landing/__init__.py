"""How files come in: laid into the landing folder, uploaded through the scheduler's page, fetched by SFTP.

Whatever the way, a file ends as a finished file in the landing folder, and ``land`` takes it from there. Nothing is
imported here: the page of the scheduler loads parts of this package in processes that need no pandas.
"""

LARGEST = 256 << 20
"""Bytes of a file that is uploaded or fetched; returns and messages of a town are a hundredth of it."""

INCOMING = ".incoming"
"""Folder in the landing folder, hidden from ``land``, where files are written before they are named."""
