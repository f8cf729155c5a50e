# A Postgres of the tests: made in a temporary folder, reached through a socket there, stopped and removed when
# standard input ends, which is when the tests end, however they do. Says the folder once it answers.
# POSTGRES_OPTIONS are put behind its own. With TLS_PORT it also listens there, on loopback, for encrypted connections only; TLS_CERTIFICATE and TLS_KEY are files.
set -eu

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
if [ -z "$bin" ]; then
    initdb=$(command -v initdb) || {
        echo "Postgres is not installed: scripts/install-test-packages installs it" >&2
        exit 1
    }
    bin=$(dirname "$initdb")
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/fresnel-postgres.XXXXXX")
trap 'rm -rf "$folder"' EXIT
as=
# Postgres refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    user=postgres
    id "$user" >/dev/null 2>&1 || user=nobody
    chown "$user" "$folder"
    as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups"
fi

cd "$folder"
$as "$bin/initdb" -D "$folder/data" -U fresnel --auth=trust --no-sync --encoding=UTF8 --no-locale \
    >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
listen="-c listen_addresses="
if [ -n "${TLS_PORT:-}" ]; then
    cp "$TLS_CERTIFICATE" "$folder/server.pem"
    cp "$TLS_KEY" "$folder/server.key"
    chmod 600 "$folder/server.key"
    [ -z "$as" ] || chown "$user" "$folder/server.pem" "$folder/server.key"
    printf 'local all all trust\nhostssl all all 127.0.0.1/32 trust\n' >"$folder/data/pg_hba.conf"
    listen="-c listen_addresses=127.0.0.1 -c port=$TLS_PORT -c ssl=on"
    listen="$listen -c ssl_cert_file=$folder/server.pem -c ssl_key_file=$folder/server.key"
fi
# shellcheck disable=SC2086 # several words each
$as "$bin/postgres" -D "$folder/data" $listen -c unix_socket_directories="$folder" \
    -c max_connections=300 -c shared_buffers=16MB -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
    ${POSTGRES_OPTIONS:-} \
    >>"$folder/log" 2>&1 </dev/null &
postgres=$!

tries=0
until "$bin/pg_isready" -q -h "$folder" -p "${TLS_PORT:-5432}" -U fresnel -d postgres; do
    tries=$((tries + 1))
    if [ "$tries" -gt 300 ] || ! kill -0 "$postgres" 2>/dev/null; then
        cat "$folder/log" >&2
        kill -KILL "$postgres" 2>/dev/null || true
        exit 1
    fi
    sleep 0.1
done
echo "$folder"

cat >/dev/null
kill -INT "$postgres" 2>/dev/null || true
wait "$postgres" || true
