"""Render the mails that carry purchase requests to vendors."""

from pathlib import Path

from models.config.shop import ShopConfig
from models.purchasing import PurchaseRequestData
from templates.rendering import size_limits
from templates.rendering.environment import make_environment, template_errors
from templates.rendering.formats import match_locale, parse_locale
from templates.rendering.names import display_name
from templates.rendering.shop_views import shop_view
from templates.rendering.variables import CommonVariables, PurchaseVariables

PURCHASE = "purchase"
PURCHASE_PARTS = ("subject.txt", "body.txt")


class PurchaseRenderer:
    """Renders the mails that carry purchase requests to vendors, in the shop's language if it has templates."""

    def __init__(self, shop: ShopConfig, own: Path | None = None) -> None:
        self._shop, self._jinja = shop, make_environment(own)
        files = self._jinja.list_templates()
        available = {file.split(".")[1] for file in files if file.startswith(f"{PURCHASE}/")}
        matching = match_locale(shop.locale, available)
        self.language = matching or "en"
        self._locale = str(parse_locale(shop.locale)) if matching else "en"

    def render(self, purchase: PurchaseRequestData, vendor: str) -> tuple[str, str]:
        """Return subject and text of a purchase request's mail; raises TemplateError."""
        common: CommonVariables = {
            "shop": shop_view(self._shop, self.language),
            "lang": self.language.replace("_", "-"),
            "locale": self._locale,
        }
        request: PurchaseVariables = {
            "vendor": display_name(vendor),
            "request": purchase.request,
            "requested_on": purchase.asked_on,
            "lines": len(purchase.items),
            "pieces": sum(item.quantity for item in purchase.items),
            "has_drop_shipped": any(item.drop_shipped for item in purchase.items),
            "is_reminder": purchase.reminder_of is not None,
        }
        variables = {**common, **request}
        return self._render_part("subject", variables).strip(), self._render_part("body", variables)

    def _render_part(self, part: str, variables: dict[str, object]) -> str:
        file = f"{PURCHASE}/{part}.{self.language}.txt"
        with template_errors(file):
            template = self._jinja.get_template(file)
            text = template.render(variables).strip()
        size_limits.check_text(template, text)
        return text + "\n"
