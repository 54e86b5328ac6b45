# The suites of script/test and their counting; sourced, not run.

logs=$root/build-logs
# Where another python3 comes first, Debian's is the one that has Debian's modules.
python=python3
# What the servers in tests/e2e/backends are made with.
backend_packages=(python3-flask python3-fastapi python3-uvicorn go=golang-go golang-github-gin-gonic-gin-dev)
passed=0
failed=0
# By process id: which slot a file runs in, its name, and when it started.
declare -A e2e_slots=() e2e_files=() e2e_starts=()
free_slot=0

# count SUITE PASSED FAILED SECONDS [LOG]: adds up, and shows what failed.
count() {
    passed=$((passed + $2))
    failed=$((failed + $3))
    printf '%-44s %5d passed %3d failed %5d s\n' "$1" "$2" "$3" "$4"
    if [ "$3" != 0 ] && [ -n "${5:-}" ]; then
        sed 's/^/    /' "$5" | tail -n 120
    fi
}

# The closing line comes whatever happens; a script that breaks off has failed.
finish() {
    trap - EXIT
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" = 0 ] && [ "$passed" != 0 ] && exit 0
    exit 1
}

break_off() {
    [ ${#e2e_slots[@]} = 0 ] || kill "${!e2e_slots[@]}" 2>/dev/null || true
    failed=$((failed + 1))
    echo "script/test broke off"
    finish
}
trap break_off EXIT

choose_python() {
    "$python" -c 'import websockets' 2>/dev/null || python=/usr/bin/python3
}

raise_file_limit() {
    local hard
    hard=$(ulimit -Hn)
    if [ "$hard" = unlimited ] || [ "$hard" -gt 20000 ]; then
        hard=20000
    fi
    ulimit -Sn "$hard" || true
}

# A build that fails counts as a failed test, and nothing that needs it can run.
build_variant() {
    local name=$1 log=$logs/build-$1.log start=$SECONDS
    shift
    say "building: $name"
    if build_preset "$name" "$@" >"$log" 2>&1; then
        count "build $name" 1 0 $((SECONDS - start))
    else
        count "build $name" 0 1 $((SECONDS - start)) "$log"
        finish
    fi
}

# The thread sanitizers of older compilers cannot cope with much address space randomisation.
without_randomisation() {
    if setarch "$(uname -m)" -R true 2>/dev/null; then
        setarch "$(uname -m)" -R "$@"
    else
        "$@"
    fi
}

tsan_works() {
    local probe=$logs/tsan-probe
    echo 'int main(void) { return 0; }' >"$probe.c"
    gcc -fsanitize=thread "$probe.c" -o "$probe" 2>/dev/null && without_randomisation "$probe" 2>/dev/null
}

run_with() {
    local variant=$1
    shift
    export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1:quarantine_size_mb=16
    export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    export TSAN_OPTIONS=suppressions=$root/tests/tsan.supp:exitcode=66:second_deadlock_stack=1
    if [ "$variant" = tsan ]; then
        without_randomisation "$@"
    else
        "$@"
    fi
}

run_ctest() {
    local variant=$1 folder start=$SECONDS log=$logs/ctest-$1.log junit=$logs/ctest-$1.xml total bad
    folder=$(folder_of "$variant")
    rm -f "$junit"
    run_with "$variant" ctest --test-dir "$folder" -j "$(nproc)" --timeout 600 --output-on-failure \
        --output-junit "$junit" >"$log" 2>&1 || true
    total=$(grep -oP -m1 '\btests="\K[0-9]+' "$junit" || echo 0)
    bad=$(grep -oP -m1 '\bfailures="\K[0-9]+' "$junit" || echo 1)
    [ "$total" != 0 ] || bad=1
    count "unit tests, $variant" $((total > bad ? total - bad : 0)) "$bad" $((SECONDS - start)) "$log"
}

list_e2e() {
    (cd "$root/tests/e2e" && ls -- *.test.mjs demo_page.mjs *.py 2>/dev/null || true)
}

# run_e2e VARIANT FILE...: each file is a process of its own with a time limit, as many side by side as there are
# processor cores.
run_e2e() {
    local variant=$1 file slot=0 slots
    slots=$(nproc)
    shift
    say "end to end: $variant"
    for file in "$@"; do
        # The first slots start at once; then each end of a file makes room for the next.
        if [ "$slot" -ge "$slots" ]; then
            collect_e2e "$variant"
        else
            free_slot=$slot
        fi
        start_e2e_file "$variant" "$(basename "$file")" "$free_slot"
        slot=$((slot + 1))
    done
    while [ ${#e2e_slots[@]} -gt 0 ]; do
        collect_e2e "$variant"
    done
}

# run_e2e_alone VARIANT FILE...: one after the other, for tests that measure.
run_e2e_alone() {
    local variant=$1 file
    shift
    say "end to end, one at a time: $variant"
    for file in "$@"; do
        start_e2e_file "$variant" "$(basename "$file")" 0
        collect_e2e "$variant"
    done
}

# Each slot has ports of its own, so that no test takes the port that another has just found free.
start_e2e_file() {
    local variant=$1 file=$2 slot=$3 log=$logs/e2e-$1-$2.log share
    local command=("$python" "$file")
    share=$((8000 / $(nproc)))
    case $file in
    *.mjs) command=(node --test-reporter=tap "$file") ;;
    esac
    (
        cd "$root/tests/e2e"
        TIDEGATE_BIN=$(folder_of "$variant")/tidegate TIDEGATE_VARIANT=$variant \
            TIDEGATE_TEST_PORTS=$((2000 + slot * share))-$((2000 + slot * share + share - 1)) \
            run_with "$variant" timeout --kill-after=20 600 "${command[@]}"
    ) >"$log" 2>&1 &
    e2e_slots[$!]=$slot
    e2e_files[$!]=$file
    e2e_starts[$!]=$SECONDS
}

# Waits for one file to end, counts its tests, and says in free_slot where the next one can run.
collect_e2e() {
    local variant=$1 status=0 pid
    wait -n -p pid "${!e2e_slots[@]}" || status=$?
    count_e2e_file "$variant" "${e2e_files[$pid]}" "$status" $((SECONDS - ${e2e_starts[$pid]}))
    free_slot=${e2e_slots[$pid]}
    unset "e2e_slots[$pid]" "e2e_files[$pid]" "e2e_starts[$pid]"
}

count_e2e_file() {
    local variant=$1 file=$2 status=$3 seconds=$4 log=$logs/e2e-$1-$2.log good bad
    case $file in
    *.mjs)
        good=$(grep -oP '^# pass \K[0-9]+' "$log" | tail -n 1 || true)
        bad=$(awk '/^# (fail|cancelled) / { n += $3 } END { print n + 0 }' "$log")
        ;;
    *)
        good=$(grep -oP '^Ran \K[0-9]+' "$log" | tail -n 1 || true)
        bad=$(sed -n 's/^FAILED (\(.*\))$/\1/p' "$log" | tail -n 1 | tr ',' '\n' |
            awk -F= '/failures|errors|unexpected/ { n += $2 } END { print n + 0 }')
        good=$((${good:-0} - bad))
        ;;
    esac
    # A file that does not count its tests is one test; a file that ends badly has failed.
    if [ "${good:-0}" -le 0 ] && [ "$bad" = 0 ]; then
        good=$((status == 0 ? 1 : 0))
    fi
    if [ "$status" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
    fi
    count "$file, $variant" "${good:-0}" "$bad" "$seconds" "$log"
}
