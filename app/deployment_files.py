"""The file of a shop's deployments: `prefect.yaml` of the checkout, or a copy under the shop's own names.

Two shops can share a server of Prefect when each has its own names, work pool and worker.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from app.desk_links import shop_key
from models.config.settings import Settings
from models.config.shop import ShopConfig, ShopFolder
from models.errors import ForewarnError

COMMON = Path(__file__).parents[1] / "prefect.yaml"
NAME = "prefect.yaml"


def own_file_name(shop: ShopConfig) -> str:
    """Return the name of the file with a shop's own deployments."""
    return f"prefect.{shop_key(shop)}.yaml"


def deployment_file(settings: Settings, shop: ShopConfig) -> Path | None:
    """Return the file of the shop's deployments, its own before the common one; None where there is none."""
    return next((file for file in _places(settings, shop) if file.is_file()), None)


def _places(settings: Settings, shop: ShopConfig) -> Iterator[Path]:
    for name in (own_file_name(shop), NAME):
        for folder in (settings.home, COMMON.parent):
            if folder is not None:
                yield folder.resolve() / name


def name_suffix(file: Path, shop: ShopConfig) -> str:
    """Return what the deployments' names in a file end with; empty for the common names."""
    return "" if file.name == NAME else f"-{shop_key(shop)}"


def work_pool(settings: Settings, shop: ShopConfig) -> str:
    """Return the name of the work pool in which the shop's runs start. Raises ForewarnError."""
    file = deployment_file(settings, shop)
    if file is None:
        raise ForewarnError("there is no prefect.yaml: set FOREWARN_HOME to the checkout")
    try:
        return str(yaml.safe_load(file.read_text())["deployments"][0]["work_pool"]["name"])
    except (OSError, yaml.YAMLError, KeyError, IndexError, TypeError) as error:
        raise ForewarnError(f"{file} cannot be read, or its first deployment has no pool") from error


def own_deployments(folder: ShopFolder) -> str:
    """Return the common deployments as YAML, under the names of one shop. Raises ForewarnError without a checkout."""
    if not COMMON.is_file():
        raise ForewarnError("there is no prefect.yaml beside this program: run it from a checkout")
    shop = folder.shop
    key, content = shop_key(shop), yaml.safe_load(COMMON.read_text())
    content.pop("definitions", None)
    content["name"] = f"forewarn-{key}"
    content["deployments"] = [_own(one, key, folder) for one in content["deployments"]]
    head = (
        f"# The deployments of {shop.name}, which shares its server of Prefect with other shops.\n"
        f"# Written by `forewarn shop deployments`; write it again after an upgrade.\n"
    )
    return head + yaml.dump(content, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)


def _own(deployment: dict[str, Any], key: str, folder: ShopFolder) -> dict[str, Any]:
    pool = deployment["work_pool"]
    variables = pool.get("job_variables", {})
    env = variables.get("env", {}) | {"FOREWARN_SHOP": str(folder.path.resolve())}
    zone = {"timezone": folder.shop.zone}
    return deployment | {
        "name": f"{deployment['name']}-{key}",
        "tags": [*deployment["tags"], key],
        "work_pool": {"name": f"{pool['name']}-{key}", "job_variables": variables | {"env": env}},
        "schedules": [schedule | zone for schedule in deployment["schedules"]],
    }


class _Plain(yaml.SafeDumper):
    """Writes each value out: an anchor would be harder to change by hand."""

    def ignore_aliases(self, data: object) -> bool:
        return True
