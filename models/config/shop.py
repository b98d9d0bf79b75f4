"""Read a shop's folder: `shop.toml` and `policy.toml`, beside `sources/*.sql` and `templates/`."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, EmailStr, Field, ValidationError, ValidationInfo, field_validator

from models.config.known_keys import no_such_key
from models.config.text_senders import TextSenders, check_names
from models.config.vendor_transports import VendorTransport, Warehouse
from models.customers import Act
from models.errors import BadShop
from models.fields import Country, Encoding, FrozenModel
from models.identity import Identity, plain_slug, slug
from models.policy.policy import Policy

Model = TypeVar("Model", bound=BaseModel)
SHOP_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,59}")


Texts = str | dict[str, str]
"""One text for all languages, or one for each, as `{ en = "...", pt_BR = "..." }`."""


def in_language(texts: Texts | None, *languages: str) -> str | None:
    """Return the text in the first of the languages that has one; `pt_BR` also matches `pt`, and the reverse."""
    if texts is None or isinstance(texts, str):
        return texts
    from babel import Locale

    for requested in languages:
        language = Locale.parse(requested, sep=_separator(requested)).language
        of_language = sorted(name for name in texts if Locale.parse(name).language == language)
        if of_language:
            exact = (name for name in (requested, language) if name in of_language)
            return texts[next(exact, of_language[0])]
    return None


def _separator(locale: str) -> str:
    return "-" if "-" in locale else "_"


def _by_language(_: type[BaseModel], texts: Texts | None) -> Texts | None:
    return {_locale_named(name): text for name, text in texts.items()} if isinstance(texts, dict) else texts


def _locale_named(name: str) -> str:
    # Here, because only a shop that names a language needs Babel to read its settings.
    from babel import Locale, UnknownLocaleError

    try:
        return str(Locale.parse(name, sep=_separator(name)))
    except (ValueError, UnknownLocaleError) as error:
        raise ValueError(f"no locale is named {name!r}; one such as 'en' or 'pt_BR' is right") from error


class Sender(FrozenModel):
    """The sender of the messages."""

    name: str = Field(min_length=1)
    email: EmailStr
    reply_to: EmailStr | None = None
    sms: TextSenders = Field(
        {},
        description="what texts are sent from, by country of the number that gets one, and `default` for the others: "
        "a number in E.164, a messaging service (MG...) or a name",
    )

    @field_validator("sms")
    @classmethod
    def _names(cls, senders: TextSenders) -> TextSenders:
        check_names(senders)
        return senders


class Help(FrozenModel):
    """How a customer reaches the shop."""

    email: EmailStr
    phone: Texts | None = None
    hours: Texts | None = Field(None, description="omitted in a language that has none")

    _languages = field_validator("phone", "hours")(classmethod(_by_language))


def _link_validator(*names: str) -> Any:
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
    """Addresses of the shop's pages. `{order}`, `{product}` and `{category}` are replaced by ids."""

    home: str
    order: str = Field(description="for orders without a link of their own")
    product: str | None = None
    category: str | None = None
    help: Texts | None = None

    _languages = field_validator("help")(classmethod(_by_language))
    _home = field_validator("home", "help")(_link_validator())
    _order = field_validator("order")(_link_validator("order"))
    _product = field_validator("product")(_link_validator("product"))
    _category = field_validator("category")(_link_validator("category"))


def _https(_: type[BaseModel], link: Any) -> Any:
    for each in link.values() if isinstance(link, dict) else (link,):
        if each is not None and not str(each).startswith(("https://", "http://")):
            raise ValueError("a link begins with https://")
    return link


class Brand(FrozenModel):
    """How the shop looks and signs: the same in mails, on the order page and in storefront notices."""

    logo: str | None = Field(None, description="address of the logo, a PNG or JPEG; by default the name is shown")
    logo_dark: str | None = Field(None, description="address of the logo for dark screens")
    accent: str | None = Field(
        None,
        pattern="^#[0-9a-fA-F]{6}$",
        description="colour of buttons and links, as #0a5a8a; made lighter or darker where it could not be read",
    )
    legal: Texts | None = Field(None, description="the legal footer: company, address, register, as the law asks")
    imprint_url: Texts | None = Field(None, description="the page with the legal notice")
    privacy_url: Texts | None = Field(None, description="the page about privacy")

    _languages = field_validator("legal", "imprint_url", "privacy_url")(classmethod(_by_language))
    _links = field_validator("logo", "logo_dark", "imprint_url", "privacy_url")(classmethod(_https))


class OrderPages(FrozenModel):
    """The order pages that `forewarn serve` shows to customers."""

    url: str = Field(description="where customers reach `forewarn serve`, as https://orders.example.com")
    choices: tuple[Act, ...] = Field(tuple(Act), description="what customers may choose there")

    @field_validator("url")
    @classmethod
    def _url(cls, url: str) -> str:
        _https(cls, url)
        return url.rstrip("/")


