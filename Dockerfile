# One image for each service, with its binary and the libraries that it links, and without a shell:
#
#   docker build --target auth-service -t gatepost/auth-service .
#   docker build --target blog-service -t gatepost/blog-service .
#
# Each contains the bill of materials and the licenses of both services in /usr/share/doc/gatepost.
# See docs/operations/compose.md for running them. The build does not need BuildKit.

ARG RUST=rust:1-bookworm

FROM ${RUST} AS build
WORKDIR /build
# Variables of cargo, so that scripts/test-compose can build images quickly. Without a value, the profile in Cargo.toml
# decides.
ARG CARGO_PROFILE_RELEASE_LTO
ARG CARGO_PROFILE_RELEASE_OPT_LEVEL
# The dependencies in a layer of their own, built for empty crates: a change of our sources rebuilds none of them.
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
COPY fuzz/Cargo.toml fuzz/
COPY tests/Cargo.toml tests/
RUN for crate in . kit db auth-service blog-service standalone bench testkit model codegen examples fuzz; do \
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
# The commit, which the metric `gatepost_build_info` shows: docker build --build-arg GATEPOST_COMMIT="$(git rev-parse HEAD)"
ARG GATEPOST_COMMIT
# A copied file keeps its time, so cargo would consider it older than the empty one that it replaces.
RUN find . -path ./target -prune -o -name '*.rs' -exec touch {} + && \
    cargo build --release --locked -p auth-service -p blog-service
# The content of each image, and an empty folder for SQLite's files.
RUN mkdir -p /images/state/data && \
    for service in auth-service blog-service; do \
        mkdir "/images/$service" && cp "target/release/$service" "/images/$service/" && \
        ldd "target/release/$service" | grep -o '/[^ ]*' | xargs cp -L --parents -t "/images/$service" || exit 1; \
    done

FROM scratch AS auth-service
LABEL org.opencontainers.image.title="Gatepost's auth service" org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /images/auth-service/ /
COPY deploy/gatepost.cdx.json THIRD-PARTY.md LICENSE-APACHE LICENSE-MIT /usr/share/doc/gatepost/
COPY --from=build --chown=65532:65532 /images/state/ /
WORKDIR /data
USER 65532:65532
# The service listens beyond loopback only if the operator sets AUTH_INSECURE=true.
ENV AUTH_LISTEN=0.0.0.0:50051 AUTH_DATABASE_URL=sqlite:/data/auth.db
EXPOSE 50051
HEALTHCHECK --interval=5s --timeout=5s --start-period=40s --retries=2 CMD ["/auth-service", "healthcheck"]
ENTRYPOINT ["/auth-service"]

FROM scratch AS blog-service
LABEL org.opencontainers.image.title="Gatepost's blog service" org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /images/blog-service/ /
COPY deploy/gatepost.cdx.json THIRD-PARTY.md LICENSE-APACHE LICENSE-MIT /usr/share/doc/gatepost/
COPY --from=build --chown=65532:65532 /images/state/ /
WORKDIR /data
USER 65532:65532
# The service listens and calls the auth service beyond loopback only if the operator sets BLOG_INSECURE=true.
ENV BLOG_LISTEN=0.0.0.0:50052 BLOG_DATABASE_URL=sqlite:/data/blog.db
EXPOSE 50052
HEALTHCHECK --interval=5s --timeout=5s --start-period=40s --retries=2 CMD ["/blog-service", "healthcheck"]
ENTRYPOINT ["/blog-service"]
