SELECT vendor_no AS id, name, email, lead_days
FROM 'vendors.csv'
