"""The recipes of docs/sources.md: all SELECTs of a shop over one export of German order positions."""

RECIPES = r"""## Recipes

These are all SELECTs of a shop whose system exports one file with a row for each position of an order, in Windows-1252,
with semicolons, decimal commas and dates such as 28.11.2026. A value that they do not recognize stays unchanged,
so that the row is rejected by file and line instead of being lost. This file has no data about cancelled orders,
partial shipments and gift cards: if yours has, yield them too, or those customers are told of a delay.

| problem | solution | in |
|---|---|---|
| dates as 28.11.2026 | `regexp_replace(x, '(\d\d)\.(\d\d)\.(\d{4})', '\3-\2-\1')` | orders, lines |
| amounts as 1.234,50 | `replace(replace(x, '.', ''), ',', '.')` if the comma is always there | orders, lines |
| yes and no in another language | `CASE lower(x) WHEN 'ja' THEN 'yes' ... ELSE x END` | customers |
| country names | `CASE x WHEN 'Deutschland' THEN 'DE' ... ELSE x END` | customers |
| one file of positions | `QUALIFY row_number() OVER (PARTITION BY ...) = 1` keeps one row | customers, orders |
| guests without a customer number, or with 0 | use the address as key, or else the order | customers, orders |
| shipping, coupons and blank positions | `coalesce(x, '') NOT IN ('', 'VERSAND')` | products, lines |
| cancelled orders, partial shipments, gift cards | `cancelled_at` or `deleted`, `shipped`, `virtual` | all |
| the promised date is the arrival | `'deliver' AS promise`, with `delivered_at` | lines |
| lines above the header | `read_csv('...', skip = 3, ...)` | stock |

In `shop.toml`, for the encoding:

```toml
[source]
kind = "files"
path = "data"
encoding = "cp1252"
```

```sql
-- customers.sql: the last row of each customer; a company without a person is greeted by its name.
SELECT
    coalesce(nullif(Kundennummer, '0'), lower("E-Mail"), 'order ' || Bestellnummer) AS id,
    coalesce(nullif(concat_ws(' ', Vorname, Nachname), ''), Firma) AS name,
    "E-Mail" AS email,
    CASE Land
        WHEN 'Deutschland' THEN 'DE' WHEN 'Österreich' THEN 'AT' WHEN 'Schweiz' THEN 'CH' ELSE Land
    END AS country,
    CASE lower(Werbung) WHEN 'ja' THEN 'yes' WHEN 'nein' THEN 'no' ELSE Werbung END AS marketing_consent
FROM 'Bestellungen_*.csv'
QUALIFY row_number() OVER (PARTITION BY id ORDER BY _file DESC, _line DESC) = 1
```

```sql
-- products.sql: articles that are sent, each once.
SELECT Artikelnummer AS id, Bezeichnung AS name
FROM 'Bestellungen_*.csv'
WHERE coalesce(Artikelnummer, '') NOT IN ('', 'VERSAND', 'GUTSCHEIN')
QUALIFY row_number() OVER (PARTITION BY Artikelnummer ORDER BY _file DESC, _line DESC) = 1
```

```sql
-- orders.sql: one row for each order; the customer's key is computed as in customers.sql.
SELECT
    Bestellnummer AS id,
    coalesce(nullif(Kundennummer, '0'), lower("E-Mail"), 'order ' || Bestellnummer) AS customer_id,
    regexp_replace(Bestelldatum, '(\d\d)\.(\d\d)\.(\d{4})', '\3-\2-\1') AS placed_at,
    replace(replace(Versandkosten, '.', ''), ',', '.') AS shipping_fee
FROM 'Bestellungen_*.csv'
QUALIFY row_number() OVER (PARTITION BY Bestellnummer ORDER BY _file DESC, _line) = 1
```

```sql
-- lines.sql
SELECT
    Bestellnummer AS order_id,
    Position AS number,
    Artikelnummer AS product_id,
    Menge AS quantity,
    replace(replace(Einzelpreis, '.', ''), ',', '.') AS price,
    'ship' AS promise,
    regexp_replace(Liefertermin, '(\d\d)\.(\d\d)\.(\d{4})', '\3-\2-\1') AS promised_on,
    regexp_replace("Neuer Termin", '(\d\d)\.(\d\d)\.(\d{4})', '\3-\2-\1') AS expected_on,
    regexp_replace(Versendet, '(\d\d)\.(\d\d)\.(\d{4})', '\3-\2-\1') AS shipped_at
FROM 'Bestellungen_*.csv'
WHERE coalesce(Artikelnummer, '') NOT IN ('', 'VERSAND', 'GUTSCHEIN')
```

```sql
-- stock.sql: a report with three lines above the header.
SELECT Artikel AS product_id, Lager AS location, Bestand AS on_hand
FROM read_csv('Lagerbestand.csv', skip = 3, delim = ';', encoding = 'cp1252', all_varchar = true)
```

```sql
-- excluded.sql
SELECT coalesce(Artikelnummer, 'without a number') || ': no article' AS reason, count(*) AS count
FROM 'Bestellungen_*.csv'
WHERE coalesce(Artikelnummer, '') IN ('', 'VERSAND', 'GUTSCHEIN')
GROUP BY Artikelnummer
```

For JSON from an API, one object with the orders in a list, use `unnest`:

```sql
SELECT o.id, o.customer.id AS customer_id, o.created_at AS placed_at
FROM (SELECT unnest(orders) AS o FROM 'orders.json')
```
"""
