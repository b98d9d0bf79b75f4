"""A message with whatever it is: a notice, an answer or a post, its product and its customer."""

from sqlalchemy import func

from tasks.tables import CUSTOMER_MAILS, CUSTOMERS, NOTICES, OUTBOX, POST_MESSAGES, POSTS, PRODUCTS

CUSTOMER_ID = func.coalesce(NOTICES.c.customer_id, CUSTOMER_MAILS.c.customer_id)
WHOLE_MESSAGES = (
    OUTBOX.outerjoin(NOTICES, NOTICES.c.id == OUTBOX.c.id)
    .outerjoin(CUSTOMER_MAILS, CUSTOMER_MAILS.c.id == OUTBOX.c.id)
    .outerjoin(POST_MESSAGES, POST_MESSAGES.c.id == OUTBOX.c.id)
    .outerjoin(POSTS, POSTS.c.id == POST_MESSAGES.c.post_id)
    .outerjoin(PRODUCTS, PRODUCTS.c.id == POSTS.c.product_id)
    .outerjoin(CUSTOMERS, CUSTOMERS.c.id == CUSTOMER_ID)
)
