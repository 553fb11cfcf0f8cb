# syntax=docker/dockerfile:1

# The server, and with --target=kubectl-fed the command line:
#   docker buildx build --platform=linux/amd64,linux/arm64 --build-arg=VERSION=v1.0.0 --tag=REPOSITORY:v1.0.0 --push .

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
ENV GOMODCACHE=/cache/modules GOCACHE=/cache/build
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/cache/modules go mod download
COPY . .
ARG TARGETOS TARGETARCH VERSION=v0.0.0-dev
RUN --mount=type=cache,target=/cache/modules --mount=type=cache,target=/cache/build \
    GOOS=$TARGETOS GOARCH=$TARGETARCH VERSION=$VERSION hack/build.sh /out

FROM gcr.io/distroless/static-debian13:nonroot AS kubectl-fed
COPY --from=build /out/kubectl-fed /usr/local/bin/kubectl-fed
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/kubectl-fed"]

FROM gcr.io/distroless/static-debian13:nonroot AS federation-apiserver
COPY --from=build /out/federation-apiserver /usr/local/bin/federation-apiserver
USER 65532:65532
EXPOSE 8443
ENTRYPOINT ["/usr/local/bin/federation-apiserver"]
