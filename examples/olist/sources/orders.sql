-- Orders without items have nothing that could be late; excluded.sql counts them.
-- The data do not say when an order was cancelled: it counts as cancelled from the start.
SELECT
    o.order_id AS id,
    o.customer_id,
    o.order_purchase_timestamp AS placed_at,
    CASE WHEN o.order_status IN ('canceled', 'unavailable') THEN o.order_purchase_timestamp END AS cancelled_at,
    'BRL' AS currency,
    i.freight AS shipping_fee,
    c.customer_state AS region
FROM 'olist_orders_dataset.csv' o
JOIN 'olist_customers_dataset.csv' c USING (customer_id)
JOIN (
    SELECT order_id, sum(try_cast(freight_value AS DECIMAL(12, 2))) AS freight
    FROM 'olist_order_items_dataset.csv'
    GROUP BY order_id
) i USING (order_id)
