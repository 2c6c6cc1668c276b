import io
import random
import resource
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import msoffcrypto.format.ooxml
import openpyxl
import pytest
import xlsxwriter
import xlwt

from qxmonitor import feeds
from qxmonitor.errors import Refused
from qxmonitor.feeds import zipguard
from qxmonitor.feeds.marks import UNCACHED
from qxmonitor.feeds.opening import open_file
from tests.feeds.books import B204, csv, export, raw_xlsx, uscc, workbook

GOOD = workbook({"表": export(B204, [[uscc(n), f"甲{n}公司", "2026 00 10", n, 10 * n] for n in range(1, 40)])})


def old_workbook() -> bytes:
    book = xlwt.Workbook()
    page = book.add_sheet("表")
    for i, row in enumerate(export(B204, [[uscc(n), f"甲{n}公司", "2026 00 10", n, 10 * n] for n in range(1, 40)])):
        for j, cell in enumerate(row):
            page.write(i, j, cell)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def why(data: bytes) -> str:
    """The reason for which a file is refused: one line with no English in front."""
    with pytest.raises(Refused) as refused:
        opened = open_file(data)
        feeds.sniff(opened)
    reason = str(refused.value)
    assert "\n" not in reason
    assert any("\u4e00" <= c <= "\u9fff" for c in reason)
    return reason


def test_kind_is_told_from_the_content_alone(tmp_path: Path) -> None:
    for data, kind in (
        (GOOD, "xlsx"),
        (old_workbook(), "xls"),
        (csv([["a", "b"]]), "csv"),
        (b"<?xml version='1.0'?><a/>", "xml"),
        ("\ufeff<a/>".encode(), "xml"),
        ("<a/>".encode("utf-16"), "xml"),
        ("甲\t乙".encode("utf-16"), "csv"),
    ):
        path = tmp_path / "什么都不说.bin"
        path.write_bytes(data)
        assert open_file(path).kind == kind


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "文件为空"),
        (b" \r\n\0", "文件为空"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x1f\x8b\x08\x00abc", "压缩包"),
        (b"\x89PNG\r\n\x1a\n", "图片"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "网页"),
        (b"\xef\xbb\xbf <!DOCTYPE html><html></html>", "网页"),
        (b"\x09\x00\x04\x00\x07\x00\x10\x00", "版本过旧"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(100), "损坏"),
        (b"PK\x05\x06" + bytes(18), "不是 Excel 工作簿"),
    ],
)
def test_what_is_no_return_is_named(data: bytes, reason: str) -> None:
    assert reason in why(data)


def test_a_zip_that_is_no_workbook() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.txt", "x")
    assert "不是 Excel 工作簿" in why(out.getvalue())


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "无"):
        with pytest.raises(Refused):
            open_file(path)


def test_a_file_over_the_limit_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "大.csv"
    with path.open("wb") as file:
        file.truncate(600 * 2**20)
    with pytest.raises(Refused, match="上限"):
        open_file(path)


def test_an_encrypted_workbook() -> None:
    out = io.BytesIO()
    msoffcrypto.format.ooxml.OOXMLFile(io.BytesIO(GOOD)).encrypt("secret", out)
    assert "加密" in why(out.getvalue())


def test_an_encrypted_old_workbook() -> None:
    data = bytearray(old_workbook())
    bof = data.index(b"\x09\x08\x10\x00")  # FILEPASS as the record behind the first BOF, over what stands there
    data[bof + 20 : bof + 24] = struct.pack("<HH", 0x2F, struct.unpack_from("<H", data, bof + 22)[0])
    assert "加密" in why(bytes(data))


@pytest.mark.parametrize("make", [lambda: GOOD, old_workbook])
def test_a_truncated_workbook_is_refused_wherever_it_ends(make) -> None:
    data = make()
    rng = random.Random(1)
    for cut in [1, 4, 8, 30, 100, 511, 512, 513, len(data) - 1, *(rng.randrange(len(data)) for _ in range(25))]:
        if data[:1] == b"\xd0" and cut > len(data) - 1024:
            continue  # padding behind the last stream: nothing is lost
        why(data[:cut])


def test_a_bomb_that_admits_its_size_is_refused() -> None:
    data = bomb(claimed=3 << 30)
    assert len(data) < 8 << 20
    assert "压缩炸弹" in why(data)


@pytest.mark.slow
@pytest.mark.parametrize("claimed", [0, 1000, 400 << 20])
def test_a_bomb_that_lies_about_its_size_is_refused_within_memory(claimed: int) -> None:
    assert "压缩炸弹" in in_a_process_of_one_gib(bomb(claimed))


