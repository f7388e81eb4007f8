#!/bin/sh
# The top folder stays short: what it may hold is listed here. What git ignores is left out.
set -eu

cd "${WAYBILL_RULES_TOP:-.}"
bad=0
for name in *; do
    case $name in
    CMakeLists.txt | src | sql | conf | tests | docker-compose.yml | README.md | LICENSE) ;;
    *)
        if ! git check-ignore -q "$name" 2> /dev/null; then
            echo "\"$name\" doesn't belong into the top folder"
            bad=1
        fi
        ;;
    esac
done
exit $bad
