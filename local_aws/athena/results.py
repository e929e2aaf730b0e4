"""The rows of one statement: in a local file, for GetQueryResults, and as the file that Athena writes to S3."""

import json
import tempfile
import threading
from pathlib import Path
from typing import IO, Any

from local_aws.athena.types import TrinoColumn, format_value, to_column_info

Row = list[str | None]
_ROWS_PER_OFFSET = 500  # rows between two remembered offsets of the file
_ROWS_PER_READ = 5000


class ResultRows:
    """Rows of text, written once and read in pages. They are in a file, so memory does not grow with them."""

    def __init__(self, folder: Path) -> None:
        self.columns: list[TrinoColumn] = []
        self.count = 0
        self._offsets: list[int] = []
        self._lock = threading.Lock()
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()

    def add(self, columns: list[TrinoColumn], rows: list[list[Any]]) -> None:
        """Append a page of Trino's rows."""
        self.columns = columns
        signatures = [column["typeSignature"] for column in columns]
        for row in rows:
            self._append([format_value(value, kind) for value, kind in zip(row, signatures, strict=True)])

    def add_texts(self, names: list[str], rows: list[Row]) -> None:
        """Append rows of text under columns of type varchar, the result of a DDL statement."""
        self.columns = [
            {"name": name, "type": "varchar", "typeSignature": {"rawType": "varchar", "arguments": []}}
            for name in names
        ]
        for row in rows:
            self._append(row)

    def clear(self) -> None:
        """Delete the rows and columns."""
        self.columns, self.count, self._offsets = [], 0, []
        self._file.seek(0)
        self._file.truncate()

    def close(self) -> None:
        """Delete the file."""
        self._file.close()

    def rows(self, start: int, number: int) -> list[Row]:
        """Return `number` rows from row `start` on, fewer at the end."""
        if start >= self.count or number <= 0:
            return []
        with self._lock:
            self._file.seek(self._offsets[start // _ROWS_PER_OFFSET])
            for _ in range(start % _ROWS_PER_OFFSET):
                self._file.readline()
            return [json.loads(self._file.readline()) for _ in range(min(number, self.count - start))]

    def metadata(self) -> dict[str, object]:
        """Return the ResultSetMetadata of the API."""
        return {"ColumnInfo": [to_column_info(column) for column in self.columns]}

    def write_csv(self, target: IO[bytes]) -> None:
        """Write the file of a query: a header, every value in quotes, NULL as an empty field without quotes."""
        if not self.columns:
            return
        target.write(_csv_line([column["name"] for column in self.columns]))
        for start in range(0, self.count, _ROWS_PER_READ):
            target.writelines(_csv_line(row) for row in self.rows(start, _ROWS_PER_READ))

    def write_text(self, target: IO[bytes]) -> None:
        """Write the file of DDL and SHOW: values separated by tabs, no header."""
        for start in range(0, self.count, _ROWS_PER_READ):
            rows = self.rows(start, _ROWS_PER_READ)
            target.writelines(("\t".join(value or "" for value in row) + "\n").encode() for row in rows)

    def _append(self, row: Row) -> None:
        self._file.seek(0, 2)
        if self.count % _ROWS_PER_OFFSET == 0:
            self._offsets.append(self._file.tell())
        self._file.write(json.dumps(row).encode() + b"\n")
        self.count += 1


def _csv_line(row: Row) -> bytes:
    return (",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) + "\n").encode()
