# Tierline's own processes: API, worker, relay, migrations and the command. The servers have images of their own.
#
# What keeps it small: a slim base, and of the lock file only what Tierline needs to run; no compiler, no pip, no tests,
# none of the servers that the embedded mode brings. The version of the base is pinned; by digest, in your own registry.
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PATH=/opt/tierline/bin:$PATH
WORKDIR /src
RUN python -m venv /opt/tierline
# Everything by its hash; it changes seldom, so it is a layer of its own.
COPY requirements.lock .
RUN pip install --require-hashes --requirement requirements.lock
COPY . .
RUN pip install --no-deps --no-build-isolation . \
    && python deploy/prune.py | xargs pip uninstall --quiet --yes \
    && pip uninstall --quiet --yes pip

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Tierline" org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin tierline
COPY --from=build /opt/tierline /opt/tierline
ENV PATH=/opt/tierline/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv
USER 10001
ENTRYPOINT ["tierline"]
CMD ["worker"]