def bomb(claimed: int) -> bytes:
    """A workbook of a few megabytes with a sheet of 3 GiB of rows, whose directory claims a size."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = (b"<row></row>" * 95_326)[: 1 << 20]
    packed = (engine.compress(block) + engine.flush(zlib.Z_FULL_FLUSH)) * 3072 + b"\x03\x00"
    out = io.BytesIO(raw_xlsx(""))
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/worksheets/sheet2.xml", packed)
    data = bytearray(out.getvalue())
    for magic, method, size in ((b"PK\x03\x04", 8, 22), (b"PK\x01\x02", 10, 24)):
        at = data.rindex(magic)
        struct.pack_into("<H", data, at + method, zipfile.ZIP_DEFLATED)
        struct.pack_into("<L", data, at + size, claimed)
    return bytes(data)


def in_a_process_of_one_gib(data: bytes) -> str:
    """Open in a fresh process that may have 1 GiB more than it needs to start; the reason it gives."""
    code = (
        "import sys, resource\n"
        "from qxmonitor import feeds\n"
        "from qxmonitor.errors import Refused\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))\n"
        "try:\n    feeds.open_file(sys.stdin.buffer.read()).sheets\n    print('opened')\n"
        "except Refused as refused:\n    print(refused)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=data, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout.decode().strip()


@pytest.mark.parametrize(
    "rows",
    [
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c><c r="XFD1048576"><v>1</v></c></row>',
        '<row><c r="A1" r="XFD1048576"><v>1</v></c><c r="B1"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1"><c r="A1" r ="XFD1048576"><v>1</v></c></row>',
        "<row><c r=\"A1\"><v>1</v></c><c r='XFD1048576'><v>1</v></c></row>",
        '<row><c r="A1"><v>1</v></c><c s=">" r="XFD1048576"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c><c s=\' r="A1"\' r="XFD1048576"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c><x:c r="XFD1048576"><v>1</v></x:c></row>',
        '<row><c r="A1"><v>1</v></c><c\tr="XFD1048576"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c><c r\n=\n"XFD1048576"><v>1</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576">' + "<c><v>1</v></c>" * 2000 + "</row>",
        '<row><c r="A1"><v>1</v></c><c r="xfd1048576"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c><c r="ZZZZZZ1"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c><c r="B99999999999"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c></row><row><c r="ZZ99999"><v>1</v></c></row>',
        '<row><c r="A1"><v>1</v></c><c r="Z0000000001048576"><v>1</v></c></row>',
        "<row><c r='A1'><v>1</v></c><c r='Z0000000001048576'><v>1</v></c></row>",
    ],
)
def test_cells_far_apart_are_refused_before_the_reader_allocates(rows: str) -> None:
    assert "单元格" in (reason := why(raw_xlsx(rows))) or "不合规" in reason


def test_wide_and_long_sheets_within_the_limit_are_read() -> None:
    for last in ("ALL5000", "E1048576", "XFD300"):
        rows = raw_xlsx(f'<row><c r="A1"><v>1</v></c><c r="{last}"><v>2</v></c></row>')
        assert open_file(rows).sheets["S"][-1][-1] == 2


def test_cells_without_references_are_counted_as_the_reader_does() -> None:
    rows = '<row r="5"><c><v>1</v></c><c><v>2</v></c></row><row><c r="C6"><v>3</v></c><c><v>4</v></c></row>'
    sheet = open_file(raw_xlsx(rows)).sheets["S"]
    assert (len(sheet), len(sheet[0]), sheet[4][1], sheet[5][3]) == (6, 4, 2, 4)


@pytest.mark.slow
@pytest.mark.parametrize("count", [5_900_000, 6_100_000])
def test_the_largest_sheet_allowed_fits_into_one_gib(count: int) -> None:
    said = in_a_process_of_one_gib(raw_xlsx(f'<row><c r="A1"><v>1</v></c><c r="T{count // 20}"><v>1</v></c></row>'))
    assert said == "opened" if count < 6_000_000 else "单元格" in said


def test_one_long_shared_string_in_many_cells_is_refused() -> None:
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>0</v></c></row>' for n in range(1, 20_001))
    assert "文字过长" in why(raw_xlsx(cells, f"<si><t>{'长' * 10_000}</t></si>"))


def test_a_long_remark_in_a_large_sheet_is_innocent() -> None:
    cells = "".join(f'<row r="{n}"><c r="A{n}" t="s"><v>{n == 7:d}</v></c></row>' for n in range(1, 20_001))
    sheet = open_file(raw_xlsx(cells, f"<si><t>短</t></si><si><t>{'长' * 10_000}</t></si>")).sheets["S"]
    assert sheet[0] == ["短"]
    assert len(sheet[6][0]) == 10_000


def test_too_many_shared_strings() -> None:
    shared = "<si/>" * (zipguard.MAX_STRINGS + 1)
    assert "文字条目过多" in why(raw_xlsx('<row r="1"><c r="A1"><v>1</v></c></row>', shared))


def test_absurd_numbers_of_sheets_and_parts() -> None:
    assert "工作表过多" in why(workbook({f"表{n}": [[n]] for n in range(300)}))
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as archive:
        for n in range(5000):
            archive.writestr(f"x/{n}", "")
    assert "部件过多" in why(out.getvalue())


def test_two_parts_of_one_name_are_refused() -> None:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("xl/worksheets/sheet1.xml", "<worksheet/>")
    assert "重名" in why(out.getvalue())


def test_a_picture_in_a_workbook_is_no_sheet() -> None:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/image1.png", b"\x89PNG" + b'<c r="XFD1048576"> <c s> :c ' * 50)
    assert len(open_file(out.getvalue()).sheets["表"]) == 42


def test_rows_and_columns_are_counted_from_a1() -> None:
    sheet = open_file(workbook({"表": [["x", 1.5]]}, at=(5, 3))).sheets["表"]
    assert (len(sheet), sheet[4]) == (5, ["", "", "x", 1.5])


def test_error_values_are_shown_and_formulas_never_computed(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("空")
        page = book.add_worksheet("表")
        page.write_formula("B2", "=1/0", None, "#DIV/0!")
        page.write_formula("C2", "=1+1", None, 2)
        page.write_formula("D2", '=HYPERLINK("http://example.invalid/")', None, "x")
        page.write_formula("E2", "=5", None, "")  # written without a result
    assert open_file(path).sheets["表"] == [["", "", "", "", ""], ["", "#DIV/0!", 2, "x", UNCACHED]]


def test_error_values_of_an_old_workbook() -> None:
    book = xlwt.Workbook()
    for name in ("甲", "乙"):
        page = book.add_sheet(name)
        for n in range(200):
            page.write(n, 0, f"text {n}")
    page.write(3, 2, 5)
    page.row(4).set_cell_error(2, 0x17)
    out = io.BytesIO()
    book.save(out)
    sheets = open_file(out.getvalue()).sheets
    assert sheets["乙"][4][2] == "#REF!"
    assert len(sheets["甲"][4]) == 1


def test_old_workbooks_read_as_new_ones() -> None:
    old, new = open_file(old_workbook()), open_file(GOOD)
    first, second = (feeds.sniff(opened).read(opened) for opened in (old, new))
    assert first.tables["output_return"].equals(second.tables["output_return"])


def test_a_macro_or_a_link_is_never_opened() -> None:
    out = io.BytesIO(GOOD)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0" + bytes(2000))
        archive.writestr("xl/externalLinks/externalLink1.xml", "<externalLink/>")
    assert len(open_file(out.getvalue()).sheets["表"]) == 42


def batch_or_refused(data: bytes) -> None:
    try:
        opened = open_file(data)
        batch = feeds.sniff(opened).read(opened)
    except Refused:
        return
    assert batch.accepted + batch.rejected == batch.rows_read


@pytest.mark.parametrize("make", [lambda: GOOD, lambda: csv(export(B204, [[uscc(1), "甲公司", "2026 00 10", 1, 2]]))])
def test_mutated_files_end_in_a_batch_or_a_refusal(make) -> None:
    data, rng = make(), random.Random(7)
    for _ in range(150):
        mutated = bytearray(data)
        for _ in range(rng.choice((1, 3, 20))):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        batch_or_refused(bytes(mutated))


@pytest.mark.slow
def test_mutated_sheets_in_an_intact_archive_end_in_a_batch_or_a_refusal() -> None:
    rng = random.Random(11)
    parts = {
        i.filename: zipfile.ZipFile(io.BytesIO(GOOD)).read(i) for i in zipfile.ZipFile(io.BytesIO(GOOD)).infolist()
    }
    for _ in range(150):
        name = rng.choice([n for n in parts if n.startswith("xl/")])
        mutated = bytearray(parts[name])
        for _ in range(rng.choice((1, 2, 10))):
            mutated[rng.randrange(len(mutated))] = rng.choice(b'<>/"=&; 019AZXFcrvts\xff\x00')
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for other, content in parts.items():
                archive.writestr(other, bytes(mutated) if other == name else content)
        batch_or_refused(out.getvalue())


@pytest.mark.slow
def test_mutated_old_workbooks_end_in_a_batch_or_a_refusal() -> None:
    data, rng = old_workbook(), random.Random(3)
    for _ in range(40):
        mutated = bytearray(data)
        for _ in range(rng.choice((1, 5, 50))):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        batch_or_refused(bytes(mutated))


def test_opening_leaves_the_limits_of_this_process_alone() -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    _ = open_file(old_workbook()).sheets
    assert resource.getrlimit(resource.RLIMIT_AS) == before


@pytest.mark.system
def test_a_workbook_written_by_libreoffice(tmp_path: Path) -> None:
    import shutil

    office = shutil.which("soffice")
    if office is None:
        pytest.skip("LibreOffice is not installed")
    source = tmp_path / "a.xlsx"
    source.write_bytes(GOOD)
    for kind in ("xls", "xlsx"):
        out = tmp_path / kind
        subprocess.run(
            [office, "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", kind,
             "--outdir", str(out), str(source)], check=True, capture_output=True, timeout=120,
        )  # fmt: skip
        written, original = feeds.read_file(out / f"a.{kind}"), feeds.read_file(source)
        assert written.tables["output_return"].equals(original.tables["output_return"])
        assert written.cells == original.cells


def test_openpyxl_agrees_on_plain_sheets() -> None:
    page = openpyxl.load_workbook(io.BytesIO(GOOD))["表"]
    seen = [[cell if cell is not None else "" for cell in row] for row in page.iter_rows(values_only=True)]
    assert open_file(GOOD).sheets["表"] == seen
