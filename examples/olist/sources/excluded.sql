SELECT 'orders without items' AS reason, count(*) AS count
FROM 'olist_orders_dataset.csv'
WHERE order_id NOT IN (SELECT order_id FROM 'olist_order_items_dataset.csv')
