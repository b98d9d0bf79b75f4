"""Why a choice is not recorded: each error has what the customer is shown instead."""

from models.customers import Choice, OrderPage
from models.errors import ForewarnError


class ChoiceConflict(ForewarnError):
    """Raised where another choice was made since the form was shown; `standing` is the newest one that stands."""

    def __init__(self, standing: Choice) -> None:
        super().__init__(f"order {standing.order_id} was answered meanwhile: {standing.act}, {standing.id}")
        self.standing = standing


class ChoiceNotPossible(ForewarnError):
    """Raised where a choice cannot be recorded; `page` is the order as it is now."""

    sentence = "this choice is not possible"

    def __init__(self, page: OrderPage) -> None:
        super().__init__(f"order {page.order_id}: {self.sentence}")
        self.page = page


class StatementChanged(ChoiceNotPossible):
    """Raised where the form stated something else than what would be done now."""

    sentence = "what the form said is not what would be done now"


class TooLate(ChoiceNotPossible):
    """Raised where the warehouse has taken the goods, or the time to take a choice back is over."""

    sentence = "it is too late to change this"


class SubstituteGone(ChoiceNotPossible):
    """Raised where the product to swap for is not in stock any more."""

    sentence = "the substitute is not in stock any more"


class NotOffered(ChoiceNotPossible):
    """Raised where the choice is not offered for this order."""

    sentence = "this choice is not offered"
