#!/bin/sh
# The tour: an agent works on a task, a real program does its work inside the
# sandbox, tools are called one by one, then five attacks are stopped. Exit
# status 1 when something fails or one of them got through.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${BX_BUILD_DIR:-$here/../../build}" 2>/dev/null && pwd) ||
    build=${BX_BUILD_DIR:-$here/../../build}
boxagnts=$build/bin/boxagnts
js=$build/share/boxagnts/tools/js-execute.wasm
for file in "$boxagnts" "$js"; do
    if [ ! -e "$file" ]; then
        echo "tour: '$file' is missing; run 'make build' first" >&2
        exit 1
    fi
done
cd "$here" # messages then say policy.yaml

bold='' green='' red='' dim='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$(printf '\033[1m') green=$(printf '\033[32m')
    red=$(printf '\033[31m') dim=$(printf '\033[2m') plain=$(printf '\033[0m')
fi

messages=$(mktemp)
output=$(mktemp)
trap 'rm -f "$messages" "$output"' EXIT
trap 'exit 130' INT TERM
mkdir -p out
rm -rf out/*

# What the attacks would change.
state_of_host() {
    ls -l /etc/passwd
    ls -lR data programs policy.yaml
    cksum data/* policy.yaml
}

# run PROGRAM: shows its output as it comes; sets status, keeps messages.
run() {
    printf '%s$ boxagnts run --policy policy.yaml js-execute.wasm -- %s%s\n' \
        "$dim" "$1" "$plain"
    status=0
    "$boxagnts" run --policy policy.yaml "$js" -- "$1" \
        >"$output" 2>"$messages" || status=$?
    cat "$output"
}

# What others wrote, in lines that a screen has.
folded() {
    fold -s -w 78 | sed "s/^/  $dim/; s/\$/$plain/"
}

# With a key in the environment a real model does it, for half a dollar at most;
# without one, or when that fails, the demo: a script, which says so. On a
# terminal it wraps its words itself.
agent() {
    rm -rf out/desk
    mkdir -p out/desk
    cp data/sales.csv out/desk/
    printf "%s\$ boxagnts agent run --mode auto%s '%s'%s\n" \
        "$dim" "$1" "$task" "$plain"
    # shellcheck disable=SC2086 # words of flags
    set -- agent run --workspace out/desk --mode auto --max-turns 20 $1 "$task"
    if [ -t 1 ] && [ -t 2 ]; then
        "$boxagnts" "$@"
        return
    fi
    status=0
    "$boxagnts" "$@" >"$output" 2>&1 || status=$?
    fold -s -w 80 "$output"
    return "$status"
}

task='Look around and leave a note.'
printf '%sAn agent at work:%s it sees its folder, and does what the policy lets through.\n' \
    "$bold" "$plain"
if [ -n "${ANTHROPIC_API_KEY:-}${OPENAI_API_KEY:-}${GEMINI_API_KEY:-}${GOOGLE_API_KEY:-}" ] &&
    agent ' --max-cost 0.5'; then
    :
elif ! agent ' --model demo'; then
    printf '%sthe agent failed%s\n' "$red" "$plain" >&2
    exit 1
fi
for note in out/desk/*.md; do
    [ -e "$note" ] || continue
    printf '\nWhat it left in %s:\n' "${note#out/desk/}"
    folded <"$note"
done

printf '\n%sA program at work:%s report.js reads a year of sales.\n' \
    "$bold" "$plain"
run /programs/report.js
if [ "$status" -ne 0 ] || [ ! -s out/report.json ]; then
    cat "$messages" >&2
    printf '%sreport.js failed, exit status %s%s\n' \
        "$red" "$status" "$plain" >&2
    exit 1
fi

# tool EXPECTED COMMAND...: one tool, in the folder of this tour, and what it must
# print. The first call of a tool on a machine compiles it: Python's takes a
# while.
tool() {
    expected=$1
    shift
    printf '%s$ boxagnts' "$dim"
    for word in "$@"; do
        case $word in
        *[!A-Za-z0-9_./=-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '%s\n' "$plain"
    status=0
    "$boxagnts" "$@" >"$output" 2>"$messages" || status=$?
    sed 's/^/  /' "$output"
    if [ "$status" -ne 0 ] || ! grep -q -- "$expected" "$output"; then
        cat "$messages" >&2
        printf '%sexpected: %s (exit status %s)%s\n' \
            "$red" "$expected" "$status" "$plain" >&2
        exit 1
    fi
}

printf '\n%sTools, one by one:%s each call in a fresh sandbox that sees this folder.\n' \
    "$bold" "$plain"
tool 'order,date' tool call file-read path=data/sales.csv limit=2
tool 'Trail shoe' bash -c 'cut -d, -f5 data/sales.csv | sort | uniq -c | sort -rn | grep Trail'
tool '4000' tool call python-execute \
    'code=len(open("data/sales.csv").readlines()) - 1'
tool 'run.sh' js -e 'console.log(tools.file_glob({ pattern: "*.sh" }))'

before=$(state_of_host)
number=0
failures=0

fail() {
    cat "$messages"
    printf '%s  NOT STOPPED: %s%s\n' "$red" "$1" "$plain"
    failures=$((failures + 1))
}

# attack NAME STATUS RULE TITLE: stopped means that it ended with STATUS, found
# no way through, left the host as it was, and met RULE of the policy.
attack() {
    number=$((number + 1))
    printf '\n%sAttack %s:%s %s\n' "$bold" "$number" "$plain" "$4"
    run "/programs/attacks/$1.js"
    if grep -q SUCCEEDED "$output"; then
        fail 'it got through'
        return
    fi
    if [ "$status" -ne "$2" ]; then
        fail "exit status $status instead of $2"
        return
    fi
    if [ "$(state_of_host)" != "$before" ]; then
        fail 'the host changed'
        return
    fi
    rules=$(sed -n 's/^boxagnts: .*(\(policy\.yaml:[0-9]*: .*\))$/\1/p' \
        "$messages" | sort -u)
    if ! echo "$rules" | grep -q "$3"; then
        fail "not by '$3'"
        return
    fi
    echo "$rules" | sed "s/^/  ${green}stopped by${plain} /"
    sed -n 's/^boxagnts: //p' "$messages" | sed 's/ (policy\.yaml:.*)$//' |
        awk '!seen[$1 $2]++' | head -n 3 | folded
}

attack escape 0 'map-dir out::/out' \
    'read files of the host, by .. and by planted links'
attack tamper 0 'map-dir data::/data::ro' 'change data it was given to read'
attack network 0 'block-network private' \
    'reach the cloud metadata service and this machine'
attack loop 124 'wasm-timeout' 'never end'
attack memory 0 'wasm-max-memory-size' 'take all memory'

printf '\n%s%s of %s attacks stopped.%s\n' "$bold" "$((number - failures))" \
    "$number" "$plain"
[ "$failures" -eq 0 ]
