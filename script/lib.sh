# Functions shared by script/server and script/test; sourced, not run.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8

# README.md and docker/Dockerfile name the same packages; a test compares them.
build_packages=(
    gcc libc6-dev cmake make ninja-build pkg-config
    libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libssl-dev libc-ares-dev libjansson-dev uthash-dev
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

# Where the output of package managers goes; it is shown when they fail.
package_log=$root/build-logs/packages.log

# run_logged COMMAND...: its output goes to the log, of which the end is shown when it fails.
run_logged() {
    local status=0
    mkdir -p "$(dirname "$package_log")"
    printf '\n$ %s\n' "$*" >>"$package_log"
    "$@" >>"$package_log" 2>&1 || status=$?
    if [ "$status" != 0 ]; then
        echo "This failed: $*"
        tail -n 15 "$package_log" | sed 's/^/    /'
    fi >&2
    return "$status"
}

# Installs those of the given Debian packages that are missing. COMMAND=PACKAGE asks for the package only
# if the command does not exist, whatever provides it.
need_packages() {
    local missing=() item
    for item in "$@"; do
        case $item in
        *=*) command -v "${item%%=*}" >/dev/null || is_installed "${item#*=}" || missing+=("${item#*=}") ;;
        *) is_installed "$item" || missing+=("$item") ;;
        esac
    done
    [ ${#missing[@]} -gt 0 ] || return 0

    say "installing ${#missing[@]} Debian packages: ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    # The lists on this machine may be old, and name packages that have been replaced.
    has_package_lists && apt_install "${missing[@]}" >/dev/null 2>&1 && return
    update_package_lists
    run_logged apt_install "${missing[@]}"
}

has_package_lists() {
    [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -print -quit 2>/dev/null)" ]
}

# A mirror that does not answer is given up within a minute.
apt_options=(-q -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 -o Acquire::Retries=0)

update_package_lists() {
    run_logged as_root apt-get "${apt_options[@]}" -o APT::Update::Error-Mode=any update && return
    echo "No package lists: is the Debian mirror in /etc/apt reachable from here?" >&2
    return 1
}

apt_install() {
    as_root apt-get "${apt_options[@]}" -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"
}

# npm_install FOLDER: the packages of its package.json, unless they are there. Without an answer from the registry npm
# itself would go on trying for minutes.
npm_install() {
    cmp -s "$1/package.json" "$1/node_modules/.package.json" && return
    say "installing the node packages of ${1#"$root"/}"
    if ! run_logged npm view ws version --fetch-timeout=10000 --fetch-retries=0; then
        echo "No node packages: is the npm registry ($(npm config get registry)) reachable from here?" >&2
        return 1
    fi
    (cd "$1" && run_logged npm install --no-audit --no-fund --no-package-lock --loglevel=error) || return
    cp "$1/package.json" "$1/node_modules/.package.json"
}

# need_unpacked COMMAND PACKAGE...: gets a command out of the first of these Debian packages that has it, without
# installing it. Tests that need it are skipped without it.
need_unpacked() {
    local command=$1 tools=$root/build-tools package
    shift
    export PATH=$PATH:/usr/sbin:$tools/usr/bin:$tools/usr/sbin
    mkdir -p "$tools" "$(dirname "$package_log")"
    for package in "$@"; do
        command -v "$command" >/dev/null && return
        say "unpacking $package"
        unpack_package "$package" "$tools" || true
    done
    command -v "$command" >/dev/null || echo "no $command: what needs it is skipped"
}

unpack_package() (
    cd "$2"
    apt-get "${apt_options[@]}" download "$1" >>"$package_log" 2>&1 && dpkg -x "$1"_*.deb . && rm -f "$1"_*.deb
)

# configure FOLDER CMAKE-ARGUMENTS...: a build folder keeps the generator it was made with.
configure() {
    local folder=$1
    shift
    [ -e "$folder/CMakeCache.txt" ] || set -- -G Ninja "$@"
    cmake "$@"
}

# folder_of PRESET: its build folder.
folder_of() {
    case $1 in
    release) echo "$root/build" ;;
    *) echo "$root/build-$1" ;;
    esac
}

# build_preset NAME [cmake options]: configures and builds a preset.
build_preset() {
    local preset=$1
    shift
    (cd "$root" && configure "$(folder_of "$preset")" --preset "$preset" "$@" &&
        cmake --build --preset "$preset" --parallel "$(nproc)")
}
