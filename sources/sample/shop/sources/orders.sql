SELECT
    CAST(order_no AS VARCHAR)                       AS id,
    customer_no                                     AS customer_id,
    ordered_at                                      AS placed_at,
    cancelled_at,
    currency,
    CAST(shipping AS DECIMAL(10, 2))                AS shipping_fee,
    'https://shop.example.com/orders/' || order_no  AS url
FROM 'orders.csv'
