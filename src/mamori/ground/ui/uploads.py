"""Files that are sent with a form: held in memory up to a limit, never on a disk, where a deleted file may be found."""

from io import BytesIO
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

MOST_HELD = 10 * 2**20  # bytes of one file


class InMemory(FileUploadHandler):
    """What goes beyond MOST_HELD is counted and thrown away: the file's `size` tells its form, which refuses it."""

    def new_file(self, *given: Any, **named: Any) -> None:
        super().new_file(*given, **named)
        self._held = BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self._held.write(raw_data[: max(0, MOST_HELD - start)])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self._held.seek(0)
        return InMemoryUploadedFile(
            self._held, self.field_name, self.file_name or "", self.content_type, file_size, self.charset
        )
