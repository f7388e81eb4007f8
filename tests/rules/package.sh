#!/bin/sh
# What cmake --install and cpack put where; the package is installed into a folder of its own, run
# from there, and removed again.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
build=${WAYBILL_BUILD_DIR:-build}
if [ ! -x "$build/waybill" ] || [ ! -f "$build/cmake_install.cmake" ]; then
    echo "skipped: $build/waybill isn't built" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "$*"
    exit 1
}

# units_find ROOT: what the units start is where they look for it. A name without a path is looked for in
# folders that are compiled into systemd (systemd-path search-binaries-default).
units_find() {
    for unit in waybill.service waybill-run.service; do
        program=$(find "$1" -name "$unit" -exec sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' {} +)
        case $program in
        /*) [ -x "$1$program" ] ;;
        *) [ -x "$1/usr/local/bin/$program" ] || [ -x "$1/usr/bin/$program" ] ;;
        esac || fail "$unit starts \"$program\", which isn't below $1"
    done
}

cmake --install "$build" --prefix "$work/usr" > "$work/log" 2>&1 || fail "$(cat "$work/log")"
for file in bin/waybill share/man/man1/waybill.1 share/man/man5/waybill.yaml.5 \
    share/bash-completion/completions/waybill lib/systemd/system/waybill.service \
    lib/systemd/system/waybill-run.service lib/systemd/system/waybill-run.timer \
    lib/sysusers.d/waybill.conf share/doc/waybill/waybill.yaml share/doc/waybill/LICENSE \
    share/doc/waybill/waybill-alerts.yaml share/doc/waybill/waybill-grafana.json \
    share/waybill/warehouse/odoo_view.sql share/waybill/warehouse/odoo_feed.sql \
    share/waybill/warehouse/snippets.sql; do
    [ -s "$work/usr/$file" ] || fail "$file isn't installed"
done
"$work/usr/bin/waybill" version > "$work/version" || fail "the installed program doesn't run"
DESTDIR=$work/default cmake --install "$build" > "$work/log" 2>&1 || fail "$(cat "$work/log")"
units_find "$work/default"

if ! command -v cpack > /dev/null || ! command -v dpkg-deb > /dev/null; then
    echo "skipped: cpack or dpkg-deb isn't installed" >&2
    exit 77
fi
cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/deb" > "$work/log" 2>&1 ||
    fail "$(cat "$work/log")"
package=$(echo "$work"/deb/*.deb)
[ -f "$package" ] || fail "no package: $package"
for needed in libpq5 libcurl4 libcjson1 libyaml-0-2; do
    dpkg-deb -f "$package" Depends | grep -q "$needed" || fail "the package doesn't depend on $needed"
done
dpkg-deb -c "$package" > "$work/files"
grep -q ' root/root .* ./usr/bin/waybill$' "$work/files" ||
    fail "the package's files aren't root's"

root=$work/root
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
    : > "$root/var/lib/dpkg/status"
    # What it depends on is outside of that folder, and so is the shell of its scripts.
    dpkg --root="$root" --force-depends --force-script-chrootless -i "$package" > "$work/log" 2>&1 ||
        fail "$(cat "$work/log")"
    [ -d "$root/etc/waybill" ] || fail "the package makes no /etc/waybill"
else
    dpkg-deb -x "$package" "$root"
fi
units_find "$root"
"$root/usr/bin/waybill" version | cmp -s - "$work/version" ||
    fail "the packaged program tells another version"
if [ "$(id -u)" = 0 ]; then
    dpkg --root="$root" --force-depends --force-script-chrootless -P waybill > "$work/log" 2>&1 ||
        fail "$(cat "$work/log")"
    [ ! -e "$root/usr/bin/waybill" ] || fail "the package leaves its program behind"
fi
