# Tierline's own processes: API, worker, relay, migrations and the command. The servers have images of their own.
#
# What keeps it small: a slim base, and a lock file with only what Tierline needs to run; no compiler, no pip, no tests,
# none of the servers that the embedded mode brings. The base is pinned by its release and its digest.
FROM python:3.11.15-slim-bookworm@sha256:d29f48a31a8b408ed19272ca1e7b10ebae13b240a27e862d3d4217c528e2e0c3 AS base

FROM base AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/tierline/bin:$PATH
WORKDIR /src
RUN python -m venv /opt/tierline
# Everything by its hash; it changes seldom, so it is a layer of its own.
COPY requirements.image.lock .
RUN pip install --require-hashes --requirement requirements.image.lock
COPY . .
RUN pip install --no-deps --no-build-isolation . && pip uninstall --quiet --yes setuptools pip

FROM base
LABEL org.opencontainers.image.title="Tierline" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tierline
COPY --from=build /opt/tierline /opt/tierline
ENV PATH=/opt/tierline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv
USER 10001
ENTRYPOINT ["tierline"]
CMD ["worker"]
