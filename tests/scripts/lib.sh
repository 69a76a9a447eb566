# shellcheck shell=bash
# What the test drivers of the shell scripts share: run something, look at what came out, count.

FAILED=0
COUNT=0
OUT='' # both streams and "exit=N" of the last run

run() {
    OUT=$("$@" 2>&1 && echo "exit=0" || echo "exit=$?")
}

verdict() { # NAME 0|1 EXPLANATION
    COUNT=$((COUNT + 1))
    if (($2 == 0)); then
        printf 'ok      %s\n' "$1"
    else
        FAILED=$((FAILED + 1))
        printf 'NOT OK  %s: %s\n' "$1" "$3"
        printf '%s\n' "$OUT" | sed 's/^/        | /'
    fi
}

# expect NAME PATTERN CMD...: the output (both streams and exit=N) matches the extended regex.
expect() {
    local name=$1 pattern=$2
    shift 2
    run "$@"
    if grep -qE -e "$pattern" <<<"$OUT"; then verdict "$name" 0; else verdict "$name" 1 "no /$pattern/ in"; fi
}

# also NAME PATTERN: the output of the run before matches as well.
also() {
    if grep -qE -e "$2" <<<"$OUT"; then verdict "$1" 0; else verdict "$1" 1 "no /$2/ in"; fi
}

# never NAME PATTERN: the output of the run before does not match.
never() {
    if grep -qE -e "$2" <<<"$OUT"; then verdict "$1" 1 "unwanted /$2/ in"; else verdict "$1" 0; fi
}

# same NAME BEFORE AFTER: two texts are equal.
same() {
    OUT=$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3"))
    if [[ $2 == "$3" ]]; then verdict "$1" 0; else verdict "$1" 1 "it changed"; fi
}

finish() {
    printf '%s: %d checks, %d failed\n' "$1" "$COUNT" "$FAILED"
    ((FAILED == 0))
}
