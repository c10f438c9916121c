# What the tests of this folder share; they source it.

# Runs the script again where it may mount disks, in a name space of its own, if it may not do so here.
# Call as: may_mount "$0" "$@"
may_mount() {
  [ "$(id -u)" != 0 ] && [ -z "${HEARTH_MAY_MOUNT-}" ] && unshare -rm true 2> /dev/null || return 0
  HEARTH_MAY_MOUNT=1 exec unshare -rm "$@"
}

# mount_disk FOLDER BYTES: a disk of that size; skips the test where none can be mounted.
mount_disk() {
  mkdir "$1"
  mount -t tmpfs -o "size=$2" tmpfs "$1" 2> /dev/null || {
    echo "skipped: a disk of its own cannot be mounted here"
    exit 77
  }
}

# start_registry WORK: Debian's docker-registry on a port of this machine, with $registry as its process and $host as its
# name; skips the test where there is none.
start_registry() {
  command -v docker-registry > /dev/null || { echo "skipped: there is no docker-registry"; exit 77; }
  # A port may be taken.
  try_registry "$1" || try_registry "$1" || try_registry "$1" || { cat "$1/registry.log"; exit 1; }
}
try_registry() {
  host=127.0.0.1:$((20000 + RANDOM % 12000))
  cat > "$1/registry.yml" << END
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $1/registry}}
http: {addr: "$host"}
END
  docker-registry serve "$1/registry.yml" > "$1/registry.log" 2>&1 &
  registry=$!
  until (: < "/dev/tcp/${host/://}") 2> /dev/null; do
    kill -0 "$registry" 2> /dev/null || return 1
    sleep 0.05
  done
  kill -0 "$registry" 2> /dev/null  # and not another program of that port
}
