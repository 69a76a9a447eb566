# shellcheck shell=bash
# What the stories on booted machines share: the machines themselves, with this checkout and the
# program on them, and the words in which the stories are told.

# shellcheck source=tests/scripts/lib.sh
source tests/scripts/lib.sh
HOSTS=${AIOPS_HOSTS:-$PWD/../shared/hosts/hosts}
# The demo installs these two, and the hosts have no other place to get them from.
export AIOPS_HOSTS_POOL=${AIOPS_HOSTS_POOL:-ca-certificates curl git jq acl python3 python3-yaml openssh-server sudo}
export AIOPS_HOSTS_LAB=${AIOPS_HOSTS_LAB:-scripts}

cannot() {
    if [[ ${E2E-} == require ]]; then
        echo "FAILED tests/hosts: $1, and E2E=require demands it" >&2
        exit 1
    fi
    echo "SKIPPED tests/hosts, ALL OF IT: $1" >&2
    exit 77
}
[[ -x $HOSTS ]] || cannot "there is no program to boot hosts at $HOSTS"
said=$("$HOSTS" check 2>&1) || cannot "hosts cannot boot here: $said"

if [[ -z ${AIOPS_BINARY-} ]]; then
    cargo build --release --locked || exit 1
    AIOPS_BINARY=${CARGO_TARGET_DIR:-$PWD/target}/release/aiops
fi
AIOPS_BINARY=$(readlink -f "$AIOPS_BINARY")

work=$(mktemp -d)
trap '"$HOSTS" down; rm -rf "$work"' EXIT

# begin HOST...: boots them anew, with the checkout and the program in root's home.
begin() {
    local item host
    "$HOSTS" down >/dev/null 2>&1
    "$HOSTS" up "$@" >/dev/null || exit 1
    mkdir "$work/checkout"
    for item in knowledge docs README.md LICENSE config.example.yml prepare-hermes-host.sh setup-aiops-mvp.sh; do
        if [[ -e $item ]]; then cp -R "$item" "$work/checkout/"; fi
    done
    for host in "$@"; do
        "$HOSTS" push "$host" "$work/checkout" /root/checkout
        on "$host" 'chown -R root:root /root/checkout'
        "$HOSTS" push "$host" "$AIOPS_BINARY" /root/aiops
    done
    # shellcheck disable=SC2034  # for the stories
    gateway_ip=$("$HOSTS" ip gateway)
    # shellcheck disable=SC2034
    target_ip=$("$HOSTS" ip srv1)
}

on() { # HOST SHELL-TEXT
    "$HOSTS" exec "$1" -- bash -c "$2"
}
as() { # USER HOST SHELL-TEXT
    "$HOSTS" exec -u "$1" "$2" -- bash -c "$3"
}
executor() { # SHELL-TEXT: as the executor's user, whose home is nowhere
    "$HOSTS" exec gateway -- runuser -u aiopsexec -- bash -c "$1"
}
setup() { # HOST ARGUMENTS...
    local host=$1
    shift
    "$HOSTS" exec "$host" -- env AIOPS_BINARY=/root/aiops /root/checkout/setup-aiops-mvp.sh "$@"
}
ask() { # COMMAND: a request from hermes
    printf '{"target":"srv1","command":"%s","requester":"hermes","reason":"test"}' "$1" | word
}
word() { # a message on standard input, from hermes
    "$HOSTS" exec -u hermes gateway -- /usr/bin/sudo -u aiopsexec /opt/aiops/run_action.py
}
reply() { printf '%s' "$1" | word; }
ask_and_approve() { # COMMAND: whatever the policy thinks of it
    local answer
    answer=$(ask "$1")
    if [[ $answer =~ \"code\":\"([A-Z0-9]+)\" ]]; then answer=$(reply "Approve ${BASH_REMATCH[1]}"); fi
    printf '%s\n' "$answer"
}
