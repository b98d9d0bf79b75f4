-- Products have no names and no prices: the name is made of the category and the beginning of the id.
SELECT
    product_id AS id,
    coalesce(upper(left(product_category_name, 1)) || replace(substr(product_category_name, 2), '_', ' '), 'Produto')
        || ' ' || left(product_id, 6) AS name,
    replace(product_category_name, '_', ' ') AS category
FROM 'olist_products_dataset.csv'
