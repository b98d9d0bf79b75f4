"""The recipes of docs/sources.md, run as they stand over a German shop's export, to the mails that customers get."""

import email
import email.policy
import json
import re
from datetime import date

import pytest

from models.config.shop import read_shop
from sources.check import check
from sources.reader import open_source
from sources.starter_folder import write_starter
from tests.cli.test_cli import forewarn
from tests.sources.test_reader import read
from tests.support.paths import ROOT

DAY = "2026-11-28"
PAGE = (ROOT / "docs" / "sources.md").read_text()
SELECTS = dict(re.findall(r"^```sql\n-- (\w+)\.sql.*?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
SOURCE = re.search(r"^```toml\n(\[source\]\n.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[1]

HEADER = (
    "Bestellnummer;Bestelldatum;Kundennummer;Firma;Vorname;Nachname;E-Mail;Land;Werbung;Position;Artikelnummer;"
    "Bezeichnung;Menge;Einzelpreis;Versandkosten;Liefertermin;Neuer Termin;Versendet;"
)
ROWS = """
1001;02.11.2026 14:05;0017;;Jürgen;Groß;Juergen@example.com;Deutschland;Nein;1;KM-L;Kaffeemühle „Größe L“ – 5 €;2;1.089,90;4,90;14.11.2026;05.12.2026;;
1001;02.11.2026 14:05;0017;;Jürgen;Groß;Juergen@example.com;Deutschland;Nein;2;VERSAND;Versandkosten;1;4,90;4,90;;;;
1002;03.11.2026;;;Zoë;Müller;ZOE@example.com;Österreich;ja;1;TA-R;Tasse rot;1;12,50;0,00;14.11.2026;01.12.2026;;
1003;04.11.2026;0;Möbel & Söhne GmbH;;;info@example.com;Schweiz;;1;TA-R;Tasse rot;3;12,50;0,00;14.11.2026;02.12.2026;;
1003;04.11.2026;0;Möbel & Söhne GmbH;;;info@example.com;Schweiz;;2;GUTSCHEIN;10 % Rabatt;1;-3,75;0,00;;;;
1003;04.11.2026;0;Möbel & Söhne GmbH;;;info@example.com;Schweiz;;3;;Danke!;1;0,00;0,00;;;;
1004;04.11.2026;0;;Ana;Kurz;;Deutschland;nein;1;TA-R;Tasse rot;1;12,50;0,00;14.11.2026;;;
1005;05.11.2026;18;;Uwe;Fertig;uwe@example.com;Deutschland;nein;1;TA-R;Tasse rot;1;12,50;0,00;14.11.2026;;13.11.2026 09:00;
1006;05.11.2026;;;Zoë;Müller;zoe@example.com;Österreich;ja;1;KM-L;Kaffeemühle „Größe L“ – 5 €;1;89,90;0,00;30.12.2026;;;
1007;06.11.2026;19;;Ida;Falsch;ida@example.com;Deutschland;vielleicht;1;TA-R;Tasse rot;1;12,50;0,00;31.02.2026;;;
;;;;;;;;;;;;;;;;;;
""".lstrip()  # noqa: E501 - as the export has it
STOCK = "Lagerbestand\nStand;28.11.2026\n\nArtikel;Lager;Bestand\nKM-L;Süd;0\nTA-R;Süd;7\n"


pytestmark = pytest.mark.server  # its commands are processes


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a folder with the shop of the recipes."""
    folder = tmp_path_factory.mktemp("recipes")
    write_starter(folder / "shop")
    toml = (folder / "shop" / "shop.toml").read_text()
    (folder / "shop" / "shop.toml").write_text(toml[: toml.index("[source]")] + SOURCE)
    for table, select in SELECTS.items():
        (folder / "shop" / "sources" / f"{table}.sql").write_text(select)
    data = folder / "shop" / "data"
    (data / "Bestellungen_2026-11-28.csv").write_bytes(f"{HEADER}\n{ROWS}".replace("\n", "\r\n").encode("cp1252"))
    (data / "Lagerbestand.csv").write_bytes(STOCK.encode("cp1252"))
    return folder


def test_the_recipes_tell_every_customer_order_and_line_as_the_export_means_it(place):
    told = {
        table: read(read_shop(place / "shop").path, table) for table in ("customers", "products", "orders", "lines")
    }
    people = {one.id: one for one in told["customers"][0]}
    assert {key: (one.name, one.country, one.marketing_consent) for key, one in people.items()} == {
        "0017": ("Jürgen Groß", "DE", False),
        "zoe@example.com": ("Zoë Müller", "AT", True),
        "info@example.com": ("Möbel & Söhne GmbH", "CH", False),
        "order 1004": ("Ana Kurz", "DE", False),
        "18": ("Uwe Fertig", "DE", False),
    }
    assert {one.id: one.customer_id for one in told["orders"][0]} == {
        "1001": "0017",
        "1002": "zoe@example.com",
        "1003": "info@example.com",
        "1004": "order 1004",
        "1005": "18",
        "1006": "zoe@example.com",
        "1007": "19",
    }
    assert {one.id: one.name for one in told["products"][0]} == {
        "KM-L": "Kaffeemühle „Größe L“ – 5 €",
        "TA-R": "Tasse rot",
    }
    first = told["lines"][0][0]
    assert (str(first.price), str(first.promised_on), str(first.expected_on)) == ("1089.90", "2026-11-14", "2026-12-05")
    assert [(one.order_id, one.number) for one in told["lines"][0]] == [
        (order, "1") for order in ("1001", "1002", "1003", "1004", "1005", "1006")
    ]
    refused = {table: [(one.line, one.column, one.value) for one in rows] for table, (_, rows) in told.items() if rows}
    assert refused == {
        "customers": [(11, "marketing_consent", "vielleicht")],
        "lines": [(11, "promised_on", "2026-02-31")],
    }


def test_the_check_counts_what_is_left_out_on_purpose(place):
    with open_source(read_shop(place / "shop")) as source:
        report = check(source, as_of=date.fromisoformat(DAY))
    assert {one.reason: one.count for one in report.excluded} == {
        "VERSAND: no article": 1,
        "GUTSCHEIN: no article": 1,
        "without a number: no article": 1,
    }
    assert report.rows["stock"] == 2


def test_the_mails_go_to_the_customers_of_the_export_with_its_dates(place):
    report = json.loads(forewarn(place, "run", "--import", "--as-of", DAY, "--json").stdout)
    assert {table: counts["rejected"] for table, counts in report["imported"].items() if counts["rejected"]} == {
        "customers": 1,
        "orders": 1,
        "lines": 1,
    }
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in place.rglob("*.eml")]
    # The mug is in stock, so it leaves on the next working day; the mill waits for the date in the export.
    assert {mail["To"].addresses[0].addr_spec: mail["Subject"] for mail in mails} == {
        "juergen@example.com": "Long delay: now expected December 5 (order 1001)",
        "zoe@example.com": "Long delay: now expected November 30 (order 1002)",
        "info@example.com": "Long delay: now expected November 30 (order 1003)",
    }
    greeted = {mail.get_body(("plain",)).get_content().partition("\n")[0] for mail in mails}
    assert greeted == {"Hello Jürgen Groß,", "Hello Zoë Müller,", "Hello Möbel & Söhne GmbH,"}
    assert report["skipped"] == {"no_address": 1}
