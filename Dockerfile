# The prediction service. Build it here, run it with a trained model mounted at /model:
#   docker build -t facette .
#   docker run -p 8000:8000 -v "$PWD/model:/model:ro" facette
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    FACETTE_HOME=/tmp/facette \
    FACETTE_MODEL=/model \
    PORT=8000

WORKDIR /facette
COPY requirements.txt ./
RUN pip install --require-hashes --requirement requirements.txt
COPY core ./core
RUN python -m compileall -q core

USER 10001:10001
EXPOSE 8000
HEALTHCHECK --start-period=90s --interval=30s --timeout=5s \
    CMD python -c "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=4)"
CMD exec python -m core serve "$FACETTE_MODEL" --host 0.0.0.0 --port "$PORT"
