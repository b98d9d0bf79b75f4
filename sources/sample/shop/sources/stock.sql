SELECT sku AS product_id, warehouse AS location, on_hand, reserved AS allocated
FROM 'stock.csv'
