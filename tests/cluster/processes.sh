# The cluster's own processes: each in the network namespace, with a log and a pid file.
# shellcheck shell=bash disable=SC2154  # the variables are set in `cluster`

net() { nsenter --net="/run/netns/$netns" "$@"; } # not `ip netns exec`: that hides /sys/fs/cgroup

start() { # start NAME COMMAND…
  local name=$1
  shift
  setsid nsenter --net="/run/netns/$netns" "$@" </dev/null >"$run/log/$name.log" 2>&1 9>&- &
  echo "$! $(born $!)" >"$run/pid/$name"
  disown # its end is no news to the shell
}

alive() { # a pid file of before a reboot must not name a stranger: the time of birth stands beside the pid
  local pid birth
  read -r pid birth 2>/dev/null <"$run/pid/$1" || return 1
  [ -n "$birth" ] && [ "$(born "$pid")" = "$birth" ]
}

born() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

stop() { # at once: what it holds is thrown away; but a port still held would make the next start fail, so wait
  alive "$1" || return 0
  local pid
  read -r pid _ <"$run/pid/$1"
  kill -9 "$pid"
  for _ in $(seq 100); do alive "$1" || return 0; sleep 0.05; done
}

wait_for() { # wait_for WHAT LOG COMMAND…: at most 120 s
  local what=$1 log=$2 deadline=$((SECONDS + 120))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      tail -n 5 "$run/log/$log.log" >&2
      say "$what did not come up; log: $run/log/$log.log"
      exit 1
    fi
    sleep 0.25
  done
}
