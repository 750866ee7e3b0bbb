# The two images of claude-sandbox: `--target sandbox` is what a Job runs, `--target bot` is the bot.
# Stages are ordered by how seldom they change.
# hadolint global ignore=DL3008  # Debian's stable suite pins the versions, and security updates are wanted

FROM debian:bookworm-slim AS system
ENV LANG=C.UTF-8
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git procps python3 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 1000 sandbox \
 && useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash sandbox

# Claude Code is one binary, which its npm package brings; npm itself doesn't come along.
FROM debian:bookworm-slim AS claude
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates nodejs npm \
 && rm -rf /var/lib/apt/lists/*
COPY scripts/claude-cli /tmp/claude-cli
RUN command=$(XDG_CACHE_HOME=/opt sh /tmp/claude-cli) \
 && cp --dereference "$command" /usr/local/bin/claude \
 && claude --version \
 && rm -rf /opt/claude-sandbox /root/.npm

# sops decrypts a repository's secrets. Debian hasn't got it, so it is built from its source, unless one that scripts/sops
# has built stands mounted below /run/built; without it with --build-arg SOPS=
FROM debian:bookworm-slim AS sops
ARG SOPS=yes
COPY scripts/sops /tmp/sops
RUN mkdir /out \
 && if [ -n "$SOPS" ]; then \
      if [ ! -d /run/built ]; then \
        echo 'deb http://deb.debian.org/debian bookworm-backports main' >/etc/apt/sources.list.d/backports.list \
        && apt-get update \
        && apt-get install --yes --no-install-recommends ca-certificates golang-1.23-go; \
      fi \
      && folder=$(PATH=/usr/lib/go-1.23/bin:$PATH XDG_CACHE_HOME=/run/built GOTOOLCHAIN=auto sh /tmp/sops) \
      && cp "$folder/sops" /out/sops \
      && rm -rf /var/lib/apt/lists/* /root/go /root/.cache; \
    fi

FROM system AS sandbox
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssh-client postgresql-client python3-venv redis-tools \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=1000 --group=1000 /workspace
COPY --from=sops /out/ /usr/local/bin/
COPY --from=claude /usr/local/bin/claude /usr/local/bin/claude
COPY sandbox /usr/local/lib/python3.11/dist-packages/sandbox
USER 1000:1000
WORKDIR /workspace
# Isolated: what a repository or an agent puts into the folder or the environment can't take a module's place.
ENTRYPOINT ["python3", "-I", "-m", "sandbox"]

FROM system AS bot-packages
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* \
 && python3 -m venv /opt/claude-sandbox
WORKDIR /source
COPY requirements-bot.lock ./
RUN /opt/claude-sandbox/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements-bot.lock
# The source comes beside it, so that a change of it is one small layer.
RUN echo /opt/claude-sandbox/source > /opt/claude-sandbox/lib/python3.11/site-packages/claude-sandbox.pth \
 && printf '#!/bin/sh\nexec /opt/claude-sandbox/bin/python3 -I -m cli "$@"\n' > /opt/claude-sandbox/bin/claude-sandbox \
 && chmod 755 /opt/claude-sandbox/bin/claude-sandbox

FROM system AS bot
# It looks into repos, which may be over ssh.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openssh-client \
 && rm -rf /var/lib/apt/lists/*
COPY --from=bot-packages /opt/claude-sandbox /opt/claude-sandbox
COPY . /opt/claude-sandbox/source
ENV PATH=/opt/claude-sandbox/bin:$PATH PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /home/sandbox
ENTRYPOINT ["claude-sandbox"]
CMD ["bot"]
