# Builds the server, and leaves it in an image that holds little else.
FROM rust:1.95-bookworm AS build
WORKDIR /source
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --locked --release --package inlet-server --bin inlet \
    && cp target/release/inlet /usr/local/bin/inlet

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home inlet
COPY --from=build /usr/local/bin/inlet /usr/local/bin/inlet
COPY LICENSE /usr/share/doc/inlet/LICENSE
USER inlet
ENV INLET_LISTEN=0.0.0.0:8080
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s --retries=6 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["inlet"]
CMD ["serve"]
