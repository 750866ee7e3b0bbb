# The node: network, control plane, container runtime, kubelet, and how all of it ends.
# shellcheck shell=bash disable=SC2154  # the variables are set in `cluster`

parts='dns etcd apiserver controller-manager scheduler containerd kubelet proxy router'
cgroup=claude-sandbox-test
own_sysctls='vm.overcommit_memory kernel.panic kernel.panic_on_oops' # the kubelet sets these for the whole machine
# Folders that kubelet, containerd and CNI plugins fill wherever they are told to live; ours to remove where they were absent.
fixed_folders='/var/lib/kubelet /var/lib/cni /run/containerd /var/log/containers'

node_runs() {
  local part
  for part in $parts; do alive "$part" || return 1; done
}

start_node() {
  local folder
  say "starting the node"
  stop_node
  mkdir -p "$run"/{pki,log,pid,cni,loaded}
  chmod 700 "$run"
  # shellcheck disable=SC2086  # a list of names
  sysctl $own_sysctls >"$run/sysctls"
  for folder in $fixed_folders; do
    [ -e "$folder" ] || echo "$folder"
  done >"$run/new-folders"
  make_network
  make_keys
  start_control_plane
  start_runtime
  start_kubelet
  kubectl wait --for=condition=Ready node/node1 --timeout=1s >/dev/null
}

kubectl() { "$(programs)/kubectl" --kubeconfig="$kubeconfig" "$@"; }

make_network() { # no default route: what isn't ours can't be reached from inside
  local range
  ip netns add "$netns"
  net ip link set lo up
  ip link add cs-host type veth peer name cs-uplink netns "$netns"
  ip addr add "$host_ip/30" dev cs-host
  ip link set cs-host up
  net ip addr add "$uplink_ip/30" dev cs-uplink
  net ip link set cs-uplink up
  for range in "$pods" "$services" "$node_ip/32"; do ip route replace "$range" via "$uplink_ip"; done
  net ip link add cs-node type bridge
  net ip addr add "$node_ip/32" dev cs-node
  net ip link set cs-node up
  net sysctl -qw net.ipv4.ip_forward=1
  # Names are what a test writes into hosts (then HUP); no other name exists.
  : >"$run/hosts"
  start dns dnsmasq --keep-in-foreground --no-resolv --no-hosts --addn-hosts="$run/hosts" --bind-interfaces \
    --listen-address="$node_ip" --user=root --pid-file
}

make_keys() {
  local token
  openssl genrsa -out "$run/pki/sa.key" 2048 2>/dev/null
  openssl rsa -in "$run/pki/sa.key" -pubout -out "$run/pki/sa.pub" 2>/dev/null
  token=$(openssl rand -hex 16)
  echo "$token,admin,admin,system:masters" >"$run/pki/tokens.csv"
  cat >"$kubeconfig" <<Y
apiVersion: v1
kind: Config
clusters: [{name: test, cluster: {server: "https://$node_ip:16443", certificate-authority: "$run/pki/apiserver.crt"}}]
users: [{name: admin, user: {token: "$token"}}]
contexts: [{name: test, context: {cluster: test, user: admin}}]
current-context: test
Y
}

start_control_plane() {
  local bin as_admin
  bin=$(programs)
  start etcd etcd --data-dir "$run/etcd" --unsafe-no-fsync --listen-client-urls http://127.0.0.1:23790 \
    --advertise-client-urls http://127.0.0.1:23790 --listen-peer-urls http://127.0.0.1:23800
  start apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:23790 --cert-dir="$run/pki" \
    --bind-address=0.0.0.0 --advertise-address="$node_ip" --secure-port=16443 --service-cluster-ip-range="$services" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$run/pki/sa.pub" \
    --service-account-signing-key-file="$run/pki/sa.key" --token-auth-file="$run/pki/tokens.csv" \
    --authorization-mode=Node,RBAC --allow-privileged=true --kubelet-preferred-address-types=InternalIP
  wait_for 'the API server' apiserver kubectl get --raw /readyz
  as_admin=(--kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig"
    --authorization-kubeconfig="$kubeconfig" --bind-address=127.0.0.1 --leader-elect=false)
  start controller-manager "$bin/kube-controller-manager" "${as_admin[@]}" --cert-dir="$run/pki/controller-manager" \
    --service-account-private-key-file="$run/pki/sa.key" --root-ca-file="$run/pki/apiserver.crt" \
    --use-service-account-credentials=true
  start scheduler "$bin/kube-scheduler" "${as_admin[@]}" --cert-dir="$run/pki/scheduler"
}

start_runtime() {
  cat >"$run/cni/10-bridge.conflist" <<Y
{"cniVersion": "0.4.0", "name": "pods", "plugins": [{"type": "bridge", "bridge": "cs-pods", "isGateway": true,
 "hairpinMode": true, "ipam": {"type": "host-local", "dataDir": "$run/ipam", "ranges": [[{"subnet": "$pods"}]],
 "routes": [{"dst": "0.0.0.0/0"}]}}]}
Y
  # restrict_oom_score_adj: without CAP_SYS_RESOURCE runc can't lower a score, and dies of it.
  cat >"$run/containerd.toml" <<Y
version = 2
root = "$run/containerd"
state = "$run/containerd-state"
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$run/cni"
Y
  start_containerd
  load_images pause
}

