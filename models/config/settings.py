"""What differs per deployment: `FOREWARN_*` in the environment or in `.env`; docs/settings.md lists it."""

import re
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)


class TransportKind(StrEnum):
    """A way out for one channel."""

    OUTBOX = "outbox"
    SENDGRID = "sendgrid"
    TWILIO = "twilio"
    X = "x"


PREFIX = "FOREWARN_"
OF_KUBERNETES = re.compile(r"\w*(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
"""Names that Kubernetes sets in every container beside a service that is called `forewarn` or `forewarn-...`."""


class Settings(BaseSettings):
    """What differs per deployment."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore")

    home: Path | None = Field(None, description="folder whose `var/` holds state; by default the shop folder's parent")
    shop: Path = Field(Path("shop"), description="the shop's folder")
    data: Path | None = Field(None, description="where the shop's files lie, when not where shop.toml says")
    database_url: SecretStr | None = Field(
        None,
        description="the ledger; by default SQLite in `var/` under the home, begun by the first run; docs/operate.md",
    )
    source_url: SecretStr | None = Field(None, description="the shop's own database, where its source is one")
    outbox_dir: Path | None = Field(None, description="folder of the local outbox; by default in `var/` under the home")

    storefront_dir: Path | None = Field(
        None, description="folder in which the storefront's notices are kept as files; by default none are"
    )

    email: TransportKind = Field(TransportKind.OUTBOX, description="door for mail: outbox or sendgrid")
    sms: TransportKind = Field(TransportKind.OUTBOX, description="door for texts: outbox or twilio")
    x: TransportKind = Field(TransportKind.OUTBOX, description="door for posts: outbox or x")

    redirect_email: str | None = Field(
        None, description="test address that gets every mail, by the real provider, in place of customers and vendors"
    )
    redirect_sms: str | None = Field(None, description="test number in E.164 that gets every text, in the same way")

    sendgrid_api_key: SecretStr | None = Field(None, description="API key with the right to send mail")
    sendgrid_url: str = Field("https://api.sendgrid.com", description="https://api.eu.sendgrid.com for EU accounts")
    sendgrid_sandbox: bool = Field(default=False, description="let SendGrid check every mail and deliver none")
    twilio_account_sid: SecretStr | None = Field(None, description="account that sends")
    twilio_auth_token: SecretStr | None = Field(None, description="its auth token")
    twilio_from: str | None = Field(None, description="sending number in E.164, or a messaging service (MG...)")
    twilio_url: str = Field("https://api.twilio.com", description="another address only for trials")
    x_consumer_key: SecretStr | None = Field(None, description="API key of the X app")
    x_consumer_secret: SecretStr | None = Field(None, description="its secret")
    x_access_token: SecretStr | None = Field(None, description="token of the account that posts")
    x_access_token_secret: SecretStr | None = Field(None, description="its secret")
    x_url: str = Field("https://api.twitter.com", description="another address only for trials")

    vendor_keys: SecretStr | None = Field(
        None, description='JSON object of vendors\' secrets by vendor id, as {"V1": "..."}: docs/vendors.md'
    )

    timeout: float = Field(15.0, gt=0, description="seconds a provider may take to answer")
    concurrency: int = Field(
        16, ge=1, le=500, description="requests under way at once on each channel of a deliver run"
    )
    batch_size: int = Field(500, ge=1, le=5000, description="orders or notices handled by one task run")
    lease_seconds: int = Field(
        600,
        ge=300,
        validate_default=True,
        description="seconds a claimed notice stays one worker's; above three times the timeout",
    )

    @property
    def keeps_outbox(self) -> bool:
        """Say whether any message goes to the local outbox."""
        return TransportKind.OUTBOX in (self.email, self.sms, self.x)

    @field_validator("lease_seconds")
    @classmethod
    def _outlasts_a_request(cls, lease: int, info: ValidationInfo) -> int:
        longest = 3 * info.data.get("timeout", 0)
        if lease <= longest:
            raise ValueError(f"must be above {longest:g}, for a request may last three times FOREWARN_TIMEOUT")
        return lease


class GivenSettings(Settings):
    """Settings that are what they are given, and else their defaults: no environment, no `.env`."""

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave out everything that others may have set."""
        return (init_settings,)


def unknown_names() -> dict[str, str]:
    """Return the names in the environment or `.env` that look like settings and are none, each with where it stands."""
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
    """Return the setting whose name is most like another."""
    known = [f"{PREFIX}{one.upper()}" for one in Settings.model_fields]
    return next(iter(get_close_matches(name, known, 1)), None)
