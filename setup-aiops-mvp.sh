#!/usr/bin/env bash
# Installs, updates and shows aiops: the executor between Hermes and its servers.
# See --help. Every mode can be run again; what is there already is kept.
set -euo pipefail
umask 022

readonly HOME_DIR=/opt/aiops
readonly EXECUTOR=aiopsexec
readonly HERMES_USER=hermes
readonly LAB_DIR=$HOME_DIR/python-lab
readonly EXAMPLE_ADDRESS=192.0.2.10
readonly GATEWAY_SUDOERS=/etc/sudoers.d/aiops-hermes
readonly UNITS=/etc/systemd/system
readonly APPROVERS=aiops-approvers
readonly APPROVERS_SUDOERS=/etc/sudoers.d/aiops-approvers
readonly TARGET_USER=aiops
readonly TARGET_HOME=/home/aiops
readonly TARGET_SUDOERS=/etc/sudoers.d/aiops
readonly DEMO_PROGRAM=/usr/local/bin/broken-demo
readonly PLAIN_PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

SCRIPT=$(readlink -f -- "${BASH_SOURCE[0]}")
readonly SCRIPT
readonly CHECKOUT=${SCRIPT%/*}

usage() {
    cat <<'END'
Usage: setup-aiops-mvp.sh MODE [ARGUMENTS]

On the gateway, as root, after prepare-hermes-host.sh:
  hermes <TARGET_IP> [--name srv1] [--port 22] [--append-only]
                   install into /opt/aiops, pin the target's host key, print the public key;
                   --append-only: nobody but root can shorten the log (ext4, xfs, btrfs)
  update-aiops     replace the program, after it has accepted the present config.yml
  rollback [--to-python-lab] [--force]
                   put the previous program back

On a target, as root:
  srv1 "<PUBLIC KEY>" [--from ADDRESS[,ADDRESS...]] [--with-broken-demo]
                   user aiops, its key, its short list of sudo commands

Anywhere:
  print-bootstrap  print what Hermes must read, in order
  demo             show the whole thing on this machine, and leave nothing behind
  --help           this text

The program is built with cargo from this checkout; where there is no Rust, name a built one:
  AIOPS_BINARY=/path/to/aiops setup-aiops-mvp.sh ...

Exit codes: 0 done; 1 refused or failed, the message says what to do; 2 wrong arguments;
3 (hermes) all is installed, but the target's host key could not be pinned.
See docs/install.md and docs/update.md.
END
}

# ------------------------------------------------------------------ what is said

created() { printf '[new]   %s\n' "$*"; }
kept() { printf '[same]  %s\n' "$*"; }
warn() { printf '[warn]  %s\n' "$*" >&2; }
complain() {
    printf '[fail]  %s\n' "$1" >&2
    shift
    if (($#)); then printf '        %s\n' "$@" >&2; fi
}
die() {
    complain "$@"
    exit 1
}
misused() {
    complain "$1" "see: setup-aiops-mvp.sh --help"
    exit 2
}

# ------------------------------------------------------------------ small steps

LEFTOVERS=()
remove_leftovers() { if ((${#LEFTOVERS[@]})); then rm -rf -- "${LEFTOVERS[@]}"; fi; }
trap remove_leftovers EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

need_root() { ((EUID == 0)) || die "this needs root" "run it with sudo, or as root"; }

need_program() {
    local program=$1 package=$2
    command -v "$program" >/dev/null ||
        die "$program is missing" "install it: apt-get install $package"
}

# One setup at a time on one machine.
lock() {
    install -d /run/lock
    exec 9>/run/lock/aiops-setup.lock
    flock -n 9 || die "another setup-aiops-mvp.sh is running here" "wait for it, then try again"
}

# Runs the program as the executor's user, with an environment that decides nothing.
as_executor() { runuser -u "$EXECUTOR" -- env -i "PATH=$PLAIN_PATH" "$@" 9>&-; }

state_of() { stat -c '%U:%G %a' -- "$1"; }

no_link() {
    [[ ! -L $1 ]] || die "$1 is a symbolic link" "replace it by what it points to, then try again"
}

# own OWNER:GROUP MODE PATH: corrects owner and mode of what is there; 1 where they were right.
own() {
    local owner=$1 mode=$2 path=$3
    no_link "$path"
    [[ $(state_of "$path") != "$owner ${mode#0}" ]] || return 1
    chown -h -- "$owner" "$path" || die "cannot change the owner of $path"
    chmod -- "$mode" "$path" || die "cannot change the mode of $path"
}

own_directory() {
    local owner=$1 mode=$2 path=$3
    if [[ ! -d $path ]]; then
        no_link "$path"
        install -d -o "${owner%:*}" -g "${owner#*:}" -m "$mode" -- "$path"
        created "directory $path ($owner, $mode)"
    elif own "$owner" "$mode" "$path"; then
        created "directory $path: now $owner, $mode"
    else
        kept "directory $path"
    fi
}

# put_file OWNER:GROUP MODE PATH: writes standard input there in one step, if it differs.
put_file() {
    local owner=$1 mode=$2 path=$3 text fresh
    no_link "$path"
    text=$(mktemp)
    LEFTOVERS+=("$text")
    cat >"$text"
    if [[ -f $path && $(state_of "$path") == "$owner ${mode#0}" ]] && cmp -s -- "$text" "$path"; then
        rm -f -- "$text"
        kept "$path"
        return
    fi
    # sudo ignores files with a dot in their name, so a half-written one is never read.
    fresh=$(mktemp -- "${path%/*}/.aiops.XXXXXX")
    LEFTOVERS+=("$fresh")
    cat -- "$text" >"$fresh"
    rm -f -- "$text"
    chown -- "$owner" "$fresh"
    chmod -- "$mode" "$fresh"
    sync -- "$fresh"
    mv -fT -- "$fresh" "$path"
    sync -- "${path%/*}"
    created "$path ($owner, $mode)"
}

# put_sudoers PATH: like put_file, but only what visudo accepts.
put_sudoers() {
    local path=$1 text said
    text=$(mktemp)
    LEFTOVERS+=("$text")
    cat >"$text"
    said=$(visudo -cf "$text" 2>&1) ||
        die "visudo refuses the rules for $path, so they are not put in place" "$said"
    if [[ -f $path ]] && ! cmp -s -- "$text" "$path"; then
        cp -p -- "$path" "$path.previous"
        warn "$path was different; the old one is kept as $path.previous, which sudo does not read"
    fi
    put_file root:root 0440 "$path" <"$text"
    rm -f -- "$text"
    said=$(visudo -c 2>&1) || warn "visudo -c is not content with all of sudo's files: $said"
}

# ------------------------------------------------------------------ the binary

find_cargo() {
    local home homes=("${HOME:-/root}")
    if command -v cargo; then return; fi
    if [[ -n ${SUDO_USER-} ]]; then homes+=("$(getent passwd "$SUDO_USER" | cut -d: -f6)"); fi
    for home in "${homes[@]}"; do
        if [[ -x $home/.cargo/bin/cargo ]]; then
            printf '%s\n' "$home/.cargo/bin/cargo"
            return
        fi
    done
    return 1
}

# Sets BINARY: the one that AIOPS_BINARY names, or one built from this checkout.
obtain_binary() {
    local cargo owner build
    if [[ -n ${AIOPS_BINARY-} ]]; then
        BINARY=$(readlink -f -- "$AIOPS_BINARY") || BINARY=$AIOPS_BINARY
        [[ -f $BINARY && -x $BINARY ]] ||
            die "AIOPS_BINARY=$AIOPS_BINARY is no program that can be started" \
                "give the path of a built aiops"
    else
        cargo=$(find_cargo) ||
            die "there is no cargo here to build the program" \
                "install Rust (https://rustup.rs), or build elsewhere and name the result:" \
                "AIOPS_BINARY=/path/to/aiops $SCRIPT ..."
        [[ -f $CHECKOUT/Cargo.toml ]] ||
            die "$CHECKOUT holds no source to build" \
                "run the script from a checkout, or set AIOPS_BINARY=/path/to/aiops"
        export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$CHECKOUT/target}
        [[ $CARGO_TARGET_DIR == /* ]] || CARGO_TARGET_DIR=$PWD/$CARGO_TARGET_DIR
        build=("$cargo" build --release --locked --manifest-path "$CHECKOUT/Cargo.toml")
        printf '[work]  building: cargo build --release --locked (the first time takes some minutes)\n'
        owner=$(stat -c %U -- "$CHECKOUT")
        if ((EUID == 0)) && [[ $owner != root && $owner == "${SUDO_USER-}" ]]; then
            # The checkout of an ordinary user stays that user's, build output included.
            build=(runuser -u "$owner" -- env "HOME=$(getent passwd "$owner" | cut -d: -f6)"
                "PATH=${cargo%/*}:$PLAIN_PATH" "CARGO_TARGET_DIR=$CARGO_TARGET_DIR" "${build[@]}")
        fi
        PATH=${cargo%/*}:$PATH "${build[@]}" >&2 ||
            die "the build failed" "look at cargo's message above"
        BINARY=$CARGO_TARGET_DIR/release/aiops
    fi
    VERSION=$(timeout 20 "$BINARY" --version 2>/dev/null | head -n 1) || VERSION=
    [[ -n $VERSION ]] ||
        die "$BINARY does not start here (it was asked for --version)" \
            "was it built for this system, and may programs be started there (noexec)?"
}

# Puts a copy of BINARY beside the installed program, synced, and sets STAGED.
stage_binary() {
    STAGED=$HOME_DIR/.aiops.new
    LEFTOVERS+=("$STAGED")
    rm -f -- "$STAGED"
    install -o root -g root -m 0755 -- "$1" "$STAGED"
    sync -- "$STAGED"
}

switch_to_staged() {
    mv -fT -- "$STAGED" "$HOME_DIR/aiops"
    sync -- "$HOME_DIR"
}

link_is_right() { [[ $(readlink -- "$HOME_DIR/run_action.py") == aiops ]]; }

put_link() {
    if link_is_right; then
        kept "link $HOME_DIR/run_action.py -> aiops"
        return
    fi
    ln -sfn -- aiops "$HOME_DIR/.run_action.py.new"
    LEFTOVERS+=("$HOME_DIR/.run_action.py.new")
    mv -fT -- "$HOME_DIR/.run_action.py.new" "$HOME_DIR/run_action.py"
    sync -- "$HOME_DIR"
    created "link $HOME_DIR/run_action.py -> aiops"
}

# config_accepted PROGRAM: asks that program about the config.yml that is there.
config_accepted() { as_executor "$1" config check; }

python_lab_here() {
    [[ -e $HOME_DIR/executor.py || (-f $HOME_DIR/run_action.py && ! -L $HOME_DIR/run_action.py) ]]
}

# ------------------------------------------------------------------ hermes

create_executor() {
    if id "$EXECUTOR" >/dev/null 2>&1; then
        kept "user $EXECUTOR"
        return
    fi
    useradd --system --user-group --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin --comment 'aiops executor' "$EXECUTOR"
    created "user $EXECUTOR, without login, password or home"
}

# The people who approve. Nobody is put into the group here: that is a decision of its own.
create_approvers() {
    local user
    if getent group "$APPROVERS" >/dev/null; then
        kept "group $APPROVERS"
    else
        groupadd --system "$APPROVERS"
        created "group $APPROVERS, without members"
    fi
    for user in "$HERMES_USER" "$EXECUTOR"; do
        if [[ " $(id -nG "$user") " == *" $APPROVERS "* ]]; then
            warn "$user IS IN THE GROUP $APPROVERS: what asks could say yes to itself. Take it out now: gpasswd -d $user $APPROVERS"
        fi
    done
}

install_binary() {
    if [[ -f $HOME_DIR/aiops ]]; then
        if own root:root 0755 "$HOME_DIR/aiops"; then
            created "program $HOME_DIR/aiops: now root:root, 0755"
        else
            kept "program $HOME_DIR/aiops (update-aiops replaces it)"
        fi
    else
        obtain_binary
        stage_binary "$BINARY"
        switch_to_staged
        created "program $HOME_DIR/aiops ($VERSION)"
    fi
    put_link
}

# Prints config.example.yml with the target of the example replaced by the real one.
filled_example() {
    local example=$1 name=$2 address=$3 port=$4
    awk -v name="$name" -v address="$address" -v port="$port" -v from="$EXAMPLE_ADDRESS" '
        { line[NR] = $0 }
        $1 == "host:" && $2 == from { at = NR; found++ }
        END {
            if (found != 1) exit 1
            match(line[at], /^ */); inner = RLENGTH
            for (head = at - 1; head > 0; head--) {
                match(line[head], /^ */)
                if (RLENGTH < inner && line[head] ~ /^ *[A-Za-z0-9._-]+: *(#.*)?$/) break
            }
            if (!head) exit 1
            sub(/[A-Za-z0-9._-]+:/, name ":", line[head])
            sub(/host: *[0-9.]+/, "host: " address, line[at])
            seen = 0
            for (i = head + 1; i <= NR; i++) {
                match(line[i], /^ */)
                if (line[i] !~ /^ *(#.*)?$/ && RLENGTH < inner) break
                if (RLENGTH == inner && line[i] ~ /^ *port:/) { sub(/port: *[0-9]+/, "port: " port, line[i]); seen = 1 }
            }
            for (i = 1; i <= NR; i++) {
                print line[i]
                if (i == at && !seen && port != 22) printf "%*sport: %s\n", inner, "", port
            }
        }' "$example"
}

install_config() {
    local name=$1 address=$2 port=$3 config=$HOME_DIR/config.yml text
    if [[ -e $config ]]; then
        if own "root:$EXECUTOR" 0640 "$config"; then
            created "$config: now root:$EXECUTOR, 0640 (its text is kept)"
        else
            kept "$config (never overwritten)"
        fi
        grep -qF -- "$address" "$config" ||
            warn "$address does not occur in $config; add the target $name there by hand"
        return
    fi
    [[ -f $CHECKOUT/config.example.yml ]] ||
        die "$CHECKOUT/config.example.yml is missing" "run the script from a complete checkout"
    text=$(filled_example "$CHECKOUT/config.example.yml" "$name" "$address" "$port") ||
        die "config.example.yml has no target with 'host: $EXAMPLE_ADDRESS' to fill in" \
            "restore the file from the repository"
    put_file "root:$EXECUTOR" 0640 "$config" <<<"$text"
}

create_key() {
    local key=$HOME_DIR/.ssh/id_ed25519
    if as_executor test -e "$key"; then
        kept "key $key"
    else
        as_executor ssh-keygen -q -t ed25519 -N '' -C "$EXECUTOR@$(uname -n)" -f "$key"
        created "key $key (without passphrase; only $EXECUTOR can read it)"
    fi
    if ! as_executor test -e "$key.pub"; then
        as_executor ssh-keygen -y -f "$key" | as_executor tee -- "$key.pub" >/dev/null
        created "public key $key.pub, from the private one"
    fi
    if ! as_executor test -e "$HOME_DIR/.ssh/known_hosts"; then
        as_executor install -m 0600 /dev/null "$HOME_DIR/.ssh/known_hosts"
        created "$HOME_DIR/.ssh/known_hosts, empty"
    fi
}

create_log() {
    local log=$HOME_DIR/audit.jsonl
    if [[ -e $log ]]; then
        if own "$EXECUTOR:$EXECUTOR" 0640 "$log"; then
            created "$log: now $EXECUTOR, 0640 (its lines are kept)"
        else
            kept "$log"
        fi
    else
        put_file "$EXECUTOR:$EXECUTOR" 0640 "$log" </dev/null
    fi
}

start_timer() {
    systemctl daemon-reload
    systemctl enable --quiet --now "$1" || warn "the timer could not be started: systemctl status $1"
}

# What stands beside the log, and what signs it where nobody asks for anything.
prepare_evidence() {
    own_directory "$EXECUTOR:$EXECUTOR" 0750 "$HOME_DIR/audit"
    if [[ ! -d /run/systemd/system ]]; then
        warn "systemd does not run here: let something run this every 5 minutes as $EXECUTOR: $HOME_DIR/aiops audit checkpoint"
        return
    fi
    put_file root:root 0644 "$UNITS/aiops-checkpoint.service" <<END
# Written by setup-aiops-mvp.sh; a change made here is replaced by its next run.
[Unit]
Description=Sign the log of aiops
Documentation=file://$HOME_DIR/repo/docs/evidence.md
ConditionPathExists=$HOME_DIR/config.yml

[Service]
Type=oneshot
User=$EXECUTOR
ExecStart=$HOME_DIR/aiops audit checkpoint
StandardOutput=null
CapabilityBoundingSet=
LockPersonality=yes
MemoryDenyWriteExecute=yes
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=strict
ReadWritePaths=$HOME_DIR/audit $HOME_DIR/audit.jsonl $HOME_DIR/runtime
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
UMask=0077
END
    put_file root:root 0644 "$UNITS/aiops-checkpoint.timer" <<END
# Written by setup-aiops-mvp.sh; a change made here is replaced by its next run.
[Unit]
Description=Sign the log of aiops every 5 minutes, also where nobody asks for anything

[Timer]
OnActiveSec=1min
OnUnitActiveSec=5min

[Install]
WantedBy=timers.target
END
    start_timer aiops-checkpoint.timer
}

# The log can then only grow; root begins a new segment every day, since nobody else can.
only_append() {
    chattr +a -- "$HOME_DIR/audit.jsonl" 2>/dev/null ||
        die "the file system under $HOME_DIR knows no append-only files (chattr +a)" \
            "leave --append-only out; everything else is installed"
    created "attribute a: $HOME_DIR/audit.jsonl can only grow"
    [[ -d /run/systemd/system ]] || return 0
    put_file root:root 0644 "$UNITS/aiops-rotate.service" <<END
# Written by setup-aiops-mvp.sh; a change made here is replaced by its next run.
[Unit]
Description=Begin a new segment of the append-only log of aiops

[Service]
Type=oneshot
ExecStart=$HOME_DIR/aiops audit rotate
StandardOutput=null
END
    put_file root:root 0644 "$UNITS/aiops-rotate.timer" <<END
# Written by setup-aiops-mvp.sh; a change made here is replaced by its next run.
[Unit]
Description=Begin a new segment of the append-only log of aiops every day

[Timer]
OnCalendar=daily
Persistent=yes

[Install]
WantedBy=timers.target
END
    start_timer aiops-rotate.timer
}

# The key that signs the log is made now, so that somebody can write down what checks it.
show_log_key() {
    as_executor "$HOME_DIR/aiops" audit checkpoint >/dev/null ||
        warn "the log could not be signed: sudo -u $EXECUTOR $HOME_DIR/aiops audit checkpoint"
    printf 'The key that checks the signatures of the log; keep it where this gateway cannot change it:\n'
    as_executor "$HOME_DIR/aiops" audit key show || :
}

allow_hermes() {
    local other
    put_sudoers "$GATEWAY_SUDOERS" <<END
# Written by setup-aiops-mvp.sh; a change made here is replaced by its next run.
# hermes may call this one program as $EXECUTOR: without arguments, or with the one argument mcp.
Defaults!$HOME_DIR/run_action.py env_reset, !setenv, !requiretty
$HERMES_USER ALL=($EXECUTOR) NOPASSWD: $HOME_DIR/run_action.py "", $HOME_DIR/run_action.py mcp
# Hermes tries "sudo -n true" before every sudo, and waits for a password where that fails.
$HERMES_USER ALL=(root) NOPASSWD: /usr/bin/true ""
END
    other=$(grep -lE "^[[:space:]]*${HERMES_USER}[[:space:]]" /etc/sudoers /etc/sudoers.d/* 2>/dev/null |
        grep -vxF -e "$GATEWAY_SUDOERS" -e "$GATEWAY_SUDOERS.previous") || return 0
    warn "$HERMES_USER has more rules in: ${other//$'\n'/ }; remove what you do not mean (sudo -l -U $HERMES_USER)"
}

allow_approvers() {
    put_sudoers "$APPROVERS_SUDOERS" <<END
# Written by setup-aiops-mvp.sh; a change made here is replaced by its next run.
# People in the group $APPROVERS may call the program as $EXECUTOR, each with their own password.
# Without a password for each of them, or for those who have none: put this line, without the '#',
# into a file of your own, which is read after this one (visudo -f $APPROVERS_SUDOERS-local):
#   %$APPROVERS ALL=($EXECUTOR) NOPASSWD: $HOME_DIR/aiops
# Then every program that runs as such a person, and whoever finds their session open, approves in
# their name. What needs a second factor still needs the code from the phone.
Defaults!$HOME_DIR/aiops env_reset, !setenv
%$APPROVERS ALL=($EXECUTOR) $HOME_DIR/aiops
END
}

# Copies what Hermes and the admin need later: the knowledge, the scripts, the example, the docs.
copy_checkout() {
    local repo=$HOME_DIR/repo item fresh=0
    if [[ $CHECKOUT == "$repo" || -e $repo/.git ]]; then
        kept "$repo (a checkout of its own)"
        return
    fi
    for item in knowledge docs README.md LICENSE config.example.yml prepare-hermes-host.sh setup-aiops-mvp.sh; do
        [[ -e $CHECKOUT/$item ]] || continue
        # What somebody added to the copy stays, and is no difference.
        if [[ -e $repo/$item ]] &&
            ! diff -rq -- "$CHECKOUT/$item" "$repo/$item" | grep -qv -- "^Only in $repo/"; then
            continue
        fi
        install -d -m 0755 -- "$repo"
        # Not preserving the mode: a checkout of another user may be closed to hermes.
        cp -RT --remove-destination --no-preserve=all -- "$CHECKOUT/$item" "$repo/$item"
        chmod -R u=rwX,go=rX -- "$repo/$item"
        fresh=1
    done
    if [[ -d $repo ]]; then
        chown -hR root:root -- "$repo"
        chmod -f 0755 -- "$repo"/*.sh || :
    fi
    if ((fresh)); then created "$repo: knowledge, docs and scripts"; else kept "$repo"; fi
    [[ -d $repo/knowledge ]] || warn "$CHECKOUT has no knowledge/ to copy"
}

# pin_host_key ADDRESS PORT: remembers the target's host key, or compares it with the one
# remembered; 1 where the target does not answer and nothing is remembered.
pin_host_key() {
    local address=$1 port=$2 known=$HOME_DIR/.ssh/known_hosts spec scanned pinned line
    spec=$address
    [[ $port == 22 ]] || spec="[$address]:$port"
    scanned=$(ssh-keyscan -T 5 -p "$port" -t ed25519,ecdsa,rsa -- "$address" 2>/dev/null |
        awk '$1 !~ /^#/ { print $2, $3 }') || :
    pinned=$(as_executor ssh-keygen -F "$spec" -f "$known" 2>/dev/null |
        awk '$1 !~ /^[#@]/ { print $2, $3 }') || :
    if [[ -z $scanned ]]; then
        warn "no SSH server answers at $address port $port"
        [[ -n $pinned ]] || return 1
        kept "host key of $spec, not compared now"
    elif [[ -z $pinned ]]; then
        pinned=$(grep '^ssh-ed25519 ' <<<"$scanned") || pinned=$scanned
        while read -r line; do
            printf '%s %s\n' "$spec" "$line"
        done <<<"$pinned" | as_executor tee -a "$known" >/dev/null
        as_executor sync -- "$known"
        created "host key of $spec, pinned in $known"
    elif contradicts "$pinned" "$scanned"; then
        refuse_host_key "$spec" "$pinned" "$scanned"
    else
        kept "host key of $spec"
    fi
    printf '        Compare it with what the target itself says, on its console:\n'
    printf '        ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n'
    fingerprints "$pinned"
}

# contradicts PINNED SHOWN: a key type with another key than remembered, or nothing in common.
contradicts() {
    awk 'NR == FNR { known[$1] = known[$1] " " $2 " "; next }
        !($1 in known) { next }
        index(known[$1], " " $2 " ") { common = 1; next }
        { other = 1 }
        END { exit !(other || !common) }' <(printf '%s\n' "$1") <(printf '%s\n' "$2")
}

# fingerprints KEYS: one line for each "type base64".
fingerprints() { ssh-keygen -lf /dev/stdin <<<"$1" | awk '{ print "          " $2, $NF }'; }

refuse_host_key() {
    local before now
    mapfile -t before < <(fingerprints "$2")
    mapfile -t now < <(fingerprints "$3")
    die "$1 shows another host key than the one pinned here; the pinned one stays" \
        "pinned:" "${before[@]#        }" "shown now:" "${now[@]#        }" \
        "Either the target was installed anew, or something else answers at its address." \
        "Only if you know that it was installed anew: forget the old key, then run this again." \
        "sudo -u $EXECUTOR ssh-keygen -R '$1' -f $HOME_DIR/.ssh/known_hosts"
}

mode_hermes() {
    local address='' name=srv1 port=22 append_only=0 pinned=0 public source_address
    while (($#)); do
        case $1 in
            --name | --port)
                (($# > 1)) || misused "$1 needs a value"
                if [[ $1 == --name ]]; then name=$2; else port=$2; fi
                shift
                ;;
            --append-only) append_only=1 ;;
            -*) misused "hermes: unknown option $1" ;;
            *)
                [[ -z $address ]] || misused "hermes takes one TARGET_IP, and here are two: $address and $1"
                address=$1
                ;;
        esac
        shift
    done
    [[ -n $address ]] || misused "hermes needs the address of the target, as in: hermes 203.0.113.5"
    [[ $address =~ ^[A-Za-z0-9:][A-Za-z0-9._:-]{0,252}$ ]] ||
        misused "hermes: '$address' is no IP address and no host name"
    [[ $name =~ ^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$ ]] || misused "hermes: '$name' is no name for a target"
    if [[ ! $port =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then misused "hermes: '$port' is no port"; fi
    need_root
    need_program visudo sudo
    need_program ssh-keyscan openssh-client
    id "$HERMES_USER" >/dev/null 2>&1 ||
        die "there is no user $HERMES_USER on this machine" "run prepare-hermes-host.sh first"
    if python_lab_here; then
        die "$HOME_DIR runs the Python lab" \
            "take it over first: $SCRIPT update-aiops" "then run this again: it corrects owners and modes"
    fi
    lock

    create_executor
    create_approvers
    own_directory root:root 0755 "$HOME_DIR"
    install_binary
    install_config "$name" "$address" "$port"
    own_directory "$EXECUTOR:$EXECUTOR" 0700 "$HOME_DIR/.ssh"
    own_directory "$EXECUTOR:$EXECUTOR" 0700 "$HOME_DIR/runtime"
    as_executor install -d -m 0700 "$HOME_DIR/runtime/approvals" "$HOME_DIR/runtime/ssh"
    create_key
    create_log
    prepare_evidence
    allow_hermes
    allow_approvers
    copy_checkout
    config_accepted "$HOME_DIR/aiops" ||
        die "the program does not accept $HOME_DIR/config.yml; its message is above" \
            "correct the file, then run this again"
    pin_host_key "$address" "$port" || pinned=3

    public=$(as_executor cat "$HOME_DIR/.ssh/id_ed25519.pub")
    source_address=$(ip -o route get "$address" 2>/dev/null | sed -n 's/.* src \([^ ]*\).*/\1/p') || :
    printf '\nNext, as root on the target (%s), from a checkout there:\n\n' "$address"
    printf '  ./setup-aiops-mvp.sh srv1 "%s"%s\n\n' "$public" "${source_address:+ --from $source_address}"
    printf 'Then try it from here:\n\n'
    printf "  sudo -u %s /usr/bin/sudo -u %s %s/run_action.py <<'EOF'\n" "$HERMES_USER" "$EXECUTOR" "$HOME_DIR"
    printf '  {"target":"%s","command":"hostname","requester":"setup","reason":"first request"}\n  EOF\n\n' "$name"
    if ((pinned)); then
        warn "the host key of $address is not pinned yet, so nothing can run there (unreachable)"
        warn "when the target answers, run this again: $SCRIPT hermes $address --name $name --port $port"
    fi
    printf 'To let somebody approve on this gateway, a person and never %s:\n\n' "$HERMES_USER"
    printf '  usermod -aG %s NAME     # and NAME logs in anew\n' "$APPROVERS"
    printf '  sudo -u %s %s/aiops pending     # then works for NAME, with their password\n' "$EXECUTOR" "$HOME_DIR"
    printf '  sudo sudo -u %s %s/aiops approver enroll NAME     # a code from their phone\n\n' "$EXECUTOR" "$HOME_DIR"
    show_log_key
    if ((append_only)); then only_append; fi
    printf '\nThe public key of this gateway:\n%s\n' "$public"
    return "$pinned"
}

# ------------------------------------------------------------------ srv1

# Dies unless KEY is one public key and nothing else.
examine_key() {
    local key=$1 keytype blob said bits
    [[ $key != *PRIVATE\ KEY* ]] ||
        misused "that is a PRIVATE key: give the public one, and treat the private one as lost"
    [[ $key != *$'\n'* && $key != *$'\r'* ]] || misused "the public key must be one line"
    [[ -n ${key//[[:space:]]/} ]] || misused "srv1 needs the public key that the mode hermes printed"
    [[ ! -f $key ]] || misused "that is a file; give its content: srv1 \"\$(cat $key)\""
    read -r keytype blob _ <<<"$key"
    case $keytype in
        ssh-ed25519 | ssh-rsa | ecdsa-sha2-nistp256 | ecdsa-sha2-nistp384 | ecdsa-sha2-nistp521) ;;
        *) misused "the public key must begin with its type, as ssh-ed25519, and carry no options; this begins with '${keytype:0:40}'" ;;
    esac
    [[ $key =~ ^[a-z0-9-]+\ [A-Za-z0-9+/]+={0,3}(\ [A-Za-z0-9@._:+/-]+)*\ *$ ]] ||
        misused "the public key must read: TYPE BASE64 [COMMENT]; the comment may hold letters, digits and @ . _ : + / -"
    said=$(ssh-keygen -lf /dev/stdin <<<"$keytype $blob" 2>&1) ||
        misused "ssh-keygen cannot read the public key (cut short while pasting?): $said"
    bits=${said%% *}
    [[ $keytype != ssh-rsa ]] || ((bits >= 3072)) || misused "an RSA key of $bits bits is too short; use ssh-ed25519"
}

create_target_user() {
    local file
    if id "$TARGET_USER" >/dev/null 2>&1; then
        kept "user $TARGET_USER"
        [[ $(getent passwd "$TARGET_USER" | cut -d: -f6,7) == "$TARGET_HOME:/bin/bash" ]] ||
            die "user $TARGET_USER has another home or shell than $TARGET_HOME and /bin/bash" \
                "correct it: usermod -d $TARGET_HOME -s /bin/bash $TARGET_USER"
    else
        # '*' allows no password; '!' would make some SSH servers refuse the key as well.
        useradd --user-group --no-create-home --home-dir "$TARGET_HOME" --shell /bin/bash \
            --password '*' --comment 'aiops target account' "$TARGET_USER"
        created "user $TARGET_USER, without a password"
    fi
    # The home belongs to root: a command that was approved once must not be able to leave a
    # .bashrc or a second key behind that changes what later commands mean.
    own_directory "root:$TARGET_USER" 0750 "$TARGET_HOME"
    own_directory "root:$TARGET_USER" 0750 "$TARGET_HOME/.ssh"
    for file in .bashrc .bash_profile .bash_login .bash_logout .profile .ssh/rc .ssh/environment; do
        if [[ -e $TARGET_HOME/$file || -L $TARGET_HOME/$file ]] &&
            own "root:$TARGET_USER" 0640 "$TARGET_HOME/$file"; then
            created "$TARGET_HOME/$file: now root's"
        fi
    done
    # Reading the journal needs a group, not root.
    if ! getent group systemd-journal >/dev/null; then
        warn "there is no group systemd-journal here"
    elif [[ " $(id -nG "$TARGET_USER") " == *' systemd-journal '* ]]; then
        kept "$TARGET_USER may read the journal (group systemd-journal)"
    else
        usermod -aG systemd-journal "$TARGET_USER"
        created "$TARGET_USER may read the journal (group systemd-journal)"
    fi
}

install_key() {
    local key=$1 from=$2 file=$TARGET_HOME/.ssh/authorized_keys blob others
    read -r _ blob _ <<<"$key"
    others=$(cat -- "$file" 2>/dev/null | grep -vF -- " $blob" | grep -v '^[[:space:]]*$') || :
    {
        [[ -z $others ]] || printf '%s\n' "$others"
        printf 'restrict%s %s\n' "${from:+,from=\"$from\"}" "$key"
    } | put_file "root:$TARGET_USER" 0640 "$file"
    if [[ -n $others ]]; then
        warn "$file holds other keys too; delete the lines of those that are not in use"
    fi
}

# The commands are exact: sudo compares each word, and there is no pattern to widen.
target_rules() {
    local unit name verb lines systemctl=/usr/bin/systemctl journalctl=/usr/bin/journalctl
    local commands=("$systemctl daemon-reload" "$systemctl reset-failed" "/usr/sbin/nginx -t" "/usr/sbin/nginx -T")
    for unit in nginx broken-demo; do
        for name in "$unit" "$unit.service"; do
            for verb in start stop restart reload reset-failed; do commands+=("$systemctl $verb $name"); done
            commands+=("$systemctl status $name --no-pager" "$systemctl status --no-pager $name")
            for lines in 20 50 100 200; do commands+=("$journalctl -u $name -n $lines --no-pager"); done
        done
    done
    for lines in 20 50 100 200; do
        commands+=("$journalctl -n $lines --no-pager" "$journalctl -p err -n $lines --no-pager"
            "$journalctl -p warning -n $lines --no-pager")
    done
    # The repairs of the two runbooks, with their way back.
    commands+=("/usr/bin/mv -n /etc/nginx/conf.d/bad.conf /var/backups/bad.conf.aiops"
        "/usr/bin/mv -n /var/backups/bad.conf.aiops /etc/nginx/conf.d/bad.conf")
    if [[ $1 == with-broken-demo ]]; then
        commands+=("/usr/bin/chmod 0755 $DEMO_PROGRAM" "/usr/bin/chmod 0644 $DEMO_PROGRAM"
            "/usr/bin/cp -p $DEMO_PROGRAM.bak $DEMO_PROGRAM"
            "/usr/bin/mv -n $DEMO_PROGRAM /var/backups/broken-demo.aiops"
            "/usr/bin/mv -n /var/backups/broken-demo.aiops $DEMO_PROGRAM"
            "/usr/bin/mv -n $DEMO_PROGRAM /var/backups/broken-demo.undone")
    fi
    cat <<END
# Written by setup-aiops-mvp.sh; a change made here is replaced by its next run.
# More commands: write them, exact to the last word, into a file of your own:
#   visudo -f /etc/sudoers.d/aiops-local
# No shells, no editors, no programs that page or run others; NOEXEC stops what would start one.
Defaults:$TARGET_USER env_reset, !setenv, !requiretty
END
    printf '%s ALL=(root) NOPASSWD: NOEXEC: %s' "$TARGET_USER" "${commands[0]}"
    printf ', \\\n    %s' "${commands[@]:1}"
    printf '\n'
}

# A service that fails with 203/EXEC: its program is there and cannot be executed.
install_broken_demo() {
    local program=$DEMO_PROGRAM
    put_file root:root 0644 /etc/systemd/system/broken-demo.service <<END
[Unit]
Description=A service to practise on: its program cannot be executed (203/EXEC)

[Service]
ExecStart=$program

[Install]
WantedBy=multi-user.target
END
    if [[ -e $program ]]; then
        kept "$program (cured or not)"
    else
        put_file root:root 0644 "$program" <<'END'
#!/bin/sh
# Does nothing, for ever. It lacks the right to be executed, and that is the exercise.
exec sleep infinity
END
    fi
    systemctl daemon-reload
    systemctl start --no-block broken-demo.service || :
}

examine_sshd() {
    local effective
    if ! effective=$(sshd -T -C "user=$TARGET_USER,host=localhost,addr=127.0.0.1" 2>/dev/null); then
        warn "the settings of sshd could not be read (sshd -T)"
        return
    fi
    grep -qx 'pubkeyauthentication yes' <<<"$effective" ||
        warn "sshd does not accept keys here: set 'PubkeyAuthentication yes' in /etc/ssh/sshd_config"
    grep -qE '^authorizedkeysfile .*(%h/)?\.ssh/authorized_keys( |$)' <<<"$effective" ||
        warn "sshd does not read ~/.ssh/authorized_keys here (AuthorizedKeysFile in /etc/ssh/sshd_config)"
    if grep -qE '^allow(users|groups) ' <<<"$effective"; then
        warn "sshd admits only some users here: make sure that AllowUsers or AllowGroups name $TARGET_USER"
    fi
}

mode_srv1() {
    local key='' given=0 from='' demo=without-broken-demo program
    while (($#)); do
        case $1 in
            --from)
                (($# > 1)) || misused "--from needs an address"
                from=$2
                shift
                ;;
            --with-broken-demo) demo=with-broken-demo ;;
            --*) misused "srv1: unknown option $1" ;;
            *)
                ((!given)) || misused "srv1 takes one public key: put it in quotes, as it has blanks"
                key=$1 given=1
                ;;
        esac
        shift
    done
    key=${key#"${key%%[![:space:]]*}"}
    key=${key%"${key##*[![:space:]]}"}
    examine_key "$key"
    [[ -z $from || $from =~ ^[A-Za-z0-9.:*?!/_-]+(,[A-Za-z0-9.:*?!/_-]+)*$ ]] ||
        misused "--from takes addresses with commas between, as 192.0.2.1 or 192.0.2.0/24"
    need_root
    need_program visudo sudo
    PATH=$PATH:/usr/sbin
    need_program sshd openssh-server
    lock

    create_target_user
    install_key "$key" "$from"
    target_rules "$demo" | put_sudoers "$TARGET_SUDOERS"
    if [[ $demo == with-broken-demo ]]; then install_broken_demo; fi
    examine_sshd
    if [[ $(sudo -l -U "$TARGET_USER" 2>/dev/null) == *'ALL'*'NOPASSWD: ALL'* ]]; then
        warn "$TARGET_USER may run everything as root here by another rule; see: sudo -l -U $TARGET_USER"
    fi
    printf '\nThis target accepts the gateway. Its host key, to compare with what the gateway shows:\n'
    for program in /etc/ssh/ssh_host_ed25519_key.pub /etc/ssh/ssh_host_ecdsa_key.pub; do
        if [[ -f $program ]]; then ssh-keygen -lf "$program" | awk '{ print "  " $2, $NF }'; fi
    done
}

# ------------------------------------------------------------------ update-aiops, rollback

# Says what the update leaves as it is and the program's doctor would find.
report_loose() {
    local want path state fault=0
    while read -r want path; do
        state=missing
        if [[ -e $path ]]; then state=$(stat -c '%U:%G:%a' -- "$path"); fi
        if [[ $state != "$want" ]]; then
            warn "left as it is: $path is $state, and should be $want (owner:group:mode)"
            fault=1
        fi
    done <<END
root:root:755 $HOME_DIR
root:$EXECUTOR:640 $HOME_DIR/config.yml
$EXECUTOR:$EXECUTOR:700 $HOME_DIR/runtime
$EXECUTOR:$EXECUTOR:640 $HOME_DIR/audit.jsonl
$EXECUTOR:$EXECUTOR:750 $HOME_DIR/audit
$EXECUTOR:$EXECUTOR:700 $HOME_DIR/.ssh
$EXECUTOR:$EXECUTOR:600 $HOME_DIR/.ssh/id_ed25519
$EXECUTOR:$EXECUTOR:600 $HOME_DIR/.ssh/known_hosts
root:root:440 $GATEWAY_SUDOERS
END
    if ((fault)); then
        warn "to correct all of it and keep every content: $SCRIPT hermes <TARGET_IP>; to look closer: $HOME_DIR/aiops doctor"
    fi
}

# An update makes no group; it says what is missing.
hint_at_approvers() {
    if ! getent group "$APPROVERS" >/dev/null; then
        warn "there is no group $APPROVERS: nobody on this gateway can approve what needs more than a relayed word"
        warn "it is made, with its sudo rule, by: $SCRIPT hermes <TARGET_IP>; what else is missing says: $HOME_DIR/aiops doctor"
    fi
}

keep_previous() {
    if [[ -e $HOME_DIR/aiops && ! $HOME_DIR/aiops -ef $HOME_DIR/aiops.previous ]]; then
        ln -f -- "$HOME_DIR/aiops" "$HOME_DIR/.aiops.old"
        LEFTOVERS+=("$HOME_DIR/.aiops.old")
        mv -fT -- "$HOME_DIR/.aiops.old" "$HOME_DIR/aiops.previous"
        created "$HOME_DIR/aiops.previous, for rollback"
    fi
}

need_installation() {
    [[ -f $HOME_DIR/config.yml ]] ||
        die "there is no installation in $HOME_DIR" "install it: $SCRIPT hermes <TARGET_IP>"
    id "$EXECUTOR" >/dev/null 2>&1 ||
        die "there is no user $EXECUTOR" "install first: $SCRIPT hermes <TARGET_IP>"
}

mode_update() {
    local file
    (($# == 0)) || misused "update-aiops takes no arguments"
    need_root
    need_installation
    lock
    obtain_binary
    if [[ -f $HOME_DIR/aiops ]] && cmp -s -- "$BINARY" "$HOME_DIR/aiops" && ! python_lab_here; then
        kept "program $HOME_DIR/aiops ($VERSION)"
        put_link
        prepare_evidence
        report_loose
        hint_at_approvers
        return
    fi
    stage_binary "$BINARY"
    if ! config_accepted "$STAGED"; then
        die "the new program ($VERSION) does not accept the present $HOME_DIR/config.yml or what lies beside it; its message is above" \
            "nothing is changed; correct what it names, then run this again"
    fi
    printf '[ok]    the new program (%s) accepts %s/config.yml\n' "$VERSION" "$HOME_DIR"
    if python_lab_here; then
        own_directory root:root 0755 "$LAB_DIR"
        for file in run_action.py executor.py; do
            if [[ -f $HOME_DIR/$file && ! -L $HOME_DIR/$file ]]; then
                if cmp -s -- "$HOME_DIR/$file" "$LAB_DIR/$file"; then continue; fi
                cp -p --backup=numbered -- "$HOME_DIR/$file" "$LAB_DIR/$file"
                created "$LAB_DIR/$file, kept from the Python lab"
            fi
        done
    fi
    keep_previous
    switch_to_staged
    created "program $HOME_DIR/aiops ($VERSION)"
    put_link
    if [[ -f $LAB_DIR/executor.py && -f $HOME_DIR/executor.py ]]; then
        rm -f -- "$HOME_DIR/executor.py"
        created "$HOME_DIR/executor.py is gone from here (kept in $LAB_DIR)"
    fi
    prepare_evidence
    report_loose
    hint_at_approvers
    printf 'Back to the one before: %s rollback\n' "$SCRIPT"
}

mode_rollback() {
    local to_lab=0 force=0
    while (($#)); do
        case $1 in
            --to-python-lab) to_lab=1 ;;
            --force) force=1 ;;
            *) misused "rollback: unknown argument $1" ;;
        esac
        shift
    done
    need_root
    need_installation
    lock
    if [[ ! -f $HOME_DIR/aiops.previous && -f $LAB_DIR/run_action.py ]]; then to_lab=1; fi
    if ((to_lab)); then
        rollback_to_lab
        return
    fi
    [[ -f $HOME_DIR/aiops.previous ]] ||
        die "there is no previous program ($HOME_DIR/aiops.previous)" \
            "to install a certain one: AIOPS_BINARY=/path/to/aiops $SCRIPT update-aiops"
    stage_binary "$HOME_DIR/aiops.previous"
    if ! config_accepted "$STAGED"; then
        ((force)) ||
            die "the previous program does not accept the present config.yml or what lies beside it; its message is above" \
                "nothing is changed; correct what it names, or add --force"
        warn "the previous program does not accept the present config.yml, and is put back all the same"
    fi
    # What is replaced becomes the previous one: a second rollback undoes the first.
    keep_previous
    switch_to_staged
    put_link
    created "program $HOME_DIR/aiops is the previous one again ($("$HOME_DIR/aiops" --version | head -n 1))"
}

rollback_to_lab() {
    local file
    [[ -f $LAB_DIR/run_action.py ]] || die "there is no Python lab kept in $LAB_DIR"
    for file in executor.py run_action.py; do
        if [[ -f $LAB_DIR/$file ]]; then
            cp -p -- "$LAB_DIR/$file" "$HOME_DIR/.$file.new"
            LEFTOVERS+=("$HOME_DIR/.$file.new")
            sync -- "$HOME_DIR/.$file.new"
            mv -fT -- "$HOME_DIR/.$file.new" "$HOME_DIR/$file"
            created "$HOME_DIR/$file is the Python lab's again"
        fi
    done
    sync -- "$HOME_DIR"
    warn "the Python lab writes its lines into audit.jsonl without a chain: audit verify will name them"
    printf 'Forward again: %s update-aiops\n' "$SCRIPT"
}

# ------------------------------------------------------------------ print-bootstrap

mode_bootstrap() {
    local knowledge=$CHECKOUT/knowledge file missing=0
    local order=(HERMES_BOOTSTRAP_PROMPT AI_OPS_RULES EXECUTOR_USAGE ENVIRONMENT INCIDENT_WORKFLOW
        SYSTEMD_TROUBLESHOOTING RUNBOOK_NGINX_BAD_CONFIG RUNBOOK_BROKEN_DEMO_203_EXEC)
    (($# == 0)) || misused "print-bootstrap takes no arguments"
    [[ -d $knowledge ]] || knowledge=$HOME_DIR/repo/knowledge
    [[ -d $knowledge ]] ||
        die "there is no knowledge/ beside the script and none in $HOME_DIR/repo" "run the script from a checkout"
    for file in "${order[@]}"; do
        if [[ -f $knowledge/$file.md ]]; then
            print_knowledge "$knowledge/$file.md"
        else
            warn "$knowledge/$file.md is missing"
            missing=1
        fi
    done
    for file in "$knowledge"/*.md; do
        [[ -f $file ]] || continue
        if [[ " ${order[*]} " != *" $(basename -- "$file" .md) "* ]]; then print_knowledge "$file"; fi
    done
    return "$missing"
}

print_knowledge() {
    printf '===== %s =====\n\n' "${1##*/}"
    cat -- "$1"
    printf '\n'
}

# ------------------------------------------------------------------ demo

DEMO_DIR='' DEMO_USERS=() DEMO_SUDOERS='' DEMO_PACKAGES=() DEMO_SSHD='' DEMO_POLICY='' DEMO_EMPTY=()

BOLD='' DIM='' PLAIN=''
if [[ -t 1 && -z ${NO_COLOR-} ]]; then BOLD=$'\e[1m' DIM=$'\e[2m' PLAIN=$'\e[0m'; fi

# The process and all that it started.
descendants() {
    local child
    for child in $(ps -o pid= --ppid "$1"); do descendants "$child"; done
    printf '%s\n' "$1"
}

# The processes that have the demo's directory in their command line: masters, connections.
demo_processes() {
    local directory=$1 pid
    for pid in /proc/[0-9]*; do
        pid=${pid#/proc/}
        if [[ $pid != "$$" && $pid != "$BASHPID" ]] &&
            tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "$directory"; then
            printf '%s\n' "$pid"
        fi
    done 2>/dev/null
}

end_demo() {
    local status=$? user pid tries
    trap '' HUP INT TERM
    set +e
    remove_leftovers
    if [[ -n $DEMO_DIR ]]; then
        printf '\n%sClearing up%s\n' "$BOLD" "$PLAIN"
        if [[ -n $DEMO_SSHD ]]; then
            # shellcheck disable=SC2046  # a list of process ids
            kill $(descendants "$DEMO_SSHD") 2>/dev/null
            wait "$DEMO_SSHD" 2>/dev/null
        fi
        # Without its server the connection kept open for the next request ends by itself.
        for ((tries = 0; tries < 30; tries++)); do
            [[ -n $(demo_processes "$DEMO_DIR") ]] || break
            sleep 0.1
        done
        for pid in $(demo_processes "$DEMO_DIR"); do kill -KILL "$pid" 2>/dev/null; done
        if [[ -n $DEMO_SUDOERS ]]; then rm -f -- "$DEMO_SUDOERS"; fi
        for user in "${DEMO_USERS[@]}"; do
            pkill -KILL -U "$user" 2>/dev/null
            userdel -- "$user" || userdel -f -- "$user"
        done
        rm -rf -- "$DEMO_DIR"
        printf '  ended the SSH server; removed %s%s\n' "$DEMO_DIR" \
            "${DEMO_USERS[*]:+, the users ${DEMO_USERS[*]} and their sudo rule}"
    fi
    if [[ -n $DEMO_POLICY ]]; then rm -f -- "$DEMO_POLICY"; fi
    if ((${#DEMO_PACKAGES[@]})); then
        if DEBIAN_FRONTEND=noninteractive SUDO_FORCE_REMOVE=yes apt-get -q -y purge "${DEMO_PACKAGES[@]}" >/dev/null 2>&1; then
            printf '  removed the packages installed for the demo: %s\n' "${DEMO_PACKAGES[*]}"
        else
            warn "could not remove the packages installed for the demo: ${DEMO_PACKAGES[*]}"
        fi
        find "${DEMO_EMPTY[@]}" -depth -type d -empty -delete 2>/dev/null
    fi
    exit "$status"
}

# Installs what is missing, without letting a new SSH server open a port of this machine.
demo_packages() {
    local want=() directory policy=/usr/sbin/policy-rc.d
    command -v sshd >/dev/null || want+=(openssh-server)
    command -v ssh >/dev/null || want+=(openssh-client)
    if ((EUID)); then
        [[ $(getent passwd "$EUID" | cut -d: -f7) == *sh ]] ||
            die "the demo logs in to itself, and user $(id -un) has no shell" \
                "run it as an ordinary user, or as root"
        ((${#want[@]} == 0)) ||
            die "the demo needs ${want[*]} here" \
                "as root it installs and removes that by itself: sudo $SCRIPT demo"
        return
    fi
    command -v sudo >/dev/null || want+=(sudo)
    ((${#want[@]})) || return 0
    printf '[work]  installing for the demo: %s (removed at its end)\n' "${want[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null 2>&1 || :
    # Only what is new is removed afterwards, not what was merely raised to another version.
    mapfile -t DEMO_PACKAGES < <(apt-get -s install --no-install-recommends "${want[@]}" |
        awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }')
    # openssh-server leaves these directories behind, empty, when it is removed.
    for directory in /run/runit /run/sshd /etc/runit; do
        if [[ ! -e $directory ]]; then DEMO_EMPTY+=("$directory"); fi
    done
    if [[ ! -e $policy ]]; then
        DEMO_POLICY=$policy
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 0755 "$policy"
    fi
    apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "${want[@]}" >/dev/null 2>&1 ||
        die "apt-get could not install ${want[*]}" "try: apt-get install ${want[*]}"
}

demo_users() {
    local tag
    tag=$(printf '%04x' "$RANDOM")
    ASKER=demo-hermes-$tag RUNNER=demo-exec-$tag LOGIN=demo-aiops-$tag
    local user home shell
    for user in "$ASKER" "$RUNNER" "$LOGIN"; do
        home=/nonexistent shell=/usr/sbin/nologin
        if [[ $user == "$LOGIN" ]]; then home=$DEMO_DIR/target shell=/bin/bash; fi
        useradd --system --user-group --no-create-home --home-dir "$home" --shell "$shell" --password '*' "$user"
        DEMO_USERS+=("$user")
    done
}

# A private SSH server on loopback, run by an ordinary user, with keys of its own.
demo_sshd() {
    local server=$DEMO_DIR/sshd tries sshd as=()
    sshd=$(command -v sshd)
    ssh-keygen -q -t ed25519 -N '' -C demo-host -f "$server/host_key"
    cp -- "$DEMO_DIR/home/.ssh/id_ed25519.pub" "$server/authorized_keys"
    if ((EUID == 0)); then
        as=(setpriv --reuid "$LOGIN" --regid "$LOGIN" --init-groups --)
        chown -R -- "$LOGIN:$LOGIN" "$server" "$DEMO_DIR/target"
    fi
    for ((tries = 0; tries < 20; tries++)); do
        PORT=$((20000 + RANDOM % 12000))
        if (: <>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then continue; fi
        cat >"$server/sshd_config" <<END
Port $PORT
ListenAddress 127.0.0.1
HostKey $server/host_key
PidFile none
AuthorizedKeysFile $server/authorized_keys
AuthenticationMethods publickey
UsePAM no
StrictModes no
DisableForwarding yes
PermitTTY no
PrintMotd no
AllowUsers $LOGIN
ForceCommand cd '$DEMO_DIR/target' && exec bash -c "\$SSH_ORIGINAL_COMMAND"
END
        env -i "PATH=$PLAIN_PATH" "${as[@]}" "$sshd" -D -f "$server/sshd_config" -E "$server/log" 9>&- &
        DEMO_SSHD=$!
        local waited
        for ((waited = 0; waited < 100; waited++)); do
            if (: <>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; then
                printf '[127.0.0.1]:%s %s\n' "$PORT" "$(cut -d' ' -f1,2 "$server/host_key.pub")" \
                    >"$DEMO_DIR/home/.ssh/known_hosts"
                return
            fi
            kill -0 "$DEMO_SSHD" 2>/dev/null || break
            sleep 0.05
        done
        kill "$DEMO_SSHD" 2>/dev/null || :
        wait "$DEMO_SSHD" 2>/dev/null || :
    done
    die "the demo's SSH server does not start" "$(tail -n 3 "$server/log" 2>/dev/null)"
}

demo_home() {
    local home=$DEMO_DIR/home
    install -m 0755 -- "$BINARY" "$home/aiops"
    ln -s aiops "$home/run_action.py"
    "$home/aiops" --version >/dev/null 2>&1 ||
        die "no program can be started in $DEMO_DIR" "choose another place: TMPDIR=/var/tmp $SCRIPT demo"
    mkdir -m 0700 "$home/.ssh" "$home/runtime" "$home/runtime/approvals" "$home/runtime/ssh"
    mkdir -m 0750 "$home/audit"
    : >"$home/audit.jsonl"
    ssh-keygen -q -t ed25519 -N '' -C demo-executor -f "$home/.ssh/id_ed25519"
}

demo_config() {
    local home=$DEMO_DIR/home
    cat >"$home/config.yml" <<END
mode: lab
targets:
  srv1:
    host: 127.0.0.1
    port: $PORT
    user: $LOGIN
auto_allowed:
  - hostname
  - uptime
  - ls( -la?)?
approval_required:
  - id: maintenance-flag
    pattern: (touch|rm) maintenance
    why: the flag takes the site out of service
forbidden:
  - id: no-recursive-delete
    pattern: rm -rf
    why: nothing brings it back
END
    chmod 0640 "$home/config.yml" "$home/audit.jsonl"
    chmod 0600 "$home/.ssh/known_hosts"
    if ((EUID == 0)); then
        chown "root:$RUNNER" "$home/config.yml"
        chown -R "$RUNNER:$RUNNER" "$home/.ssh" "$home/runtime" "$home/audit" "$home/audit.jsonl"
    fi
}

# Sets CALL, how the asking side calls the executor, and ADMIN, how its own commands are called.
demo_doors() {
    local home=$DEMO_DIR/home said
    CALL=("$home/run_action.py")
    # Whatever installation the caller of this script works on otherwise: the demo has its own.
    ADMIN=(env -u AIOPS_HOME "$home/aiops")
    WAY="$home/run_action.py"
    ((EUID == 0)) || return 0
    ADMIN=(runuser -u "$RUNNER" -- env -u AIOPS_HOME "$home/aiops")
    DEMO_SUDOERS=/etc/sudoers.d/${RUNNER}
    put_sudoers "$DEMO_SUDOERS" >/dev/null <<END
$ASKER ALL=($RUNNER) NOPASSWD: $home/run_action.py ""
END
    CALL=(runuser -u "$ASKER" -- sudo -n -u "$RUNNER" "$home/run_action.py")
    WAY="sudo -u $RUNNER $home/run_action.py"
    if ! said=$(runuser -u "$ASKER" -- sudo -n -u "$RUNNER" -l "$home/run_action.py" 2>&1); then
        warn "sudo does not work on this machine, so the demo goes without it: $said"
        CALL=(runuser -u "$RUNNER" -- "$home/run_action.py")
        WAY="$home/run_action.py"
    fi
}

# part JSON KEY: the value of a key, as written.
part() {
    local found="\"$2\": ?(\"([^\"\\\\]|\\\\.)*\"|[^],}\"]+)"
    if [[ $1 =~ $found ]]; then printf '%s' "${BASH_REMATCH[1]}"; fi
}

# tell WORD TEXT STATUS: sends TEXT, shows it and the parts of the answer that matter.
tell() {
    local word=$1 text=$2 expected=$3 key value shown='' status
    printf '  %-8s %s\n' "$word" "$text"
    ANSWER=$(env -u AIOPS_HOME "${CALL[@]}" <<<"$text") || :
    status=$(part "$ANSWER" status)
    for key in status risk rule exit_code stdout; do
        value=$(part "$ANSWER" "$key")
        if [[ -n $value && $value != null ]]; then
            if ((${#value} > 90)); then value="${value:0:80}...\""; fi
            shown+="${shown:+, }\"$key\":$value"
        fi
    done
    [[ $status == '"executed"' ]] || shown+=", \"message\":$(part "$ANSWER" message)"
    printf '  %-8s {%s, ...}\n' answer "$shown"
    [[ $status == "\"$expected\"" ]] ||
        die "the demo expected the status $expected here" "the whole answer: $ANSWER"
}

request() { # COMMAND REASON STATUS
    tell request "{\"target\":\"srv1\",\"command\":\"$1\",\"requester\":\"demo\",\"reason\":\"$2\"}" "$3"
}

step() { printf '\n%s%s%s\n' "$BOLD" "$1" "$PLAIN"; }
note() { printf '  %s%s%s\n' "$DIM" "$1" "$PLAIN"; }

show_prompt() {
    local prompt
    prompt=$(part "$ANSWER" prompt)
    prompt=${prompt#\"}
    prompt=${prompt%\"}
    note "What the person sees in the chat:"
    sed -e 's/\\n/\n/g' -e 's/\\"/"/g' -e 's/\\\\/\\/g' <<<"$prompt" | sed 's/^/  | /'
}

mode_demo() {
    (($# == 0)) || misused "demo takes no arguments"
    PATH=$PATH:/usr/sbin:/sbin
    obtain_binary
    trap end_demo EXIT
    demo_packages
    DEMO_DIR=$(mktemp -d "${TMPDIR:-/tmp}/aiops-demo.XXXXXX")
    chmod 0755 "$DEMO_DIR"
    mkdir "$DEMO_DIR/home" "$DEMO_DIR/sshd" "$DEMO_DIR/target"
    chmod 0700 "$DEMO_DIR/sshd"
    cd /
    ASKER=$(id -un) RUNNER=$ASKER LOGIN=$ASKER
    if ((EUID == 0)); then demo_users; fi
    demo_home
    demo_sshd
    demo_config
    demo_doors

    step "The demo's machines"
    note "gateway: $DEMO_DIR/home, with the program, its policy, its key and its log"
    note "target srv1: an SSH server of the demo's own on 127.0.0.1 port $PORT, user $LOGIN"
    if [[ $WAY == sudo* ]]; then
        note "Each request goes as user $ASKER, who may do nothing but: $WAY"
    elif ((EUID)); then
        note "Not root, so without the step through sudo that an installation has (sudo $SCRIPT demo shows it)."
    fi

    step "1. A command that only reads runs at once"
    request hostname "which machine is this?" executed
    request uptime "how long has it been up, and how busy is it?" executed

    step "2. A command that changes something asks first"
    request "touch maintenance" "take the site out of service" approval_requested
    show_prompt
    note "Nothing has run: the target's directory is empty."
    request ls "is the flag there?" executed

    step "3. Approve: it runs, once, exactly as shown"
    tell reply Approve executed
    request ls "is the flag there now?" executed

    step "4. Deny: it does not run"
    request "rm maintenance" "put the site back into service" approval_requested
    tell reply Deny denied
    request ls "is the flag still there?" executed

    step "5. A forbidden command has no way in, approved or not"
    request "rm -rf /" "free some disk space" rejected

    step "6. Everything is in the log"
    "${ADMIN[@]}" audit tail --table
    note "Each line holds the hash of the one before; this checks them all:"
    "${ADMIN[@]}" audit verify

    step "That is the line."
    printf '  Install it: docs/install.md\n'
}

# ------------------------------------------------------------------ which mode

main() {
    local mode=${1-}
    if (($#)); then shift; fi
    case $mode in
        hermes) mode_hermes "$@" ;;
        srv1) mode_srv1 "$@" ;;
        update-aiops) mode_update "$@" ;;
        rollback) mode_rollback "$@" ;;
        print-bootstrap) mode_bootstrap "$@" ;;
        demo) mode_demo "$@" ;;
        -h | --help | help) usage ;;
        '') misused "a mode is missing" ;;
        *) misused "there is no mode '$mode'" ;;
    esac
}

main "$@"
