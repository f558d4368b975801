# One image for all processes of EventAgent: pods name theirs as `node dist/<process>/start.js`.
#
#   docker build -t eventagent:0.1.0 .
#   docker build -t eventagent:0.1.0 --build-arg NODE_IMAGE=registry.example.com/node:24 .
#
# The base needs node 24, and npm in the stages that build.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /src
COPY .npmrc package.json package-lock.json ./
# With the optional ones: the compiler is one of them.
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY src src
RUN npm run build

FROM ${NODE_IMAGE} AS packages
WORKDIR /src
COPY .npmrc package.json package-lock.json ./
# Without the Node that comes as a package, since the base has one, and without the client library that reads kubeconfig files: in a pod it is never loaded
# (docs/decisions/0002-dependencies.md).
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
 && npm uninstall @kubernetes/client-node --omit=dev --omit=optional --ignore-scripts

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="EventAgent" \
      org.opencontainers.image.description="LLM agents that run in the background on Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production
WORKDIR /app
# Everything belongs to root, and the processes are not root: they cannot change what they run, and write to no file but the termination log.
COPY LICENSE package.json ./
COPY crds crds
COPY --from=packages /src/node_modules node_modules
COPY --from=build /src/dist dist
# Numeric, so that the kubelet can tell that it is not root.
USER 65532:65532
CMD ["node", "dist/controller/start.js"]
