"""Rows written in one statement, for the paths that take reports in."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def insert_rows(table: str, columns: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert rows in the present transaction. `table` and `columns` are our own words, never a stranger's.

    One row is an INSERT; more are one COPY, which is dearer to begin and far cheaper for each row.
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        if len(rows) == 1:
            values = ", ".join(["%s"] * len(rows[0]))
            cursor.execute(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows[0])  # noqa: S608 - see above
            return
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
