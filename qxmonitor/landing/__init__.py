"""How files come in: laid into the landing folder, uploaded through the scheduler's page, fetched by SFTP.

Whatever the way, a file ends as a finished file in the landing folder, and ``land`` takes it from there. Nothing is
imported here: the page of the scheduler loads parts of this package in processes that need no pandas.
"""

INCOMING = ".incoming"
"""Folder in the landing folder, hidden from ``land``, where files are written before they are named."""
