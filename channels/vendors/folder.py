"""Purchase requests as files in a folder that a vendor reads."""

from pathlib import Path

from channels.atomic_files import safe_file_name, write_atomically
from models.messages import Receipt
from models.purchasing import Document


class FolderTransport:
    """Put documents into a folder; one that comes again takes its own place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, document: Document) -> Receipt:
        place = self._folder / f"{safe_file_name(document.id)}{Path(document.file.name).suffix}"
        write_atomically({place: document.file.content}, f"the folder {self._folder}")
        return Receipt(place.name, {"status": "kept"})

    async def close(self) -> None:
        pass
