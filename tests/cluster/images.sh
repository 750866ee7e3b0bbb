# The images: a Debian made from its packages, ours from the real Dockerfile, services from Debian.
# They are built again only when what they are made from changed. No registry of images is asked.
# shellcheck shell=bash disable=SC2154  # the variables are set in `cluster`

export BUILDAH_ISOLATION=chroot
images='pause sandbox bot postgres redis mariadb rabbitmq memcached minio foreign plain'
declare -A archives # image -> its archive, fixed once a call: sources may change meanwhile

name_of() { # name_of IMAGE: as a manifest calls it
  case $1 in
    pause) echo localhost/pause:1 ;;
    sandbox) echo localhost/claude-sandbox:test ;;
    bot) echo localhost/claude-sandbox-bot:test ;;
    *) echo "localhost/$1:test" ;;
  esac
}

inputs_of() { # inputs_of IMAGE: the files that it is made from
  case $1 in
    pause) find "$here/programs/pause" "$here/images/pause" -type f ;;
    sandbox) product_files Dockerfile .dockerignore agent-files image scripts/sops sandbox ;;
    bot) product_files Dockerfile .dockerignore requirements-bot.lock pyproject.toml bot cli k8s manifests playground runs sandbox ;;
    minio) product_files scripts/minio tests/cluster/images/minio ;;
    *) find "$here/images/$1" -type f ;;
  esac
}

product_files() { (cd "$project" && find "$@" -type f ! -path '*/__pycache__/*'); }

archive_of() { # archive_of IMAGE: its file in the cache, named by its inputs
  local key
  key=$(cd "$project" && inputs_of "$1" | LC_ALL=C sort | xargs sha256sum | sed "s#$project/##" | sha256sum)
  echo "$home/images/$1-${key:0:12}.tar"
}

build_images() { # build_images [IMAGE…]: all by default
  local image archive
  # shellcheck disable=SC2086  # a list of names
  [ $# -gt 0 ] || set -- $images
  mkdir -p "$home/images"
  for image in "$@"; do
    archive=$(archive_of "$image")
    archives[$image]=$archive
    [ ! -f "$archive" ] || continue
    say "building $(name_of "$image"); log: $home/images/$image.log"
    if ! build_image "$image" "$archive" >"$home/images/$image.log" 2>&1; then
      tail -n 15 "$home/images/$image.log" >&2
      unmount_below "$home/storage"
      refuse "the image could not be built; log: $home/images/$image.log"
    fi
  done
  unmount_below "$home/storage"
}

build_image() { # build_image IMAGE ARCHIVE
  local name sops arguments=()
  name=$(name_of "$1")
  use_own_storage
  case $1 in
    pause) arguments=(--file "$here/images/pause/Dockerfile" "$(programs)") ;;
    # Building sops takes minutes: it is done once, outside of the image. Chromium alone would be a third of the image, which
    # each change of the sandbox program brings to the node again. Ruby comes from a registry of images.
    sandbox | bot)
      sops=$(sh "$project/scripts/sops") || return
      arguments=(--target "$1" --volume "$sops:/run/built/claude-sandbox/${sops##*/}:ro")
      arguments+=(--build-arg CHROMIUM= --build-arg RUBY= --file "$project/Dockerfile" "$project")
      ;;
    minio) arguments=(--file "$here/images/minio/Dockerfile" "$(dirname "$(sh "$project/scripts/minio")")") ;;
    *) arguments=(--file "$here/images/$1/Dockerfile" "$here/images/$1") ;;
  esac
  make_debian || return
  describe_package_index
  buildah bud --pull-never --layers --format docker "${index_mounts[@]}" --tag "$name" "${arguments[@]}" || return
  rm -f "$home/images/$1"-????????????.tar "$2.new"
  buildah push "$name" "docker-archive:$2.new:$name" || return
  mv "$2.new" "$2"
}

use_own_storage() { # so that the machine's own images stay what they are
  mkdir -p "$home/storage"
  cat >"$home/storage.conf" <<T
[storage]
driver = "overlay"
graphroot = "$home/storage/images"
runroot = "$home/storage/run"
T
  printf '[network]\nnetwork_config_dir = "%s"\n' "$home/storage/networks" >"$home/containers.conf"
  export CONTAINERS_STORAGE_CONF=$home/storage.conf CONTAINERS_CONF=$home/containers.conf
  buildah rm --all >/dev/null # what a build that was killed left
}

make_debian() {
  local container
  ! buildah inspect --type image docker.io/library/debian:bookworm-slim >/dev/null 2>&1 || return 0
  mmdebstrap --variant=minbase --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
    bookworm "$home/debian.tar" || return
  container=$(buildah from scratch) || return
  buildah add --quiet "$container" "$home/debian.tar" / || return
  buildah config --cmd bash "$container" || return
  buildah commit --quiet --rm "$container" docker.io/library/debian:bookworm-slim || return
  rm "$home/debian.tar"
}

# Where this machine reaches the package indexes by a certificate or an address of its own, the build needs them too.
# They are mounted for the build and don't come into an image.
describe_package_index() {
  local folder=$home/index certificates address registry
  index_mounts=()
  certificates=$(pip_setting PIP_CERT cert)
  address=$(pip_setting PIP_INDEX_URL index-url)
  registry=$(npm config get registry 2>/dev/null) || registry=
  rm -rf "$folder"
  mkdir -p "$folder"
  {
    echo '[global]'
    [ -z "$certificates" ] || echo 'cert = /run/index/certificates.pem'
    [ -z "$address" ] || echo "index-url = $address"
  } >"$folder/pip.conf"
  {
    [ -z "$certificates" ] || echo 'cafile=/run/index/certificates.pem'
    [ -z "$registry" ] || echo "registry=$registry"
  } >"$folder/npmrc"
  [ -z "$certificates" ] || cp "$certificates" "$folder/certificates.pem"
  [ -n "$certificates$address" ] || return 0
  index_mounts=(--volume "$folder:/run/index:ro" --volume "$folder/pip.conf:/etc/pip.conf:ro"
    --volume "$folder/npmrc:/root/.npmrc:ro")
}

pip_setting() { # pip_setting VARIABLE NAME
  printenv "$1" || python3 -m pip config get "global.$2" 2>/dev/null || true
}

load_images() { # load_images [IMAGE…]: all by default; each only where the node has another one of its name, or none
  local image archive
  # shellcheck disable=SC2086  # a list of names
  [ $# -gt 0 ] || set -- $images
  for image in "$@"; do
    archive=${archives[$image]}
    # Where the disk was full, the kubelet has removed all images that no Pod had.
    [ "$(cat "$run/loaded/$image" 2>/dev/null)" != "$archive" ] || ! node_has "$(name_of "$image")" || continue
    # The image of before keeps a name meanwhile: without one, containerd collects the layers that both share while it unpacks
    # the others ("parent snapshot … does not exist").
    node_images tag --force "$(name_of "$image")" "$(name_of "$image")-before" >/dev/null 2>&1 || true
    load "$archive"
    node_images rm "$(name_of "$image")-before" >/dev/null 2>&1 || true
    echo "$archive" >"$run/loaded/$image"
  done
}

load() { # load TAR…
  local archive
  for archive in "$@"; do node_images import "$archive" >/dev/null; done
}

node_has() { [ -n "$(node_images ls --quiet "name==$1")" ]; }

node_images() { ctr -a "$socket" -n k8s.io images "$@"; }
