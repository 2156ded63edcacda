# Runs a throw-away PostgreSQL, restarted at each line of standard input, until that ends: until the test process is gone, however it ended.
#
# Arguments: a folder (removed at the end), the folder of the binaries, ports to try. Says `ready PORT` on standard
# output, or one line that says why not.
set -u
folder=$1 binaries=$2
shift 2
# Only the end of the tests ends this; an interrupt from the keyboard must not cut the tidying short.
trap '' HUP INT TERM PIPE

finish() {
    "$binaries/pg_ctl" -D "$folder/data" -m immediate -w -t 30 stop >/dev/null 2>&1
    rm -rf "$folder"
}
trap finish EXIT

fail() {
    echo "$1: $(tail -n 3 "$folder/log" | tr '\n' ' ')"
    exit 1
}

initialise() {
    "$binaries/initdb" -D "$folder/data" -U postgres --auth=trust --no-sync -E UTF8 --locale="$1" >"$folder/log" 2>&1
}
initialise C.UTF-8 || initialise C || fail 'initdb failed'

# Nothing here has to survive a power cut, and an autovacuum must not hold the template.
cat >>"$folder/data/postgresql.conf" <<'SETTINGS'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 64MB
fsync = off
synchronous_commit = off
full_page_writes = off
autovacuum = off
SETTINGS

started=
for port do
    if "$binaries/pg_ctl" -D "$folder/data" -l "$folder/log" -w -t 60 -o "-p $port" start >/dev/null 2>&1; then
        started=$port
        break
    fi
done
[ -n "$started" ] || fail 'the server did not start'
echo "ready $started"
# Each line asks for a restart as after a crash: without waiting for anybody.
while read -r _; do
    "$binaries/pg_ctl" -D "$folder/data" -l "$folder/log" -m immediate -w -t 60 -o "-p $started" restart >/dev/null 2>&1
done
