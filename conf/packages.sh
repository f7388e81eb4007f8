# shellcheck shell=sh disable=SC2034
# What a fresh Debian 12 needs, and how it gets there. Read by conf/quickstart.sh and tests/run.sh.
# WAYBILL_SKIP_PACKAGES=1 installs nothing.

packages_to_build='gcc libc6-dev make cmake pkg-config check libpq-dev libcurl4-openssl-dev
    libcjson-dev libyaml-dev libmicrohttpd-dev'
packages_to_try='postgresql-15 curl'
packages_to_test='git clang libclang-rt-14-dev iproute2 ninja-build openssl python3 clang-format shellcheck cppcheck clang-tidy valgrind'

# packages_install LOG PACKAGE...: those that are missing; false with the end of the log shown.
packages_install() {
    packages_log=$1
    shift
    [ "${WAYBILL_SKIP_PACKAGES:-}" != 1 ] || return 0
    if ! command -v apt-get > /dev/null; then
        echo "-- no apt-get here: taking the packages as they are"
        return 0
    fi
    packages_missing=
    for package in "$@"; do
        packages_state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2> /dev/null || true)
        [ "$packages_state" = installed ] || packages_missing="$packages_missing $package"
    done
    [ -n "$packages_missing" ] || return 0

    echo "-- installing$packages_missing"
    packages_root=
    [ "$(id -u)" = 0 ] || packages_root=sudo
    # shellcheck disable=SC2086
    {
        $packages_root apt-get update -q &&
            $packages_root env DEBIAN_FRONTEND=noninteractive \
                apt-get install -q -y --no-install-recommends $packages_missing
    } > "$packages_log" 2>&1 || {
        tail -n 20 "$packages_log"
        return 1
    }
}
