#!/usr/bin/env bash
# Imports a stand-in for the Node.js base image of the Dockerfile, for machines that run a Docker
# engine but reach no image registry: a root file system of this machine's own Debian packages, node
# and npm, under the name the Dockerfile takes its base by. The machine's trusted certificates and
# npm settings come along, so that `npm ci` works in it as it does here. For tests only.
set -euo pipefail

image=${1:?usage: deploy/base-image.sh IMAGE}
# What node:*-slim has and the Dockerfile needs: a shell, core utilities, node's libraries.
packages=(base-files libc6 libc-bin libgcc-s1 libstdc++6 dash coreutils libacl1 libattr1 libgmp10
  libselinux1 libpcre2-8-0 sed grep)

fail() {
  echo "base-image.sh: $1" >&2
  exit 1
}

# Passes on the paths that exist: a machine's image may have had some of a package's files deleted.
present() {
  local path
  while read -r path; do
    [[ ! -e $path ]] || echo "${path#/}"
  done
}

npm_directory() {
  dirname "$(dirname "$(readlink -f "$(command -v npm)")")"
}

copy_packages() { # $1: root
  local directory
  mkdir -p "$1"/usr/{bin,sbin,lib,lib64}
  for directory in bin sbin lib lib64; do
    ln -s "usr/$directory" "$1/$directory" # Debian's merged /usr, which no package lists.
  done
  # A package lists directories too: --no-recursion leaves out what others put there.
  dpkg-query -L "${packages[@]}" | grep -vE '^/usr/share/(doc|man|locale|info|lintian)(/|$)' |
    grep -vE '^(/\.|/s?bin|/lib(64)?)?$' | sort -u | present |
    tar -C / --create --no-recursion --files-from=- | tar -C "$1" --extract --keep-directory-symlink
}

copy_node() { # $1: root
  local file
  mkdir -p "$1"/usr/local/{bin,etc} "$1/usr/local/lib/node_modules" "$1/etc/ssl/certs"
  cp "$(readlink -f "$(command -v node)")" "$1/usr/local/bin/node"
  cp -R "$(npm_directory)" "$1/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$1/usr/local/bin/npm"
  for file in "$(npm config get globalconfig)" "$HOME/.npmrc"; do
    [[ -f $file ]] && cat "$file" && echo
  done | grep -v '^nodedir=' >"$1/usr/local/etc/npmrc" || true
  [[ ! -f /etc/ssl/certs/ca-certificates.crt ]] ||
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/"
}

copy_accounts() { # $1: root; the same as in the official image
  mkdir -p "$1/home/node" "$1/root" "$1/tmp"
  chmod 1777 "$1/tmp"
  printf '%s\n' root:x:0:0:root:/root:/bin/sh node:x:1000:1000::/home/node:/bin/sh >"$1/etc/passwd"
  printf '%s\n' root:x:0: node:x:1000: >"$1/etc/group"
  chown 1000:1000 "$1/home/node"
}

command -v dpkg-query >/dev/null || fail 'makes an image of Debian packages; this is not Debian'
command -v npm >/dev/null || fail 'npm is missing'
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
copy_packages "$root"
copy_node "$root"
copy_accounts "$root"
chmod 755 "$root"
tar -C "$root" --create . |
  docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change 'CMD ["node"]' --message 'stand-in for tests' - "$image"
