#!/usr/bin/env bash
# Provides named (BIND) and dig for the tests of test/dns: does nothing where they
# are, and else installs Debian's packages, for which it must be root.
set -o errexit -o nounset -o pipefail

export PATH=${PATH}:/usr/sbin:/sbin
packages=(bind9 bind9-dnsutils)

installed() { command -v named >/dev/null && command -v dig >/dev/null; }

if installed; then
  exit 0
fi
if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
  echo "The DNS tests need named and dig: install BIND (on Debian: apt-get install ${packages[*]})." >&2
  exit 1
fi

echo "Installing ${packages[*]} for the DNS tests"
# The tests start named themselves: the package must not.
policy=/usr/sbin/policy-rc.d
if [[ ! -e ${policy} ]]; then
  trap 'rm -f "${policy}"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"${policy}"
  chmod +x "${policy}"
fi
export DEBIAN_FRONTEND=noninteractive
install() {
  apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "${packages[@]}"
}
if ! install >/dev/null 2>&1; then
  # The lists of packages are old, or there are none.
  apt-get update -qq -o DPkg::Lock::Timeout=300
  install
fi
installed
