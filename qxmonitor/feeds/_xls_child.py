"""Reads one old .xls from standard input in a process of its own and writes its sheets to standard output.

Run by path, so that nothing but the reader is imported. The parent sets the limits of memory and time; a crash
of the reader on a damaged file stays in here.
"""

import io
import pickle
import resource
import sys


def main() -> None:
    limit = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(sys.stdin.buffer.read()))
        sheets = {
            sheet.name: book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
            for sheet in book.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet
        }
    except PasswordError:
        sys.exit(3)
    sys.stdout.buffer.write(pickle.dumps(sheets, protocol=5))


if __name__ == "__main__":
    main()
