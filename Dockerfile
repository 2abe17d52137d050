# The Cashe server and its command line. Nothing here needs BuildKit.
#   docker build -t cashe .
#   docker run --rm cashe --help
#   docker run --rm --network host cashe get greeting
ARG NODE_IMAGE=node:20-bookworm-slim

# Only the manifests: a change of the sources installs nothing again.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
COPY packages/bench/package.json packages/bench/
COPY packages/chaos/package.json packages/chaos/
COPY packages/client/package.json packages/client/
COPY packages/codec/package.json packages/codec/
COPY packages/proto/package.json packages/proto/
COPY packages/raft/package.json packages/raft/
COPY packages/server/package.json packages/server/
COPY packages/simulator/package.json packages/simulator/
COPY packages/store/package.json packages/store/

FROM manifests AS build
RUN npm ci --no-progress
COPY tsconfig.base.json ./
COPY packages packages
RUN node_modules/.bin/tsc -b packages/server

# What a node loads at run time: the server's dependencies, without tools or install scripts.
FROM manifests AS dependencies
RUN npm ci --no-progress --omit=dev --workspace=@cashe/server \
  && rm -rf packages/bench packages/chaos packages/simulator package.json package-lock.json .npmrc

FROM ${NODE_IMAGE} AS final
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Cashe" \
  org.opencontainers.image.description="Distributed, strongly consistent cache server" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
# Health and metrics are always on: the health check below asks here.
ENV NODE_ENV=production CASHE_HTTP_METRICS=:9464
WORKDIR /opt/cashe
COPY --from=dependencies /build ./
COPY --from=build /build/packages/proto/dist packages/proto/dist
COPY --from=build /build/packages/codec/dist packages/codec/dist
COPY --from=build /build/packages/raft/dist packages/raft/dist
COPY --from=build /build/packages/store/dist packages/store/dist
COPY --from=build /build/packages/client/dist packages/client/dist
COPY --from=build /build/packages/server/dist packages/server/dist
COPY packages/server/bin packages/server/bin
COPY deploy/healthcheck.mjs LICENSE ./

# Data are in ./data/<id> of the working directory. The uid is fixed, so that volumes keep fitting;
# root owns the program.
RUN mkdir -p /var/lib/cashe/data && chown -R 1000:1000 /var/lib/cashe
WORKDIR /var/lib/cashe
VOLUME /var/lib/cashe/data
USER 1000:1000

EXPOSE 3000 4000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/opt/cashe/healthcheck.mjs"]
ENTRYPOINT ["node", "/opt/cashe/packages/server/bin/cashe.mjs"]
