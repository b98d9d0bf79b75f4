"""The policy's rules about words: who approves them."""

from pydantic import Field

from models.fields import FrozenModel


class ApprovalPolicy(FrozenModel):
    """What a second person approves on the desk before it counts; one's own approval never does."""

    words: bool = Field(default=False, description="whether a second person approves the words of messages")
    policy: bool = Field(default=False, description="whether a second person approves the policy")
