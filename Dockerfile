# One image for the site, the worker and beat: compose.yaml gives each its command.
# Debian 12 has glibc 2.36. OpenVINO's wheels need 2.28 on x86-64, and 2.35 on ARM.

FROM python:3.11-slim-bookworm AS packages
WORKDIR /app
COPY requirements.lock .
# The headers of TensorFlow are 430 MB, and only for extensions in C++.
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && rm -rf .venv/lib/python3.*/site-packages/tensorflow/include

FROM python:3.11-slim-bookworm
# The home folder is the volume, so that downloaded weights are kept in it too.
RUN useradd --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin imagesearch \
    && mkdir /backups && chown imagesearch: /backups
WORKDIR /app
COPY --from=packages /app/.venv .venv
COPY manage.py LICENSE ./
COPY imagesearch imagesearch
COPY catalog catalog
COPY templates templates
COPY static static
# Compiled once here: the user of the processes cannot write to /app.
RUN .venv/bin/python -m compileall -q imagesearch catalog
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    IMAGESEARCH_DATA_DIR=/data
USER imagesearch
VOLUME ["/data", "/backups"]
EXPOSE 8000
CMD ["gunicorn", "imagesearch.wsgi", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4", "--worker-class", "imagesearch.web.worker.WebWorker", "--timeout", "120", "--no-control-socket"]
