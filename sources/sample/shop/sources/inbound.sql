SELECT
    delivery_no  AS id,
    sku          AS product_id,
    vendor_no    AS vendor_id,
    qty          AS quantity,
    promised     AS promised_on,
    expected     AS expected_on,
    received_at,
    reason       AS delay_reason
FROM 'deliveries.csv'
