"""A first quarter of an hour at the desk, followed word by word in a browser, on the demo as it is served.

With WRITE_PICTURES=1, as `make pictures` sets it, the pictures of the page are taken on the way.
"""

import base64
import os
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.support import made_demo
from tests.support.desk_person import DeskPerson
from tests.support.paths import ROOT
from tests.support.serving import get
from tests.support.terminals import blocks, free_port, until

PICTURES = ROOT / "docs" / "pictures"
STEP = re.compile(r"^(\d+)\. (.*?)(?=^\d+\. |^## |^Serve the demo again|\Z)", re.MULTILINE | re.DOTALL)
DEED = re.compile(
    r"ress the line that begins with \*\*(?P<line>[^*]+)\*\*"
    r"|ress \*\*(?P<press>[^*]+)\*\*"
    r"|ype \*\*(?P<text>[^*]+)\*\* into \*\*(?P<field>[^*]+)\*\*(?: of \*\*(?P<group>[^*]+)\*\*)?"
    r"|the (?:day|time) \*\*(?P<day>[^*]+)\*\* as \*\*(?P<day_field>[^*]+)\*\*"
    r"|hoose \*\*(?P<choose>[^*]+)\*\*"
    r'|review shows "(?P<previewed>[^"]+)"'
    r'|"(?P<seen>[^"]+)"'
    r"|!\[[^\]]*\]\(pictures/(?P<picture>[^)]+)\)"
)
SIZE = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}
TALLEST, COLOURS = 1400, 256
DRAWING_SECONDS = 1
"""Until a preview in a frame is drawn for a picture."""


def steps(page):
    """Return each step: its number and what it says, on one line."""
    return [(int(number), " ".join(text.split())) for number, text in STEP.findall(page.read_text())]


@contextmanager
def served_demo(page, place, shared):
    """Serve the demo as the page says, on another port; return its address, and what it prints."""
    port = free_port()
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    ours |= {"PATH": f"{Path(sys.executable).parent}:{ours['PATH']}", "PYTHONUNBUFFERED": "1"}
    make, serve = blocks(page.read_text())[0].strip().splitlines()
    assert make == made_demo.COMMAND
    made_demo.copied_demo(shared, place, port)
    said = place / "said"
    command = [*serve.split(), "--port", str(port)]
    with said.open("w") as out, subprocess.Popen(command, cwd=place, env=ours, stdout=out) as server:  # noqa: S603
        try:
            until(lambda: "Serving" in said.read_text() and get(f"http://127.0.0.1:{port}/desk").status, "it serves")
            yield f"http://127.0.0.1:{port}", said.read_text()
        finally:
            server.terminate()


def follow(page, url, driver, *, whole=False):
    """Follow each step of a page, from the front of the desk; `whole` for pictures of whole pages."""
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
    driver.get(f"{url}/desk")
    person = DeskPerson(driver)
    for number, text in steps(page):
        for found in DEED.finditer(text):
            try:
                _do(person, {name: value for name, value in found.groupdict().items() if value is not None}, whole)
            except AssertionError as error:
                raise AssertionError(f"step {number}, {found[0]}: {error}") from error


def _do(person, deed, whole):
    """Do one thing that a step says, or look for what it promises."""
    match deed:
        case {"line": str(words)}:
            person.press(words, "main a", begins=True)
        case {"press": str(words)}:
            person.press(words)
        case {"text": str(text), "field": str(label)}:
            person.type(text, label, group=deed.get("group", ""))
        case {"day": str(day), "day_field": str(label)}:
            person.type(day, label)
        case {"choose": str(words)}:
            person.choose(words)
        case {"previewed": str(words)}:
            person.see_in_preview(words)
        case {"seen": str(words)}:
            person.see(words)
        case {"picture": str(name)}:
            _picture(person.driver, name, whole)


def _picture(driver, name, whole):
    """Take the picture where it was asked for, of what is on the screen or of the whole page; it has to be there."""
    if "WRITE_PICTURES" in os.environ:
        if whole:
            driver.execute_script("scrollTo(0, 0)")
        time.sleep(DRAWING_SECONDS)
        driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        height = driver.execute_script("return document.documentElement.scrollHeight") if whole else SIZE["height"]
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE | {"height": min(height, TALLEST)})
        taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
        drawn = Image.open(BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
        drawn.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURES / name, optimize=True)
    assert (PICTURES / name).is_file(), f"{name}: `make pictures` takes it"


def assert_every_step_in_order(page):
    """Check that the steps are numbered on, and that each promises something that can be seen."""
    numbers = [number for number, _ in steps(page)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [text for _, text in steps(page) if not re.search('"[^"]+"', text)] == []
