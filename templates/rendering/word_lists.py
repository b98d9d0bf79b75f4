"""The words that messages and posts should not have, or must, by language; a shop adds its own in its policy."""

ANY = "any"
FORBIDDEN = {
    ANY: ("wtf", "fuck*", "shit*"),
    "en": ("bullshit", "crap", "bastard*", "asshole*", "100% free", "act now", "click here", "risk-free", "you won"),
    "de": ("scheiß*", "scheiss*", "arsch*", "verdammt*", "100% gratis", "100 % gratis", "hier klicken"),
    "es": ("mierda*", "joder", "cabrón", "cabrones", "100% gratis", "100 % gratis", "haz clic aquí"),
    "fr": ("merde*", "putain*", "connard*", "100% gratuit", "100 % gratuit", "cliquez ici"),
    "pt": ("merda*", "porra", "caralho", "100% grátis", "100 % grátis", "clique aqui"),
}  # fmt: skip
CAREFUL = {
    "en": ("free", "guarantee*", "winner", "urgent", "oops", "unfortunately", "please note", "dear customer"),
    "de": ("gratis", "kostenlos*", "garantiert", "gewinner*", "dringend", "ups", "leider", "bitte beachten"),
    "es": ("gratis", "garantizado", "ganador*", "urgente", "ups", "desafortunadamente", "tenga en cuenta"),
    "fr": ("gratuit*", "garanti", "gagnant*", "urgent", "oups", "malheureusement", "veuillez noter"),
    "pt": ("grátis", "garantido", "ganhador*", "urgente", "ops", "infelizmente", "favor notar"),
}
REQUIRED = {
    "en": ("cancel*|withdraw*",),
    "de": ("storn*|widerruf*|kündig*",),
    "es": ("cancel*|anul*|desist*",),
    "fr": ("annul*|rétract*",),
    "pt": ("cancel*|desist*",),
}
"""A mail about a delay says how to cancel."""
