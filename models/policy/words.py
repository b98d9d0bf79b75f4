"""The policy's rules about words: which may not be written, and who approves them."""

from typing import Annotated

from pydantic import Field

from models.fields import FrozenModel

Words = dict[str, tuple[Annotated[str, Field(min_length=1, max_length=100)], ...]]
"""Words by language, as `{ en = ["cheap"], any = ["Acme"] }`; `any` holds for every language."""


class WordPolicy(FrozenModel):
    """Which words messages and posts may not have, or must. They are checked before new words are saved.

    A word matches whole and in any case; `*` at its end stands for any letters that follow.
    """

    built_in: bool = Field(default=True, description="whether Forewarn's own lists count, beside those here")
    forbidden: Words = Field({}, description="words that no message or post may have, by language; `any`: in each")
    careful: Words = Field({}, description="words that ask for a tick before they are saved, by language")
    required: Words = Field(
        {},
        description="words that every mail about a delay must have, by language; of several between `|` one is enough",
    )


class ApprovalPolicy(FrozenModel):
    """What a second person approves on the desk before it counts; one's own approval never does."""

    words: bool = Field(default=False, description="whether a second person approves the words of messages")
    policy: bool = Field(default=False, description="whether a second person approves the policy")