class Source(FrozenModel):
    """The source of the shop's facts."""

    kind: str = Field("files", pattern="^(files|database)$")
    path: Path | None = Field(None, description="for files: their folder, relative to the shop's folder")
    encoding: Encoding | None = Field(
        None, description="for files: encoding of delimited files that are not UTF-8, such as cp1252"
    )
    zone: str | None = Field(None, description="time zone of moments without an offset; by default the shop's")
    orders: Literal["all", "open"] | None = Field(
        None,
        description="which orders orders.sql returns: `all`, so a missing one is cancelled; or all `open` ones, so "
        "a missing one is done; by default a missing one stays open",
    )


class DeskConfig(FrozenModel):
    """What the shop's staff may do on the desk."""

    edits: bool | None = Field(
        None,
        description="whether messages and policy may be edited on the desk, which writes the files of this folder; by "
        "default not where the folder is kept in git",
    )


class ShopConfig(FrozenModel):
    """The settings of `shop.toml`."""

    id: str | None = Field(None, description="identifies the shop in its ledger, which accepts no other shop")
    name: str = Field(min_length=1)
    sms_name: str | None = Field(
        None,
        min_length=1,
        max_length=30,
        description="the shop's name in texts, if `name` is long or needs more parts",
    )
    zone: str
    locale: str = "en"
    country: Country = Field(description="the country of phone numbers without a country code")
    currency: str = Field(pattern="^[A-Z]{3}$")
    sender: Sender
    help: Help
    links: Links
    brand: Brand = Brand()
    order_pages: OrderPages | None = Field(None, description="without it, messages link to `links.order`")
    source: Source = Source()
    desk: DeskConfig = DeskConfig()
    warehouse: Warehouse | None = None
    vendor: dict[str, VendorTransport] = Field({}, description="by vendor id, how it receives purchase requests")

    @field_validator("sender")
    @classmethod
    def _default_name(cls, sender: Sender, info: ValidationInfo) -> Sender:
        try:
            check_names(sender.sms, info.data.get("country", ""))
        except ValueError as error:
            raise ValueError(f"sms.{error}") from error
        return sender

    @field_validator("id")
    @classmethod
    def _id(cls, key: str | None) -> str | None:
        if key is not None and not SHOP_ID.fullmatch(key):
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
    """A shop's folder, read and validated."""

    path: Path
    shop: ShopConfig
    policy: Policy

    @property
    def identity(self) -> Identity:
        """Return the shop's identity."""
        return Identity(self.shop.id, self.shop.name, str(self.path))

    @property
    def state_names(self) -> tuple[str, ...]:
        """Return the possible names of the state folder: the current one, then those of earlier versions."""
        names = (self.shop.id, slug(self.shop.name), plain_slug(self.shop.name))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def own_templates(self) -> Path | None:
        """Return the folder of the shop's own messages; None if it has none."""
        folder = self.path / "templates"
        return folder if folder.is_dir() else None

    @property
    def selects(self) -> Path:
        """Return the folder of the shop's SELECTs."""
        return self.path / "sources"

    @property
    def data(self) -> Path:
        """Return the folder of the shop's data files."""
        return (self.path / (self.shop.source.path or Path("data"))).resolve()


def read_shop(path: Path) -> ShopFolder:
    """Read and validate a shop's folder. Raises BadShop: one sentence with file, key, value and the correction."""
    folder = path.resolve()
    if not (folder / "shop.toml").is_file():
        raise BadShop(f"{folder} is no shop folder: it has no shop.toml; `forewarn shop init {path}` makes one")
    shop = _read(folder / "shop.toml", ShopConfig)
    return ShopFolder(folder, shop, read_policy(folder))


def read_policy(folder: Path) -> Policy:
    """Read and validate the policy of a shop's folder; without a file it is the default. Raises BadShop."""
    file = folder / "policy.toml"
    return _read(file, Policy) if file.is_file() else Policy()


def _read(file: Path, model: type[Model]) -> Model:
    try:
        with file.open("rb") as stream:
            return model.model_validate(tomllib.load(stream))
    except tomllib.TOMLDecodeError as error:
        raise BadShop(f"{file}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise BadShop(f"{file}: {sentence(error, model)}") from error


def sentence(error: ValidationError, model: type[BaseModel] | None = None) -> str:
    """Return the first problem that pydantic reports, as one sentence that names the key.

    An unknown key comes first: if it is mistyped, the correct key is missing as a result.
    """
    problems = error.errors(include_url=False)
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    key = ".".join(str(part) for part in first["loc"]) or "the file"
    if model is not None and first["type"] == "extra_forbidden":
        return f"{key}: {no_such_key(model, first['loc'])}"
    message = first["msg"].removeprefix("Value error, ")
    value = first["input"]
    shown = f" (found {value!r})" if isinstance(value, str | int | float | bool) else ""
    return f"{key}: {message}{shown}"
