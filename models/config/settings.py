"""Define the settings of a deployment: `FOREWARN_*` in the environment or in `.env`, listed in docs/settings.md."""

import re
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from models.enums import Channel, SmtpTls


class TransportKind(StrEnum):
    """The transport that sends one channel's messages."""

    OFF = "off"
    """Nothing is sent, and nothing is written for it: for networks that a shop does not use."""
    OUTBOX = "outbox"
    SENDGRID = "sendgrid"
    SMTP = "smtp"
    TWILIO = "twilio"
    X = "x"
    FACEBOOK = "facebook"
    BLUESKY = "bluesky"
    MASTODON = "mastodon"
    LINKEDIN = "linkedin"


MAX_TIMEOUTS = 3
"""How many times the timeout one request may take: to connect, to send and to read."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Hosts of this machine, which are reached without https: for tests."""
PREFIX = "FOREWARN_"
OF_KUBERNETES = re.compile(r"\w*(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
"""Names that Kubernetes sets in every container if a service is called `forewarn` or `forewarn-...`."""


class Settings(BaseSettings):
    """The settings of a deployment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    home: Path | None = Field(
        None, description="folder with the state, in its `var/`; by default the parent of the shop's folder"
    )
    shop: Path = Field(Path("shop"), description="the shop's folder")
    data: Path | None = Field(None, description="folder of the shop's files; by default as in shop.toml")
    database_url: SecretStr | None = Field(
        None,
        description="the ledger; by default SQLite in the home's `var/`, created by the first run; docs/operate.md",
    )
    source_url: SecretStr | None = Field(None, description="the shop's own database, if its source is a database")
    outbox_dir: Path | None = Field(None, description="folder of the local outbox; by default in the home's `var/`")

    storefront_dir: Path | None = Field(
        None, description="folder to which storefront notices are written as files; by default none are"
    )

    email: TransportKind = Field(TransportKind.OUTBOX, description="transport of mail: outbox, sendgrid or smtp")
    sms: TransportKind = Field(TransportKind.OUTBOX, description="transport of texts: outbox or twilio")
    x: TransportKind = Field(TransportKind.OUTBOX, description="transport of posts on X: outbox or x")
    facebook: TransportKind = Field(
        TransportKind.OFF, description="transport of posts on a Facebook Page: off, outbox or facebook"
    )
    bluesky: TransportKind = Field(
        TransportKind.OFF, description="transport of posts on Bluesky: off, outbox or bluesky"
    )
    mastodon: TransportKind = Field(
        TransportKind.OFF, description="transport of posts on Mastodon: off, outbox or mastodon"
    )
    linkedin: TransportKind = Field(
        TransportKind.OFF, description="transport of posts on LinkedIn: off, outbox or linkedin"
    )

    redirect_email: str | None = Field(
        None, description="test address to which the provider delivers all mail instead of customers and vendors"
    )
    redirect_sms: str | None = Field(None, description="test number in E.164 to which the provider delivers all texts")

    sendgrid_api_key: SecretStr | None = Field(None, description="API key with the right to send mail")
    sendgrid_url: str = Field("https://api.sendgrid.com", description="https://api.eu.sendgrid.com for EU accounts")
    sendgrid_sandbox: bool = Field(default=False, description="SendGrid checks every mail and delivers none")
    smtp_host: str | None = Field(None, description="the shop's mail relay, as smtp.example.com")
    smtp_port: int = Field(587, ge=1, le=65535, description="its port: 587 for starttls, 465 for tls")
    smtp_tls: SmtpTls = Field(
        SmtpTls.STARTTLS,
        validate_default=True,
        description="starttls, tls (encrypted from the first byte), or none for a relay on this machine",
    )
    smtp_user: str | None = Field(None, description="name to sign in with; without it nobody signs in")
    smtp_password: SecretStr | None = Field(None, description="its password, or the provider's API key")
    smtp_bounces_to: str | None = Field(
        None, description="address to which relays report mails that did not arrive; by default the sender's"
    )
    twilio_account_sid: SecretStr | None = Field(None, description="SID of the Twilio account")
    twilio_auth_token: SecretStr | None = Field(
        None, description="the account's auth token: sends where no API key is set, and verifies callbacks"
    )
    twilio_api_key_sid: SecretStr | None = Field(
        None, description="SID of an API key (SK...) that sends in place of the auth token: docs/senders.md"
    )
    twilio_api_key_secret: SecretStr | None = Field(None, description="the API key's secret")
    twilio_from: str | None = Field(
        None,
        description="sending number in E.164, or the SID of a messaging service (MG...), where shop.toml names no "
        "`sender.sms.default`",
    )
    twilio_url: str = Field("https://api.twilio.com", description="for tests, the address of a local server")
    x_consumer_key: SecretStr | None = Field(None, description="API key of the X app")
    x_consumer_secret: SecretStr | None = Field(None, description="API key secret of the X app")
    x_access_token: SecretStr | None = Field(None, description="access token of the account that posts")
    x_access_token_secret: SecretStr | None = Field(None, description="access token secret of the account")
    x_url: str = Field(
        "https://api.x.com",
        description="X's API, by default at the host in its official description; for tests, a local server's address",
    )
    facebook_page: str | None = Field(None, description="number of the Facebook Page: docs/networks.md")
    facebook_page_token: SecretStr | None = Field(None, description="access token of the Page, not of a person")
    facebook_version: str = Field(
        "v25.0", pattern=r"^v\d+\.\d+$", description="version of the Graph API; Meta ends each after about two years"
    )
    facebook_url: str = Field("https://graph.facebook.com", description="for tests, the address of a local server")
    bluesky_handle: str | None = Field(None, description="handle of the Bluesky account, as lamps.bsky.social")
    bluesky_app_password: SecretStr | None = Field(None, description="an app password of the account, never its own")
    bluesky_url: str = Field("https://bsky.social", description="the account's server, where it is not Bluesky's own")
    mastodon_url: str | None = Field(None, description="the account's server, as https://mastodon.social")
    mastodon_token: SecretStr | None = Field(None, description="access token of the account, from its server")
    linkedin_organization: str | None = Field(None, description="number of the organisation's page on LinkedIn")
    linkedin_token: SecretStr | None = Field(None, description="access token of one who administers the page")
    linkedin_client_id: str | None = Field(
        None, description="id of the app that the token was made for: docs/networks.md"
    )
    linkedin_client_secret: SecretStr | None = Field(None, description="secret of that app")
    linkedin_refresh_token: SecretStr | None = Field(None, description="the token that renews the access token")
    linkedin_version: str = Field(
        "202605", pattern=r"^\d{6}$", description="version of the API, a month; LinkedIn ends each after about a year"
    )
    linkedin_url: str = Field("https://api.linkedin.com", description="for tests, the address of a local server")
    linkedin_sign_in_url: str = Field(
        "https://www.linkedin.com", description="for tests, the address of a local server that renews tokens"
    )

    vendor_keys: SecretStr | None = Field(
        None, description='JSON object of vendors\' secrets by vendor id, such as {"V1": "..."}: docs/vendors.md'
    )

    link_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="secret of the links to order pages; by default a file in the home's `var/`. Machines that share a "
        "ledger need the same one",
    )
    erasure_secret: SecretStr | None = Field(
        None,
        min_length=32,
        description="secret by which erased customers are recognised; by default a file in the home's `var/`. Machines "
        "that share a ledger need the same one: docs/privacy.md",
    )
    api_keys: SecretStr | None = Field(
        None, description="bearer keys of the JSON API, separated by commas, each of 32 characters or more"
    )
    metrics_key: SecretStr | None = Field(
        None,
        description="bearer key of `/metrics` and of the reasons in `/readyz`, of 32 characters or more; without it "
        "only this machine may ask",
    )
    webhook_url: str | None = Field(None, description="address that is told what customers choose: docs/choices.md")
    webhook_secret: SecretStr | None = Field(None, description="secret that signs it, as whsec_...")

    panel_hosts: str | None = Field(
        None,
        description="sites that may frame the side panel, separated by commas, as https://lantern.zendesk.com: "
        "docs/panel.md",
    )
    panel_key: SecretStr | None = Field(
        None,
        description="by which a ticket system's signed POST to the panel is checked: a secret of 32 characters or more "
        "(HS256), or the app's public key as PEM (RS256, as Zendesk signs)",
    )
    panel_audience: str | None = Field(None, description="whom the ticket system's token must be for: its `aud`")

    desk_url: str | None = Field(
        None,
        description="where staff reach `forewarn serve`, as https://desk.example.com; links for passwords and the "
        "company's sign-in lead there: docs/desk.md",
    )
    oidc_issuer: str | None = Field(
        None,
        description="the company's sign-in for the desk, by OpenID Connect: its issuer, as https://login.example.com",
    )
    oidc_client_id: str | None = Field(None, description="the desk's client id there")
    oidc_client_secret: SecretStr | None = Field(None, description="the client's secret; none for a public client")
    oidc_name: str = Field("your company", description="what the button says after `Sign in with`")
    oidc_roles_claim: str | None = Field(
        None,
        description="claim of the ID token with a person's groups; without it, people are invited and their roles set "
        "on the desk",
    )
    oidc_roles: str | None = Field(
        None, description='JSON object of roles by group, such as {"support": ["service"], "shop-admins": ["admin"]}'
    )

    callback_url: str | None = Field(
        None,
        description="where providers reach `forewarn serve`, as https://orders.example.com; they are told to send "
        "callbacks there: docs/callbacks.md",
    )
    twilio_shared_key: SecretStr | None = Field(
        None, description="secret of a shared key that signs Twilio's callbacks in place of the auth token"
    )
    sendgrid_event_keys: str | None = Field(
        None,
        description="verification key of SendGrid's event webhook; two, separated by a comma, while it is replaced",
    )

    timeout: float = Field(15.0, gt=0, description="seconds to reach a provider, and at least as many for its answer")
    concurrency: int = Field(16, ge=1, le=500, description="simultaneous requests of each channel in a deliver run")
    import_minutes: float = Field(
        15,
        ge=1,
        le=1440,
        description="minutes between two imports of a source that is a database; files are imported when they change",
    )
    batch_size: int = Field(500, ge=1, le=5000, description="orders or notices in one task run")
    lease_seconds: int = Field(
        600,
        ge=300,
        validate_default=True,
        description="seconds that a message being sent belongs to one worker; more than three times the timeout",
    )
    claim_ahead: int = Field(
        0,
        ge=0,
        le=500,
        description="messages marked as being sent beyond the simultaneous requests; faster, and more in doubt after a "
        "crash",
    )

    @property
    def keeps_outbox(self) -> bool:
        """Say whether any message goes to the local outbox."""
        return any(getattr(self, channel) is TransportKind.OUTBOX for channel in Channel)

    @field_validator("smtp_tls")
    @classmethod
    def _encrypted(cls, tls: SmtpTls, info: ValidationInfo) -> SmtpTls:
        if tls is SmtpTls.NONE and info.data.get("smtp_host") not in (None, *LOOPBACK):
            raise ValueError("mails and the password would cross the network in plain text; use starttls or tls")
        return tls

    @field_validator("callback_url")
    @classmethod
    def _reachable(cls, url: str | None) -> str | None:
        return None if url is None else callback_base(url)

    @field_validator("desk_url", "oidc_issuer")
    @classmethod
    def _secure(cls, url: str | None) -> str | None:
        return None if url is None else secure_base(url)

    @field_validator("mastodon_url", "bluesky_url")
    @classmethod
    def _encrypted_way(cls, url: str | None) -> str | None:
        return None if url is None else secure_base(url, "https://mastodon.social", "the token goes there")

    @field_validator("lease_seconds")
    @classmethod
    def _outlasts_a_request(cls, lease: int, info: ValidationInfo) -> int:
        longest = MAX_TIMEOUTS * info.data.get("timeout", 0)
        if lease <= longest:
            raise ValueError(f"must be above {longest:g}, because a request may take three times FOREWARN_TIMEOUT")
        return lease


def secure_base(url: str, example: str = "https://desk.example.com", why: str = "people sign in there") -> str:
    """Return an address without a slash at its end; raises ValueError for one that is not possible, or not https."""
    right = f"an address such as {example} is right"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(right) from error
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(right)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise ValueError(f"{why}, so only https is accepted; {right}")
    return url.rstrip("/")


def callback_base(url: str) -> str:
    """Return the address of callbacks without a slash at its end; raises ValueError for one that is not possible."""
    right = "an address such as https://orders.example.com is right"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise ValueError(right) from error
    if not host or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(right)
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise ValueError(f"callbacks name customers, so only https is accepted; {right}")
    if "_" in host:
        raise ValueError("Twilio calls no host with an underscore in its name")
    return url.rstrip("/")


class GivenSettings(Settings):
    """Settings with the given values and defaults only; reads neither the environment nor `.env`."""

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use no other source than the given values."""
        return (init_settings,)


def unknown_names() -> dict[str, str]:
    """Return the `FOREWARN_*` names that are not settings, each with its source: the environment or `.env`."""
    here = dict.fromkeys(DotEnvSettingsSource(Settings).env_vars, ".env")
    here |= dict.fromkeys(EnvSettingsSource(Settings).env_vars, "the environment")
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    ours = {name.upper(): where for name, where in sorted(here.items()) if name.upper().startswith(PREFIX)}
    return {
        name: where
        for name, where in ours.items()
        if name not in known and not OF_KUBERNETES.fullmatch(name.removeprefix(PREFIX))
    }


def nearest(name: str) -> str | None:
    """Return the setting whose name is most similar to the given one."""
    known = [f"{PREFIX}{field.upper()}" for field in Settings.model_fields]
    return next(iter(get_close_matches(name, known, 1)), None)
