# What the machine has to have: Linux, root, Debian's packages, and Kubernetes built from its Go modules.
# shellcheck shell=bash disable=SC2154  # the variables are set in `cluster`

# Package and the program by which it is known.
needed_packages='containerd containerd
runc runc
etcd-server etcd
containernetworking-plugins /usr/lib/cni/bridge
iproute2 ip
ipset ipset
iptables iptables
conntrack conntrack
dnsmasq-base dnsmasq
procps sysctl
openssl openssl
mmdebstrap mmdebstrap
debian-archive-keyring /usr/share/keyrings/debian-archive-keyring.gpg
buildah buildah'

check_machine() {
  local elsewhere='or use a cluster that you have: KUBECONFIG=… TEST_IMAGE_PREFIX=… make test-cluster'
  [ "$(uname -s)" = Linux ] || refuse "a Kubernetes of its own needs Linux; $elsewhere"
  [ "$(id -u)" = 0 ] || refuse "a Kubernetes of its own needs root: sudo make cluster; $elsewhere"
  unshare --net --mount true 2>/dev/null || refuse "this container may not make namespaces: run it privileged; $elsewhere"
}

install_packages() {
  local missing=() package program
  while read -r package program; do
    [ -e "$program" ] || command -v "$program" >/dev/null || missing+=("$package")
  done <<<"$needed_packages"
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || refuse "install these first: ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get update -qq
  without_services apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

without_services() { # packages such as etcd-server would start a service of their own on a machine with systemd
  local policy=/usr/sbin/policy-rc.d status=0
  if [ -e $policy ]; then
    DEBIAN_FRONTEND=noninteractive "$@"
    return
  fi
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod +x $policy
  DEBIAN_FRONTEND=noninteractive "$@" || status=$?
  rm -f $policy
  return $status
}

programs() { # prints the folder of the programs of this version; a change of a go.mod makes another
  echo "$home/programs-$(cat "$here"/programs/*/* | sha256sum | cut -c1-12)"
}

build_programs() { # about 10 minutes on 2 cores with an empty Go cache
  local folder version
  folder=$(programs)
  [ ! -d "$folder" ] || return 0
  say "building Kubernetes, once, about 10 minutes; log: $home/build.log"
  version=$(awk '$2 == "k8s.io/kubernetes" {print $3; exit}' "$here/programs/kubernetes/go.mod")
  rm -rf "$folder.new"
  mkdir -p "$folder.new"
  if ! {
    go_build kubernetes "-X k8s.io/component-base/version.gitVersion=$version" \
      k8s.io/kubernetes/cmd/kube-{apiserver,controller-manager,scheduler,proxy} k8s.io/kubernetes/cmd/kube{let,ctl} &&
      go_build kube-router "" github.com/cloudnativelabs/kube-router/v2/cmd/kube-router &&
      go_build pause "" .
  } >"$home/build.log" 2>&1; then
    tail -n 5 "$home/build.log" >&2
    refuse "the build failed; log: $home/build.log"
  fi
  rm -rf "$home"/programs-????????????
  mv "$folder.new" "$folder"
}

go_build() { # go_build MODULE LINKER_FLAGS PACKAGE…: into build_programs' folder
  (cd "$here/programs/$1" && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags="-s -w $2" -o "$folder.new/" "${@:3}")
}

check_go() { # run in the module's folder: a Go that may fetch a newer one answers with that one's version
  local wanted found
  [ ! -d "$(programs)" ] || return 0
  wanted=$(awk '$1 == "go" {print $2; exit}' "$here/programs/kubernetes/go.mod")
  found=$(cd "$here/programs/kubernetes" && go env GOVERSION 2>/dev/null) || found=
  [ -n "$found" ] || refuse "building Kubernetes needs Go $wanted or newer, and there is no Go on PATH"
  [ "$(printf '%s\n' "$wanted" "${found#go}" | sort -V | head -n 1)" = "$wanted" ] ||
    refuse "building Kubernetes needs Go $wanted or newer; this is ${found#go}"
}
