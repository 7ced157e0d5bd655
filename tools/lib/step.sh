# Sourced by the steps of tools/check: strict mode, the root as the working directory, and where the build lies.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The build that the steps share. EVSSM_CHECK_SCRATCH is its folder; EVSSM_PRODUCTS a folder of programs built elsewhere.
scratch="${EVSSM_CHECK_SCRATCH:-.build/check}"
flags=(-c release --scratch-path "$scratch" -Xswiftc -enable-testing)
products="${EVSSM_PRODUCTS:-$scratch/release}"

# The path of a program of the build: needs evssm
needs() {
  if [[ ! -x "$products/$1" ]]; then
    echo "$products/$1 is not there: run tools/check build first, or set EVSSM_PRODUCTS" >&2
    exit 69
  fi
  realpath "$products/$1"
}

# Whether a Python has the modules: has_modules torch numpy
has_modules() {
  local module
  for module in "$@"; do python3 -c "import $module" 2>/dev/null || return 1; done
}

# A scratch folder in $work, which goes when the step ends.
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# The module maps of the C targets of the build, a line each: what programs that read built Swift modules need.
module_maps() {
  find "$PWD/Sources" -name module.modulemap
  local target map
  for target in Sources/*/C*; do
    map="$products/$(basename "$target").build/module.modulemap"
    if [[ -e "$map" ]]; then realpath "$map"; fi
  done
}
