-- The data name no people: one customer an order, and `customer_unique_id` for the person behind several.
SELECT
    customer_id AS id,
    'Cliente' AS name,
    left(customer_unique_id, 12) || '@example.com' AS email,
    'BR' AS country
FROM 'olist_customers_dataset.csv'
