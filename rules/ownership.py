"""Whose a ledger is: one shop's, and no other's."""

from models.identity import Identity


def is_same_shop(owner: Identity, shop: Identity) -> bool:
    """Say whether a ledger's owner is this shop.

    The id decides, with the name: a copied folder keeps its id, and becomes another shop when its name changes. A
    shop without an id is its name and its folder; it stays the same shop when it gets an id there.
    """
    if owner.id is not None:
        return (owner.id, owner.name) == (shop.id, shop.name)
    return (owner.name, owner.folder) == (shop.name, shop.folder)


def refusal(owner: Identity, shop: Identity) -> str:
    """Say in one sentence why a shop's folder is refused at a ledger, and what to do."""
    whose = f"belongs to the shop {owner}, and {shop.folder} is {shop}"
    if owner.id is not None and owner.name == shop.name and shop.id is None:
        return f'{whose}: if it is that shop, add the line `id = "{owner.id}"` at the top of its shop.toml'
    if owner.folder == shop.folder:
        return (
            f"{whose}: after a rename or with a new id, `forewarn ledger adopt` takes the ledger over; "
            "to start with a new ledger, move this one away first"
        )
    if owner.id is not None and owner.id == shop.id:
        return (
            f"{whose}: a copy of a folder that is to be another shop needs another `id` in its shop.toml; "
            "after a rename, `forewarn ledger adopt` takes the ledger over"
        )
    if owner.id is None and owner.name == shop.name:
        return (
            f"{whose}: give each shop an `id` of its own in its shop.toml and a ledger of its own; "
            "if the folder has moved, `forewarn ledger adopt` takes the ledger over"
        )
    return (
        f"{whose}: name that shop's folder by --shop or FOREWARN_SHOP, or this shop's own ledger by "
        "FOREWARN_DATABASE_URL; after a rename, `forewarn ledger adopt` takes the ledger over"
    )
