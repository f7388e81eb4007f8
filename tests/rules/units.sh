#!/bin/sh
# The systemd units are right, hardened, and leave a stop the time that run.grace_ms needs.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
bad=0

grace_ms=$(sed -n 's/^  grace_ms: //p' conf/waybill.yaml)
for unit in conf/waybill.service conf/waybill-run.service; do
    stop_s=$(sed -n 's/^TimeoutStopSec=//p' "$unit")
    if [ "$((stop_s * 1000))" -le "$grace_ms" ]; then
        echo "$unit: TimeoutStopSec=$stop_s is not longer than run.grace_ms: $grace_ms"
        bad=1
    fi
done
[ "$bad" = 0 ] || exit 1

if ! command -v systemd-analyze > /dev/null; then
    echo "skipped: systemd-analyze isn't installed" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for unit in conf/waybill.service conf/waybill-run.service conf/waybill-run.timer; do
    # The program isn't installed here.
    sed 's|^ExecStart=waybill|ExecStart=/bin/true|' "$unit" > "$work/$(basename "$unit")"
done
SYSTEMD_LOG_LEVEL=warning SYSTEMD_UNIT_PATH=$work: systemd-analyze verify --man=no --recursive-errors=no \
    "$work/waybill.service" "$work/waybill-run.service" "$work/waybill-run.timer" > "$work/out" 2>&1 || bad=1
if [ "$bad" != 0 ] || grep -q "$work" "$work/out"; then
    cat "$work/out"
    exit 1
fi
for unit in waybill.service waybill-run.service; do
    # 0 is a unit that may do nothing, 100 one that may do all.
    systemd-analyze security --offline=true --no-pager --threshold=25 "$work/$unit" > "$work/out" 2>&1 || {
        tail -n 5 "$work/out"
        exit 1
    }
done
