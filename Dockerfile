# The two images of claude-sandbox: `--target sandbox` is what a Job runs, `--target bot` is the bot.
# Stages are ordered by how seldom they change. docs/images.md says what is in them, and how large they are.
# hadolint global ignore=DL3008  # Debian's stable suite pins the versions, and security updates are wanted

# 3.2, 3.3, 3.4, or empty for an image without Ruby.
ARG RUBY=3.4

FROM debian:bookworm-slim AS system
ENV LANG=C.UTF-8
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates git procps python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && groupadd --gid 1000 sandbox \
 && useradd --uid 1000 --gid 1000 --create-home --shell /bin/bash sandbox

# Ruby is that of its official image, ruby:3.4-slim-bookworm; without one, of Debian's, whose /usr/local is empty.
FROM ${RUBY:+ruby:}${RUBY:-debian:bookworm}-slim${RUBY:+-bookworm} AS ruby

# What npm's registry has, with the checksums of package-lock.json: Claude Code, Node, npm, pnpm, yarn, and mise, which for
# arm64 isn't there. Debian's own npm only fetches them.
FROM debian:bookworm-slim AS programs
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates nodejs npm \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
WORKDIR /opt/programs
COPY image/package.json image/package-lock.json ./
RUN npm ci --no-audit --no-fund --loglevel=error \
 && mkdir /out \
 && cp --dereference node_modules/.bin/claude /out/claude \
 && cp node_modules/node-linux-*/bin/node /out/node \
 && if [ -d node_modules/@jdxcode ]; then cp node_modules/@jdxcode/mise-linux-*/bin/mise /out/mise; fi \
 && rm -rf node_modules/@anthropic-ai node_modules/@jdxcode node_modules/node-linux-* node_modules/.bin /root/.npm \
 && /out/claude --version

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
      && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /root/go /root/.cache; \
    fi

# uv and poetry, with the checksums of requirements.lock, in an environment of their own.
FROM system AS python-programs
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && python3 -m venv /opt/python-programs
COPY image/requirements.lock /tmp/requirements.lock
RUN /opt/python-programs/bin/pip install --no-cache-dir --require-hashes --only-binary :all: --requirement /tmp/requirements.lock

FROM system AS sandbox
# To build what packages bring as source, to reach databases, and to look for things.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
    build-essential pkg-config python3-dev python3-pip python3-venv \
    libffi-dev libgmp-dev libmariadb-dev libpq-dev libsqlite3-dev libssl-dev libxml2-dev libxslt1-dev libyaml-dev zlib1g-dev \
    amqp-tools libmemcached-tools mariadb-client openssh-client postgresql-client redis-tools sqlite3 \
    composer php-bcmath php-cli php-curl php-gd php-intl php-mbstring php-mysql php-pgsql php-redis php-sqlite3 php-xml php-zip \
    age bzip2 curl file gh jq less patch ripgrep unzip xz-utils zip \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && install --directory --owner=1000 --group=1000 /workspace
# For system tests: Selenium and Puppeteer are told of it by variables, else they would fetch another one. Its own sandbox
# needs rights that a Pod hasn't got: image/chromium-flags. Without with --build-arg CHROMIUM=
ARG CHROMIUM=yes
RUN if [ -n "$CHROMIUM" ]; then \
      apt-get update \
      && apt-get install --yes --no-install-recommends chromium chromium-driver fonts-liberation \
      && rm -rf /var/lib/apt/lists/* /var/cache/apt/*; \
    fi
COPY image/chromium-flags /etc/chromium.d/claude-sandbox
ENV CHROME_PATH=/usr/bin/chromium PUPPETEER_EXECUTABLE_PATH=/usr/bin/chromium PUPPETEER_SKIP_DOWNLOAD=1 \
    SE_CHROMEDRIVER=/usr/bin/chromedriver
COPY --from=ruby /usr/local/ /usr/local/
# As in Ruby's image, where everybody may write there; but last, so that nothing in it can take a program's place.
ENV GEM_HOME=/usr/local/bundle PATH=$PATH:/usr/local/bundle/bin
COPY --from=programs /opt/programs/node_modules /usr/local/lib/node_modules
COPY --from=programs /out/ /usr/local/bin/
COPY --from=python-programs /opt/python-programs /opt/python-programs
COPY --from=sops /out/ /usr/local/bin/
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && ln -s ../lib/node_modules/pnpm/bin/pnpm.cjs /usr/local/bin/pnpm \
 && ln -s ../lib/node_modules/yarn/bin/yarn.js /usr/local/bin/yarn \
 && ln -s /opt/python-programs/bin/poetry /opt/python-programs/bin/uv /opt/python-programs/bin/uvx /usr/local/bin/
COPY agent-files /usr/local/share/claude-sandbox/agent-files
COPY sandbox /usr/local/lib/python3.11/dist-packages/sandbox
# Nobody could do it later: a run, and the broker beside it, would compile everything anew.
RUN python3 -m compileall -q --invalidation-mode checked-hash /usr/local/lib/python3.11/dist-packages/sandbox
USER 1000:1000
WORKDIR /workspace
# Isolated: what a repository or an agent puts into the folder or the environment can't take a module's place.
ENTRYPOINT ["python3", "-I", "-m", "sandbox"]

FROM system AS bot-packages
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3-venv \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
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
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=bot-packages /opt/claude-sandbox /opt/claude-sandbox
COPY . /opt/claude-sandbox/source
# Whose sandbox image is the usual one: of a fork, its owner's. By RUN: Buildah 1.28 takes an ENV of another owner from its cache.
ARG OWNER=
RUN echo "$OWNER" >/opt/claude-sandbox/source/.owner \
 && python3 -m compileall -q --invalidation-mode checked-hash /opt/claude-sandbox/source
ENV PATH=/opt/claude-sandbox/bin:$PATH PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /home/sandbox
ENTRYPOINT ["claude-sandbox"]
CMD ["bot"]
