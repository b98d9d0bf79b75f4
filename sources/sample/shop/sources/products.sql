SELECT
    sku                                           AS id,
    title                                         AS name,
    category,
    CAST(price AS DECIMAL(10, 2))                 AS price,
    'https://shop.example.com/products/' || slug  AS url,
    CAST(NULL AS VARCHAR)                         AS image, -- this shop has no pictures
    vendor_no                                     AS vendor_id
FROM 'products.csv'
