-- Each item is one piece. The dates are those of the order, which ships as one parcel.
-- Some orders are delivered without a date: they are done.
SELECT
    i.order_id,
    i.order_item_id AS number,
    i.product_id,
    1 AS quantity,
    i.price,
    'deliver' AS promise,
    o.order_estimated_delivery_date AS promised_on,
    o.order_delivered_carrier_date AS shipped_at,
    o.order_delivered_customer_date AS delivered_at,
    i.shipping_limit_date AS ship_by,
    s.seller_state AS ships_from,
    o.order_status = 'delivered' AND coalesce(o.order_delivered_customer_date, '') = '' AS done
FROM 'olist_order_items_dataset.csv' i
JOIN 'olist_orders_dataset.csv' o USING (order_id)
JOIN 'olist_sellers_dataset.csv' s USING (seller_id)
