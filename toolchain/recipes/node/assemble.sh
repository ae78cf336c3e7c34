#!/bin/bash
# Puts the node image's root filesystem together and packs it into one layer.
# Runs as root in a mount and process namespace of its own.
set -euo pipefail

base_layer=$1 kind_files=$2 node_files=$3 multi_call=$4 images=$5 kubernetes_version=$6 pause_image=$7 draft=$8
root=$draft/root

unpack() {
  mkdir "$root"
  tar --extract --file "$base_layer" --directory "$root" --numeric-owner
}

# The steps of kind's own image (images/base/Dockerfile of its module).
copy_kind_files() {
  cp --recursive --no-preserve=ownership,mode "$kind_files/." "$root"
  find "$kind_files" -type f -printf '%P\n' | while read -r file; do chmod 0644 "$root/$file"; done
  chmod 0755 "$root"/usr/local/bin/* "$root"/kind "$root"/kind/bin "$root"/kind/bin/*
  rm "$root/usr/local/bin/clean-install"
}

disable_units() {
  rm -f "$root"/usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service \
    "$root"/usr/lib/systemd/system/multi-user.target.wants/* "$root"/etc/systemd/system/*.wants/* \
    "$root"/usr/lib/systemd/system/local-fs.target.wants/* \
    "$root"/usr/lib/systemd/system/sockets.target.wants/*{udev,initctl}* \
    "$root"/usr/lib/systemd/system/basic.target.wants/*
  echo "ReadKMsg=no" >> "$root/etc/systemd/journald.conf"
  chroot "$root" systemctl enable kubelet.service containerd.service undo-mount-hacks.service
  chroot "$root" systemctl mask systemd-binfmt.service
}

install_programs() {
  local name
  install -D --mode=0755 "$multi_call" "$root/usr/local/bin/kubernetes"
  for name in kubeadm kubelet kubectl; do ln "$root/usr/local/bin/kubernetes" "$root/usr/bin/$name"; done
  for name in containerd ctr; do ln -s "/usr/bin/$name" "$root/usr/local/bin/$name"; done
  mkdir -p "$root/opt/cni/bin" "$root/etc/kubernetes/manifests" "$root/kind/manifests"
  for name in host-local loopback portmap ptp; do cp "$root/usr/lib/cni/$name" "$root/opt/cni/bin/"; done
  rm -r "$root/usr/lib/cni"
  printf %s "$kubernetes_version" > "$root/kind/version"
  cp "$node_files/default-storage.yaml" "$root/kind/manifests/"
  cp "$node_files/cni.conflist.template" "$root/kind/"
  install -D --mode=0755 "$node_files/own-snapshots.sh" "$root/kind/bin/own-snapshots.sh"
  install -D --mode=0644 "$node_files/own-snapshots.conf" \
    "$root/etc/systemd/system/containerd.service.d/own-snapshots.conf"
}

configure_containerd() {
  local config=$root/etc/containerd/config.toml
  replace "$config" 'sandbox_image = .*' "sandbox_image = \"$pause_image\""
  replace "$config" 'restrict_oom_score_adj = false' 'restrict_oom_score_adj = true'
  replace "$config" 'discard_unpacked_layers = true' 'discard_unpacked_layers = false'
  printf '%s\n' '[plugins."io.containerd.grpc.v1.cri".cni]' '  bin_dir = "/opt/cni/bin"' '  conf_template = "/kind/cni.conflist.template"' >> "$config"
  chroot "$root" ctr oci spec \
    | chroot "$root" jq '.hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}] | del(.process.rlimits)' \
    > "$root/etc/containerd/cri-base.json"
}

# Another kind release may word a line differently; a silent miss would show as a node that never gets ready.
replace() {
  grep --quiet "$2" "$1" || { echo "$1 has no line with: $2" >&2; exit 1; }
  sed -i "s|$2|$3|" "$1"
}

preload_images() {
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/run"
  mkdir "$root/images"
  mount --bind "$(dirname "$images")" "$root/images"
  chroot "$root" /bin/bash -euo pipefail -c '
    containerd --config /dev/null --log-level warn &
    for attempt in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
    ctr --namespace k8s.io images import --label io.cri-containerd.image=managed \
      --label io.cri-containerd.pinned=pinned --discard-unpacked-layers /images/images.tar
    # Removing any name with --sync sweeps at once what the line above marked: the packed layers.
    ctr --namespace k8s.io images tag "$0" tether.test/sweep
    ctr --namespace k8s.io images rm --sync tether.test/sweep
    kill %1
    wait %1 || true' "$pause_image"
  umount --recursive "$root/images" "$root/run" "$root/proc" "$root/dev"
  rmdir "$root/images"
}

# A runtime copies everything below /var into a volume of each new node. The unpacked
# images lie elsewhere, so nothing is copied, and all nodes of a machine read the same
# files from the same page cache.
share_snapshots() {
  local store=$root/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots snapshot program
  mkdir -p "$root/kind/snapshots"
  for snapshot in "$store"/*; do
    mv "$snapshot" "$root/kind/snapshots/"
    ln -s "/kind/snapshots/$(basename "$snapshot")" "$snapshot"
  done
  program=$(echo "$root"/kind/snapshots/*/fs/usr/local/bin/kubernetes)
  for name in /usr/local/bin/kubernetes /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl; do
    ln --force "$program" "$root$name"
  done
}

pack() {
  : > "$root/etc/machine-id"
  tar --create --file "$draft/layer.tar" --directory "$root" --sort=name --mtime=@0 --numeric-owner \
    --one-file-system --exclude='./dev/*' --exclude='./run/*' --exclude='./tmp/*' .
  rm -rf "$root"
}

unpack
copy_kind_files
disable_units
install_programs
configure_containerd
preload_images
share_snapshots
pack
