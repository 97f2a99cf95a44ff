# One static binary in an empty image, for amd64 and arm64:
#   docker buildx build --platform linux/amd64,linux/arm64 --tag registry.example.com/infra/pullkey:0.1.0 --push .

# The compiler runs on the machine that builds and compiles for the other architecture: nothing is emulated.
# Its version is that of rust-toolchain.toml.
FROM --platform=$BUILDPLATFORM rust:1.95.0-bookworm AS build
ARG BUILDARCH
ARG TARGETARCH
WORKDIR /build

# For the other architecture: the standard library, a C compiler (for ring) and a static libc.
# Versions of Debian packages are not pinned: the archive drops each as soon as a security update replaces it.
# hadolint ignore=DL3008
RUN set -eu; \
    case "${TARGETARCH}" in \
      amd64) package=gcc-x86-64-linux-gnu; target=x86_64-unknown-linux-gnu ;; \
      arm64) package=gcc-aarch64-linux-gnu; target=aarch64-unknown-linux-gnu ;; \
      *) echo "pullkey is built for amd64 and arm64, not for '${TARGETARCH}'" >&2; exit 1 ;; \
    esac; \
    if [ "${TARGETARCH}" != "${BUILDARCH}" ]; then \
      apt-get update; \
      apt-get install --no-install-recommends --yes "${package}" "libc6-dev-${TARGETARCH}-cross"; \
      rm -rf /var/lib/apt/lists/*; \
    fi; \
    rustup target add "${target}"; \
    echo "${target}" > /target-name

# On either machine both compilers have these names, the native one included.
ENV CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc
ENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc

# glibc is linked in, so that the image needs no other file. tests/static-binary reads the flags from this line.
ENV RUSTFLAGS="-C target-feature=+crt-static"

# .dockerignore lists the few things that this copies.
COPY . .
RUN set -eu; \
    target="$(cat /target-name)"; \
    cargo build --release --locked --target "${target}"; \
    install -D "target/${target}/release/pullkey" /out/pullkey

FROM scratch
LABEL org.opencontainers.image.title="pullkey" \
      org.opencontainers.image.description="A Kubernetes admission webhook that gives every Pod the image pull secrets that its images need" \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /out/pullkey /pullkey
# Without it glibc gives each thread a heap of its own, keeps there what long reviews freed, and 160 of 512 KiB at once
# take more than the 128 MiB that deploy/ allows; with one heap they take about 50.
ENV MALLOC_ARENA_MAX=1
# A number, because the kubelet checks runAsNonRoot without reading any user file of the image.
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/pullkey"]
