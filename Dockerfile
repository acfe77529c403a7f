# The server with GraphiQL, with exactly the packages of requirements.lock, or with those of
# requirements-otel.lock, which it needs for traces. It runs as a user without rights, keeps its data
# in /srv/deskgraph/var, and listens on port 8000. docs/deployment.md tells more.

FROM node:22-bookworm-slim AS console
WORKDIR /src/console
COPY console/package.json console/package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error
COPY console/build.mjs ./
COPY console/src ./src
COPY deskgraph/pages/static /src/deskgraph/pages/static
RUN npm run build

FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock requirements-otel.lock requirements-build.lock ./
RUN python -m venv /opt/deskgraph && python -m venv /opt/build
ARG REQUIREMENTS=requirements.lock
RUN /opt/deskgraph/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r "$REQUIREMENTS"
RUN /opt/build/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md ./
COPY models ./models
COPY resolvers ./resolvers
COPY schema ./schema
COPY rest_compat ./rest_compat
COPY deskgraph ./deskgraph
COPY --from=console /src/deskgraph/console/dist ./deskgraph/console/dist
RUN /opt/build/bin/python -m hatchling build -t wheel
RUN /opt/deskgraph/bin/python -m pip install --no-cache-dir --no-deps --no-index dist/*.whl

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 deskgraph && useradd --system --uid 10001 --gid 10001 --home-dir /srv/deskgraph --shell /usr/sbin/nologin deskgraph
RUN install --directory --owner=10001 --group=10001 --mode=0700 /srv/deskgraph /srv/deskgraph/var
COPY --from=build /opt/deskgraph /opt/deskgraph
ENV PATH=/opt/deskgraph/bin:/usr/local/bin:/usr/bin:/bin
ENV DESKGRAPH_ENVIRONMENT=production
WORKDIR /srv/deskgraph
# By number, so that Kubernetes can tell that it is not root.
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# Of Python alone: the image has no curl, and proxies of the environment do not count.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["deskgraph"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
