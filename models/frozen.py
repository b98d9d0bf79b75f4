"""What is read from a shop's files, as `policy.toml`."""

from pydantic import BaseModel, ConfigDict


class Frozen(BaseModel):
    """A table of such a file: it never changes, and a key that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
