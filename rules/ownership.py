"""Decide whether a ledger belongs to a shop."""

from models.identity import Identity


def is_same_shop(owner: Identity, shop: Identity) -> bool:
    """Return whether a ledger's owner is this shop.

    * An owner with an id: id and name must match. A copy of a folder keeps the id, but gets another name.
    * An owner without an id: name and folder must match, even when the shop has an id by now.
    """
    if owner.id is not None:
        return (owner.id, owner.name) == (shop.id, shop.name)
    return (owner.name, owner.folder) == (shop.name, shop.folder)


def refusal(owner: Identity, shop: Identity) -> str:
    """Return one sentence that says why a ledger refuses a shop's folder, and what to do."""
    mismatch = f"belongs to the shop {owner}, and {shop.folder} is {shop}"
    if owner.id is not None and owner.name == shop.name and shop.id is None:
        return f'{mismatch}: if it is that shop, add the line `id = "{owner.id}"` at the top of its shop.toml'
    if owner.folder == shop.folder:
        return (
            f"{mismatch}: after a rename or with a new id, `forewarn ledger adopt` takes the ledger over; "
            "to start with a new ledger, move this one away first"
        )
    if owner.id is not None and owner.id == shop.id:
        return (
            f"{mismatch}: a copy of a folder that is to be another shop needs another `id` in its shop.toml; "
            "after a rename, `forewarn ledger adopt` takes the ledger over"
        )
    if owner.id is None and owner.name == shop.name:
        return (
            f"{mismatch}: give each shop an `id` of its own in its shop.toml and a ledger of its own; "
            "if the folder has moved, `forewarn ledger adopt` takes the ledger over"
        )
    return (
        f"{mismatch}: name that shop's folder by --shop or FOREWARN_SHOP, or this shop's own ledger by "
        "FOREWARN_DATABASE_URL; after a rename, `forewarn ledger adopt` takes the ledger over"
    )
