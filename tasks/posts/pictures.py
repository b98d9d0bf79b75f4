"""Pictures of posts: checked, drawn anew without what cameras add, and small enough for every network."""

import io
import struct
import warnings
from typing import TYPE_CHECKING

from models.errors import ForewarnError
from models.messages import Picture

if TYPE_CHECKING:
    from PIL.Image import Image as Drawn

MAX_UPLOAD_BYTES = 10_000_000
MAX_PIXELS = 40_000_000
"""Of what is uploaded: 40 megapixels are more than most cameras have."""
MAX_SIDE = 1_600
"""Pixels of the longer side after it was drawn anew; no network shows more."""
MAX_BYTES = 950_000
"""Bluesky takes blobs of 1,000,000 bytes."""
QUALITIES = (88, 80, 70, 60, 45)
JPEG = "image/jpeg"
FORMATS = ("PNG", "JPEG", "WEBP")
UNREADABLE = (OSError, EOFError, ValueError, SyntaxError, TypeError, LookupError, ArithmeticError, struct.error)
"""What Pillow raises for files that are broken in one way or another."""
ORIENTATION = 0x0112
TURNS = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
"""How a picture is turned that was taken with the camera on its side, by the value of ORIENTATION."""
READABLE = "a PNG, JPEG or WebP of at most 10 MB and 40 megapixels is right"


class BadPicture(ForewarnError):
    """Raised for a file that is no picture, or too large a one."""


def redraw_picture(content: bytes, description: str) -> Picture:
    """Return a picture decoded and encoded anew as JPEG; raises BadPicture.

    So nothing of the file is kept but what is to be seen: no place, no camera, nothing after its end.
    """
    # Here, because only an upload needs it.
    from PIL import Image

    if len(content) > MAX_UPLOAD_BYTES:
        raise BadPicture(f"the file is too large: {READABLE}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            drawn = _draw(content)
    except (*UNREADABLE, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise BadPicture(f"the file cannot be read as a picture: {READABLE}") from error
    return Picture(_encoded(drawn), JPEG, description)


def _draw(content: bytes) -> "Drawn":
    """Return a picture, turned as it was taken, at most MAX_SIDE large, on white where it is transparent."""
    from PIL import Image

    with Image.open(io.BytesIO(content), formats=FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise BadPicture(f"the picture has too many pixels: {READABLE}")
        # Not by ImageOps.exif_transpose, which writes all that the camera added anew, and fails where that is odd.
        turn = TURNS.get(opened.getexif().get(ORIENTATION, 1))
        opened.thumbnail((MAX_SIDE, MAX_SIDE))
        image = opened if turn is None else opened.transpose(Image.Transpose[turn])
        shown = image.convert("RGBA")
    ground = Image.new("RGB", shown.size, "white")
    ground.paste(shown, mask=shown.getchannel("A"))
    return ground


def _encoded(image: "Drawn") -> bytes:
    for quality in QUALITIES:
        encoded = io.BytesIO()
        image.save(encoded, "JPEG", quality=quality, optimize=True)
        if encoded.tell() <= MAX_BYTES:
            break
    return encoded.getvalue()
