"""A whole synthetic town in the real file formats, with the truth beside it.

Nothing here reads a file and nothing here is used by a reader: the two sides meet only in the files.
"""

from qxmonitor.simulate.events import staged_for_show
from qxmonitor.simulate.town import write_town

__all__ = ["staged_for_show", "write_town"]
