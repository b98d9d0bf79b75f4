"""A browser without a screen: asks an application, fills in its forms, and follows where a test says so."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode

import httpx

from tests.support.at_once import run_at_once

ORIGIN = "http://127.0.0.1"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}


@dataclass
class Form:
    """A form of a page: where it goes, and what is in it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    options: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.forms, self.words, self.tags = [], [], []

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "form":
            self.forms.append(Form(attributes["action"]))
        if tag == "input" and attributes.get("type") == "radio":
            self.forms[-1].options.append(attributes["value"])
        elif tag == "input":
            self.forms[-1].fields[attributes["name"]] = attributes.get("value", "")

    def handle_data(self, data):
        self.words.append(data)


class Page:
    """What was answered."""

    def __init__(self, response):
        self.status, self.headers, self.html = response.status_code, response.headers, response.text
        self._reader = _Reader()
        if "html" in self.headers.get("content-type", ""):
            self._reader.feed(self.html)

    @property
    def text(self):
        return " ".join(" ".join(self._reader.words).split())

    @property
    def form(self):
        (form,) = self._reader.forms
        return form

    @property
    def forms(self):
        return self._reader.forms

    def tags(self, name):
        return [attributes for tag, attributes in self._reader.tags if tag == name]

    @property
    def location(self):
        return self.headers.get("location", "")


class WebClient:
    """Asks an application from one address."""

    def __init__(self, app, client="192.0.2.1"):
        self._transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=(client, 4711))

    def ask(self, method, path, body=None, headers=None):
        return run_at_once(self._ask(method, path, body, headers or {}))

    async def _ask(self, method, path, body, headers):
        async with httpx.AsyncClient(transport=self._transport, base_url=ORIGIN) as client:
            return Page(await client.request(method, path, content=body, headers=headers))

    def get(self, path, **headers):
        return self.ask("GET", path, None, {name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path, fields, headers=FORM):
        return self.ask("POST", path, urlencode(fields), headers)

    def send(self, form, **chosen):
        """Send a form, filled in."""
        return self.post(form.action, form.fields | chosen)
