SELECT
    voucher     AS code,
    order_no    AS order_id,
    used_at     AS redeemed_at,
    discount    AS amount,
    currency
FROM 'vouchers_used.csv'
WHERE voucher LIKE 'WAIT-%'
