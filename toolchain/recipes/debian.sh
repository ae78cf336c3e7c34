#!/bin/bash
# Makes a minimal Debian and packs it into one layer. Runs as root in a mount
# namespace of its own, so whatever it mounts is gone when it ends, however it ends.
set -euo pipefail

suite=$1 packages=$2 keyring=$3 mirror=$4 draft=$5
shift 5
root=$draft/root

# In memory: dpkg waits for the disk after every file, and the whole is packed and thrown away.
mkdir "$root"
mount -t tmpfs -o size=2g,mode=0755 tmpfs "$root"

# Without a mirror debootstrap takes Debian's own.
debootstrap --variant=minbase --keyring="$keyring" --include="$packages" "$suite" "$root" ${mirror:+"$mirror"}
dpkg-query --admindir="$root/var/lib/dpkg" --show --showformat='${Package} ${Version}\n' > "$draft/packages.txt"

for path in "$@"; do rm -rf "${root:?}/$path"; done
# dpkg and systemd expect these; only what was in them is not needed.
mkdir -p "$root/var/log" "$root/var/lib/apt/lists"

umount --recursive "$root/proc" "$root/sys" 2>/dev/null || true
tar --create --file "$draft/layer.tar" --directory "$root" --sort=name --mtime=@0 --numeric-owner \
  --one-file-system --exclude='./dev/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./run/*' --exclude='./tmp/*' .
umount --recursive "$root"
rmdir "$root"
