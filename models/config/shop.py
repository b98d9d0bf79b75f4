"""A shop is one folder: `shop.toml`, `policy.toml`, `sources/*.sql`, `templates/`."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from pydantic import BaseModel, EmailStr, Field, ValidationError, field_validator

from models.config.known_keys import no_such_key
from models.config.vendor_transports import VendorDoor, Warehouse
from models.errors import BadShop
from models.fields import Country, Encoding, FrozenModel
from models.identity import Identity, plain_slug, slug
from models.policy.policy import Policy

Model = TypeVar("Model", bound=BaseModel)
ID = re.compile(r"[a-z0-9][a-z0-9-]{2,59}")


Texts = str | dict[str, str]
"""One text for all, or one for each language, as `{ en = "...", pt_BR = "..." }`."""


def in_language(texts: Texts | None, *languages: str) -> str | None:
    """Return the text of the first of these languages that has one, by country or by language alone."""
    if texts is None or isinstance(texts, str):
        return texts
    for asked in languages:
        language = Locale.parse(asked, sep=_between(asked)).language
        kin = sorted(name for name in texts if Locale.parse(name).language == language)
        if kin:
            return texts[next((name for name in (asked, language) if name in kin), kin[0])]
    return None


def _between(locale: str) -> str:
    return "-" if "-" in locale else "_"


def _by_language(_: type[BaseModel], texts: Texts | None) -> Texts | None:
    return {_locale_named(name): text for name, text in texts.items()} if isinstance(texts, dict) else texts


def _locale_named(name: str) -> str:
    try:
        return str(Locale.parse(name, sep=_between(name)))
    except (ValueError, UnknownLocaleError) as error:
        raise ValueError(f"no locale is named {name!r}; one such as 'en' or 'pt_BR' is right") from error


class Sender(FrozenModel):
    """Who the messages come from."""

    name: str = Field(min_length=1)
    email: EmailStr
    reply_to: EmailStr | None = None


class Help(FrozenModel):
    """How a customer reaches the shop."""

    email: EmailStr
    phone: Texts | None = None
    hours: Texts | None = Field(None, description="in a language that has none they are left out")

    _languages = field_validator("phone", "hours")(classmethod(_by_language))


def _filled(*names: str) -> Any:
    def check(model: type[BaseModel], link: Texts | None) -> Texts | None:
        if isinstance(link, dict):
            return {language: str(check(model, one)) for language, one in link.items()}
        if link is None:
            return None
        if not link.startswith(("https://", "http://")):
            raise ValueError("a link begins with https://")
        unknown = set(re.findall(r"{(\w*)}", link)) - set(names)
        if unknown:
            raise ValueError(f"{{{unknown.pop()}}} is not known here; {', '.join(f'{{{n}}}' for n in names)} is right")
        return link

    return classmethod(check)


class Links(FrozenModel):
    """Addresses of the shop's pages; `{order}`, `{product}` and `{category}` are filled in."""

    home: str
    order: str = Field(description="used for orders that bring no link of their own")
    product: str | None = None
    category: str | None = None
    help: Texts | None = None

    _languages = field_validator("help")(classmethod(_by_language))
    _home = field_validator("home", "help")(_filled())
    _order = field_validator("order")(_filled("order"))
    _product = field_validator("product")(_filled("product"))
    _category = field_validator("category")(_filled("category"))


class Source(FrozenModel):
    """Where the shop's facts come from."""

    kind: str = Field("files", pattern="^(files|database)$")
    path: Path | None = Field(None, description="for files: the folder they lie in, seen from the shop's folder")
    encoding: Encoding | None = Field(None, description="for files: of delimited ones that are not UTF-8, as cp1252")
    zone: str | None = Field(None, description="zone of moments that carry none; the shop's where it is not given")
    orders: Literal["all", "open"] | None = Field(
        None,
        description="what orders.sql yields: `all` orders, so that one it leaves out is gone; or all `open` ones, so "
        "that one it leaves out is done; without it, what it leaves out stays as it was",
    )


class ShopConfig(FrozenModel):
    """`shop.toml`: who the shop is."""

    id: str | None = Field(None, description="which shop it is, for ever: its ledger takes no other")
    name: str = Field(min_length=1)
    sms_name: str | None = Field(
        None, min_length=1, max_length=30, description="the shop's name in texts, where `name` is long or costs parts"
    )
    zone: str
    locale: str = "en"
    country: Country = Field(description="where numbers without a country code belong")
    currency: str = Field(pattern="^[A-Z]{3}$")
    sender: Sender
    help: Help
    links: Links
    source: Source = Source()
    warehouse: Warehouse | None = None
    vendor: dict[str, VendorDoor] = Field({}, description="by a vendor's id, how it takes purchase requests")

    @field_validator("id")
    @classmethod
    def _id(cls, key: str | None) -> str | None:
        if key is not None and not ID.fullmatch(key):
            raise ValueError("3 to 60 small letters a to z, digits and hyphens are right, as in 'north-3f9a1c2b'")
        return key

    @field_validator("zone")
    @classmethod
    def _zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError("no time zone of that name; one such as 'Europe/Berlin' is right") from error
        return zone

    @field_validator("locale")
    @classmethod
    def _locale(cls, locale: str) -> str:
        return _locale_named(locale)


@dataclass(frozen=True, slots=True)
class ShopFolder:
    """A shop's folder, read and checked."""

    path: Path
    shop: ShopConfig
    policy: Policy

    @property
    def identity(self) -> Identity:
        """Return which shop it is."""
        return Identity(self.shop.id, self.shop.name, str(self.path))

    @property
    def state_names(self) -> tuple[str, ...]:
        """Return the names that the folder of its state may have: the first is right, the others are of older days."""
        names = (self.shop.id, slug(self.shop.name), plain_slug(self.shop.name))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def own_templates(self) -> Path | None:
        """Return the folder of the shop's own messages; None if it has none."""
        folder = self.path / "templates"
        return folder if folder.is_dir() else None

    @property
    def selects(self) -> Path:
        """Return where the shop's SELECTs are."""
        return self.path / "sources"

    @property
    def data(self) -> Path:
        """Return where the shop's files are."""
        return (self.path / (self.shop.source.path or Path("data"))).resolve()


def read_shop(path: Path) -> ShopFolder:
    """Read a shop's folder; raises BadShop with one sentence that names file, key, value and what would be right."""
    folder = path.resolve()
    if not (folder / "shop.toml").is_file():
        raise BadShop(f"{folder} is no shop folder: it has no shop.toml; `forewarn shop init {path}` makes one")
    shop = _read(folder / "shop.toml", ShopConfig)
    policy_file = folder / "policy.toml"
    return ShopFolder(folder, shop, _read(policy_file, Policy) if policy_file.is_file() else Policy())


def _read(file: Path, model: type[Model]) -> Model:
    try:
        with file.open("rb") as stream:
            return model.model_validate(tomllib.load(stream))
    except tomllib.TOMLDecodeError as error:
        raise BadShop(f"{file}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise BadShop(f"{file}: {sentence(error, model)}") from error


def sentence(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Say the first thing that pydantic found wrong with a model, as one sentence that names the key.

    A key that the model does not know goes first: where it is a mistyped one, another is missing because of it.
    """
    found = error.errors(include_url=False)
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if model is not None and first["type"] == "extra_forbidden":
        return f"{key}: {no_such_key(model, first['loc'])}"
    said = first["msg"].removeprefix("Value error, ")
    value = first["input"]
    shown = f" (found {value!r})" if isinstance(value, str | int | float | bool) else ""
    return f"{key}: {said}{shown}"
