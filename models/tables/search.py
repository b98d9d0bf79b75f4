"""By what staff find customers and products: folded keys beside the shop's facts, written as those are imported."""

from typing import Any

from sqlalchemy import Column, Index, String
from sqlmodel import Field, SQLModel


def key(**column: Any) -> Any:
    """Return the column of a key, which is compared character by character on every database."""
    return Field(sa_column=Column(SEARCH_KEY, nullable=False, **column))


SEARCH_KEY = String().with_variant(String(collation="C"), "postgresql")


class CustomerSearch(SQLModel, table=True):
    """The keys of one customer."""

    __tablename__ = "customer_search"
    __table_args__ = (
        Index("ix_customer_search_name", "name"),
        Index("ix_customer_search_family", "family"),
        Index("ix_customer_search_mail", "mail"),
        Index("ix_customer_search_phone", "phone"),
    )

    customer_id: str = Field(primary_key=True)
    name: str = key()
    family: str = key()
    mail: str = key()
    phone: str = key()


class ProductWord(SQLModel, table=True):
    """One word of a product's name."""

    __tablename__ = "product_word"
    __table_args__ = (Index("ix_product_word_product_id", "product_id"),)

    word: str = key(primary_key=True)
    product_id: str = Field(primary_key=True)
