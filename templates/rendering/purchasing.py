"""The words of a mail that carries a purchase request, in the shop's language."""

from pathlib import Path

from models.config.shop import ShopConfig
from models.purchasing import PurchaseRequestData
from templates.rendering import size_limits as fit
from templates.rendering.environment import environment, faults_named
from templates.rendering.formats import known, match
from templates.rendering.template_fields import shop_view
from templates.rendering.view_models import named

PURCHASE = "purchase"
PURCHASE_PARTS = ("subject.txt", "body.txt")


class PurchaseWords:
    """A shop's words to its vendors, ours where it has none of its own."""

    def __init__(self, shop: ShopConfig, own: Path | None = None) -> None:
        self._shop, self._environment = shop, environment(own)
        there = {name.split(".")[1] for name in self._environment.list_templates() if name.startswith(f"{PURCHASE}/")}
        found = match(shop.locale, there)
        self.locale, self._formats = found or "en", str(known(shop.locale)) if found else "en"

    def write(self, purchase: PurchaseRequestData, vendor: str) -> tuple[str, str]:
        """Return the subject and the text of a purchase request's mail; raises BadWords."""
        given = {
            "shop": shop_view(self._shop, self.locale),
            "lang": self.locale.replace("_", "-"),
            "locale": self._formats,
            "vendor": named(vendor),
            "request": purchase.request,
            "asked_on": purchase.asked_on,
            "lines": len(purchase.items),
            "pieces": sum(item.quantity for item in purchase.items),
            "direct": any(item.drop_shipped for item in purchase.items),
            "reminds": purchase.reminds is not None,
        }
        return self._part("subject", given).strip(), self._part("body", given)

    def _part(self, part: str, given: dict[str, object]) -> str:
        name = f"{PURCHASE}/{part}.{self.locale}.txt"
        with faults_named(name):
            template = self._environment.get_template(name)
            said = template.render(given).strip()
        fit.line(template, said)
        return said + "\n"
