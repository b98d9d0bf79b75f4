"""Read the company's sign-in for the desk from FOREWARN_OIDC_*."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from models.config.settings import Settings
from models.errors import ForewarnError
from models.staff import Role

ISSUER, CLIENT, DESK = "FOREWARN_OIDC_ISSUER", "FOREWARN_OIDC_CLIENT_ID", "FOREWARN_DESK_URL"
ROLES, CLAIM = "FOREWARN_OIDC_ROLES", "FOREWARN_OIDC_ROLES_CLAIM"


@dataclass(frozen=True, slots=True)
class CompanySignInSettings:
    """A company's OpenID provider, and how it knows the desk."""

    issuer: str
    client_id: str
    client_secret: str | None
    name: str
    desk_url: str
    roles_claim: str
    """Empty: roles are set on the desk."""
    roles: Mapping[str, frozenset[Role]]
    """By the values of the claim."""
    timeout: float


def company_sign_in(settings: Settings) -> CompanySignInSettings | None:
    """Return the company's sign-in; None where none is set. Raises ForewarnError for one that is not whole."""
    if not settings.oidc_issuer:
        return None
    if not settings.oidc_client_id:
        raise ForewarnError(f"{CLIENT} is missing: {ISSUER} needs it")
    if not settings.desk_url:
        raise ForewarnError(f"{DESK} is missing: the company's sign-in sends people back there")
    secret = settings.oidc_client_secret
    return CompanySignInSettings(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=secret.get_secret_value() if secret else None,
        name=settings.oidc_name,
        desk_url=settings.desk_url,
        roles_claim=settings.oidc_roles_claim or "",
        roles=_roles(settings),
        timeout=settings.timeout,
    )


def _roles(settings: Settings) -> Mapping[str, frozenset[Role]]:
    if bool(settings.oidc_roles) != bool(settings.oidc_roles_claim):
        raise ForewarnError(f"{CLAIM} and {ROLES} are needed together, or neither")
    if not settings.oidc_roles:
        return {}
    right = '{"support": ["service"], "shop-admins": ["admin"]} is right'
    try:
        given = json.loads(settings.oidc_roles)
        return {str(group): frozenset(Role(role) for role in roles) for group, roles in given.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise ForewarnError(f"{ROLES}: it is no JSON object of roles by group; {right}") from error
