# Functions shared by script/server and script/test; sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8

build_packages=(
    gcc libc6-dev cmake ninja-build pkg-config
    libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libssl-dev libjansson-dev uthash-dev
    libcurl4-openssl-dev libjq-dev libpcre2-dev zlib1g-dev
)

say() {
    printf '\n==> %s\n' "$*"
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo --preserve-env=DEBIAN_FRONTEND "$@"
    else
        echo "This needs root: $*" >&2
        return 1
    fi
}

is_installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs those of the given Debian packages that are missing. COMMAND=PACKAGE asks for the package only
# where there is no such command, however it came there.
need_packages() {
    local missing=() item
    for item in "$@"; do
        case $item in
        *=*) command -v "${item%%=*}" >/dev/null || is_installed "${item#*=}" || missing+=("${item#*=}") ;;
        *) is_installed "$item" || missing+=("$item") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt_install "${missing[@]}" || { as_root apt-get -q update && apt_install "${missing[@]}"; }
}

apt_install() {
    # Without package lists there is nothing to install from: do not even try before an update.
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -print -quit 2>/dev/null)" ] || return 1
    as_root apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
}

# need_unpacked COMMAND PACKAGE...: gets a command out of the first of these Debian packages that has it, without
# installing it. Tests that need it are skipped without it.
need_unpacked() {
    local command=$1 tools=$root/build-tools package
    shift
    export PATH=$PATH:/usr/sbin:$tools/usr/bin:$tools/usr/sbin
    mkdir -p "$tools"
    for package in "$@"; do
        command -v "$command" >/dev/null && return
        say "unpacking $package"
        unpack_package "$package" "$tools" || true
    done
    command -v "$command" >/dev/null || echo "no $command: what needs it is skipped"
}

unpack_package() (
    cd "$2"
    apt-get -q download "$1" && dpkg -x "$1"_*.deb . && rm -f "$1"_*.deb
)

# build_preset NAME [cmake options]: configures and builds a preset.
build_preset() {
    local preset=$1
    shift
    (cd "$root" && cmake --preset "$preset" -G Ninja "$@" && cmake --build --preset "$preset")
}
