SELECT
    seller_id AS id,
    upper(left(seller_city, 1)) || substr(seller_city, 2) || ' ' || left(seller_id, 6) AS name
FROM 'olist_sellers_dataset.csv'
