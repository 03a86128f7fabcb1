# Each service in an image of its own, which holds its binary and the libraries that this links, and no shell:
#
#   docker build --target auth-service -t gatepost/auth-service .
#   docker build --target blog-service -t gatepost/blog-service .
#
# docs/operations.md says how they are run. There is nothing here that needs BuildKit.

ARG RUST=rust:1-bookworm

FROM ${RUST} AS build
WORKDIR /build
# The dependencies in a layer of their own, built for crates that are empty: a change of our sources builds none of them.
COPY Cargo.toml Cargo.lock ./
COPY kit/Cargo.toml kit/
COPY db/Cargo.toml db/
COPY auth-service/Cargo.toml auth-service/
COPY blog-service/Cargo.toml blog-service/
COPY standalone/Cargo.toml standalone/
COPY bench/Cargo.toml bench/
COPY testkit/Cargo.toml testkit/
COPY model/Cargo.toml model/
COPY codegen/Cargo.toml codegen/
COPY examples/Cargo.toml examples/
RUN for crate in . kit db auth-service blog-service standalone bench testkit model codegen examples; do \
        mkdir -p "$crate/src" && echo '//! Empty.' >"$crate/src/lib.rs" && \
        printf '//! Empty.\nfn main() {}\n' | tee "$crate/src/main.rs" >"$crate/build.rs" || exit 1; \
    done && cargo build --release --locked -p auth-service -p blog-service
COPY proto proto
COPY codegen/src codegen/src
COPY src src
COPY kit/src kit/src
COPY db/src db/src
COPY auth-service/build.rs auth-service/
COPY auth-service/data auth-service/data
COPY auth-service/migrations auth-service/migrations
COPY auth-service/src auth-service/src
COPY blog-service/build.rs blog-service/
COPY blog-service/migrations blog-service/migrations
COPY blog-service/src blog-service/src
# A copied file keeps its time, by which cargo would take it for older than the empty one in its place.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + && \
    cargo build --release --locked -p auth-service -p blog-service
# What each image holds, and an empty folder for SQLite's files.
RUN mkdir -p /images/state/data && \
    for service in auth-service blog-service; do \
        mkdir "/images/$service" && cp "target/release/$service" "/images/$service/" && \
        ldd "target/release/$service" | grep -o '/[^ ]*' | xargs cp -L --parents -t "/images/$service" || exit 1; \
    done

FROM scratch AS auth-service
LABEL org.opencontainers.image.title="Gatepost's auth service" org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /images/auth-service/ /
COPY --from=build --chown=65532:65532 /images/state/ /
WORKDIR /data
USER 65532:65532
# Beyond loopback it listens only with AUTH_INSECURE=true, which whoever runs it must say.
ENV AUTH_LISTEN=0.0.0.0:50051 AUTH_DATABASE_URL=sqlite:/data/auth.db
EXPOSE 50051
HEALTHCHECK --interval=5s --timeout=5s --start-period=40s --retries=2 CMD ["/auth-service", "healthcheck"]
ENTRYPOINT ["/auth-service"]

FROM scratch AS blog-service
LABEL org.opencontainers.image.title="Gatepost's blog service" org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /images/blog-service/ /
COPY --from=build --chown=65532:65532 /images/state/ /
WORKDIR /data
USER 65532:65532
# Beyond loopback it listens, and asks the auth service, only with BLOG_INSECURE=true, which whoever runs it must say.
ENV BLOG_LISTEN=0.0.0.0:50052 BLOG_DATABASE_URL=sqlite:/data/blog.db
EXPOSE 50052
HEALTHCHECK --interval=5s --timeout=5s --start-period=40s --retries=2 CMD ["/blog-service", "healthcheck"]
ENTRYPOINT ["/blog-service"]
