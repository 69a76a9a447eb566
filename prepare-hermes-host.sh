#!/usr/bin/env bash
# Prepares a Debian or Ubuntu machine to be the gateway on which Hermes will live.
# It does not install Hermes. Run it as root; run it again whenever you like.
set -euo pipefail

readonly HERMES_USER=hermes
readonly HERMES_DIR=/opt/hermes
readonly PACKAGES=(ca-certificates curl dbus-user-session git jq openssh-client python3 sudo)

usage() {
    cat <<'END'
Usage: prepare-hermes-host.sh [--help]

Prepares this machine (Debian or Ubuntu, as root) to be the gateway for Hermes:

  packages   ca-certificates curl dbus-user-session git jq openssh-client python3 sudo
  user       hermes, an ordinary user without password and without any group of power
  lingering  its systemd services keep running when nobody is logged in
  /opt/hermes            its directory (hermes, 0750)
  /opt/hermes/workspace  where its terminal should start (hermes, 0750)
  ~hermes/.hermes        its settings (hermes, 0700)

It does not install Hermes itself.
What is there already is kept: a second run changes nothing.
Next step: setup-aiops-mvp.sh hermes <TARGET_IP>
END
}

created() { printf '[new]   %s\n' "$*"; }
kept() { printf '[same]  %s\n' "$*"; }
warn() { printf '[warn]  %s\n' "$*" >&2; }
die() {
    printf '[fail]  %s\n' "$1" >&2
    shift
    if (($#)); then printf '        %s\n' "$@" >&2; fi
    exit 1
}

install_packages() {
    local package said missing=()
    for package in "${PACKAGES[@]}"; do
        if [[ $(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) != installed ]]; then
            missing+=("$package")
        fi
    done
    if ((${#missing[@]} == 0)); then
        kept "packages: ${PACKAGES[*]}"
        return
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get -q -o DPkg::Lock::Timeout=300 update >/dev/null ||
        warn "apt-get update failed; going on with the package lists of this machine"
    said=$(apt-get -q -y -o DPkg::Lock::Timeout=300 install --no-install-recommends \
        "${missing[@]}" 2>&1 >/dev/null) ||
        die "apt-get could not install: ${missing[*]}" "it says: $said"
    created "packages: ${missing[*]}"
}

# A directory of hermes with this mode. Below a directory that hermes may change it is made as
# hermes, so that a link planted there leads root nowhere.
directory() {
    local mode=$1 path=$2
    [[ ! -L $path ]] || die "$path is a symbolic link" "replace it by a directory, then run this script again"
    if [[ -d $path && $(stat -c '%U %a' "$path") == "$HERMES_USER ${mode#0}" ]]; then
        kept "directory $path"
        return
    fi
    if [[ $path == "$HERMES_DIR" ]]; then
        install -d -o "$HERMES_USER" -g "$group" -m "$mode" "$path"
    else
        runuser -u "$HERMES_USER" -- install -d -m "$mode" "$path"
    fi
    created "directory $path ($HERMES_USER, $mode)"
}

create_user() {
    local group
    if id "$HERMES_USER" >/dev/null 2>&1; then
        kept "user $HERMES_USER"
    else
        # '*' allows no password, and unlike '!' does not mark the account as locked.
        useradd --create-home --shell /bin/bash --password '*' \
            --comment 'Hermes chat agent' "$HERMES_USER"
        created "user $HERMES_USER, without a password"
    fi
    for group in $(id -nG "$HERMES_USER"); do
        case $group in
            root | sudo | wheel | adm | disk | shadow | docker | lxd | libvirt | aiopsexec)
                warn "user $HERMES_USER is in group $group, which gives it more than it may have" \
                    "(undo: gpasswd -d $HERMES_USER $group)"
                ;;
        esac
    done
}

enable_linger() {
    local mark=/var/lib/systemd/linger/$HERMES_USER
    if [[ -e $mark ]]; then
        kept "lingering of $HERMES_USER"
    elif loginctl enable-linger "$HERMES_USER" 2>/dev/null; then
        created "lingering of $HERMES_USER"
    else
        install -d -m 0755 "${mark%/*}"
        : >"$mark"
        created "lingering of $HERMES_USER, as the mark $mark"
        warn "logind does not run here: lingering begins when systemd next starts"
    fi
}

case ${1-} in
    '') ;;
    -h | --help)
        usage
        exit 0
        ;;
    *) die "unknown argument: $1" "prepare-hermes-host.sh takes none; see --help" ;;
esac
((EUID == 0)) || die "this needs root" "run: sudo $0"
command -v apt-get >/dev/null || die "this needs apt-get (Debian or Ubuntu)"

install_packages
create_user
home=$(getent passwd "$HERMES_USER" | cut -d: -f6)
group=$(id -gn "$HERMES_USER")
directory 0750 "$HERMES_DIR"
directory 0750 "$HERMES_DIR/workspace"
directory 0700 "$home/.hermes"
enable_linger

cat <<END

This machine is ready for Hermes, which is not installed by this script.
Next, from the checkout: ./setup-aiops-mvp.sh hermes <TARGET_IP>
END
