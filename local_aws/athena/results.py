"""The rows of one statement: on disk while pages are asked for, and in S3 as the file that Athena writes."""

import json
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from local_aws.athena.types import column_info, value_text

Row = list[str | None]
_STRIDE = 500  # rows between two remembered positions of the file


class Results:
    """Rows of text, written once and read in pages. They are in a file, so that memory does not grow with them."""

    def __init__(self, folder: Path) -> None:
        self.columns: list[dict[str, Any]] = []
        self.count = 0
        self._positions: list[int] = []
        self._lock = threading.Lock()
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as the results

    def add(self, columns: list[dict[str, Any]], rows: list[list[Any]]) -> None:
        """Take a page of Trino's rows."""
        self.columns = columns
        signatures = [column["typeSignature"] for column in columns]
        for row in rows:
            self._append([value_text(value, kind) for value, kind in zip(row, signatures, strict=True)])

    def add_texts(self, names: list[str], rows: list[Row]) -> None:
        """Take rows of text made here, under columns of type varchar (string in Athena's DDL answers)."""
        signature = {"rawType": "varchar", "arguments": []}
        self.columns = [{"name": name, "type": "varchar", "typeSignature": signature} for name in names]
        for row in rows:
            self._append(row)

    def clear(self) -> None:
        """Forget the rows and columns of a statement whose answer is no rows."""
        self.columns, self.count, self._positions = [], 0, []
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def rows(self, start: int, number: int) -> list[Row]:
        """`number` rows from row `start` on, fewer at the end."""
        if start >= self.count or number <= 0:
            return []
        with self._lock:
            self._file.seek(self._positions[start // _STRIDE])
            for _ in range(start % _STRIDE):
                self._file.readline()
            return [json.loads(self._file.readline()) for _ in range(min(number, self.count - start))]

    def metadata(self) -> dict[str, object]:
        """The ResultSetMetadata of the API."""
        return {"ColumnInfo": [column_info(column) for column in self.columns]}

    def write_csv(self, target: IO[bytes]) -> None:
        """Write what Athena leaves in S3 for a query: a header, every value in quotes, NULL as nothing."""
        if not self.columns:
            return
        target.write(_csv_line([column["name"] for column in self.columns]))
        for start in range(0, self.count, 5000):
            target.writelines(_csv_line(row) for row in self.rows(start, 5000))

    def write_text(self, target: IO[bytes]) -> None:
        """Write what Athena leaves for DDL and SHOW: values separated by tabs, no header."""
        for start in range(0, self.count, 5000):
            target.writelines(("\t".join(v or "" for v in row) + "\n").encode() for row in self.rows(start, 5000))

    def _append(self, row: Row) -> None:
        self._file.seek(0, 2)
        if self.count % _STRIDE == 0:
            self._positions.append(self._file.tell())
        self._file.write(json.dumps(row).encode() + b"\n")
        self.count += 1


def _csv_line(row: Row) -> bytes:
    return (",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) + "\n").encode()
