# Completion of waybill for bash: source it, or install it as
# /usr/share/bash-completion/completions/waybill. What there is to say it asks the program itself.
# shellcheck shell=bash

_waybill() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local program=${COMP_WORDS[0]} command='' answers='' i
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -c | --config | --log-level | --log-format) i=$((i + 1)) ;;
        -*) ;;
        help) ;;
        *)
            command=${COMP_WORDS[i]}
            break
            ;;
        esac
    done

    case $before in
    -c | --config | --html)
        while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -f -- "$word")
        compopt -o filenames 2> /dev/null
        return
        ;;
    --log-level) answers='error warn info debug trace' ;;
    --log-format) answers='logfmt json' ;;
    --format) answers='table csv json' ;;
    --from) answers='nothing warehouse csv api' ;;
    --units) answers='settled due' ;;
    --kind)
        answers='over_quantity decreased bad_row unreadable unknown_item ordered_mismatch guard vanished
            unknown_order order_blocked order_returned rejected foreign ambiguous double missing extra
            payment attempts hand_over feed_broken warehouse_shrank ledger'
        ;;
    *)
        if [[ -z $command ]]; then
            answers=$("$program" --help 2> /dev/null |
                sed -n '/^commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p; s/^ *\(-., \)\{0,1\} *\(--[a-z-]*\).*/\2/p')
            answers+=' help'
            [[ $before != help ]] || answers+=' config'
        elif [[ $word == -* ]]; then
            answers=$("$program" help "$command" 2> /dev/null |
                sed -n '/^options/,/^$/s/^ *\(-., \)\{0,1\} *\(--[a-z-]*\).*/\2/p')
        elif [[ $command == report ]]; then
            answers=$("$program" report 2> /dev/null | sed 's/ .*//')
        elif [[ $command =~ ^(retry|hold|release|dismiss)$ && $before == "$command" ]]; then
            answers='submission marker order discrepancy'
        fi
        ;;
    esac
    while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$answers" -- "$word")
}
complete -F _waybill waybill
