SELECT
    CAST(order_no AS VARCHAR)                                    AS order_id,
    CAST(line AS VARCHAR)                                        AS number,
    sku                                                          AS product_id,
    qty                                                          AS quantity,
    CAST(unit_price AS DECIMAL(10, 2))                           AS price,
    CASE promise WHEN 'dispatch' THEN 'ship' ELSE 'deliver' END  AS promise,
    promised                                                     AS promised_on,
    expected                                                     AS expected_on,
    dispatched_at                                                AS shipped_at,
    delivered_at,
    cancelled_at,
    ship_by,
    'Berlin'                                                     AS ships_from,
    carrier,
    service,
    scanned_at                                                   AS tracked_at,
    scan                                                         AS tracked_status
FROM 'order_lines.csv'
