SELECT
    customer_no            AS id,
    full_name              AS name,
    email,
    phone,
    country,
    language               AS locale,
    time_zone              AS zone,
    contact_by             AS prefers,
    sms_ok = 'yes'         AS sms_consent,
    newsletter = 'yes'     AS marketing_consent,
    stop_all = 'yes'       AS opted_out
FROM 'customers.csv'
