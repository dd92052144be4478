# Node 24 on Debian 13: the native HTTP engine needs glibc 2.38 or newer there, and Debian 13 has
# 2.41. It has no build for Node 26 or for musl (Alpine).
FROM node:24-trixie-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Scripts later: building needs the sources.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts \
  && npm rebuild \
  && rm -rf dist/test dist/bench \
  # The native engine comes built for every platform and version of Node: 250 MB. One is enough.
  && find node_modules/uWebSockets.js -name '*.node' \
    ! -name "uws_linux_$(node -p 'process.arch + "_" + process.versions.modules').node" -delete

FROM node:24-trixie-slim
ENV NODE_ENV=production \
  LLMPROXY_DATA_DIR=/var/lib/llmproxy
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/bin ./bin
COPY --from=build /app/dist ./dist
COPY --from=build /app/migrations ./migrations
COPY --from=build /app/config ./config
RUN ln -s /app/bin/llmproxy.js /usr/local/bin/llmproxy \
  && install -d -o node -g node -m 0700 /var/lib/llmproxy
# The user `node`, not root: the embedded PostgreSQL, used where no DB_URL is set, refuses root.
USER 1000:1000
VOLUME /var/lib/llmproxy
EXPOSE 18000
# The image has no curl.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 18000}/health`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["llmproxy"]
CMD ["serve"]
