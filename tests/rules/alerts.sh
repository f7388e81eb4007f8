#!/bin/sh
# conf/waybill-alerts.yaml is right for Prometheus, goes off when it should, and each alert has its
# paragraph in README.md.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
alerts=conf/waybill-alerts.yaml
bad=0

sed -n 's/.*runbook_url: "README.md#\(.*\)"/\1/p' "$alerts" | {
    missing=0
    while read -r anchor; do
        if ! grep -qi "^#### $anchor\$" README.md; then
            echo "README.md has no heading for #$anchor"
            missing=1
        fi
    done
    exit "$missing"
} || bad=1
named=$(grep -c 'alert:' "$alerts")
linked=$(grep -c 'runbook_url:' "$alerts")
if [ "$named" != "$linked" ]; then
    echo "$alerts: $named alerts, $linked links to a runbook"
    bad=1
fi
[ "$bad" = 0 ] || exit 1

if ! command -v promtool > /dev/null; then
    echo "skipped: promtool isn't installed" >&2
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$alerts" "$work/alerts.yaml"
cat > "$work/test.yaml" << 'END'
rule_files: [alerts.yaml]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - {series: 'waybill_oldest_unknown_seconds{ledger="w"}', values: '0 1870 1871 1931'}
      - {series: 'waybill_open_discrepancies{ledger="w",kind="double"}', values: '0 0 1 1'}
      - {series: 'waybill_open_discrepancies{ledger="w",kind="rejected"}', values: '1x20'}
      - {series: 'waybill_last_run_timestamp_seconds{ledger="w"}', values: '-4000x20'}
      - {series: 'waybill_workers{ledger="w"}', values: '1x8 0x12'}
      - {series: 'waybill_backlog_oldest_seconds{ledger="w",state="planned"}', values: '20000x20'}
      - {series: 'waybill_mode{ledger="w",mode="shadow"}', values: '1x8 0x12'}
    alert_rule_test:
      - {eval_time: 1m, alertname: WaybillUnknownLong, exp_alerts: []}
      - eval_time: 2m
        alertname: WaybillUnknownLong
        exp_alerts:
          - exp_labels: {severity: warning, ledger: w}
            exp_annotations:
              summary: the outcome of a POST is unknown for 31m 11s
              runbook_url: README.md#waybillunknownlong
      - eval_time: 2m
        alertname: WaybillMoney
        exp_alerts:
          - exp_labels: {severity: critical, ledger: w, kind: double}
            exp_annotations:
              summary: "1 open discrepancies double: money may be wrong"
              runbook_url: README.md#waybillmoney
      - {eval_time: 14m, alertname: WaybillDiscrepancies, exp_alerts: []}
      - eval_time: 15m
        alertname: WaybillDiscrepancies
        exp_alerts:
          - exp_labels: {severity: warning, ledger: w, kind: rejected}
            exp_annotations:
              summary: 1 open discrepancies rejected
              runbook_url: README.md#waybilldiscrepancies
      - {eval_time: 13m, alertname: WaybillBacklogOld, exp_alerts: []}
      - eval_time: 14m
        alertname: WaybillBacklogOld
        exp_alerts:
          - exp_labels: {severity: warning, ledger: w, state: planned}
            exp_annotations:
              summary: a planned submission waits for 5h 33m 20s
              runbook_url: README.md#waybillbacklogold
      - {eval_time: 8m, alertname: WaybillNoRun, exp_alerts: []}
      - eval_time: 15m
        alertname: WaybillNoRun
        exp_alerts:
          - exp_labels: {severity: critical, ledger: w}
            exp_annotations:
              summary: no run of waybill for 1h 21m 40s, on any host
              runbook_url: README.md#waybillnorun
END
promtool check rules "$work/alerts.yaml" > "$work/out" 2>&1 || {
    cat "$work/out"
    exit 1
}
cd "$work"
promtool test rules test.yaml > out 2>&1 || {
    cat out
    exit 1
}
