-- The data have no names. There is one customer for each order; `customer_unique_id` identifies the person.
SELECT
    customer_id AS id,
    'Cliente' AS name,
    left(customer_unique_id, 12) || '@example.com' AS email,
    'BR' AS country
FROM 'olist_customers_dataset.csv'
