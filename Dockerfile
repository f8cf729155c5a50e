# Fresnel with the embedded ClickHouse, for linux/amd64. `compose.yaml` runs it.

FROM node:20-bookworm-slim AS library
WORKDIR /fresnel
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev
COPY tsconfig.json ./
COPY scripts scripts
COPY web web
COPY sdk sdk
RUN scripts/build-pages

FROM rust:1.95.0-bookworm AS binary
WORKDIR /fresnel
COPY . .
COPY --from=library /fresnel/web/dist web/dist
COPY --from=library /fresnel/sdk/dist sdk/dist
RUN cargo build --release --locked --bin fresnel

FROM debian:bookworm-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/fresnel \
        --shell /usr/sbin/nologin fresnel \
    && install -d -o fresnel -g fresnel -m 700 /var/lib/fresnel
COPY --from=library /fresnel/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so /usr/lib/fresnel/
COPY --from=library /fresnel/node_modules/uap-core/regexes.yaml /usr/lib/fresnel/
COPY --from=binary /fresnel/target/release/fresnel /usr/local/bin/

# The data folder is all that Fresnel writes to: the root may be read-only.
ENV FRESNEL_DATA_DIR=/var/lib/fresnel \
    FRESNEL_SERVER__LISTEN=0.0.0.0:8080 \
    FRESNEL_LOG__FORMAT=json
USER fresnel
WORKDIR /var/lib/fresnel
VOLUME /var/lib/fresnel
EXPOSE 8080
HEALTHCHECK --start-period=30s --interval=10s --timeout=6s CMD ["fresnel", "doctor", "--service-only"]
ENTRYPOINT ["fresnel"]
CMD ["serve"]
