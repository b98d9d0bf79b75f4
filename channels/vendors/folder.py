"""Deliver purchase requests as files in a folder that a vendor reads."""

from pathlib import Path

from channels.atomic_files import safe_file_name, write_atomically
from models.messages import Receipt
from models.purchasing import Document


class FolderTransport:
    """Writes documents into a folder; a document that is sent again replaces its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, document: Document) -> Receipt:
        path = self._folder / f"{safe_file_name(document.id)}{Path(document.file.name).suffix}"
        write_atomically({path: document.file.content}, f"the folder {self._folder}")
        return Receipt(path.name, {"status": "kept"})

    async def close(self) -> None:
        pass
