# Forewarn with what it needs, for the server, the deployments and the workers of compose.yaml:
#   docker build --tag forewarn .
FROM python:3.11-slim
WORKDIR /opt/forewarn
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY . .
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable . \
    && python -m compileall -q app channels cli flows models rules sources tasks templates web \
    && useradd --uid 10001 --create-home --home-dir /var/lib/forewarn forewarn \
    && install --directory --owner forewarn var
ENV FOREWARN_HOME=/opt/forewarn \
    FOREWARN_SHOP=/etc/forewarn/shop \
    FOREWARN_OUTBOX_DIR=/var/lib/forewarn/outbox \
    PREFECT_HOME=/var/lib/forewarn/prefect \
    PREFECT_SERVER_ANALYTICS_ENABLED=false
USER 10001
VOLUME /var/lib/forewarn
