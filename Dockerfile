# Aviary's two images: `docker build --target broker .` and `docker build --target zookeeper .`
# Needs neither BuildKit nor anything from outside Debian 12; docker-compose.yml starts a whole cluster.
# (The classic builder makes every stage above the target, so the one that needs no other stands first.)

FROM debian:bookworm-slim AS zookeeper
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        default-jre-headless libzookeeper-java >/dev/null \
    && apt-get clean && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 801 --home-dir /var/lib/zookeeper --create-home zookeeper
COPY scripts/docker/zookeeper scripts/docker/zookeeper-healthy scripts/docker/zkCli /usr/local/bin/
USER zookeeper
WORKDIR /var/lib/zookeeper
VOLUME /var/lib/zookeeper
EXPOSE 2181 2888 3888
HEALTHCHECK --interval=2s --timeout=5s --start-period=30s --retries=5 CMD ["zookeeper-healthy"]
ENTRYPOINT ["zookeeper"]

FROM debian:bookworm-slim AS build
COPY scripts/install-packages /aviary/scripts/
RUN /aviary/scripts/install-packages build
WORKDIR /aviary
COPY meson.build meson_options.txt ./
COPY include include
COPY src src
RUN meson setup /build --buildtype=release -Dtests=false \
    && ninja -C /build src/server/aviaryd \
    && strip /build/src/server/aviaryd

FROM debian:bookworm-slim AS broker
COPY scripts/install-packages /tmp/
RUN /tmp/install-packages run \
    && apt-get clean && rm -rf /tmp/install-packages /var/lib/apt/lists/* \
    && useradd --system --uid 800 --home-dir /var/lib/aviary --create-home aviary
COPY --from=build /build/src/server/aviaryd /usr/bin/
USER aviary
WORKDIR /var/lib/aviary
VOLUME /var/lib/aviary
ENV AVIARY_DATA=/var/lib/aviary/data AVIARY_LISTEN=0.0.0.0:8000 AVIARY_PEER_LISTEN=0.0.0.0:8100
EXPOSE 8000 8100
HEALTHCHECK --interval=2s --timeout=5s --start-period=30s --retries=5 \
    CMD ["curl", "--fail", "--silent", "--output", "/dev/null", "http://127.0.0.1:8000/readyz"]
ENTRYPOINT ["aviaryd"]
