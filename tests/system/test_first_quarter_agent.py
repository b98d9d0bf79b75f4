"""An agent's first quarter of an hour, followed word by word in a browser, on the demo as it is served.

With WRITE_PICTURES=1, as `make pictures` sets it, the pictures of the page are taken on the way.
"""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.browser import lacking, opened
from tests.support.desk_person import DeskPerson
from tests.support.paths import ROOT
from tests.support.serving import get
from tests.support.terminals import blocks, free_port, until

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking() or "all is there")

PAGE = ROOT / "docs" / "first-quarter-agent.md"
PICTURES = ROOT / "docs" / "pictures"
STEP = re.compile(r"^(\d+)\. (.*?)(?=^\d+\. |^## |^Serve the demo again|\Z)", re.MULTILINE | re.DOTALL)
DEED = re.compile(
    r"ress the line that begins with \*\*(?P<line>[^*]+)\*\*"
    r"|ress \*\*(?P<press>[^*]+)\*\*"
    r"|ype \*\*(?P<text>[^*]+)\*\* into \*\*(?P<field>[^*]+)\*\*"
    r"|the day \*\*(?P<day>[^*]+)\*\* as \*\*(?P<day_field>[^*]+)\*\*"
    r"|hoose \*\*(?P<choose>[^*]+)\*\*"
    r'|"(?P<seen>[^"]+)"'
    r"|!\[[^\]]*\]\(pictures/(?P<picture>[^)]+)\)"
)
SIZE = {"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": False}


def steps():
    """Return each step: its number and what it says, on one line."""
    return [(int(number), " ".join(text.split())) for number, text in STEP.findall(PAGE.read_text())]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Make and serve the demo as the page says, on another port; return its address, and what it prints."""
    place, port = tmp_path_factory.mktemp("agent"), free_port()
    ours = {key: value for key, value in os.environ.items() if not key.startswith(("FOREWARN_", "PREFECT_"))}
    ours |= {"PATH": f"{Path(sys.executable).parent}:{ours['PATH']}", "PYTHONUNBUFFERED": "1"}
    make, serve = blocks(PAGE.read_text())[0].strip().splitlines()
    done = subprocess.run(  # noqa: S603 - what our own page says
        [*make.split(), "--port", str(port)], cwd=place, env=ours, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said = place / "said"
    command = [*serve.split(), "--port", str(port)]
    with said.open("w") as out, subprocess.Popen(command, cwd=place, env=ours, stdout=out) as server:  # noqa: S603
        try:
            until(lambda: "Serving" in said.read_text() and get(f"http://127.0.0.1:{port}/desk").status, "it serves")
            yield f"http://127.0.0.1:{port}", said.read_text()
        finally:
            server.terminate()


def follow(person, deed):
    """Do one thing that a step says, or look for what it promises."""
    match deed:
        case {"line": str(words)}:
            person.press(words, "main a", begins=True)
        case {"press": str(words)}:
            person.press(words)
        case {"text": str(text), "field": str(label)}:
            person.type(text, label)
        case {"day": str(day), "day_field": str(label)}:
            person.type(day, label)
        case {"choose": str(words)}:
            person.choose(words)
        case {"seen": str(words)}:
            person.see(words)
        case {"picture": str(name)}:
            picture(person.driver, name)


def picture(driver, name):
    """Take the picture where it was asked for; it has to be there in any case."""
    if "WRITE_PICTURES" in os.environ:
        driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        taken = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        (PICTURES / name).write_bytes(base64.b64decode(taken["data"]))
    assert (PICTURES / name).is_file(), f"{name}: `make pictures` takes it"


def test_a_new_agent_can_follow_each_step_of_the_page(served):
    url, _ = served
    with opened() as driver:
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", SIZE)
        driver.get(f"{url}/desk")
        person = DeskPerson(driver)
        for number, text in steps():
            for found in DEED.finditer(text):
                try:
                    follow(person, {name: value for name, value in found.groupdict().items() if value is not None})
                except AssertionError as error:
                    raise AssertionError(f"step {number}, {found[0]}: {error}") from error


def test_the_demo_prints_the_desks_address_and_what_to_sign_in_with(served):
    url, said = served
    assert f"The desk of customer service: {url}/desk" in said
    for words in ("agent@example.com", "late orders, told early"):
        assert words in said
        assert words in steps()[0][1]
    front = get(f"{url}/").body.decode()
    assert 'href="/desk"' in front


def test_the_page_has_every_step_in_order():
    numbers = [number for number, _ in steps()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert all(re.search('"[^"]+"', text) for _, text in steps())
