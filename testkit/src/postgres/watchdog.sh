# Ends a throw-away PostgreSQL when the process that started it has gone, however it went: it blocks on a pipe whose other
# end that process alone holds, and which the kernel closes.
#
# $1: where to make the server's folder, whose path is the one line that this script says.
# Each line read is the id of the server's first process from then on.
trap '' HUP INT TERM
folder=$(mktemp -d "$1/gp-XXXXXX") || exit 1
printf '%s\n' "$folder"
exec >/dev/null

pid=
while read -r line; do pid=$line; done

# Whether the process is still the one that was named: each of them has the folder among its arguments. One that has
# ended has no arguments, even when nobody has asked after it.
ours() { [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$folder/"; }

children() {
    for stat in /proc/[0-9]*/stat; do
        read -r line <"$stat" || continue
        # State, parent, and more; the name before them may have any characters.
        set -- ${line##*) }
        [ "$2" = "$pid" ] || continue
        stat=${stat%/stat}
        printf '%s\n' "${stat#/proc/}"
    done
}

if ours; then
    kill -CONT $(children) "$pid"
    kill -QUIT "$pid"
    looks=0
    while ours && [ "$looks" -lt 100 ]; do
        sleep 0.05
        looks=$((looks + 1))
    done
fi
if ours; then
    # The parent stands still first, so that it makes no more children.
    kill -STOP "$pid"
    kill -KILL $(children) "$pid"
fi

# A server that was killed has left its mark, a piece of shared memory: line 7 has its key and its id.
set -- $(sed -n 7p "$folder/data/postmaster.pid")
if [ $# = 2 ] && grep -Eq "^ *$1 +$2 " /proc/sysvipc/shm; then
    ipcrm -m "$2"
fi

# A process that is just ending may still write.
tries=0
until rm -rf "$folder" || [ "$tries" = 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