start_containerd() {
  start containerd containerd -c "$run/containerd.toml"
  wait_for containerd containerd ctr -a "$socket" version
}

start_kubelet() {
  local bin
  bin=$(programs)
  make_cgroup
  write_kubelet_settings
  start kubelet "$bin/kubelet" --config="$run/kubelet.yaml" --kubeconfig="$kubeconfig" --root-dir="$run/kubelet" \
    --cert-dir="$run/pki/kubelet" --hostname-override=node1 --node-ip="$node_ip"
  cat >"$run/proxy.yaml" <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $pods
hostnameOverride: node1
nodePortAddresses: [127.0.0.1/32]
metricsBindAddress: 127.0.0.1:10249
healthzBindAddress: 127.0.0.1:10256
clientConnection: {kubeconfig: "$kubeconfig"}
conntrack: {maxPerCore: 0}
Y
  start proxy "$bin/kube-proxy" --config="$run/proxy.yaml"
  wait_for 'the node' kubelet kubectl wait --for=condition=Ready node/node1 --timeout=1s
  start router env NODE_NAME=node1 "$bin/kube-router" --kubeconfig="$kubeconfig" --run-firewall=true \
    --run-router=false --run-service-proxy=false --hostname-override=node1 --enable-ipv6=false \
    --service-cluster-ip-range="$services" --metrics-port=0 --health-port=0
}

# The kubelet listens on the node's address, where the API server reaches it for logs and exec.
write_kubelet_settings() {
  cat >"$run/kubelet.yaml" <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $node_ip
readOnlyPort: 0
healthzPort: 0
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
cgroupDriver: cgroupfs
cgroupRoot: /$cgroup
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
evictionHard: {memory.available: 100Mi, nodefs.available: 1%, imagefs.available: 1%}
imageGCHighThresholdPercent: 100
containerRuntimeEndpoint: unix://$socket
clusterDNS: [$node_ip]
clusterDomain: cluster.local
resolvConf: /dev/null
podLogsDir: $run/pods
volumePluginDir: $run/volume-plugins
serializeImagePulls: false
syncFrequency: 1s
Y
}

make_cgroup() { # in every hierarchy: one on cgroup v2, a dozen on v1
  local hierarchy
  awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts | while read -r hierarchy; do
    mkdir -p "$hierarchy/$cgroup"
  done
}

stop_node() { # also clears what a killed cluster left behind
  local part
  for part in router proxy kubelet scheduler controller-manager apiserver dns; do stop $part; done
  if [ -e "$run/containerd.toml" ] && ip netns pids "$netns" >/dev/null 2>&1; then
    # Only containerd can end its shims, so it is started again where it died.
    alive containerd || start_containerd
    remove_pods
    stop containerd
  fi
  stop etcd
  remove_traces
}

restart_node() { # only what runs is lost; what stands on disk stays
  local part
  for part in router proxy kubelet; do stop $part; done
  remove_pods
  stop containerd
  start_containerd
  start_kubelet
}

remove_pods() { # by the runtime's own interface; the namespaces of their network go by name
  local container namespace
  for container in $(ctr -a "$socket" -n k8s.io container ls -q); do
    namespace=$(ctr -a "$socket" -n k8s.io container info "$container" | grep -o -m 1 'netns/cni-[-0-9a-f]*') || namespace=
    [ -z "$namespace" ] || echo "${namespace#netns/}" >>"$run/pod-networks"
    ctr -a "$socket" -n k8s.io task delete --force "$container" >/dev/null 2>&1 || true
  done
}

remove_traces() {
  local name value link hierarchy
  unmount_below "$run"
  if [ -f "$run/pod-networks" ]; then
    sort -u "$run/pod-networks" | while read -r name; do ip netns del "$name" 2>/dev/null || true; done
  fi
  ip link del cs-host 2>/dev/null || true
  ip netns del "$netns" 2>/dev/null || true # its rules, bridges and the veth pair go with it
  if [ -f "$run/sysctls" ]; then
    while read -r name _ value; do sysctl -qw "$name=$value"; done <"$run/sysctls"
  fi
  for link in /var/log/containers/*; do
    case $(readlink "$link" || true) in "$run"/*) rm -f "$link" ;; esac
  done
  if [ -f "$run/new-folders" ]; then
    while read -r name; do rm -rf "$name"; done <"$run/new-folders"
  fi
  awk '$3 ~ /^cgroup2?$/ {print $2}' /proc/mounts | while read -r hierarchy; do
    [ ! -d "$hierarchy/$cgroup" ] || find "$hierarchy/$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
  rm -rf "$run"
}

unmount_below() { # unmount_below FOLDER
  local mount
  awk -v folder="$1/" 'index($2, folder) == 1 {print $2}' /proc/mounts | sort -r | while read -r mount; do
    umount -l "$mount" || true
  done
}
